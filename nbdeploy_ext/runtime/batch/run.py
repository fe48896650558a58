"""One run over a table: read, call, write, note how far it is; it begins where one stopped."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .faults import BatchRefused, WrongUsage
from .formats import format_of
from .journal import Job, Journal, read_journal
from .places import find_place
from .result_columns import ResultColumns
from .shape import plan_shape
from .source import open_source
from .stops import stop_if_asked
from .workers import run_chunks
from .writer import Files, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..manifest import Manifest, ManifestEndpoint
    from ..operations import Operation
    from .caller import Caller
    from .chunk import Chunk
    from .formats import Kind
    from .news import News
    from .shape import Shape

ROWS = 1000
_QUICK, _SLOW = 0.25, 1.0
"""Seconds that a chunk of single calls should take: so much may be done twice after a stop."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    source: str
    destination: str
    endpoint: str | None = None
    kind: Kind | None = None
    errors: str | None = None
    rows: int = ROWS
    workers: int | None = None
    restart: bool = False


class Run:
    """A table, the endpoint that its rows go through, and where the results go."""

    def __init__(self, options: Options, manifest: Manifest) -> None:
        """Open the input and see whether a run stopped; the notebook is not needed yet.

        Raises `BatchRefused`, and `OSError` where a file can't be read.
        """
        self.endpoint = choose_endpoint(manifest, options.endpoint)
        self._rows = options.rows
        place, self.files = find_place(options.source), _files(options)
        self.files.require_writable(place)
        job = Job(place.identity(), _made_of(manifest), self.endpoint.name,
                  str(self.files.found), self.files.errors.name)  # fmt: skip
        self.journal = _journal(job, self.files, restart=options.restart)
        self.source = open_source(place, options.kind)

    def plan(self, operation: Operation) -> Shape:
        """Decide how rows become arguments; `WrongUsage` names a column that lacks."""
        columns = self.source.columns
        shape = plan_shape(operation, columns)
        if columns or self.source.kind != "jsonl":  # a file of no lines lacks nothing
            shape.require(columns, self.endpoint.name)
        return shape

    def work(self, caller: Caller, shape: Shape, workers: int, news: News) -> Journal:
        """Go through the rows that are left, and publish; returns the last journal."""
        taken = {*self.source.columns, *self.journal.named.values()}
        results = ResultColumns(self.endpoint.name, dict(self.journal.named), taken)
        writer = Writer(self.files, self.journal, self.source, results)
        if not self.journal.complete:
            self.source.skip(self.journal.rows)
            news.begin(self.journal, self.source.share())
            gets_types = self.source.kind == "csv" != self.files.found.kind
            least = self._rows if shape.takes_chunks else caller.at_once
            pace = _Pace(min(least, self._rows), self._rows)
            try:
                for done in run_chunks(caller, self._chunks(pace), workers):
                    chunk, outcome, seconds = done
                    writer.write(shape.typed(chunk) if gets_types else chunk, outcome)
                    pace.note(len(chunk.rows), seconds)
                    news.update(writer.journal, self.source.share())
            finally:
                news.end()
            writer.save(complete=True)
        writer.publish()
        self.source.close()
        return writer.journal

    def _chunks(self, pace: _Pace) -> Iterator[Chunk]:
        stop_if_asked()
        while (chunk := self.source.read(pace.rows)) is not None:
            yield chunk
            stop_if_asked()


class _Pace:
    """How many rows a chunk has: few where a call takes long, so that a stop loses little."""

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most
        self.rows = least  # nobody knows yet how long a call takes

    def note(self, rows: int, seconds: float) -> None:
        if seconds < _QUICK and rows >= self.rows:
            self.rows = min(self._most, self.rows * 2)
        elif seconds > _SLOW:
            self.rows = max(self._least, int(rows / seconds * _SLOW))


def choose_endpoint(manifest: Manifest, wanted: str | None) -> ManifestEndpoint:
    """Return the endpoint of that name, or the only one; `WrongUsage` names them."""
    names = [endpoint.name for endpoint in manifest.endpoints]
    if wanted is None and len(names) == 1:
        return manifest.endpoints[0]
    found = next((e for e in manifest.endpoints if e.name == wanted), None)
    if found is None:
        which = f"There is no endpoint {wanted}" if wanted else "Say --endpoint NAME"
        there = f"there {'is' if len(names) == 1 else 'are'} {', '.join(names) or 'none'}"
        raise WrongUsage(f"{which}; {there}.")
    return found


def _files(options: Options) -> Files:
    output = find_place(options.destination)
    errors = find_place(options.errors) if options.errors else output.beside(".errors.jsonl")
    return Files(output, format_of(output, options.kind), errors, output.beside(".progress"))


def _journal(job: Job, files: Files, *, restart: bool) -> Journal:
    """Return where a run that stopped was, or a new beginning."""
    found = None if restart else read_journal(files.progress)
    changed = job.changed(found.job) if found is not None else ""
    if changed:
        raise BatchRefused(
            f"A run that stopped can't go on: since then {changed} changed. --restart begins anew."
        )
    return found or Journal(job)


def _made_of(manifest: Manifest) -> str:
    """Return a hash of all that a result depends on, secrets' values aside."""
    values = [value.sha256 for value in manifest.values]
    parts = [manifest.notebook_sha256, values, manifest.parameters, manifest.env]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
