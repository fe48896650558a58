"""JSON to numpy arrays and pandas frames, as strict as JSON to numbers: text is no number."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, get_args

from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Callable


def scalar_of(kind: Any) -> type | None:
    """Return Python's own type for a numpy scalar type, or None for anything else."""
    np = sys.modules.get("numpy")
    if np is None or not isinstance(kind, type):
        return None
    pairs = ((np.bool_, bool), (np.integer, int), (np.floating, float), (np.str_, str))
    return next((own for base, own in pairs if issubclass(kind, base)), None)


def read_array(hint: Any) -> Callable[[Any], Any]:
    """Return the reader of `numpy.ndarray` or `NDArray[dtype]`; null is NaN among floats."""
    import numpy as np  # noqa: PLC0415  (only images that have numpy get here)

    dtype = _dtype(hint, np)
    wrong = PydanticCustomError("array", "Input should be an array of its element type")
    kinds = {np.bool_: "b", np.integer: "iu", np.floating: "iuf", np.number: "iufc", np.str_: "U"}
    allowed = next((k for base, k in kinds.items() if dtype and issubclass(dtype, base)), "")

    def read(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value
        if not isinstance(value, list):
            raise wrong
        try:
            found = np.asarray(value)
            if found.dtype.kind == "O" and _is_gapped(found):
                found = np.asarray(value, dtype=float)
            if found.dtype.kind == "O" or (
                found.size and allowed and found.dtype.kind not in allowed
            ):
                raise wrong
            # From the values, not from `found`: numbers that don't fit are refused, not wrapped
            concrete = dtype is not None and found.dtype.type is not dtype and _is_concrete(dtype)
            return _converted(np, value, found, dtype) if concrete else found
        except (ValueError, TypeError, OverflowError):
            raise wrong from None

    return read


def read_frame(name: str) -> Callable[[Any], Any]:
    """Return the reader of a DataFrame (records, or a list for each column) or a Series."""
    import pandas as pd  # noqa: PLC0415  (only images that have pandas get here)

    kind = getattr(pd, name)
    wrong = PydanticCustomError("table", "Input should be a list of records or lists by column")

    def read(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        rows = isinstance(value, list) and (
            name == "Series" or all(isinstance(row, dict) for row in value)
        )
        if not rows and not isinstance(value, dict):
            raise wrong
        try:
            return kind(value)
        except (ValueError, TypeError):
            raise wrong from None

    return read


def _dtype(hint: Any, np: Any) -> Any:
    arguments = get_args(hint)
    inner = get_args(arguments[1]) if len(arguments) == 2 else ()
    is_known = bool(inner) and isinstance(inner[0], type) and issubclass(inner[0], np.generic)
    return inner[0] if is_known and inner[0] is not np.generic else None


def _is_concrete(dtype: Any) -> bool:
    # float64 can be made, the abstract floating can't: only abstract ones have numpy subclasses
    return not any(sub.__module__ == "numpy" for sub in type.__subclasses__(dtype))


def _is_gapped(found: Any) -> bool:
    return all(
        x is None or (isinstance(x, (int, float)) and not isinstance(x, bool)) for x in found.flat
    )


def _converted(np: Any, value: Any, found: Any, dtype: Any) -> Any:
    gaps = found.dtype.kind == "f"
    return found.astype(dtype) if gaps else np.asarray(value, dtype=dtype)
