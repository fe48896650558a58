"""Text of a CSV file as the JSON that an argument's schema asks for."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..values import plain_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ABSENT: Any = object()
"""What a cell says that leaves an argument to its default."""
_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|nan|inf)", re.IGNORECASE)
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TRUTH = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class Cell:
    """How one column is read, by what its argument may be.

    `kinds` are JSON types and formats of times, `choices` fixed values; with neither, the
    argument has no hint. `optional` says that there is a default.
    """

    kinds: frozenset[str] = frozenset()
    choices: tuple[Any, ...] = ()
    optional: bool = False

    def read(self, text: str) -> Any:
        """Return what JSON has for the text, `ABSENT` for the default; wrong text stays text."""
        if not text:
            return self._empty()
        if self.choices:
            return next((c for c in self.choices if spell(c) == text), text)
        if not self.kinds:
            return guess(text)
        for kind, read in _READERS:
            if kind in self.kinds and (found := read(text)) is not ABSENT:
                return found
        return text

    def fit(self, value: Any) -> Any:
        """Return a typed table's value as the argument has it: tables with gaps make 3 a 3.0.

        Databases' numbers are decimals, and their days are days where a time is wanted.
        """
        if value is None and self.optional:
            return ABSENT
        if isinstance(value, Decimal) and self.kinds & {"integer", "number"}:
            return self._number(value)
        if type(value) is date and self.kinds & {"date", "date-time"} == {"date-time"}:
            return _moment(value.isoformat())
        if isinstance(value, float) and self.kinds & {"integer", "number"} == {"integer"}:
            if value.is_integer():
                return int(value)
            return None if value != value and "null" in self.kinds else value  # noqa: PLR0124
        return value

    def _number(self, value: Decimal) -> Any:
        if "string" in self.kinds or not value.is_finite():  # the argument is a decimal itself
            return value
        is_whole = "integer" in self.kinds and value == value.to_integral_value()
        return int(value) if is_whole else float(value)

    def _empty(self) -> Any:
        if self.optional:
            return ABSENT
        return "" if "string" in self.kinds and "null" not in self.kinds else None


def cell_of(schema: Mapping[str, Any], shared: Mapping[str, Any], *, optional: bool) -> Cell:
    """Return how to read a column whose argument has this JSON Schema; `shared` are its `$defs`."""
    parts = list(alternatives(schema, shared))
    choices = [c for part in parts for c in _choices(part)]
    kinds = {part["type"] for part in parts if isinstance(part.get("type"), str)}
    kinds |= {part["format"] for part in parts if part.get("format") in {"date", "date-time"}}
    if any(not part.keys() & {"type", "enum", "const"} for part in parts):
        return Cell(optional=optional)
    free = [part for part in parts if not _choices(part) and part.get("type") != "null"]
    return Cell(frozenset(kinds), () if free else tuple(choices), optional)


def alternatives(
    schema: Mapping[str, Any], shared: Mapping[str, Any], depth: int = 8
) -> Iterator[Mapping[str, Any]]:
    """Yield the schemas of which a value has to fit one, with references followed."""
    if "$ref" in schema and depth:
        target = shared.get(schema["$ref"].rpartition("/")[2], {})
        yield from alternatives(target, shared, depth - 1)
        return
    inner = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    if not inner or not depth:
        yield schema
    for part in inner:
        yield from alternatives(part, shared, depth - 1)


def guess(text: str) -> Any:
    """Return text that has no hint: JSON's numbers, true and false are such, the rest is text."""
    if _JSON_NUMBER.fullmatch(text):  # so that 007 stays the text that it is
        return int(text) if _WHOLE.fullmatch(text) else float(text)
    return {"true": True, "false": False, "": None}.get(text.lower(), text)


def guess_columns(
    rows: Sequence[Mapping[str, str]], missing: frozenset[str] = frozenset()
) -> list[dict[str, Any]]:
    """Return rows with each column of one kind: all numbers, all truths, or all text.

    `missing` are what cells that are not there say, beside nothing.
    """
    names = rows[0].keys() if rows else ()
    columns = {name: _column([row[name] for row in rows], missing) for name in names}
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def spell(value: Any) -> str:
    """Return a value as a CSV file has it."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and math.isinf(value):  # which JSON has not
        return str(value)
    plain = plain_value(value)
    if plain is None or isinstance(plain, str):
        return plain or ""
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def spell_or_none(value: Any) -> str | None:
    """Return the same as UTF-8 has it, but None where there is no value."""
    return None if value is None else utf8(spell(value)).decode()


def utf8(text: str) -> bytes:
    """Return text as a file has it: half a surrogate pair, which JSON may hold, is replaced."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _column(texts: list[str], missing: frozenset[str]) -> list[Any]:
    present = ["" if text in missing else text for text in texts]
    guessed = [guess(text) for text in present]
    kinds = {bool if value is True or value is False else type(value) for value in guessed}
    kinds -= {type(None)}
    if kinds <= {int, float} or kinds == {bool}:
        return guessed
    return [text or None for text in present]


def _choices(schema: Mapping[str, Any]) -> list[Any]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def _whole(text: str) -> Any:
    try:
        return int(text) if _WHOLE.fullmatch(text.strip()) else ABSENT
    except ValueError:  # more digits than Python reads
        return ABSENT


def _gapped(text: str) -> Any:
    """Read whole numbers of columns that had gaps once: pandas writes 3.0."""
    number = _real(text)
    return int(number) if number is not ABSENT and number.is_integer() else ABSENT


def _real(text: str) -> Any:
    return float(text) if _NUMBER.fullmatch(text.strip()) else ABSENT


def _moment(text: str) -> Any:
    return f"{text}T00:00:00" if _DAY.fullmatch(text) else ABSENT


def _truth(text: str) -> Any:
    return _TRUTH.get(text.strip().lower(), ABSENT)


def _nested(text: str) -> Any:
    try:
        return json.loads(text) if text.lstrip()[:1] in {"[", "{"} else ABSENT
    except (ValueError, RecursionError):
        return ABSENT


_READERS = (
    ("integer", _whole), ("number", _real), ("integer", _gapped), ("boolean", _truth),
    ("array", _nested), ("object", _nested), ("date", lambda text: text), ("date-time", _moment),
)  # fmt: skip
