"""JSON to arguments and results to JSON, by the functions' type hints."""

from __future__ import annotations

import base64
import inspect
import math
import sys
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import (
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    PydanticSchemaGenerationError,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, to_jsonable_python
from typing_extensions import NotRequired, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable

_MULTIPLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_STREAMS = frozenset({"Iterator", "Generator", "AsyncIterator", "AsyncGenerator", "Iterable"})


class ArgumentsInvalid(Exception):
    """A request's arguments are wrong; `problems` name each without its value."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        """Keep the problems: argument, location, message."""
        super().__init__(problems[0]["message"])
        self.problems = problems


class BodyUnreadable(Exception):
    """A request's body is not JSON."""


class ResultInvalid(Exception):
    """A function returned what its own hint does not allow."""


@dataclass(frozen=True)
class Codec:
    """One function's arguments and result, compiled once."""

    arguments: TypeAdapter[dict[str, Any]]
    result: TypeAdapter[Any] | None
    positional: tuple[str, ...]

    def decode(self, body: bytes) -> dict[str, Any]:
        """Return the arguments in a JSON object; `BodyUnreadable`, `ArgumentsInvalid`."""
        try:
            return self.arguments.validate_json(body or b"{}", strict=True)
        except ValidationError as fault:
            problems = fault.errors(include_url=False, include_input=False, include_context=False)
            if problems[0]["type"] == "json_invalid":
                raise BodyUnreadable(problems[0]["msg"]) from None
            raise ArgumentsInvalid([_problem(p["loc"], p["msg"]) for p in problems]) from None

    def encode(self, value: Any) -> bytes:
        """Return a result as JSON, NaN as null; `ResultInvalid` when it is not as hinted."""
        plain = plain_value(value)
        if self.result is not None:
            try:
                checked = self.result.validate_python(value if _kept(value) else plain)
            except ValidationError as fault:
                place = ".".join(map(str, fault.errors(include_input=False)[0]["loc"]))
                message = f"the result is not as hinted{f' at {place}' if place else ''}"
                raise ResultInvalid(message) from None
            return self.result.dump_json(checked)
        return _ANY.dump_json(plain, fallback=plain_value)

    def schemas(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return JSON Schema of arguments and result."""
        result = self.result.json_schema(mode="serialization") if self.result else {}
        return self.arguments.json_schema(), result


_ANY: TypeAdapter[Any] = TypeAdapter(Any)


def compile_codec(function: Callable[..., Any]) -> Codec:
    """Read a function's hints; what can't be checked is passed through as JSON."""
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError):
        hints = {}
    fields: dict[str, Any] = {}
    extra: typing.Literal["allow", "forbid"] = "forbid"
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in _MULTIPLE:
            extra = "allow" if parameter.kind is parameter.VAR_KEYWORD else extra
            continue
        hint = adapt(hints.get(name, Any))
        fields[name] = hint if parameter.default is parameter.empty else NotRequired[hint]
    shape: Any = _shape(fields)
    shape.__pydantic_config__ = ConfigDict(extra=extra)
    positional = (
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.POSITIONAL_ONLY
    )
    return Codec(TypeAdapter(shape), _result_adapter(hints.get("return", Any)), tuple(positional))


def _shape(fields: dict[str, Any]) -> Any:
    make: Any = TypedDict  # mypy knows only literal ones; this is made from a signature
    return make("Arguments", fields)


def adapt(hint: Any) -> Any:
    """Return a hint that pydantic knows: arrays, frames, series and bytes get codecs of ours."""
    origin = get_origin(hint) or hint
    module, name = getattr(origin, "__module__", ""), getattr(origin, "__name__", "")
    if module.split(".")[0] == "numpy" and name == "ndarray":
        return Annotated[Any, PlainValidator(_array(hint)), WithJsonSchema({"type": "array"}),
                         PlainSerializer(plain_value)]  # fmt: skip
    if module.split(".")[0] == "pandas" and name in {"DataFrame", "Series"}:
        items = {"items": {"type": "object"}} if name == "DataFrame" else {}
        return Annotated[Any, PlainValidator(_pandas(name)), PlainSerializer(plain_value),
                         WithJsonSchema({"type": "array", **items})]  # fmt: skip
    if hint is bytes:
        schema = WithJsonSchema({"type": "string", "contentEncoding": "base64"})
        return Annotated[bytes, PlainValidator(_decoded), PlainSerializer(plain_value), schema]
    return hint


def plain_value(value: Any) -> Any:  # noqa: C901  (a flat list of types)
    """Return numpy's and pandas' objects, bytes and NaN, at any depth, as what JSON has."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_key(k): plain_value(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return [plain_value(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        return plain_value(value.tolist())
    if pandas is not None and isinstance(value, pandas.DataFrame):
        return plain_value(value.to_dict(orient="records"))
    if pandas is not None and isinstance(value, pandas.Series):
        return plain_value(value.tolist())
    if pandas is not None and value is pandas.NaT:
        return None
    if type(value).__module__ == "builtins":
        return value
    return to_jsonable_python(value, inf_nan_mode="null", fallback=str)


def _key(key: Any) -> Any:
    return key.item() if hasattr(key, "item") else key


def _kept(value: Any) -> bool:
    """Whether pydantic has to see the object itself: dataclasses, models, enums, dates."""
    return type(value).__module__ not in {"builtins", "numpy"}


def _result_adapter(hint: Any) -> TypeAdapter[Any] | None:
    name = getattr(get_origin(hint), "__name__", "")
    if hint is Any or name in _STREAMS:
        return None
    try:
        return TypeAdapter(adapt(hint))
    except PydanticSchemaGenerationError:
        return None


def _array(hint: Any) -> Callable[[Any], Any]:
    import numpy as np  # noqa: PLC0415  (only images that have numpy get here)

    arguments = get_args(hint)
    inner = get_args(arguments[1]) if len(arguments) == 2 else ()
    dtype = inner[0] if inner and isinstance(inner[0], type) else None

    def read(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value
        try:
            return np.asarray(value, dtype=dtype)
        except (ValueError, TypeError):
            raise PydanticCustomError("array", "Input should be an array of numbers") from None

    return read


def _pandas(name: str) -> Callable[[Any], Any]:
    import pandas as pd  # noqa: PLC0415  (only images that have pandas get here)

    kind = getattr(pd, name)

    def read(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        if not isinstance(value, (list, dict)):
            raise PydanticCustomError("table", "Input should be a list of records or columns")
        try:
            return kind(value)
        except (ValueError, TypeError):
            raise PydanticCustomError("table", "Input should be a table") from None

    return read


def _decoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (ValueError, TypeError):
        raise PydanticCustomError("base64", "Input should be base64 text") from None


def _problem(loc: tuple[int | str, ...], message: str) -> dict[str, Any]:
    argument = str(loc[0]) if loc else ""
    place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in loc[1:])
    return {"argument": argument, "location": f"{argument}{place}", "message": message}
