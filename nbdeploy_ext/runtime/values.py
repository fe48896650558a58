"""Values of the notebook as JSON: numpy, pandas, dataclasses, dates, bytes; NaN is null."""

from __future__ import annotations

import base64
import json
import math
import sys
from typing import Any

from pydantic_core import to_jsonable_python


class NotJson(Exception):
    """A value has no form in JSON; the message names its type only."""


def dump_value(value: Any) -> bytes:
    """Return any value of the notebook as JSON; `NotJson` names a type that has no such form."""
    try:
        # The C encoder asks for what it doesn't know, and refuses NaN: the rare, slow way
        text = json.dumps(
            value, default=native, allow_nan=False, ensure_ascii=False, separators=(",", ":")
        )
        return text.encode()
    except (ValueError, TypeError):
        return json.dumps(plain_value(value), separators=(",", ":")).encode()


def plain_value(value: Any) -> Any:
    """Return what JSON has for a value, at any depth; NaN and infinity are None."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, dict):
        return {_key(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(item) for item in value]
    return plain_value(native(value))


def native(value: Any) -> Any:
    """Return one object as Python's own types; what is in it may still need the same."""
    converted = _scientific(value)
    if converted is not value:
        return converted
    return to_jsonable_python(value, fallback=_foreign)


def _foreign(value: Any) -> Any:
    converted = _scientific(value)
    if converted is value:
        kind = type(value)
        raise NotJson(f"a {kind.__module__}.{kind.__qualname__} is no JSON")
    return converted


def _scientific(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        # A scalar of a type that Python lacks (longdouble, say) stays what it is
        listed = value.tolist()
        return str(value) if listed is value else listed
    if pandas is None:
        return value
    if isinstance(value, pandas.DataFrame):
        return value.to_dict(orient="records")
    if isinstance(value, (pandas.Series, pandas.Index)):
        return value.tolist()
    return None if value is pandas.NaT or value is pandas.NA else value


def _key(key: Any) -> str | int | float | bool | None:
    plain = key.item() if hasattr(key, "item") else key
    return plain if plain is None or isinstance(plain, (str, int, float, bool)) else str(plain)
