"""Type hints as pydantic knows them: arrays, frames, bytes and typing's own TypedDict included."""

from __future__ import annotations

import base64
import dataclasses
import types
import typing
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import (
    AfterValidator,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    WrapSerializer,
)
from pydantic_core import PydanticCustomError, core_schema
from typing_extensions import NotRequired, Required, TypedDict

from .arrays import read_array, read_frame, scalar_of
from .values import plain_value

if TYPE_CHECKING:
    from collections.abc import Callable

_LEFT_ALONE = frozenset({"Callable", "Literal", "LiteralString"})


def adapt(hint: Any, seen: frozenset[Any] = frozenset()) -> Any:
    """Return `hint`, or one that means the same and that pydantic can read, at any depth."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *metadata = get_args(hint)
        adapted = adapt(inner, seen)
        return hint if adapted is inner else _annotated(adapted, metadata)
    special = _special(hint, origin or hint)
    if special is not None:
        return special
    if typing.is_typeddict(hint) and hint not in seen:
        return _typed_dict(hint, seen | {hint})
    if isinstance(hint, type) and _is_plain_dataclass(hint) and hint not in seen:
        return _dataclass(hint, seen | {hint})
    return _generic(hint, origin, seen)


def typed_dict(name: str, fields: dict[str, Any]) -> Any:
    """Make a TypedDict whose keys are known at run time only."""
    make: Any = TypedDict  # mypy knows only literal ones
    return make(name, fields)


def _annotated(hint: Any, metadata: list[Any]) -> Any:
    form: Any = Annotated  # mypy knows only literal ones
    parts = (hint, *metadata)
    return form[parts]


def _generic(hint: Any, origin: Any, seen: frozenset[Any]) -> Any:
    arguments = get_args(hint)
    if not arguments or getattr(origin, "__name__", str(origin)) in _LEFT_ALONE:
        return hint
    adapted = tuple(adapt(argument, seen) for argument in arguments)
    if all(new is old for new, old in zip(adapted, arguments, strict=True)):
        return hint
    if origin in {typing.Union, types.UnionType}:
        return typing.Union[adapted]  # noqa: UP007  (its members are known at run time only)
    return origin[adapted]


def _special(hint: Any, kind: Any) -> Any:
    """Return our own codec for numpy's, pandas' and bytes' types, or None."""
    package = getattr(kind, "__module__", "").split(".")[0]
    name = getattr(kind, "__name__", "")
    if hint is bytes:
        schema = WithJsonSchema({"type": "string", "contentEncoding": "base64"})
        return Annotated[bytes, PlainValidator(_decoded), PlainSerializer(plain_value), schema]
    if package == "numpy" and name == "ndarray":
        return Annotated[Any, PlainValidator(read_array(hint)), PlainSerializer(plain_value),
                         WithJsonSchema({"type": "array"})]  # fmt: skip
    if package == "pandas" and name in {"DataFrame", "Series"}:
        return Annotated[Any, PlainValidator(read_frame(name)), PlainSerializer(plain_value),
                         WithJsonSchema(_FRAMES[name])]  # fmt: skip
    if package == "pandas" and name == "Timestamp":
        return Annotated[datetime, AfterValidator(_fitting(hint))]
    scalar = scalar_of(kind) if package == "numpy" else None
    return Annotated[scalar, AfterValidator(_fitting(hint))] if scalar is not None else None


def _fitting(kind: Any) -> Callable[[Any], Any]:
    wrong = PydanticCustomError("range", f"Input should fit {kind.__name__}")

    def make(value: Any) -> Any:
        try:
            return kind(value)
        except (ValueError, OverflowError):
            raise wrong from None

    return make


_FRAMES: dict[str, dict[str, Any]] = {
    "DataFrame": {
        "anyOf": [
            {"type": "array", "items": {"type": "object"}},
            {"type": "object", "additionalProperties": {"type": "array"}},
        ]
    },
    "Series": {"type": "array"},
}


def _is_plain_dataclass(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) and not hasattr(kind, "__pydantic_validator__")


def _typed_dict(kind: Any, seen: frozenset[Any]) -> Any:
    # pydantic refuses typing's own TypedDict before Python 3.12
    fields: dict[str, Any] = {}
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        marked = get_origin(hint) in {Required, NotRequired}
        adapted = adapt(get_args(hint)[0] if marked else hint, seen)
        # The class doesn't see its own marks in hints that are text
        needed = get_origin(hint) is Required if marked else name in kind.__required_keys__
        fields[name] = adapted if needed else NotRequired[adapted]
    return typed_dict(kind.__name__, fields)


def _dataclass(kind: type, seen: frozenset[Any]) -> Any:
    """Read a dataclass through a TypedDict where it has fields that pydantic doesn't know."""
    hints = typing.get_type_hints(kind, include_extras=True)
    made = [f for f in dataclasses.fields(kind) if f.init]
    adapted = {f.name: adapt(hints[f.name], seen) for f in made}
    if all(adapted[name] is hints[name] for name in adapted):
        return kind
    missing = dataclasses.MISSING
    fields = {
        f.name: NotRequired[adapted[f.name]]
        if f.default is not missing or f.default_factory is not missing
        else adapted[f.name]
        for f in made
    }

    def opened(value: Any) -> Any:
        return {name: getattr(value, name) for name in fields} if isinstance(value, kind) else value

    def dumped(value: Any, dump: Callable[[Any], Any]) -> Any:
        return dump(opened(value))

    return Annotated[
        typed_dict(kind.__name__, fields),
        AfterValidator(lambda values: kind(**values)),
        _Opened(opened),
        WrapSerializer(dumped),
    ]


@dataclasses.dataclass(frozen=True)
class _Opened:
    """Opens objects before they are checked, and leaves JSON alone.

    A validator before a hint's own would make JSON Python's, where no text is a date.
    """

    opened: Callable[[Any], Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        schema = handler(source)
        opening = core_schema.no_info_before_validator_function(self.opened, schema)
        return core_schema.json_or_python_schema(json_schema=schema, python_schema=opening)


def _decoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (ValueError, TypeError):
        raise PydanticCustomError("base64", "Input should be base64 text") from None
