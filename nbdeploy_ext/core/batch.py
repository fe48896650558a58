"""What it means to run an endpoint over a table: what is asked for, what comes of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A table and where its results go: absolute paths of this machine, or URLs.

    `options` are the runtime's own, as words of its command line.
    """

    source: str
    destination: str
    errors: str | None = None
    options: Sequence[str] = ()

    def arguments(self, places: Mapping[str, str] | None = None) -> list[str]:
        """Return the words that the runtime is started with; `places` replaces paths."""
        seen = places or {}
        words = ["batch", "--input", seen.get(self.source, self.source)]
        words += ["--output", seen.get(self.destination, self.destination)]
        if self.errors:
            words += ["--errors", seen.get(self.errors, self.errors)]
        return [*words, *self.options]

    def failures(self) -> str:
        """Return where rows that failed are named."""
        return self.errors or f"{self.destination}.errors.jsonl"


@dataclass(frozen=True, slots=True)
class BatchResult:
    """A table that was gone through: `errors` names the file of the rows that failed, if any."""

    rows: int
    failed: int
    output: str
    errors: str | None
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the form that `--json` answers."""
        return asdict(self)


class BatchWatch(Protocol):
    """Receives the news of a run."""

    def progress(self, event: Mapping[str, Any]) -> None:
        """Take `rows`, `failed`, `share` (0 to 1), `rows_per_second` and `seconds_left`."""

    def log(self, line: str) -> None:
        """Take a line that the notebook or the runtime logged."""


def is_url(place: str) -> bool:
    """Whether a place is a URL, or a chain of them, and not a path of this machine."""
    return "://" in place or "::" in place


def absolute(place: str) -> str:
    """Return a path, `file://` is one, as an absolute one; another URL stays."""
    if place.startswith("file://"):
        return str(Path(unquote(urlsplit(place).path)))
    return place if is_url(place) else str(Path(place).absolute())
