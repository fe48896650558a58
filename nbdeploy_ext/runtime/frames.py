"""JSON to pandas frames, series and indexes, by column and with few Python objects."""

from __future__ import annotations

import struct
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticCustomError

from .arrays import FLOATS, array_of_floats
from .labels import columns_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import ValidationInfo

KINDS = frozenset({"DataFrame", "Series", "Index"})
SCHEMAS: dict[str, dict[str, Any]] = {
    "DataFrame": {
        "anyOf": [
            {"type": "array", "items": {"type": "object"}},
            {"type": "object", "additionalProperties": {"type": "array"}},
            {"type": "object", "additionalProperties": {"type": "object"}},
        ]
    },
    "Series": {"anyOf": [{"type": "array"}, {"type": "object"}]},
    "Index": {"type": "array"},
}
_MESSAGES = {
    "DataFrame": "Input should be a list of records or lists by column",
    "Series": "Input should be a list",
    "Index": "Input should be a list",
}
ROUNDED = {"rounded": True}
"""The context of values whose integers over 64 bits have become floats."""
_LONG = 2.0**63


class MayBeRounded(Exception):
    """A float may have been an integer that is larger; read the JSON again."""


def read_frame(name: str) -> Callable[[Any, ValidationInfo], Any]:
    """Return the reader of a DataFrame (records, or a list for each column), Series or Index."""
    import pandas as pd  # noqa: PLC0415  (only images that have pandas get here)

    kind = getattr(pd, name)
    wrong = PydanticCustomError("table", _MESSAGES[name])
    make = _frame if name == "DataFrame" else _labelled if name == "Series" else _listed

    def read(value: Any, found: ValidationInfo) -> Any:
        if isinstance(value, kind):
            return value
        try:
            return make(pd, value, found.context is ROUNDED)
        except (ValueError, TypeError, AttributeError):
            raise wrong from None

    return read


def _frame(pd: Any, value: Any, is_rounded: bool) -> Any:
    if isinstance(value, list):
        if not all(isinstance(row, dict) for row in value):
            raise TypeError(value)
        return _of_records(pd, value, is_rounded)
    if set(map(type, value.values())) == {dict}:
        _keep_exact(is_rounded)
        return pd.DataFrame(value)  # columns by row label, as pandas' own to_json writes
    if not all(isinstance(column, list) for column in value.values()):
        raise TypeError(value)  # pandas would repeat a number down the rows
    return pd.DataFrame({name: _column(column, is_rounded) for name, column in value.items()})


def _of_records(pd: Any, rows: list[dict[str, Any]], is_rounded: bool) -> Any:
    names = list(rows[0]) if rows else []
    if not names:
        _keep_exact(is_rounded)
        return pd.DataFrame(rows)
    made = _matrix(names, rows)
    if made is not None:  # without whole numbers: none that could have been rounded
        return pd.DataFrame(made, columns=columns_of(pd, names), copy=False)
    if list(chain.from_iterable(rows)) != names * len(rows):
        _keep_exact(is_rounded)
        return pd.DataFrame(rows)
    cells = list(chain.from_iterable(map(dict.values, rows)))
    if set(map(type, cells)) == {float}:
        floats = _floats(cells, is_rounded).reshape(len(rows), -1)
        return pd.DataFrame(floats, columns=columns_of(pd, names), copy=False)
    columns = (cells[place :: len(names)] for place in range(len(names)))
    return pd.DataFrame(dict(zip(names, (_column(c, is_rounded) for c in columns), strict=True)))


def _matrix(names: list[str], rows: list[dict[str, Any]]) -> Any:
    """Return records of floats that have all names and no others as an array, else None."""
    import numpy as np  # noqa: PLC0415  (pandas brings it)

    if set(map(len, rows)) != {len(names)}:
        return None
    # One name too many, as the getter of a single one makes no tuple
    pack, cells = struct.Struct(f"{len(names)}d").pack, itemgetter(*names, names[0])
    try:
        packed = bytearray().join([pack(*cells(row)[:-1]) for row in rows])
    except (KeyError, struct.error, OverflowError):
        return None
    made = array_of_floats(np, packed)
    return None if made is None else made.reshape(len(rows), -1)


def _column(values: list[Any], is_rounded: bool) -> Any:
    """Return numbers as an array, null as NaN; what else there is, pandas knows best."""
    found = set(map(type, values))
    return _floats(values, is_rounded) if found <= FLOATS and found != {int} else values


def _floats(values: list[Any], is_rounded: bool) -> Any:
    import numpy as np  # noqa: PLC0415  (pandas brings it)

    made = np.array(values, dtype=np.float64)
    if is_rounded and made.size and np.abs(made).max() >= _LONG:
        raise MayBeRounded
    return made


def _keep_exact(is_rounded: bool) -> None:
    if is_rounded:  # pandas itself reads what comes now, and nothing looks at its numbers
        raise MayBeRounded


def _labelled(pd: Any, value: Any, is_rounded: bool) -> Any:
    if isinstance(value, list):
        return pd.Series(_column(value, is_rounded))
    if not isinstance(value, dict):
        raise TypeError(value)  # a frame would be a series of its columns
    _keep_exact(is_rounded)
    return pd.Series(value)


def _listed(pd: Any, value: Any, is_rounded: bool) -> Any:
    if not isinstance(value, list):
        raise TypeError(value)
    return pd.Index(_column(value, is_rounded))
