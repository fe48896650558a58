"""Values of the notebook as JSON: numpy, pandas, dataclasses, dates, bytes; NaN is null."""

from __future__ import annotations

import base64
import json
import math
import re
import sys
from collections import deque
from collections.abc import ItemsView, KeysView, Mapping, ValuesView
from dataclasses import fields, is_dataclass
from datetime import timedelta
from itertools import repeat
from typing import Any

import orjson
from pydantic_core import to_jsonable_python

# By us: orjson leaves out fields that begin with an underscore, and 10 ms of a time are 100 to it
_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME

_WRITTEN = frozenset({"f8", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1"})
_PLAIN = frozenset({dict, list, str, float, int, bool, type(None)})
_LISTED = (set, frozenset, tuple, deque, range, KeysView, ValuesView, ItemsView)
_NO_MINUTES = re.compile(r"H(?=[\d.]+S)")
_YEARS = re.compile(r"(-)?P(\d+)Y(?:(\d+)D)?")


class NotJson(Exception):
    """A value has no form in JSON; the message names its type only."""


def dump_value(value: Any) -> bytes:
    """Return any value of the notebook as JSON; `NotJson` names a type that has no such form."""
    try:
        whole = _numbers_of(value) if type(value) not in _PLAIN else None
        return orjson.dumps(value, _written, _OPTIONS) if whole is None else whole
    except TypeError:
        # Large integers, lone surrogates, keys that are no text: the rare, slow way
        return json.dumps(plain_value(value), separators=(",", ":")).encode()


def plain_value(value: Any, *, keeps_nan: bool = False) -> Any:
    """Return what JSON has for a value, at any depth.

    NaN and infinity are None, or stay floats where a check `keeps_nan`.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, float):
        return float(value) if keeps_nan or math.isfinite(value) else None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, dict):
        return {_key(k): plain_value(item, keeps_nan=keeps_nan) for k, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(item, keeps_nan=keeps_nan) for item in value]
    return plain_value(native(value), keeps_nan=keeps_nan)


def native(value: Any) -> Any:
    """Return one object as Python's own types; what is in it may still need the same."""
    converted = _scientific(value)
    if converted is not value:
        return converted
    if isinstance(value, _LISTED):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    if is_plain_dataclass(type(value)):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    try:
        return to_jsonable_python(value, fallback=_foreign)
    except UnicodeDecodeError:
        raise NotJson(f"a {type(value).__qualname__} holds bytes that are no text") from None


def _written(value: Any) -> Any:
    """Return arrays and frames of numbers as JSON that is written already, all else as `native`."""
    numbers = _numbers_of(value)
    return native(value) if numbers is None else orjson.Fragment(numbers)


def _numbers_of(value: Any) -> bytes | None:
    """Return an array or a frame of numbers as JSON, None for any other value."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None and type(value) is numpy.ndarray and _is_written_as_listed(value):
        ordered = numpy.ascontiguousarray(value)
        return orjson.dumps(ordered, option=orjson.OPT_SERIALIZE_NUMPY)
    if pandas is not None and type(value) is pandas.DataFrame:
        return _number_records(numpy, value)
    return None


def _is_written_as_listed(array: Any) -> bool:
    # Shorter floats would be cut to what is exact in their own precision only
    return array.ndim > 0 and array.dtype.isnative and array.dtype.str[1:] in _WRITTEN


def _number_records(np: Any, frame: Any) -> bytes | None:
    """Return a frame's rows as JSON by way of one template; None where it is not all numbers."""
    frame = _indexed(frame)
    columns, names = number_columns(frame), [key_text(name) for name in frame.columns.tolist()]
    is_plain = columns is not None and _is_written_as_listed(columns)
    if not is_plain or not columns.size or len(set(names)) < len(names):
        return None
    flat = np.ascontiguousarray(columns.T).reshape(-1)
    numbers = orjson.dumps(flat, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
    keys = [orjson.dumps(name).replace(b"%", b"%%") for name in names]
    row = b"{%b}" % b",".join(b"%b:%%b" % key for key in keys)
    return b"[%b]" % (b",".join([row] * len(frame)) % tuple(numbers))


def duration_text(value: timedelta) -> str:
    """Return ISO 8601's text, in days at the most: years, as pydantic writes, differ in length.

    Hours are followed by minutes before there are seconds (RFC 3339, appendix A).
    """
    text = _NO_MINUTES.sub("H0M", str(to_jsonable_python(value)))
    years = _YEARS.match(text)
    if years is None:
        return text
    sign, count, days = years.groups(default="0")
    return f"{sign.strip('0')}P{int(count) * 365 + int(days)}D{text[years.end() :]}"


def is_plain_dataclass(kind: type) -> bool:
    """Say whether a class is a dataclass that pydantic knows nothing of."""
    return is_dataclass(kind) and not hasattr(kind, "__pydantic_validator__")


def key_text(key: Any) -> str:
    """Return a column's name, or a dict's key, as text; several levels stand with dots between."""
    if isinstance(key, tuple):  # what was the index has no name on the lower levels
        return ".".join(key_text(part) for part in key if part != "")
    plain = _key(key)
    return plain if isinstance(plain, str) else json.dumps(plain)


def _foreign(value: Any) -> Any:
    converted = _scientific(value)
    if converted is value:
        kind = type(value)
        # What shapely, geopandas and others agreed on: a geometry's GeoJSON
        geometry = getattr(value, "__geo_interface__", None)
        if isinstance(geometry, dict):
            return geometry
        raise NotJson(f"a {kind.__module__}.{kind.__qualname__} is no JSON")
    return converted


def _scientific(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        return _of_numpy(numpy, value)
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(value, (polars.DataFrame, polars.Series)):
        return value.to_dicts() if isinstance(value, polars.DataFrame) else value.to_list()
    return value if pandas is None else _of_pandas(pandas, value)


def _of_numpy(np: Any, value: Any) -> Any:
    kind = value.dtype.kind
    if kind == "M":  # its own list would be nanoseconds since 1970
        listed = np.datetime_as_string(value)
        return np.where(np.isnat(value), None, listed).tolist()
    if kind == "m":
        return value.astype("timedelta64[us]").tolist()
    listed = value.tolist()
    if isinstance(listed, np.generic):  # Python lacks its type: longdouble, say
        return float(value) if kind == "f" else str(value)
    return listed


def _of_pandas(pd: Any, value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        return frame_records(value)
    if isinstance(value, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray)):
        return value.tolist()
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, (pd.Period, pd.Interval)) else value


def flat_frame(frame: Any) -> Any:
    """Return a frame whose columns have names that are text; an index with names is columns."""
    frame = _indexed(frame)
    # As an array: of names that are text pandas makes it twice as fast as a list
    if set(map(type, frame.columns.to_numpy().tolist())) <= {str}:
        return frame
    return frame.set_axis([key_text(name) for name in frame.columns.tolist()], axis=1)


def number_columns(frame: Any) -> Any:
    """Return the columns of a frame that is numbers of one type alone, else None."""
    kinds = set(frame.dtypes.tolist())
    is_numbers = len(kinds) == 1 and getattr(kinds.pop(), "kind", "O") in "biuf"
    # Nullable types of pandas' own have the same letters, and gaps that arrays lack
    columns = frame.to_numpy().T if is_numbers else None
    return columns if columns is not None and columns.dtype != object else None


def _indexed(frame: Any) -> Any:
    named = [name for name in frame.index.names if name is not None]
    if not named:
        return frame
    # As `set_index(…, drop=False)` leaves them
    twice = [name for name in named if name in frame.columns and _is_index(frame, name)]
    return (frame.drop(columns=twice) if twice else frame).reset_index(allow_duplicates=True)


def _is_index(frame: Any, name: Any) -> bool:
    """Say whether the column of a name is the index of that name once more."""
    column, pandas = frame[name], sys.modules["pandas"]
    is_one = column.ndim == 1 and list(frame.index.names).count(name) == 1
    return is_one and bool(frame.index.get_level_values(name).equals(pandas.Index(column)))


def frame_records(frame: Any) -> list[dict[str, Any]]:
    """Return a frame's rows as dicts by column; an index that has names is columns, too.

    `NotJson` where two columns have one name as text.
    """
    frame = _indexed(frame)
    names = [key_text(name) for name in frame.columns.tolist()]
    if not names:
        return [{} for _ in range(len(frame))]
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise NotJson(f"a table has two columns named {json.dumps(twice)}")
    numbers = number_columns(frame)
    columns = numbers.tolist() if numbers is not None else [c.tolist() for _, c in frame.items()]
    return list(map(dict, map(zip, repeat(names), zip(*columns, strict=True))))


def _key(key: Any) -> str | int | float | bool | None:
    if isinstance(key, tuple):
        return key_text(key)
    plain = plain_value(key)
    return plain if plain is None or isinstance(plain, (str, int, float, bool)) else str(key)
