"""Endpoints: which functions are served, with JSON Schema read from their annotations."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .callers import reads_global
from .cells_function import NAME, CellsFunction, find_cells_function
from .examples import Function, example_calls
from .notebook import Role
from .schemas import SchemaReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .cell_flow import CellFlow
    from .dataflow import Dataflow
    from .values import Value

RESERVED = frozenset(
    "docs openapi.json healthz readyz metrics version calls monitors run static favicon.ico".split()
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One served function; `parameters` and `result` are JSON Schema.

    `examples` are calls that the test cells make, or the empty one where all has defaults.
    `cells` is there where the cells themselves are the function.
    """

    name: str
    cell: str
    line: int
    parameters: dict[str, Any]
    result: dict[str, Any]
    summary: str
    hinted: bool
    examples: tuple[dict[str, Any], ...]
    cells: CellsFunction | None = None

    @property
    def path(self) -> str:
        """Return the route that serves it."""
        return f"/{self.name}"

    def as_json(self) -> dict[str, Any]:
        """Return the form that `check --json` and REST answer."""
        found = {
            "name": self.name,
            "path": self.path,
            "cell": self.cell,
            "line": self.line,
            "summary": self.summary,
            "parameters": self.parameters,
            "result": self.result,
        }
        return {**found, "runs": list(self.cells.binding.per_call)} if self.cells else found


def find_endpoints(
    dataflow: Dataflow,
    chosen: Sequence[str] | None,
    settings: Mapping[str, Any] | None = None,
    values: Sequence[Value] = (),
) -> tuple[Endpoint, ...]:
    """Return the chosen functions, or those public ones that no other production code calls.

    Without any, the cells are one function of the parameters, if there are some; `settings` are
    the engineer's for them.
    """
    functions = _function_endpoints(dataflow, chosen)
    if functions or chosen is not None:
        return functions
    cells = find_cells_function(dataflow.marked, settings or {}, values)
    return (_cells_endpoint(cells, dataflow),) if cells is not None else ()


def _cells_endpoint(cells: CellsFunction, dataflow: Dataflow) -> Endpoint:
    tests = [flow for flow in dataflow.marked if flow.cell.role is Role.TEST]
    return Endpoint(
        name=NAME,
        cell=cells.flow.cell.cell_id,
        line=cells.line,
        parameters=cells.arguments(_reader(dataflow)),
        result=cells.result(),
        summary="Runs the notebook's cells with these parameters.",
        hinted=True,
        examples=cells.examples(tests),
        cells=cells,
    )


def _reader(dataflow: Dataflow) -> SchemaReader:
    production = [f for f in dataflow.marked if f.cell.role is Role.PRODUCTION]
    aliases = [statement for f in production for statement in f.mentions.aliases]
    return SchemaReader([ast.Module([*f.mentions.definitions], []) for f in production], aliases)


def _function_endpoints(dataflow: Dataflow, chosen: Sequence[str] | None) -> tuple[Endpoint, ...]:
    production = [f for f in dataflow.marked if f.cell.role is Role.PRODUCTION]
    functions = {node.name: (flow, node) for flow in production for node in _functions(flow)}
    if chosen is None:
        used = frozenset().union(*(flow.mentions.uses for flow in production))
        public = [name for name in functions if not name.startswith("_")]
        chosen = [n for n in public if n not in used or not _is_called(n, production)]
    reader = _reader(dataflow)
    tests = [flow for flow in dataflow.marked if flow.cell.role is Role.TEST]
    calls = example_calls(tests, {name: functions[name][1] for name in chosen if name in functions})
    return tuple(
        _endpoint(*functions[name], reader, calls.get(name, ()))
        for name in chosen
        if name in functions
    )


def _is_called(name: str, production: Sequence[CellFlow]) -> bool:
    """Say whether other production code reads a function, and not a variable of its own."""
    readers = [flow.tree for flow in production if name in flow.mentions.uses]
    return any(reads_global(tree, name) for tree in readers if tree is not None)


def _functions(flow: CellFlow) -> Iterator[Function]:
    for node in flow.mentions.definitions:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def _yields(node: Function) -> bool:
    """Say whether a function is a generator: functions within it have their own yields."""
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        found = waiting.pop()
        if isinstance(found, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting += ast.iter_child_nodes(found)
    return False


def _endpoint(
    flow: CellFlow, node: Function, reader: SchemaReader, calls: tuple[dict[str, Any], ...]
) -> Endpoint:
    parameters = reader.arguments(node.args)
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    if not calls and not parameters["required"]:
        calls = ({},)
    return Endpoint(
        name=node.name,
        cell=flow.cell.cell_id,
        line=node.lineno,
        parameters=parameters,
        result=reader.result(node.returns, is_stream=_yields(node)),
        summary=(ast.get_docstring(node) or "").split("\n")[0],
        hinted=node.returns is not None and all(a.annotation for a in arguments),
        examples=calls,
    )
