"""How far a run is: what lies beside the output until that is complete."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from .faults import BatchRefused

if TYPE_CHECKING:
    from .places import Place

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Job:
    """What a run is of; a run goes on only where nothing of it changed. All are hashes or names."""

    source: str
    notebook: str
    endpoint: str
    kind: str
    errors: str

    def changed(self, before: Job) -> str:
        """Return what is another one than before, for people, or nothing."""
        words = {
            "source": "the input", "notebook": "the notebook, its values or parameters",
            "endpoint": "the endpoint", "kind": "the output's format",
            "errors": "the file for errors",
        }  # fmt: skip
        found = [
            said for name, said in words.items() if getattr(self, name) != getattr(before, name)
        ]
        return " and ".join(found)


@dataclass(frozen=True, slots=True)
class Journal:
    """Rows that are done, how many of them failed, and how long output and errors were then.

    `columns` are the output's so far, `named` the columns of the result's keys; `header` is how
    many columns the first line of a CSV file has.
    """

    job: Job
    rows: int = 0
    failed: int = 0
    output: int = 0
    errors: int = 0
    columns: tuple[str, ...] = ()
    named: dict[str, str] = field(default_factory=dict)
    header: int = 0
    complete: bool = False
    format: int = _FORMAT

    def save(self, place: Place) -> None:
        """Write it, all at once."""
        place.write((json.dumps(asdict(self), indent=1) + "\n").encode())

    def step(self, **changes: object) -> Journal:
        """Return the journal after some more rows."""
        return replace(self, **changes)  # type: ignore[arg-type]


def read_journal(place: Place) -> Journal | None:
    """Return the journal of a run that stopped, or None; `BatchRefused` where it is unreadable."""
    raw = place.read()
    if raw is None:
        return None
    try:
        found = json.loads(raw)
        columns = tuple(found.pop("columns"))
        journal = Journal(job=Job(**found.pop("job")), columns=columns, **found)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BatchRefused(f"{place.name} can't be read; --restart begins anew.") from None
    if journal.format != _FORMAT:
        raise BatchRefused(f"{place.name} is of another version; --restart begins anew.")
    return journal
