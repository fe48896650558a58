"""Cells as a function: parameters cells are its arguments, the last production cell its answer."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .binding import Binding, bind_cells
from .examples import example_calls
from .notebook import Role
from .parameters import Parameter, find_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .cell_flow import CellFlow
    from .schemas import SchemaReader
    from .values import Value

NAME = "run"
"""The endpoint's name, and so its path."""


@dataclass(frozen=True, slots=True)
class CellsFunction:
    """What a call runs: `binding` says which cells, `answer` the names where none is shown last.

    `flow` is the last production cell, whose last expression is the answer otherwise.
    """

    flow: CellFlow
    parameters: tuple[Parameter, ...]
    binding: Binding = field(repr=False)
    answer: tuple[str, ...] = ()

    @property
    def line(self) -> int:
        """Return the line of what is answered."""
        body = self.flow.tree.body if self.flow.tree else []
        return body[-1].lineno if body else 1

    def arguments(self, reader: SchemaReader) -> dict[str, Any]:
        """Return the object schema of the parameters: each has a default, so none is required."""
        properties = {p.name: p.document(reader) for p in self.parameters}
        return {
            "type": "object", "properties": properties, "required": [],
            "additionalProperties": False,
        }  # fmt: skip

    def result(self) -> dict[str, Any]:
        """Return the answer's schema as far as the text tells it."""
        if self.answer:
            return {"type": "object", "properties": {name: {} for name in self.answer}}
        last = self.flow.tree.body[-1] if self.flow.tree else None
        return _shown(last.value) if isinstance(last, ast.Expr) else {}

    def examples(self, tests: Sequence[CellFlow]) -> tuple[dict[str, Any], ...]:
        """Return the calls that test cells make, and the one with the defaults."""
        found = example_calls(tests, {NAME: self._signature()})[NAME]
        defaults = {p.name: p.default for p in self.parameters if p.is_example}
        return found if defaults in found else (*found, defaults)

    def _signature(self) -> ast.FunctionDef:
        made = ast.parse(f"def {NAME}(): pass").body[0]
        assert isinstance(made, ast.FunctionDef)  # noqa: S101  (it says so)
        made.args.kwonlyargs = [ast.arg(p.name) for p in self.parameters]
        made.args.kw_defaults = [ast.Constant(None) for _ in self.parameters]
        return made


def find_cells_function(
    flows: Sequence[CellFlow], settings: Mapping[str, Any], values: Sequence[Value]
) -> CellsFunction | None:
    """Return what `POST /run` calls, None without a parameters cell or without an answer.

    `flows` are all marked cells, `settings` the engineer's `[parameters]`.
    """
    serving = [f for f in flows if f.cell.role in {Role.PARAMETERS, Role.PRODUCTION}]
    production = [f for f in serving if f.cell.role is Role.PRODUCTION]
    if len(production) == len(serving) or not production:
        return None
    last = production[-1]
    shows = last.tree is not None and last.tree.body and isinstance(last.tree.body[-1], ast.Expr)
    answer = () if shows else _assigned(last)
    if not shows and not answer:
        return None
    parameters = find_parameters(serving, settings)
    return CellsFunction(last, parameters, bind_cells(serving, parameters, values), answer)


def _assigned(flow: CellFlow) -> tuple[str, ...]:
    names = (n for n in flow.facts.values if n in flow.facts.stored)
    return tuple(n for n in names if n[0] not in "@_")


def _shown(node: ast.expr) -> dict[str, Any]:
    if isinstance(node, (ast.Dict, ast.DictComp)):
        return {"type": "object"}
    if isinstance(node, (ast.List, ast.ListComp, ast.Tuple)):
        return {"type": "array"}
    return {"type": "string"} if isinstance(node, ast.JoinedStr) else {}
