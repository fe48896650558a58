"""Endpoints: which functions are served, with JSON Schema read from their annotations."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .notebook import Role
from .schemas import SchemaReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .dataflow import CellFlow, Dataflow

Function = ast.FunctionDef | ast.AsyncFunctionDef
RESERVED = frozenset(
    "docs openapi.json healthz readyz metrics version calls monitors run static favicon.ico".split()
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One served function; `parameters` and `result` are JSON Schema.

    `examples` are calls that the test cells make, or the empty one where all has defaults.
    """

    name: str
    cell: str
    line: int
    parameters: dict[str, Any]
    result: dict[str, Any]
    summary: str
    hinted: bool
    examples: tuple[dict[str, Any], ...]

    @property
    def path(self) -> str:
        """Return the route that serves it."""
        return f"/{self.name}"

    def as_json(self) -> dict[str, Any]:
        """Return the form that `check --json` and REST answer."""
        return {
            "name": self.name,
            "path": self.path,
            "cell": self.cell,
            "line": self.line,
            "summary": self.summary,
            "parameters": self.parameters,
            "result": self.result,
        }


def find_endpoints(dataflow: Dataflow, chosen: Sequence[str] | None) -> tuple[Endpoint, ...]:
    """Return the chosen functions, or those public ones that no other production code calls."""
    production = [f for f in dataflow.flows if f.cell.role is Role.PRODUCTION and f.tree]
    functions = {node.name: (flow, node) for flow in production for node in _functions(flow)}
    if chosen is None:
        used = set(_names_used(production))
        chosen = [n for n in functions if not n.startswith("_") and n not in used]
    reader = SchemaReader([flow.tree for flow in production if flow.tree])
    tests = [flow for flow in dataflow.flows if flow.cell.role is Role.TEST and flow.tree]
    calls = example_calls(tests, {name: functions[name][1] for name in chosen if name in functions})
    return tuple(
        _endpoint(*functions[name], reader, calls.get(name, ()))
        for name in chosen
        if name in functions
    )


def example_calls(
    tests: Sequence[CellFlow], functions: Mapping[str, Function]
) -> dict[str, tuple[dict[str, Any], ...]]:
    """Return the literal arguments with which test cells call each function, or its route."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in functions}
    for flow in tests:
        for node in ast.walk(flow.tree) if flow.tree else ():
            if isinstance(node, ast.Call):
                name, arguments = _literal_call(node, functions)
                if name and arguments is not None and arguments not in found[name]:
                    found[name].append(arguments)
    return {name: tuple(calls[:3]) for name, calls in found.items()}


def _functions(flow: CellFlow) -> Iterator[Function]:
    for node in flow.tree.body if flow.tree else ():
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def _names_used(flows: Sequence[CellFlow]) -> Iterator[str]:
    """Yield every name that production code reads, a function's own name in itself left out."""
    for flow in flows:
        for statement in flow.tree.body if flow.tree else ():
            own = getattr(statement, "name", None)
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id != own:
                    yield node.id


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
        result=reader.document(node.returns),
        summary=(ast.get_docstring(node) or "").split("\n")[0],
        hinted=node.returns is not None and all(a.annotation for a in arguments),
        examples=calls,
    )


def _literal_call(
    node: ast.Call, functions: Mapping[str, Function]
) -> tuple[str, dict[str, Any] | None]:
    if isinstance(node.func, ast.Name) and node.func.id in functions:
        return node.func.id, _bound(node, functions[node.func.id])
    posts = isinstance(node.func, ast.Attribute) and node.func.attr == "post"
    if posts and node.args and isinstance(node.args[0], ast.Constant):
        name = str(node.args[0].value).lstrip("/")
        body = next((k.value for k in node.keywords if k.arg == "json"), None)
        if name in functions and body is not None and not _negative_test(node):
            value = _literal(body)
            names = {a.arg for a in _arguments(functions[name])}
            if isinstance(value, dict) and set(value) <= names:
                return name, value if _complete(value, functions[name]) else None
    return "", None


def _negative_test(node: ast.Call) -> bool:
    return any(k.arg == "content" for k in node.keywords)


def _bound(node: ast.Call, function: Function) -> dict[str, Any] | None:
    names = [a.arg for a in [*function.args.posonlyargs, *function.args.args]]
    pairs = [*zip(names, node.args, strict=False), *((k.arg, k.value) for k in node.keywords)]
    arguments: dict[str, Any] = {}
    for name, value in pairs:
        literal = _literal(value)
        if name is None or literal is _UNKNOWN or not _is_json(literal):
            return None
        arguments[name] = literal
    return arguments if _complete(arguments, function) else None


def _arguments(function: Function) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _complete(arguments: dict[str, Any], function: Function) -> bool:
    positional = [*function.args.posonlyargs, *function.args.args]
    required = positional[: len(positional) - len(function.args.defaults)]
    keyword = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    required += [arg for arg, default in keyword if default is None]
    return all(arg.arg in arguments for arg in required)


_UNKNOWN = object()


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _UNKNOWN


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_json(v) for k, v in value.items())
    if isinstance(value, list):
        return all(_is_json(item) for item in value)
    return value is None or isinstance(value, (str, int, float))
