"""Which columns an endpoint's results get, the same in every row and after a restart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .chunk import Chunk, Failure, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

_ONE = ""
"""Key of a result that is no object."""


@dataclass(frozen=True, slots=True)
class ResultColumns:
    """An object's keys are columns, another result is a column with the endpoint's name.

    `named` holds the columns found so far, by key; `taken` are the input's: a result whose
    column is there gets the endpoint's name before its own.
    """

    endpoint: str
    named: dict[str, str]
    taken: set[str]

    def place(
        self, chunk: Chunk, outcome: Outcome
    ) -> tuple[dict[int, Mapping[str, Any]], list[Failure]]:
        """Return the results by row number as columns, and all failures."""
        added: dict[int, Mapping[str, Any]] = {}
        failures = list(outcome.failures)
        for number, value in outcome.results.items():
            columns = self._columns(value)
            row: Any = chunk.rows[number - chunk.first]
            twice = columns.keys() & row.keys()
            if twice:
                # Named before an input column of that name came up, far behind the first rows
                said = f"The input's column {min(twice)} has the name of a result"
                failures.append(Failure(number, "ColumnTaken", said))
            else:
                added[number] = columns
        return dict(sorted(added.items())), sorted(failures, key=lambda failure: failure.row)

    def _columns(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            return {self._name(_ONE): value}
        return {self._name(key): item for key, item in value.items()}

    def _name(self, key: str) -> str:
        found = self.named.get(key)
        if found is None:
            found = key or self.endpoint
            while found in self.taken:
                found = f"{self.endpoint}_{found}"
            self.named[key] = found
            self.taken.add(found)
        return found
