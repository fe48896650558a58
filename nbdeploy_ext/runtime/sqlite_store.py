"""Calls in an SQLite file, which all processes and versions of a service write."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from .calls import Call, Kept, StoreFailed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from tempfile import TemporaryDirectory

_log = logging.getLogger("nbdeploy.calls")
_WAIT = 5.0
_TABLE = """
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT, endpoint TEXT, time REAL, latency_ms REAL,
    status INTEGER, inputs TEXT, output TEXT, error TEXT, cell TEXT, line INTEGER, version INTEGER
)
"""
_COLUMNS = "endpoint, time, latency_ms, status, inputs, output, error, cell, line, version"
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
# The share of the largest size that one body may take
_PART = 16


class SqliteStore:
    """One table of calls; in WAL mode readers and the writer of another process don't wait."""

    is_instant = False

    def __init__(
        self, path: Path, keep: int, largest: int, folder: TemporaryDirectory[str] | None = None
    ) -> None:
        """Make the file; keep at most `keep` calls, and `largest` bytes; raises `StoreFailed`.

        `folder` goes when the store is discarded.
        """
        self._path = path
        self.keep = keep
        self._largest = largest
        self._folder = folder
        self._connection: sqlite3.Connection | None = None
        try:
            self._make()
        except sqlite3.OperationalError as fault:
            raise StoreFailed(f"{path}: {fault}") from fault
        except sqlite3.DatabaseError as fault:
            _log.warning("%s is broken (%s) and begun anew", path, fault)
            path.replace(path.with_suffix(".broken"))
            self._make()

    def write(self, calls: Sequence[Kept]) -> None:
        """Keep calls, and forget the oldest ones."""
        values = [value for kept in calls for value in self._row(kept)]
        rows = ", ".join([_ROW] * len(calls))
        try:
            if self._connection is None:
                self._connection = self._connect()
            # One statement for all rows: each step gives the interpreter lock away, and a busy
            # loop gives it back five milliseconds later
            with self._connection:
                self._connection.execute(f"INSERT INTO calls ({_COLUMNS}) VALUES {rows}", values)  # noqa: S608
                self._connection.execute(
                    "DELETE FROM calls WHERE id <= (SELECT max(id) FROM calls) - ?", (self.keep,)
                )
                self._shrink(self._connection)
        except (sqlite3.Error, OSError) as fault:
            self.close()
            raise StoreFailed(f"{type(fault).__name__}: {fault}") from fault

    def read(self, limit: int | None) -> list[Kept]:
        """Return the last calls."""
        query = f"SELECT {_COLUMNS} FROM calls ORDER BY id DESC LIMIT ?"  # noqa: S608
        try:
            with closing(self._connect()) as connection:
                rows = connection.execute(query, (-1 if limit is None else limit,)).fetchall()
        except (sqlite3.Error, OSError) as fault:
            raise StoreFailed(f"{type(fault).__name__}: {fault}") from fault
        return [_kept(row) for row in reversed(rows)]

    def close(self) -> None:
        """Close the writer's connection; the next write opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def discard(self) -> None:
        """Remove the file where nobody is to find it again."""
        if self._folder is not None:
            self._folder.cleanup()

    def _make(self) -> None:
        is_new = not self._path.exists()
        with closing(self._connect()) as connection:
            if is_new:  # nothing is in it that a power cut could break: a start waits for no disk
                connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_TABLE)
            connection.commit()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_WAIT)
        # A power cut may lose the last calls, and breaks nothing
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_size_limit = 4194304")
        return connection

    def _shrink(self, connection: sqlite3.Connection) -> None:
        """Forget the oldest calls where the file holds more than it may."""
        asked = ("page_count", "freelist_count", "page_size")
        pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in asked)
        if (pages - free) * size > self._largest:
            connection.execute(
                "DELETE FROM calls WHERE id <= "
                "(SELECT min(id) + (max(id) - min(id)) / 4 FROM calls)"
            )

    def _row(self, kept: Kept) -> tuple[object, ...]:
        call = kept.call
        inputs, output = (self._text(raw) for raw in (call.inputs, call.output))
        return (
            call.endpoint, call.time, call.latency_ms, call.status, inputs, output, call.error,
            call.cell, call.line, kept.version,
        )  # fmt: skip

    def _text(self, raw: bytes | None) -> str | None:
        """Return a body as text; one that is none, or very large, is not kept."""
        if raw is None or len(raw) * _PART > self._largest:
            return None
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return None


def _kept(row: tuple[Any, ...]) -> Kept:
    *call, version = row
    found = Call(*call)
    inputs, output = (None if t is None else t.encode() for t in (found.inputs, found.output))  # type: ignore[attr-defined]
    return Kept(found._replace(inputs=inputs, output=output), version)
