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


def read_arrow(kind: str, body: bytes) -> Any:
    """Return the pyarrow table in a body of Parquet or Arrow; `BodyUnreadable`."""
    import pyarrow as pa  # noqa: PLC0415  (only images that have it get here)

    try:
        if kind == PARQUET:
            from pyarrow import parquet  # noqa: PLC0415  (the same)

            return parquet.read_table(pa.BufferReader(body), use_threads=False)
        opened = pa.ipc.open_stream if kind == ARROW_STREAM else pa.ipc.open_file
        return opened(pa.BufferReader(body)).read_all()
    except (pa.ArrowException, OSError, ValueError):
        raise BodyUnreadable(f"The body is not {_NAMES[kind]}.") from None


def frame_of(table: Any) -> Any:
    """Return a pyarrow table as a pandas frame."""
    names = table.column_names
    block = _block(table, names)
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


def _block(table: Any, names: list[str]) -> Any:
    """Return numbers of one type without gaps as one array, else None.

    pyarrow's own way makes the same frame, and takes five times as long for the columns' names,
    types and what pandas noted of them.
    """
    schema = table.schema
    said = (schema.metadata or {}).get(b"pandas", b"")
    batches = table.to_batches()
    if len(batches) != 1 or not _has_plain_index(said, table.num_rows):
        return None
    kinds = set(schema.types)
    if len(kinds) != 1 or str(kinds.pop()) not in _NUMBERS or len(set(names)) < len(names):
        return None
    try:
        return batches[0].to_tensor().to_numpy()
    except (ValueError, TypeError, AttributeError):  # it has gaps, or pyarrow is of before 2024
        return None


@functools.lru_cache(maxsize=64)
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
    import pyarrow as pa  # noqa: PLC0415  (the same)

    numbers = number_columns(frame)
    if numbers is None:
        return write_arrow(kind, pa.Table.from_pandas(frame, preserve_index=False, nthreads=1))
    has_gaps = numbers.dtype.kind == "f" and bool((numbers != numbers).any())  # noqa: PLR0124  (NaN)
    # One array that is cut: for each column of its own pyarrow asks anew what numpy's type is
    flat = pa.array(numbers.reshape(-1), from_pandas=has_gaps)
    rows = len(frame)
    columns = [flat.slice(place * rows, rows) for place in range(len(numbers))]
    return write_arrow(kind, pa.RecordBatch.from_arrays(columns, frame.columns.tolist()))


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
