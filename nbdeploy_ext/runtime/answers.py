"""Results in the form that their caller likes best: JSON, tables, pictures, files."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from .faults import ResultInvalid
from .media import (
    ARROW_FILE,
    ARROW_STREAM,
    BINARY,
    CSV,
    JSON,
    NDJSON,
    PARQUET,
    TEXT,
    TSV,
    choose,
    has_arrow,
)
from .reply import Answer
from .rich import close, rich_forms, rich_types
from .roles import bare, direct_kind, is_record, is_rows, polars_kind
from .tables import write_frame, write_lines, write_rows
from .values import NotJson, flat_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from .codec import Codec
    from .rich import Forms

_FILES = {
    b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif",
    b"%PDF-": "application/pdf", b"PK\x03\x04": "application/zip", b"PAR1": PARQUET,
}  # fmt: skip
_TEXTS = ("text/",)
_TABLES = (CSV, NDJSON, TSV, ARROW_STREAM, ARROW_FILE, PARQUET)


def write_answer(codec: Codec, value: Any, accept: str) -> Answer:
    """Return a result in the best form of those that `accept` names; `Accept` of RFC 9110.

    Raises `NotAcceptable`, `ResultInvalid`.
    """
    return _write_best(codec, value, accept, _forms(codec, value))


def _write_best(codec: Codec, value: Any, accept: str, forms: Forms) -> Answer:
    try:
        while forms:
            kind = choose(accept, tuple(forms))
            body = forms.pop(kind)()
            if body is not None:
                is_text = kind.startswith(_TEXTS)
                return Answer(body, f"{kind}; charset=utf-8" if is_text else kind)
    finally:
        close(value)
    return Answer(codec.encode(value), JSON)  # which raises, and says why there is no form


def write_shown(codec: Codec, value: Any, accept: str, fault: ResultInvalid) -> Answer:
    """Return what a notebook shows of a result that has no JSON form; raises `fault` if nothing."""
    shown = {} if fault.is_misfit else rich_forms(value)
    if not shown:
        raise fault
    return _write_best(codec, value, accept, _forms(codec, value, shown))


def answer_types(hint: Any) -> tuple[str, ...]:
    """Return the media types that results of a hint have, ours of equal ones first."""
    kind = bare(hint)
    shown = rich_types(kind)
    if polars_kind(kind):
        return (JSON, *_TABLES, *shown)
    if direct_kind(kind) is not None or is_rows(kind):
        # pandas writes LaTeX only where an option says so
        return (JSON, *_table_types(), *(form for form in shown if form != "text/latex"))
    if kind is bytes:
        return (JSON, BINARY)
    if kind is str:
        return (JSON, TEXT)
    return shown if shown and not is_record(kind) else (JSON, *shown)


def _forms(codec: Codec, value: Any, shown: Forms | None = None) -> Forms:
    """Return what makes each form that a value has, ours of equal ones first.

    `shown` are the rich ones of a value that is known to have no JSON form.
    """
    forms: Forms = {}
    frame, polars = _as_frame(value), _as_polars(value)
    is_table = frame is not None or polars is not None
    if is_table and (codec.result is None or type(value) is codec.direct):
        forms[JSON] = partial(codec.encode, value)
    elif shown is None:
        forms |= _json_form(codec, value)
    if frame is not None:
        forms |= _each(lambda kind: write_frame(kind, flat_frame(frame)))
    elif polars is not None:
        forms |= _of_polars(polars)
    elif JSON in forms:
        forms |= _table_forms(value, forms[JSON])
    forms |= rich_forms(value) if shown is None else shown
    if isinstance(value, str):
        forms[TEXT] = value.encode
    if isinstance(value, (bytes, bytearray)):
        forms |= _file_forms(bytes(value))
    return forms


def _json_form(codec: Codec, value: Any) -> Forms:
    try:
        content = codec.encode(value)
    except ResultInvalid as fault:
        if fault.is_misfit:
            raise
        return {}
    return {JSON: lambda: content}


def _file_forms(content: bytes) -> Forms:
    kinds = [kind for magic, kind in _FILES.items() if content.startswith(magic)]
    return dict.fromkeys([*kinds, BINARY], lambda: content)


def _as_frame(value: Any) -> Any:
    pandas = sys.modules.get("pandas")
    if pandas is None or isinstance(value, pandas.DataFrame):
        return value if pandas is not None else None
    return value.to_frame() if isinstance(value, (pandas.Series, pandas.Index)) else None


def _as_polars(value: Any) -> Any:
    polars = sys.modules.get("polars")
    if polars is None or not isinstance(value, (polars.DataFrame, polars.Series)):
        return None
    if isinstance(value, polars.DataFrame):
        return value
    return value.to_frame(value.name or "value")


def _of_polars(frame: Any) -> Forms:
    from .polars_frames import write_polars  # noqa: PLC0415  (only images with polars)

    return _each(lambda kind: write_polars(kind, frame), _TABLES)


def _table_forms(value: Any, encode: Callable[[], bytes | None]) -> Forms:
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        is_table = value.ndim in {1, 2} and value.dtype != object
        return _array_forms(from_json(encode() or b""), value.ndim) if is_table else {}
    if not isinstance(value, (list, tuple)) or hasattr(value, "_fields"):
        return {}
    rows: list[Any] = from_json(encode() or b"")
    if all(isinstance(row, dict) for row in rows):
        return _each(lambda kind: write_rows(kind, rows))
    return {NDJSON: partial(write_rows, NDJSON, rows)}


def _array_forms(rows: list[Any], dimensions: int) -> Forms:
    """Return the forms of an array: without names in CSV, with those of their place in Arrow."""
    if dimensions == 1:
        named, lines = [{"value": cell} for cell in rows], [[cell] for cell in rows]
    else:
        named = [{str(place): cell for place, cell in enumerate(row)} for row in rows]
        lines = rows
    forms = _each(lambda kind: write_rows(kind, named))
    forms |= {kind: partial(write_lines, kind, lines) for kind in (CSV, TSV)}
    return forms | {NDJSON: partial(write_rows, NDJSON, rows)}


def _each(write: Callable[[str], bytes], kinds: tuple[str, ...] = ()) -> Forms:
    return {kind: partial(_sent, write, kind) for kind in kinds or _table_types()}


def _table_types() -> tuple[str, ...]:
    return _TABLES if has_arrow() else (CSV, NDJSON, TSV)


def _sent(write: Callable[[str], bytes], kind: str) -> bytes:
    try:
        return write(kind)
    except NotJson as fault:
        raise ResultInvalid(f"the result can't be sent: {fault}") from None
    except (ValueError, TypeError, OverflowError):  # columns that hold this and that, say
        raise ResultInvalid(f"the result can't be sent as {kind}") from None
