"""One argument from text or from a file, by its hint: of a form, a query, a body as a whole."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import from_json

from .arrow import read_arrow
from .faults import ArgumentsInvalid, BodyUnreadable, describe
from .media import ARROW, JSON, NDJSON, TABLES
from .roles import is_array, is_file, is_files, is_frame, is_polars_frame
from .tables import decode_text, guess, read_frame_from, read_json_lines, read_lines
from .values import dump_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .codec import Codec

_YES = frozenset({"true", "on", "yes", "1"})
_NO = frozenset({"false", "off", "no", "0"})
_NO_TABLE = "Input should be a file of CSV, TSV, JSON, JSON lines, Parquet or Arrow"


class File(NamedTuple):
    """A body, or a part of one, with its media type and charset."""

    content: bytes
    kind: str
    charset: str = "utf-8"


def read_texts(codec: Codec, name: str, texts: list[str]) -> Any:
    """Return an argument from the text of a field, from several for one that was sent again."""
    return codec.check(name, dump_value(json_of_texts(codec, name, texts)))


def json_of_texts(codec: Codec, name: str, texts: list[str]) -> Any:
    """Return the JSON that a field's text means to its hint; its text where it means nothing."""
    for value in _readings(texts):
        with suppress(ArgumentsInvalid):
            codec.check(name, dump_value(value))
            return value
    return texts[0] if len(texts) == 1 else texts


def read_file(codec: Codec, name: str, files: list[File]) -> Any:
    """Return an argument from the file that was sent for it, or the files."""
    hint, file = codec.hints.get(name, Any), files[0]
    if is_files(hint):
        return codec.check_value(name, [file.content for file in files])
    if len(files) > 1:
        raise ArgumentsInvalid([describe(name, "Input should be one file")])
    if is_file(hint):
        return codec.check_value(name, file.content)
    if file.kind == JSON:
        return codec.check(name, file.content)
    if file.kind == NDJSON:
        lines = read_json_lines(file.content, file.charset)
        return codec.check(name, _without_names(lines) if is_array(hint) else lines)
    if file.kind in TABLES and hint is not str:
        return _read_table(codec, name, file)
    if is_frame(hint):
        return _frame_of_text(codec, name, file)
    text = decode_text(file.content, file.charset)
    return text if hint is str else read_texts(codec, name, [text])


def _frame_of_text(codec: Codec, name: str, file: File) -> Any:
    """Return the frame in a file of no known type, which may be JSON."""
    try:
        return read_texts(codec, name, [decode_text(file.content, file.charset)])
    except (ArgumentsInvalid, BodyUnreadable):
        raise ArgumentsInvalid([describe(name, _NO_TABLE)]) from None


def _readings(texts: list[str]) -> Iterator[Any]:
    if len(texts) == 1:
        yield from _meanings(texts[0])
    yield [next(_meanings(text)) for text in texts]
    yield texts


def _meanings(text: str) -> Iterator[Any]:
    """Yield what text may mean: JSON, itself, then what forms and people write."""
    with suppress(ValueError):
        yield from_json(text, allow_inf_nan=False)
    yield text
    word = text.strip().lower()
    if word in _YES | _NO:
        yield word in _YES
    if not word:
        yield None
    with suppress(ValueError):
        yield float(text)


def _read_table(codec: Codec, name: str, file: File) -> Any:
    hint = codec.hints[name]
    if is_polars_frame(hint):
        from .polars_frames import read_polars_from  # noqa: PLC0415  (only images with polars)

        return read_polars_from(file.kind, file.content, file.charset)
    if is_frame(hint):
        return read_frame_from(file.kind, file.content, file.charset)
    if file.kind in ARROW:
        rows: list[Any] = read_arrow(file.kind, file.content).to_pylist()
        cells = _vector([list(row.values()) for row in rows]) if is_array(hint) else rows
        return codec.check(name, dump_value(cells))
    lines = read_lines(file.kind, file.content, file.charset)
    if is_array(hint):
        return codec.check(name, dump_value(_cells(lines)))
    return _read_rows(codec, name, lines)


def _without_names(lines: bytes) -> bytes:
    """Return JSON of records as that of their values, column by column; any other as it is."""
    try:
        rows = from_json(lines)
    except ValueError:
        return lines  # whoever checks it says so
    names = rows[0].keys() if rows and isinstance(rows[0], dict) else ()
    if not names or any(not isinstance(row, dict) or row.keys() != names for row in rows):
        return lines
    return dump_value(_vector([[row[name] for name in names] for row in rows]))


def _cells(lines: list[list[str]]) -> list[Any]:
    """Return cells as JSON; a first line of text above numbers names the columns."""
    rows = [[guess(cell) for cell in line] for line in lines]
    is_head = len(rows) > 1 and all(isinstance(cell, str) for cell in rows[0])
    if is_head and not all(isinstance(cell, str) for cell in rows[1]):
        rows = rows[1:]
    return _vector(rows)


def _vector(rows: list[list[Any]]) -> list[Any]:
    """Return one column as a list of its cells, as numpy's own reader does."""
    return [row[0] for row in rows] if all(len(row) == 1 for row in rows) else rows


def _read_rows(codec: Codec, name: str, lines: list[list[str]]) -> Any:
    """Read rows by the hints of their fields; empty cells are missing, or else empty text."""
    heads, body = (lines[0], lines[1:]) if lines else ([], [])
    for place, line in enumerate(body, 2):
        if len(line) != len(heads):
            raise BodyUnreadable(f"Row {place} of the body has not as many cells as the first.")
    texts = [dict(zip(heads, line, strict=True)) for line in body]
    if _is_free(codec, name):
        guessed = [{key: guess(text) for key, text in row.items()} for row in texts]
        return codec.check(name, dump_value(guessed))
    return _with_gaps(codec, name, texts)


def _with_gaps(codec: Codec, name: str, texts: list[dict[str, str]]) -> Any:
    """Read rows whose empty cells are, column by column, missing, or else null, or else text."""
    ways = {head: 0 for row in texts for head, text in row.items() if not text}
    while True:
        rows = [
            {head: text or (None, None, "")[ways[head]] for head, text in row.items()
             if text or ways[head]}
            for row in texts
        ]  # fmt: skip
        try:
            return codec.check_texts(name, dump_value(rows))
        except ArgumentsInvalid as fault:
            places = [problem["location"] for problem in fault.problems]
            wrong = [h for h in ways if ways[h] < 2 and any(p.endswith(f".{h}") for p in places)]
            if not wrong:
                raise
            ways |= {head: ways[head] + 1 for head in wrong}


def _is_free(codec: Codec, name: str) -> bool:
    """Say whether cells may be anything: then text that is a number is one."""
    with suppress(ArgumentsInvalid):
        codec.check(name, b'[{"a": 1}, {"a": "x"}, {"a": null}]')
        return True
    return False
