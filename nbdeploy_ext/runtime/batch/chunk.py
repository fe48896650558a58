"""A few thousand rows of a table at a time, and what an endpoint made of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that is none: a line that is no JSON, a wrong number of cells."""

    reason: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows from number `first` (from 1) on; `table` has them as Arrow does, where they came so.

    Rows of CSV are text, those of JSON lines and Parquet values.
    """

    first: int
    rows: list[dict[str, Any] | Unreadable]
    table: Any = None

    def part(self, start: int, stop: int) -> Chunk:
        """Return the rows from place `start` up to `stop`."""
        table = None if self.table is None else self.table.slice(start, stop - start)
        return replace(self, first=self.first + start, rows=self.rows[start:stop], table=table)


@dataclass(frozen=True, slots=True)
class Failure:
    """One row that has no result: why, and where in the notebook (line within the cell)."""

    row: int
    error: str
    message: str
    cell: str | None = None
    line: int | None = None
    inputs: Any = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of a chunk as JSON values, by row number, and its failures, in their order."""

    results: dict[int, Any] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def __add__(self, other: Outcome) -> Outcome:
        """Return both, the other's rows being later ones."""
        return Outcome({**self.results, **other.results}, [*self.failures, *other.failures])
