"""JSON to numpy arrays, as strict as JSON to numbers: text is no number."""

from __future__ import annotations

import struct
import sys
from itertools import chain
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FLOATS = frozenset({float, int, NoneType})
_NOTHING: frozenset[type] = frozenset()
_ELEMENTS = {
    "b": frozenset({bool}), "i": frozenset({int}), "u": frozenset({int}), "f": FLOATS,
    "n": FLOATS, "U": frozenset({str}), "M": frozenset({str, NoneType}),
}  # fmt: skip
_WORDS = {"b": "booleans", "i": "whole numbers", "u": "whole numbers", "f": "numbers",
          "n": "numbers", "U": "text", "M": "dates in ISO 8601"}  # fmt: skip
_SCHEMAS: dict[str, dict[str, Any]] = {
    "b": {"type": "boolean"},
    "i": {"type": "integer"},
    "u": {"type": "integer"},
    "f": {"type": ["number", "null"]},
    "n": {"type": ["number", "null"]},
    "U": {"type": "string"},
    "M": {"type": ["string", "null"]},
}
_RAGGED = PydanticCustomError(
    "array", "Input should be an array whose lists have the same length and depth"
)


class _RaggedError(ValueError):
    """Lists side by side are not alike."""


def scalar_of(kind: Any) -> type | None:
    """Return Python's own type for a numpy scalar type, or None for anything else."""
    np = sys.modules.get("numpy")
    if np is None or not isinstance(kind, type):
        return None
    pairs = ((np.bool_, bool), (np.integer, int), (np.floating, float), (np.str_, str))
    return next((own for base, own in pairs if issubclass(kind, base)), None)


def concrete_of(kind: Any) -> Any:
    """Return the scalar type that is made for a numpy one, which may be abstract as `floating`."""
    import numpy as np  # noqa: PLC0415  (only images that have numpy get here)

    made = {"i": np.int64, "u": np.uint64, "f": np.float64}
    return kind if _is_concrete(kind) else made.get(_kind(kind, np), kind)


def span_of(kind: Any) -> dict[str, Any]:
    """Return the least and the largest number of a numpy scalar type, as JSON Schema has it."""
    import numpy as np  # noqa: PLC0415  (the same)

    made = concrete_of(kind) if kind is not None else None
    if _kind(made, np) in {"i", "u"}:
        return {"minimum": int(np.iinfo(made).min), "maximum": int(np.iinfo(made).max)}
    if made in {np.float16, np.float32}:  # of wider ones JSON's own numbers are
        return {"minimum": float(np.finfo(made).min), "maximum": float(np.finfo(made).max)}
    return {}


def read_date(text: str) -> Any:
    """Return text in ISO 8601 as `numpy.datetime64`, which knows no zone but UTC; `ValueError`."""
    import numpy as np  # noqa: PLC0415  (the same)

    return np.datetime64(text.removesuffix("Z"))


def read_array(hint: Any, shape: Sequence[int | None] | None = None) -> Callable[[Any], Any]:
    """Return the reader of `numpy.ndarray` or `NDArray[dtype]`; null is NaN among floats.

    `shape` has the length of each dimension, None where any will do.
    """
    import numpy as np  # noqa: PLC0415  (only images that have numpy get here)

    dtype = _dtype(hint, np)
    lengths = shape if shape is not None else hinted_shape(hint)
    wrong = PydanticCustomError("array", _element_message(dtype, np))
    misshapen = PydanticCustomError("array", _shape_message(lengths or ()))

    def read(value: Any) -> Any:
        if not isinstance(value, (np.ndarray, list)):
            raise wrong
        try:
            array = value if isinstance(value, np.ndarray) else _read_list(np, value, dtype)
        except _RaggedError:
            raise _RAGGED from None
        except (ValueError, TypeError, ArithmeticError):
            raise wrong from None
        if lengths is not None and not _has_shape(array, lengths):
            raise misshapen
        return array

    return read


def array_schema(hint: Any, shape: Sequence[int | None] | None = None) -> dict[str, Any]:
    """Return the JSON Schema of what `read_array` reads."""
    import numpy as np  # noqa: PLC0415  (the same)

    lengths = shape if shape is not None else hinted_shape(hint)
    if lengths is None:
        return {"type": "array"}
    dtype = _dtype(hint, np)
    schema = {**_SCHEMAS.get(_kind(dtype, np), {}), **span_of(dtype)}
    for length in reversed(lengths):
        schema = {"type": "array", "items": schema} if schema else {"type": "array"}
        if length is not None:
            schema |= {"minItems": length, "maxItems": length}
    return schema


def hinted_shape(hint: Any) -> tuple[int | None, ...] | None:
    """Return the shape that `ndarray[tuple[int, Literal[3]], …]` says; None for any at all."""
    dimensions = get_args((*get_args(hint), None)[0])
    if not dimensions or dimensions[-1] is ... or Any in dimensions:
        return None
    return tuple(get_args(d)[0] if get_origin(d) is Literal else None for d in dimensions)


