"""Parquet and Arrow to pandas frames and back; frames of numbers pass as one block of memory."""

from __future__ import annotations

import functools
import json
from typing import Any

from .faults import BodyUnreadable
from .labels import columns_of
from .media import ARROW_FILE, ARROW_STREAM, PARQUET
from .values import number_columns

_NAMES = {PARQUET: "Parquet", ARROW_STREAM: "an Arrow stream", ARROW_FILE: "an Arrow file"}
_NUMBERS = frozenset({"double", "float", "int64", "int32", "int16", "int8", "uint64", "uint32",
                      "uint16", "uint8"})  # fmt: skip
_OF_TEXT = {"name": None, "field_name": None, "pandas_type": "unicode"}
_ALIGNED = 64
"""Bytes that pyarrow fills each column up to a multiple of."""
_END = b"\xff\xff\xff\xff\0\0\0\0"
"""What a stream ends with."""
_MOST = 64
"""So many beginnings of streams are known at a time, each and each schema of `_LONGEST` at most."""
_LONGEST = 2**16
_starts: dict[tuple[Any, ...], bytes] = {}
"""What streams begin with before their numbers: by names, rows and type."""


def read_arrow(kind: str, body: bytes) -> Any:
    """Return the pyarrow table in a body of Parquet or Arrow; `BodyUnreadable`."""
    import pyarrow as pa  # noqa: PLC0415  (only images that have it get here)

    try:
        if kind == PARQUET:
            from pyarrow import parquet  # noqa: PLC0415  (the same)

            return parquet.read_table(pa.BufferReader(body), use_threads=False)
        opened = pa.ipc.open_stream if kind == ARROW_STREAM else pa.ipc.open_file
        return opened(pa.py_buffer(body)).read_all()  # of a reader it asks first if it is a path
    except (pa.ArrowException, OSError, ValueError):
        raise BodyUnreadable(f"The body is not {_NAMES[kind]}.") from None


def frame_of(table: Any) -> Any:
    """Return a pyarrow table as a pandas frame.

    Numbers of one type without gaps go as one array. pyarrow's own way makes the same frame, and
    takes five times as long for the columns' names, types and what pandas noted of them.
    """
    said = table.schema.serialize().to_pybytes()
    names, noted = _number_columns(said) if len(said) <= _LONGEST else ((), b"")
    is_plain = bool(names) and _has_plain_index(noted, table.num_rows)
    block = _block(table) if is_plain else None
    if block is None:
        return _converted(table)
    import pandas as pd  # noqa: PLC0415  (only images that have pandas get here)

    return pd.DataFrame(block, columns=columns_of(pd, names), copy=False)


def _converted(table: Any) -> Any:
    # One thread: for the columns of a call more cost more than they save
    try:
        return table.to_pandas(use_threads=False)
    except (KeyError, TypeError, ValueError, AttributeError):  # what pandas noted is broken
        return table.replace_schema_metadata(None).to_pandas(use_threads=False)


@functools.lru_cache(maxsize=_MOST)
def _number_columns(said: bytes) -> tuple[tuple[str, ...], bytes]:
    """Return a schema's columns, none where not all are numbers of one type; what pandas noted."""
    import pyarrow as pa  # noqa: PLC0415  (the same)

    schema = pa.ipc.read_schema(pa.py_buffer(said))
    names, kinds = tuple(schema.names), set(map(str, schema.types))
    is_plain = len(kinds) == 1 and kinds <= _NUMBERS and len(set(names)) == len(names)
    return names if is_plain else (), (schema.metadata or {}).get(b"pandas", b"")


def _block(table: Any) -> Any:
    """Return columns of one type as one array, None where they have gaps."""
    batches = table.to_batches()
    try:
        # Column by column, as pandas has it: they are copied, added and written so
        return batches[0].to_tensor(row_major=False).to_numpy() if len(batches) == 1 else None
    except (ValueError, TypeError, AttributeError):  # gaps, or pyarrow is of before 2024
        return None


