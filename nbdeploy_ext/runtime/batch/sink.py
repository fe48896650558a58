"""Results as rows of CSV, JSON lines or Parquet: the input's columns, then the result's."""

from __future__ import annotations

import csv
import gzip
import io
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from ..tables import csv_writer
from ..values import dump_value
from .arrow_streams import merge_streams
from .parquet_source import import_pyarrow
from .text_cells import spell, spell_or_none, utf8

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .chunk import Chunk
    from .formats import Format
    from .journal import Journal
    from .parts import Finish, Reopen
    from .source import Source


class Sink(Protocol):
    """Turns chunks into bytes that can be appended to each other."""

    def encode(self, chunk: Chunk, added: Mapping[int, Mapping[str, Any]]) -> bytes:
        """Return the rows of `chunk` that have a result, with its columns, by row number."""
        ...

    def finish(self) -> Finish | None:
        """Return what makes the final file of the bytes, None where they are that."""
        ...


class Columns:
    """The columns of the output in the order in which they came up."""

    def __init__(self, journal: Journal, first: Sequence[str]) -> None:
        """Go on with a journal's columns, or begin with those of the input."""
        self.names = dict.fromkeys(journal.columns or first)
        self.header = journal.header

    def note(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take up columns that rows have for the first time."""
        for row in rows:
            if row.keys() - self.names.keys():
                self.names |= dict.fromkeys(row)


def make_sink(found: Format, journal: Journal, source: Source) -> tuple[Sink, Columns]:
    """Return the sink of a format, and the columns, which begin with the input's."""
    columns = Columns(journal, source.columns)
    if found.kind == "csv":
        return CsvSink(columns, zipped=found.zipped), columns
    if found.kind == "jsonl":
        return JsonLinesSink(zipped=found.zipped), columns
    return ParquetSink(columns, source), columns


class JsonLinesSink:
    """A JSON object a line."""

    def __init__(self, *, zipped: bool) -> None:
        """Write gzip members where `zipped`: those can be appended to each other."""
        self._zipped = zipped

    def encode(self, chunk: Chunk, added: Mapping[int, Mapping[str, Any]]) -> bytes:
        """Return lines."""
        lines = b"".join(dump_value(row) + b"\n" for row in _rows(chunk, added))
        return _packed(lines) if self._zipped else lines

    def finish(self) -> Finish | None:
        """Leave them as they are."""
        return None


class CsvSink:
    """A header and rows; where later rows have columns more, the whole is written again."""

    def __init__(self, columns: Columns, *, zipped: bool) -> None:
        """Go on with the columns that are there."""
        self._columns = columns
        self._zipped = zipped

    def encode(self, chunk: Chunk, added: Mapping[int, Mapping[str, Any]]) -> bytes:
        """Return rows, the first time below their header."""
        rows = list(_rows(chunk, added))
        self._columns.note(rows)
        names = list(self._columns.names)
        text = io.StringIO()
        writer = csv_writer(text)
        if not self._columns.header and rows:
            writer.writerow(names)
            self._columns.header = len(names)
        writer.writerows([spell(row.get(name)) for name in names] for row in rows)
        content = utf8(text.getvalue())
        return _packed(content) if self._zipped and content else content

    def finish(self) -> Finish | None:
        """Fill up the rows that were written before the last column came up."""
        return None if self._columns.header == len(self._columns.names) else self._fill_up

    def _fill_up(self, reopen: Reopen, target: BinaryIO) -> None:
        csv.field_size_limit(sys.maxsize)  # what was written can be read
        names = list(self._columns.names)
        source: Any = reopen()
        plain = gzip.GzipFile(fileobj=source) if self._zipped else source
        rows = csv.reader(io.TextIOWrapper(plain, encoding="utf-8", newline=""))
        next(rows, None)
        packed: Any = gzip.GzipFile(fileobj=target, mode="wb") if self._zipped else target
        text = io.TextIOWrapper(packed, encoding="utf-8", newline="")
        writer = csv_writer(text)
        writer.writerow(names)
        writer.writerows(row + [""] * (len(names) - len(row)) for row in rows)
        source.close()
        text.flush()
        text.detach()
        if self._zipped:
            packed.close()


class ParquetSink:
    """Arrow streams one behind the other, and a Parquet file at the end: that can't be appended to.

    Only then it is known which type each column has.
    """

    def __init__(self, columns: Columns, source: Source) -> None:
        """Need pyarrow."""
        self._arrow = import_pyarrow()
        self._columns = columns
        self._source = source

    def encode(self, chunk: Chunk, added: Mapping[int, Mapping[str, Any]]) -> bytes:
        """Return a stream; columns that came as Arrow stay as they were."""
        if not added:
            return b""
        arrow = self._arrow
        if chunk.table is None:
            table = self._table(list(_rows(chunk, added)))
        else:
            table = chunk.table.take([number - chunk.first for number in added])
            made = self._table(list(added.values()))
            for name in made.column_names:
                table = table.append_column(name, made[name])
        self._columns.note([dict.fromkeys(table.column_names)])
        buffer = arrow.BufferOutputStream()
        options = arrow.ipc.IpcWriteOptions(compression="lz4")
        with arrow.ipc.new_stream(buffer, table.schema, options=options) as stream:
            stream.write_table(table)
        return buffer.getvalue().to_pybytes()  # type: ignore[no-any-return]

    def finish(self) -> Finish | None:
        """Write the streams as row groups, once all are there."""
        return self._merge

    def _merge(self, reopen: Reopen, target: BinaryIO) -> None:
        known = getattr(self._source, "schema", None)
        names = [utf8(name).decode() for name in self._columns.names]
        merge_streams(reopen, target, empty=known, names=names)

    def _table(self, rows: list[Mapping[str, Any]]) -> Any:
        """Return rows as a table; a column whose values are of no one type is text."""
        names = dict.fromkeys(name for row in rows for name in row)
        columns = {name: [row.get(name) for row in rows] for name in names}
        return self._arrow.table(
            {utf8(name).decode(): self._array(values) for name, values in columns.items()}
        )

    def _array(self, values: list[Any]) -> Any:
        arrow = self._arrow
        try:
            return arrow.array(values)
        except (arrow.ArrowInvalid, arrow.ArrowTypeError, OverflowError, UnicodeEncodeError):
            return arrow.array([spell_or_none(value) for value in values], arrow.string())


def _rows(chunk: Chunk, added: Mapping[int, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for number, more in added.items():
        row: Any = chunk.rows[number - chunk.first]
        yield {**row, **more}


def _packed(content: bytes) -> bytes:
    return gzip.compress(content, 6, mtime=0)