def _read_list(np: Any, value: list[Any], dtype: Any) -> Any:
    kind = _kind(dtype, np)
    if kind == "O":
        return np.array(value, dtype=object)
    if kind == "f" and (dtype is np.float64 or not _is_concrete(dtype)):
        made = _packed(np, value)
        if made is not None:
            return made
    flat, shape, found = _flat(value)
    if not found <= _ELEMENTS.get(kind or _kind_of(found), _NOTHING):
        raise ValueError(kind)
    return _MAKERS.get(kind, _numbers)(np, flat, dtype).reshape(shape)


def _packed(np: Any, values: list[Any]) -> Any:
    try:
        return array_of_floats(np, bytearray(struct.pack(f"{len(values)}d", *values)))
    except (struct.error, OverflowError):
        return None


def array_of_floats(np: Any, packed: bytearray) -> Any:
    """Return packed floats as an array; None where something else may have been packed.

    Packing takes what can be made a float, so whole numbers need a closer look. This is four times
    as quick as asking each element for its type and letting numpy find theirs again.
    """
    made = np.frombuffer(packed)
    return made if not (made == np.rint(made)).any() else None


def _flat(value: list[Any]) -> tuple[list[Any], list[int], set[type]]:
    """Return the elements of nested lists, the shape that they have, and their types.

    Raises `_RaggedError`.
    """
    shape = [len(value)]
    while list in (found := set(map(type, value))):
        lengths = set(map(len, value)) if len(found) == 1 else ()
        if len(lengths) != 1:
            raise _RaggedError(shape)
        shape += lengths
        value = list(chain.from_iterable(value))
    return value, shape, found


def _kind_of(found: set[type]) -> str:
    return next((k for k in ("i", "f", "b", "U") if found <= _ELEMENTS[k]), "")


def _numbers(np: Any, flat: list[Any], dtype: Any) -> Any:
    """Make an array of a type that the elements fit, or of a concrete `dtype`."""
    concrete = dtype if _is_concrete(dtype) else None
    return np.array(flat, dtype=concrete or (np.float64 if not flat or None in flat else None))


def _floats(np: Any, flat: list[Any], dtype: Any) -> Any:
    made = np.array(flat, dtype=np.float64)
    # What is too large for float32 is refused, not made infinite
    with np.errstate(over="raise"):
        return made.astype(dtype) if _is_concrete(dtype) and dtype is not np.float64 else made


def _integers(np: Any, flat: list[Any], dtype: Any) -> Any:
    if not _is_concrete(dtype):
        return np.array(flat, dtype=np.int64)
    span = np.iinfo(dtype)
    if flat and not span.min <= min(flat) <= max(flat) <= span.max:
        raise OverflowError(dtype)  # where numpy might wrap
    return np.array(flat, dtype=dtype)


def _dates(np: Any, flat: list[Any], _: Any) -> Any:
    plain = [text if text is None else text.removesuffix("Z") for text in flat]
    return np.array(plain, dtype="datetime64[ns]")


_MAKERS: dict[str, Callable[[Any, list[Any], Any], Any]] = {
    "f": _floats, "i": _integers, "u": _integers, "M": _dates,
}  # fmt: skip


def _dtype(hint: Any, np: Any) -> Any:
    arguments = get_args(hint)
    inner = get_args(arguments[1]) if len(arguments) == 2 else ()
    is_known = bool(inner) and isinstance(inner[0], type) and issubclass(inner[0], np.generic)
    return inner[0] if is_known and inner[0] is not np.generic else None


def _kind(dtype: Any, np: Any) -> str:
    """Return numpy's letter for a scalar type, abstract ones included; empty for any."""
    kinds = {np.bool_: "b", np.unsignedinteger: "u", np.integer: "i", np.floating: "f",
             np.number: "n", np.str_: "U", np.datetime64: "M", np.object_: "O"}  # fmt: skip
    return next((k for base, k in kinds.items() if dtype and issubclass(dtype, base)), "")


def _is_concrete(dtype: Any) -> bool:
    # float64 can be made, the abstract floating can't: only abstract ones have numpy subclasses
    return dtype is not None and not any(
        sub.__module__ == "numpy" for sub in type.__subclasses__(dtype)
    )


def _has_shape(array: Any, lengths: Sequence[int | None]) -> bool:
    return array.ndim == len(lengths) and all(
        want is None or want == is_ for want, is_ in zip(lengths, array.shape, strict=True)
    )


def _element_message(dtype: Any, np: Any) -> str:
    kind = _kind(dtype, np)
    words = _WORDS.get(kind, "numbers, of booleans or of text")
    exact = f" ({dtype.__name__})" if kind in {"i", "u", "f"} and _is_concrete(dtype) else ""
    return f"Input should be an array of {words}{exact}"


def _shape_message(lengths: Sequence[int | None]) -> str:
    sizes = " x ".join("any" if length is None else str(length) for length in lengths)
    return f"Input should be an array of shape {sizes}"
