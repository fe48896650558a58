"""polars' frames and series: from JSON and tables, and back, as polars itself reads and writes."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticCustomError

from .arrays import FLOATS
from .faults import BodyUnreadable
from .media import ARROW_STREAM, CSV, NDJSON, PARQUET, TSV
from .values import dump_value

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMAS: dict[str, dict[str, Any]] = {
    "DataFrame": {
        "anyOf": [
            {"type": "array", "items": {"type": "object"}},
            {"type": "object", "additionalProperties": {"type": "array"}},
        ]
    },
    "Series": {"type": "array"},
}
_MESSAGES = {
    "DataFrame": "Input should be a list of records or lists by column, each of one type",
    "Series": "Input should be a list of values of one type",
}
_NAMES = {CSV: "CSV", TSV: "TSV", PARQUET: "Parquet", ARROW_STREAM: "an Arrow stream"}


def read_polars(name: str) -> Callable[[Any], Any]:
    """Return the reader of JSON to a DataFrame (records, or a list for each column) or Series."""
    import polars as pl  # noqa: PLC0415  (only images that have polars get here)

    kind = getattr(pl, name)
    make = _frame if name == "DataFrame" else _series
    wrong = PydanticCustomError("table", _MESSAGES[name])

    def read(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        try:
            return make(pl, value)
        except (pl.exceptions.PolarsError, ValueError, TypeError, OverflowError):
            raise wrong from None

    return read


def _frame(pl: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return pl.DataFrame({name: _series(pl, column) for name, column in value.items()})
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise TypeError(value)
    return pl.DataFrame(value, infer_schema_length=None)


def _series(pl: Any, value: Any) -> Any:
    if not isinstance(value, list):
        raise TypeError(value)
    kinds = set(map(type, value))
    # JSON may write 1.0 as 1: no other type of its own has both
    return pl.Series(value, dtype=pl.Float64 if float in kinds and kinds <= FLOATS else None)


def read_polars_from(kind: str, body: bytes, charset: str) -> Any:
    """Return the polars frame in a body of CSV, TSV, Parquet or Arrow; `BodyUnreadable`."""
    import polars as pl  # noqa: PLC0415  (see above)

    content = BytesIO(body)
    try:
        if kind in {CSV, TSV}:
            separator = "\t" if kind == TSV else ","
            encoding = "utf8" if charset in {"utf-8", "us-ascii"} else charset
            return pl.read_csv(
                content, separator=separator, encoding=encoding, infer_schema_length=None
            )
        read = {PARQUET: pl.read_parquet, ARROW_STREAM: pl.read_ipc_stream}.get(kind, pl.read_ipc)
        return read(content)
    except pl.exceptions.NoDataError:
        if kind in {CSV, TSV}:
            return pl.DataFrame()
    except (pl.exceptions.PolarsError, OSError, ValueError, LookupError):
        pass  # its words may quote what was sent
    raise BodyUnreadable(f"The body is not {_NAMES.get(kind, 'an Arrow file')}.")


def write_polars(kind: str, frame: Any) -> bytes:
    """Return a frame's bytes; `ValueError` where the type has no place for what is in it."""
    import polars as pl  # noqa: PLC0415  (see above)

    content = BytesIO()
    try:
        if kind == NDJSON:
            return b"".join(dump_value(record) + b"\n" for record in frame.iter_rows(named=True))
        if kind in {CSV, TSV}:
            frame.write_csv(content, separator="\t" if kind == TSV else ",")
        elif kind == PARQUET:
            frame.write_parquet(content)
        else:
            write = frame.write_ipc_stream if kind == ARROW_STREAM else frame.write_ipc
            write(content, compat_level=pl.CompatLevel.oldest())  # whoever reads it may be old
    except pl.exceptions.PolarsError as fault:
        raise ValueError(str(fault)) from None
    return content.getvalue()
