"""Parquet files read as a stream of chunks, through the image's own pyarrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .chunk import Chunk, Unreadable
from .faults import BatchRefused, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .formats import Kind
    from .places import Place

_ROW_GROUP_READ = 8192


class ParquetSource:
    """Record batches through pyarrow, a few thousand rows in memory whatever the row groups are."""

    kind: Kind = "parquet"

    def __init__(self, place: Place) -> None:
        """Read the footer."""
        arrow = import_pyarrow()
        parquet = arrow.parquet
        self._raw = place.open()
        self._arrow = arrow
        try:
            # A buffer: without one, a whole row group is read at once
            self._file = parquet.ParquetFile(self._raw, buffer_size=2**20, pre_buffer=False)
        except arrow.ArrowInvalid as fault:
            raise WrongUsage(f"{place.name} is no Parquet file.") from fault
        self.schema = self._file.schema_arrow
        self.columns = list(self.schema.names)
        require_each_once(self.columns, place)
        self._total = self._file.metadata.num_rows
        self._number = 0
        self._batches = self._file.iter_batches(_ROW_GROUP_READ)
        self._rest: Any = None

    def read(self, rows: int) -> Chunk | None:
        """Return the next rows, as values and as Arrow has them."""
        table = self._take(rows)
        if not table.num_rows:
            return None
        first = self._number + 1
        self._number += table.num_rows
        return Chunk(first, _values(table), table)

    def skip(self, rows: int) -> None:
        """Leave whole row groups out, and read away what is left."""
        left = rows
        groups = self._file.metadata.num_row_groups
        group = 0
        while group < groups and left >= self._file.metadata.row_group(group).num_rows:
            left -= self._file.metadata.row_group(group).num_rows
            group += 1
        self._batches = self._file.iter_batches(
            _ROW_GROUP_READ, row_groups=list(range(group, groups))
        )
        while left:
            passed = self._take(min(left, _ROW_GROUP_READ)).num_rows
            if not passed:
                raise BatchRefused("The input has fewer rows than before; --restart begins anew.")
            left -= passed
        self._number = rows

    def share(self) -> float:
        """Return the part of the rows that is read."""
        return self._number / self._total if self._total else 1.0

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._raw.close()

    def _take(self, rows: int) -> Any:
        taken: list[Any] = []
        missing = rows
        while missing:
            if self._rest is None or not self._rest.num_rows:
                self._rest = next(self._batches, None)
                if self._rest is None:
                    break
            part = self._rest.slice(0, missing)
            self._rest = self._rest.slice(part.num_rows)
            taken.append(part)
            missing -= part.num_rows
        return self._arrow.Table.from_batches(taken, self.schema)


def _values(table: Any) -> list[dict[str, Any] | Unreadable]:
    """Return the rows; one with a value that Python has not (a year 33658) fails by itself."""
    try:
        return table.to_pylist()  # type: ignore[no-any-return]
    except (ValueError, OverflowError):  # what Arrow raises, too
        return [_row(table.slice(number, 1)) for number in range(table.num_rows)]


def _row(table: Any) -> dict[str, Any] | Unreadable:
    try:
        return table.to_pylist()[0]  # type: ignore[no-any-return]
    except (ValueError, OverflowError) as fault:
        said = fault.reason if isinstance(fault, UnicodeDecodeError) else fault
        return Unreadable(f"The row has a value that Python has not: {said}")


def require_each_once(columns: Sequence[str], place: Place) -> None:
    """Raise `WrongUsage` where several columns have one name: a row has one value of it."""
    twice = {name or "without a name" for name in columns if columns.count(name) > 1}
    if twice:
        raise WrongUsage(f"{place.name} has several columns {', '.join(sorted(twice))}.")


def import_pyarrow() -> Any:
    """Return pyarrow; `WrongUsage` says how an image gets it."""
    try:
        import pyarrow as pa  # noqa: PLC0415  (only images that ask for it have it)
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError as fault:
        raise WrongUsage(
            "Parquet needs pyarrow, and the image has none. Add `%pip install pyarrow` to a "
            "production cell, or pyarrow to [image] requirements, and deploy again."
        ) from fault
    return pa
