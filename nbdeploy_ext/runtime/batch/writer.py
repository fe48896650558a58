"""What is written while a run goes on: output, failures, and how far it is, in this order."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ..values import dump_value
from .faults import WrongUsage
from .parts import RemotePart, open_part
from .places import is_same
from .sink import make_sink

if TYPE_CHECKING:
    from .chunk import Chunk, Failure, Outcome
    from .formats import Format
    from .journal import Journal
    from .places import Place
    from .result_columns import ResultColumns
    from .source import Source

_ENDINGS = (".part", ".part.done", ".progress.new")
_OBJECT_BYTES, _OBJECT_SECONDS = 2**23, 30.0
"""Object stores can't append: an object is written once it has so many bytes, or so often."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where a run writes: the output and its format, failures, the journal."""

    output: Place
    found: Format
    errors: Place
    progress: Place

    def require_writable(self, source: Place) -> None:
        """Raise `WrongUsage` where one file would be written over another, `OSError` where none is.

        What lies beside the output until that is complete is written, too.
        """
        beside = [self.progress, *map(self.output.beside, _ENDINGS)]
        if any(is_same(source, place) for place in (self.output, self.errors, *beside)):
            raise WrongUsage("The input would be overwritten: name another --output or --errors.")
        if any(is_same(self.errors, place) for place in (self.output, *beside)):
            raise WrongUsage(f"{self.errors.name} is written by the run: name another --errors.")
        self.output.require_writable()
        self.errors.require_writable()


class Writer:
    """Appends chunk after chunk; whenever the process ends, the journal names what is whole."""

    def __init__(
        self, files: Files, journal: Journal, source: Source, results: ResultColumns
    ) -> None:
        """Hold the files against other runs, cut to what the journal says."""
        self.journal = journal
        self._was_complete = journal.complete
        self._files = files
        self._results = results
        self._sink, self._columns = make_sink(files.found, journal, source)
        self._part = open_part(files.output)
        # Failures can be read while the run goes on
        self._errors = open_part(files.errors, "" if files.errors.can_append else ".part")
        self._slow = any(isinstance(part, RemotePart) for part in (self._part, self._errors))
        self._saved = time.monotonic()
        if not journal.complete:
            self._part.cut(journal.output)
            self._errors.cut(journal.errors)

    def write(self, chunk: Chunk, outcome: Outcome) -> None:
        """Append a chunk's rows that have a result, and the failures."""
        added, failures = self._results.place(chunk, outcome)
        self._part.add(self._sink.encode(chunk, added))
        self._errors.add(b"".join(map(_line, failures)))
        self.journal = self.journal.step(
            rows=chunk.first - 1 + len(chunk.rows), failed=self.journal.failed + len(failures),
            columns=tuple(self._columns.names), named=dict(self._results.named),
            header=self._columns.header,
        )  # fmt: skip
        if self._is_due():
            self.save()

    def save(self, *, complete: bool = False) -> None:
        """Make all that was written safe, then note that it is."""
        self._part.flush()
        self._errors.flush()
        self.journal = self.journal.step(
            output=self._part.length, errors=self._errors.length, complete=complete
        )
        self.journal.save(self._files.progress)
        self._saved = time.monotonic()

    def publish(self) -> None:
        """Let the complete output appear under its name, and take away what lay beside it."""
        is_gone = self.journal.output and not self._part.length
        if self._was_complete and is_gone and self._files.output.exists():
            self._part.drop()  # it was published, and the run was ended right behind
        else:
            self._part.cut(self.journal.output)  # refuses where less is there than was written
            self._part.publish(self._sink.finish())
        if not self.journal.failed:
            self._errors.drop()
        elif isinstance(self._errors, RemotePart) and self._errors.length:
            self._errors.publish(None)
        self._files.progress.remove()

    def _is_due(self) -> bool:
        if not self._slow:
            return True
        waiting = max(self._part.pending, self._errors.pending)
        return waiting >= _OBJECT_BYTES or time.monotonic() - self._saved >= _OBJECT_SECONDS


def _line(failure: Failure) -> bytes:
    found = asdict(failure)
    if failure.inputs is None:
        del found["inputs"]
    return dump_value(found) + b"\n"
