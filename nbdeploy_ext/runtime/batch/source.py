"""Tables read as a stream of chunks: CSV, JSON lines, Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import zlib
from collections import deque
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from .chunk import Chunk, Unreadable
from .faults import BatchRefused, WrongUsage
from .formats import format_of
from .parquet_source import ParquetSource, require_each_once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .formats import Format, Kind
    from .places import Place

LONGEST_CELL = 2**24
_OTHER_SEPARATORS = ";\t"
_LOOK_AHEAD = 100
_READ_AHEAD = 2**14


class Source(Protocol):
    """A table that is read from its first row to its last."""

    kind: Kind

    @property
    def columns(self) -> list[str]:
        """Return the names of the columns, as far as they are known before the last row."""
        ...

    def read(self, rows: int) -> Chunk | None:
        """Return the next rows, at most so many; None behind the last."""
        ...

    def skip(self, rows: int) -> None:
        """Go on behind that many rows, as if they had been read."""
        ...

    def share(self) -> float:
        """Return which part of the table is read, from 0 to 1; 0 where nobody knows."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def open_source(place: Place, said: Kind | None) -> Source:
    """Open a table; `WrongUsage` where it can't be read as what it should be."""
    found = format_of(place, said)
    if found.kind == "parquet":
        return ParquetSource(place)
    return CsvSource(place, found) if found.kind == "csv" else JsonLinesSource(place, found)


class _TextSource:
    """Lines of UTF-8 text, gzipped or not; progress is counted in bytes of the file."""

    def __init__(self, place: Place, found: Format) -> None:
        self._raw: BinaryIO = place.open()
        self._size = place.size()
        unzipped: Any = gzip.GzipFile(fileobj=self._raw) if found.zipped else self._raw
        self._is_plain = not found.zipped
        self._taken = 0
        self._lines = io.TextIOWrapper(unzipped, encoding="utf-8-sig", newline="")
        self._number = 0
        self._stream = self._rows()

    def share(self) -> float:
        """Return the part of the bytes that is taken; what is only read ahead doesn't count."""
        if not self._size:
            return 0.0
        ahead = self._raw.tell() - _READ_AHEAD
        return min(1.0, max(ahead, self._taken) / self._size)

    def close(self) -> None:
        """Close the file."""
        self._lines.close()
        self._raw.close()

    def skip(self, rows: int) -> None:
        """Read the rows away."""
        passed = sum(1 for _ in itertools.islice(self._stream, rows))
        if passed < rows:
            raise BatchRefused(f"The input has only {passed} rows; --restart begins anew.")
        self._number += rows

    def read(self, rows: int) -> Chunk | None:
        """Return the next rows."""
        found = list(itertools.islice(self._stream, rows))
        first = self._number + 1
        self._number += len(found)
        return Chunk(first, found) if found else None

    def _counted(self) -> Iterator[str]:
        """Yield lines; how many bytes those are is known well enough for plain text only."""
        try:
            for line in self._lines:
                self._taken += len(line) if self._is_plain else 0
                yield line
        except UnicodeDecodeError as fault:
            where = f"behind row {self._number}"
            raise BatchRefused(f"The input is not UTF-8 text ({fault.reason}) {where}.") from None
        except gzip.BadGzipFile:  # its words quote what it found instead
            raise BatchRefused(
                f"The input is not gzip, or not whole, behind row {self._number}."
            ) from None
        except (EOFError, zlib.error) as fault:
            raise BatchRefused(f"The input breaks off behind row {self._number}: {fault}") from None
        self._taken = self._size

    def _rows(self) -> Iterator[dict[str, Any] | Unreadable]:
        raise NotImplementedError


class CsvSource(_TextSource):
    """RFC 4180, with a header; rows are text. Empty lines don't count."""

    kind: Kind = "csv"

    def __init__(self, place: Place, found: Format) -> None:
        """Read the header."""
        super().__init__(place, found)
        csv.field_size_limit(LONGEST_CELL)
        self._reader = csv.reader(self._counted(), strict=True)
        try:
            self.columns = next((row for row in self._reader if row), [])
        except csv.Error as fault:
            raise WrongUsage(f"{place.name} is no CSV: {fault}.") from None
        _require_commas(self.columns, place)
        require_each_once(self.columns, place)

    def _rows(self) -> Iterator[dict[str, Any] | Unreadable]:
        names, width = self.columns, len(self.columns)
        while True:
            try:
                row = next(self._reader, None)
            except csv.Error as fault:  # the reader goes on with the next line
                yield Unreadable(f"The row is no CSV: {fault}")
                continue
            if row is None:
                return
            if len(row) == width:
                yield dict(zip(names, row, strict=True))
            elif row:
                yield Unreadable(f"The row has {len(row)} cells, the header {width}")


class JsonLinesSource(_TextSource):
    """One JSON object a line; empty lines don't count."""

    kind: Kind = "jsonl"

    def __init__(self, place: Place, found: Format) -> None:
        """Open the file."""
        super().__init__(place, found)
        # Only a newline ends a line: JSON text may hold what Python counts as one
        self._lines.reconfigure(newline="\n")
        self._ahead: deque[dict[str, Any] | Unreadable] = deque()
        self._objects = self._read_objects()

    @property
    def columns(self) -> list[str]:
        """Return the keys of the first rows."""
        if not self._ahead:
            self._ahead.extend(itertools.islice(self._objects, _LOOK_AHEAD))
        rows = (row for row in self._ahead if isinstance(row, dict))
        return list(dict.fromkeys(key for row in rows for key in row))

    def _rows(self) -> Iterator[dict[str, Any] | Unreadable]:
        while self._ahead:
            yield self._ahead.popleft()
        yield from self._objects

    def _read_objects(self) -> Iterator[dict[str, Any] | Unreadable]:
        for line in self._counted():
            if not line.isspace():
                yield _object(line)


def _require_commas(columns: list[str], place: Place) -> None:
    """Raise `WrongUsage` where one column is many: all cells of a row would pass as one text."""
    if len(columns) == 1 and any(other in columns[0] for other in _OTHER_SEPARATORS):
        raise WrongUsage(
            f"{place.name} has one column, {columns[0]!r}: commas have to separate the cells."
        )


def _object(line: str) -> dict[str, Any] | Unreadable:
    try:
        found = json.loads(line)
    except ValueError as fault:
        said = fault.msg if isinstance(fault, json.JSONDecodeError) else "no number"
        return Unreadable(f"The line is not JSON: {said}")
    except RecursionError:
        return Unreadable("The line is not JSON that can be read: it is too deep")
    return found if isinstance(found, dict) else Unreadable("The line is no JSON object")