@functools.lru_cache(maxsize=_MOST)
def _has_plain_index(said: bytes, rows: int) -> bool:
    """Whether pandas noted of a table's rows that they are numbered, and of its columns no more."""
    if not said:
        return True
    try:
        noted = json.loads(said)
        index = noted["index_columns"]
        plain = {"kind": "range", "name": None, "start": 0, "stop": rows, "step": 1}
        return (
            index in ([], [plain])
            and [_of_interest(level) for level in noted["column_indexes"]] in ([], [_OF_TEXT])
            and all(c["name"] == c["field_name"] for c in noted["columns"])
            and all(c["pandas_type"] == c["numpy_type"] for c in noted["columns"])
            and not noted.get("attributes")
        )
    except (ValueError, KeyError, TypeError):
        return False


def _of_interest(level: dict[str, Any]) -> dict[str, Any]:
    return {name: level.get(name, "") for name in _OF_TEXT}


def write_arrow_frame(kind: str, frame: Any) -> bytes:
    """Return a frame's bytes; its columns have names that are text, its index is not written."""
    import numpy as np  # noqa: PLC0415  (the same)
    import pyarrow as pa  # noqa: PLC0415  (the same)

    numbers = number_columns(frame)
    if numbers is None:
        return write_arrow(kind, pa.Table.from_pandas(frame, preserve_index=False, nthreads=1))
    names, columns = frame.columns.to_numpy().tolist(), np.ascontiguousarray(numbers)
    has_gaps = columns.dtype.kind == "f" and bool(np.isnan(columns).any())
    if kind == ARROW_STREAM and not has_gaps and columns.dtype.kind != "b":
        return _stream(names, columns)
    return write_arrow(kind, _batch(names, columns, has_gaps=has_gaps))


def _batch(names: list[str], columns: Any, *, has_gaps: bool = False) -> Any:
    import pyarrow as pa  # noqa: PLC0415  (the same)

    # One array that is cut: for each column of its own pyarrow asks anew what numpy's type is
    flat, rows = pa.array(columns.reshape(-1), from_pandas=has_gaps), columns.shape[1]
    cut = [flat.slice(place * rows, rows) for place in range(len(names))]
    return pa.RecordBatch.from_arrays(cut, names)


def _stream(names: list[str], columns: Any) -> bytes:
    """Return a stream of numbers without gaps.

    One with the same names, of as many rows, differs from another in the numbers alone.
    """
    key = (*names, columns.shape[1], columns.dtype.str)
    padding = bytes(-columns[0].nbytes % _ALIGNED)
    start = _starts.get(key)
    if start is not None:
        pieces = [piece for column in columns for piece in (column, padding)]
        return b"".join([start, *pieces, _END])
    content = write_arrow(ARROW_STREAM, _batch(names, columns))
    size = columns.nbytes + len(names) * len(padding)
    start = content[: -size - len(_END)]
    if len(start) <= _LONGEST and _size_of_batch(content) == size:
        if len(_starts) >= _MOST:
            _starts.clear()
        _starts[key] = start
    return content


def _size_of_batch(stream: bytes) -> int:
    """Return how many bytes the columns of a stream's first batch take."""
    import pyarrow as pa  # noqa: PLC0415  (the same)

    source = pa.BufferReader(stream)
    pa.ipc.read_message(source)  # the schema
    return int(pa.ipc.read_message(source).body.size)


def write_arrow(kind: str, table: Any) -> bytes:
    """Return a pyarrow table, or a batch of one, as Parquet or Arrow."""
    import pyarrow as pa  # noqa: PLC0415  (the same)

    sink = pa.BufferOutputStream()
    if kind == PARQUET:
        from pyarrow import parquet  # noqa: PLC0415  (the same)

        is_batch = isinstance(table, pa.RecordBatch)
        parquet.write_table(pa.Table.from_batches([table]) if is_batch else table, sink)
        return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]
    opened = pa.ipc.new_stream if kind == ARROW_STREAM else pa.ipc.new_file
    with opened(sink, table.schema) as writer:
        writer.write(table)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]
