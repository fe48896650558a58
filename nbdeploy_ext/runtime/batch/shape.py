"""How a table's columns become an endpoint's arguments, decided once before the first row."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic.errors import PydanticInvalidForJsonSchema

from ..codec import type_hints
from ..roles import is_frame, is_polars_frame, package_of
from ..tables import MISSING
from ..values import dump_value
from .chunk import Chunk, Unreadable
from .faults import WrongUsage
from .text_cells import ABSENT, Cell, alternatives, cell_of, guess_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..operations import Operation
    from .formats import Kind

_WHOLE_TABLES = frozenset({"frame", "records", "matrix"})


@dataclass(frozen=True, slots=True)
class Shape:
    """`arguments` and `record` take a row, the others a chunk; `name` is the argument that does.

    `cells` are the columns that are taken, by name; `takes_all` says that others are too. Text that
    is one of `missing` is a gap.
    """

    form: Literal["arguments", "record", "records", "frame", "matrix"]
    name: str = ""
    cells: Mapping[str, Cell] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    takes_all: bool = False
    missing: frozenset[str] = frozenset()

    @property
    def takes_chunks(self) -> bool:
        """Whether one call takes a chunk of rows."""
        return self.form in _WHOLE_TABLES

    def require(self, columns: Iterable[str], endpoint: str) -> None:
        """Raise `WrongUsage` that names the columns that the table lacks."""
        there = list(columns)
        missing = [name for name in self.needed if name not in there]
        if missing:
            several = len(missing) > 1
            raise WrongUsage(
                f"The input lacks the column{'s' if several else ''} {', '.join(missing)} that "
                f"{endpoint} needs; it has {', '.join(map(str, there)) or 'none'}."
            )

    def row_body(self, row: Mapping[str, Any], kind: Kind) -> bytes:
        """Return the JSON body of the call for one row."""
        values = self._values(row, kind)
        return _dump({self.name: values} if self.form == "record" else values)

    def chunk_body(self, chunk: Chunk, kind: Kind) -> bytes:
        """Return the JSON body of the call for a chunk of readable rows."""
        rows: list[Any] = chunk.rows
        if self.cells:
            rows = [self._values(row, kind) for row in rows]
        elif kind == "csv":
            rows = guess_columns(rows, self.missing)
        if self.form == "matrix":
            rows = [list(row.values()) for row in rows]
        return _dump({self.name: rows})

    def typed(self, chunk: Chunk) -> Chunk:
        """Return rows of text with the arguments' columns read as their hints say."""
        rows = [row if isinstance(row, Unreadable) else self._typed(row) for row in chunk.rows]
        return replace(chunk, rows=rows)

    def _typed(self, row: Mapping[str, str]) -> dict[str, Any]:
        read = {name: cell.read(row[name]) for name, cell in self.cells.items() if name in row}
        return {**row, **{n: None if value is ABSENT else value for n, value in read.items()}}

    def _values(self, row: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
        taken = {}
        for name, value in row.items():
            cell = self.cells.get(name, _ANY if self.takes_all else None)
            if cell is not None:
                read = _read(cell, value, kind)
                if read is not ABSENT:
                    taken[name] = read
        return taken


_ANY = Cell()


def plan_shape(operation: Operation, columns: Iterable[str]) -> Shape:
    """Decide by the endpoint's hints and the table's columns how the one takes the other.

    A function whose only needed argument is no column takes the rows as a whole, where its
    hint says so.
    """
    try:
        schema = operation.codec.arguments.full.json_schema()
    except PydanticInvalidForJsonSchema:  # a hint that JSON Schema has no words for
        schema = {"properties": {name: {} for name in sorted(operation.codec.fields)}}
    shared = schema.get("$defs", {})
    fields: dict[str, Any] = schema.get("properties", {})
    needed = schema.get("required", [])
    only = needed[0] if len(needed) == 1 else next(iter(fields), "") if len(fields) == 1 else ""
    if only and only not in set(columns):
        hint = type_hints(operation.function).get(only)
        whole = _whole_shape(only, list(alternatives(fields[only], shared)), shared, hint)
        if whole is not None:
            return whole
    takes_all = schema.get("additionalProperties", False) is not False
    return Shape("arguments", "", _cells(schema, shared), tuple(needed), takes_all)


def _whole_shape(name: str, parts: list[Any], shared: Mapping[str, Any], hint: Any) -> Shape | None:
    if is_frame(hint):
        missing = frozenset() if is_polars_frame(hint) else MISSING
        return Shape("frame", name, takes_all=True, missing=missing)
    package = package_of(hint)
    if package == "pandas" and getattr(hint, "__name__", "") == "Series":
        return Shape("record", name, takes_all=True)
    for part in parts:
        if part.get("type") == "object":
            return _record("record", name, part, shared)
        if part.get("type") == "array":
            items = list(alternatives(part.get("items", {}), shared))
            record = next((item for item in items if item.get("type") == "object"), None)
            if record is not None:
                return _record("records", name, record, shared)
            if package == "numpy" or items[0].get("type") == "array":
                return Shape("matrix", name, takes_all=True)
    return None


def _record(
    form: Literal["record", "records"], name: str, schema: Mapping[str, Any], shared: Any
) -> Shape:
    needed = tuple(schema.get("required", ()))
    return Shape(form, name, _cells(schema, shared), needed, "properties" not in schema)


def _cells(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Cell]:
    needed = set(schema.get("required", ()))
    return {
        name: cell_of(field, shared, optional=name not in needed)
        for name, field in schema.get("properties", {}).items()
    }


def _read(cell: Cell, value: Any, kind: Kind) -> Any:
    if kind == "csv":
        return cell.read(value)
    return value if kind == "jsonl" else cell.fit(value)


def _dump(values: Any) -> bytes:
    try:
        return json.dumps(values).encode()  # NaN stays: floats may be it
    except (TypeError, ValueError):
        return dump_value(values)
