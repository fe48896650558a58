"""Type hints as pydantic knows them: arrays, frames, bytes and typing's own TypedDict included."""

from __future__ import annotations

import base64
import dataclasses
import types
import typing
from collections.abc import Collection, Container, Iterable, Iterator, Reversible
from datetime import datetime, timedelta
from enum import EnumMeta
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, get_args, get_origin

from pydantic import (
    AfterValidator,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    WrapSerializer,
)
from pydantic_core import PydanticCustomError, core_schema
from typing_extensions import NotRequired, Required, TypedDict

from .arrays import array_schema, concrete_of, read_array, read_date, scalar_of, span_of
from .choices import chosen
from .frames import SCHEMAS, read_frame
from .models import annotated, is_model, standing_in
from .roles import is_array_kind, is_table_kind, package_of, polars_kind, unaliased
from .stamps import stamp_of, whole
from .values import duration_text, is_plain_dataclass, native, plain_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_READ_AT_ONCE = (Iterable, Iterator, Reversible, Collection, Container)
_LEFT_ALONE = frozenset({"Callable", "Literal", "LiteralString"})


class _Again:
    """A class within itself: as it is, or as its `hint`, which is known when all its fields are."""

    def __init__(self, kind: Any) -> None:
        self.hint: Any = None
        self.is_met = False
        self._stands_for: Any = kind

    def meet(self) -> Any:
        self.is_met = True
        return self._stands_for

    def put_off(self) -> None:
        self._stands_for = Annotated[Any, self]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        # By now pydantic is within the class itself, and makes this a reference to it
        return handler.generate_schema(self.hint)


_Within: TypeAlias = "Mapping[Any, _Again]"
_NOWHERE: _Within = types.MappingProxyType({})
_RESULT = "result"
RESULT: _Within = types.MappingProxyType({_RESULT: _Again(None)})
"""Where hints of results stand: their objects are there and need not be made."""


def adapt(hint: Any, within: _Within = _NOWHERE) -> Any:
    """Return `hint`, or one that means the same and that pydantic can read, at any depth.

    `within` are the classes that it stands in.
    """
    plain = unaliased(hint)
    if plain is not hint:
        adapted = adapt(plain, within)
        return hint if adapted is plain else adapted
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *metadata = get_args(hint)
        shape = next((m for m in metadata if _is_shape(m)), None)
        inner = unaliased(inner)
        if shape is not None and is_array_kind(get_origin(inner) or inner):
            return annotated(_array(inner, shape), [m for m in metadata if m is not shape])
        adapted = adapt(inner, within)
        return hint if adapted is inner else annotated(adapted, metadata)
    special = _special(hint, origin or hint)
    if special is not None:
        return special
    read = _reader_of(hint)
    if read is None:
        return _generic(hint, origin, within)
    return within[hint].meet() if hint in within else read(hint, within)


def _reader_of(hint: Any) -> Callable[[Any, _Within], Any] | None:
    """Return what reads a class by its fields, or None for any other hint."""
    if typing.is_typeddict(hint):
        return _typed_dict
    if not isinstance(hint, type):
        return None
    if is_model(hint):
        return _model
    if is_plain_dataclass(hint):
        return _dataclass
    return _named_tuple if issubclass(hint, tuple) and hasattr(hint, "_fields") else None


def not_required(hint: Any) -> Any:
    """Return the hint of a key that may be missing."""
    return NotRequired[hint]


def typed_dict(name: str, fields: dict[str, Any]) -> Any:
    """Make a TypedDict whose keys are known at run time only."""
    make: Any = TypedDict  # mypy knows only literal ones
    return make(name, fields)


def _model(kind: Any, _: _Within) -> Any:
    return standing_in(kind, lambda hint: _scientific(hint, get_origin(hint) or hint), adapt)


def _named_tuple(kind: Any, within: _Within) -> Any:
    """Read a named tuple through another where pydantic doesn't know its elements."""
    hints = typing.get_type_hints(kind, include_extras=True)
    elements = {name: hints.get(name, Any) for name in kind._fields}
    again = _Again(kind)
    inside = {**within, kind: again}
    adapted = {name: adapt(hint, inside) for name, hint in elements.items()}
    if all(adapted[name] is elements[name] for name in elements):
        return kind
    if again.is_met:  # as with dataclasses
        again.put_off()
        adapted = {name: adapt(hint, inside) for name, hint in elements.items()}
    make: Any = typing.NamedTuple  # mypy knows only literal ones
    made = make(kind.__name__, list(adapted.items()))
    made.__new__.__defaults__, made._field_defaults = (
        kind.__new__.__defaults__,
        kind._field_defaults,
    )
    # Older pydantic's own writing knows no elements; a return hint would be the result's schema
    written = PlainSerializer(lambda values: plain_value(values))  # noqa: PLW0108
    again.hint = annotated(made, [AfterValidator(lambda values: kind(*values)), written])
    return again.hint


def _generic(hint: Any, origin: Any, within: _Within) -> Any:
    if isinstance(hint, typing.NewType):
        adapted = adapt(hint.__supertype__, within)
        return hint if adapted is hint.__supertype__ else adapted
    if isinstance(hint, typing.TypeVar):
        choices = hint.__constraints__ or (hint.__bound__ or Any,)
        return adapt(typing.Union[choices], within)  # noqa: UP007  (known at run time only)
    if origin in _READ_AT_ONCE:
        return _at_once(hint, origin, within)
    arguments = get_args(hint)
    if not arguments or getattr(origin, "__name__", str(origin)) in _LEFT_ALONE:
        return hint
    adapted = tuple(adapt(argument, within) for argument in arguments)
    if all(new is old for new, old in zip(adapted, arguments, strict=True)):
        return hint
    if origin in {typing.Union, types.UnionType}:
        return typing.Union[adapted]  # noqa: UP007  (its members are known at run time only)
    return origin[adapted]


def _at_once(hint: Any, kind: Any, within: _Within) -> Any:
    """Read a list, and all of it before the call: pydantic reads on demand, or not at all."""
    form: Any = list  # mypy knows only literal ones
    listed = form[adapt(get_args(hint)[0], within)]
    goes_on = kind is Iterator and _RESULT not in within
    return Annotated[listed, AfterValidator(iter)] if goes_on else listed


def _special(hint: Any, kind: Any) -> Any:
    """Return our own codec for bytes, spans, choices and what science has, or None."""
    if hint is bytes:
        schema = WithJsonSchema({"type": "string", "contentEncoding": "base64"})
        return Annotated[bytes, PlainValidator(_decoded), PlainSerializer(native), schema]
    if hint is timedelta:
        return _SPAN
    if isinstance(hint, EnumMeta) or kind is typing.Literal:
        return chosen(hint)
    return _scientific(hint, kind)


def _scientific(hint: Any, kind: Any) -> Any:
    """Return our own codec for numpy's, pandas' and polars' types, or None."""
    if is_array_kind(kind):
        return _array(hint, None)
    if package_of(kind) in {"pandas", "polars"}:
        return _tabular(hint, kind)
    if package_of(kind) == "numpy":
        return _numpy_scalar(kind)
    return None


def _tabular(hint: Any, kind: Any) -> Any:
    name = getattr(kind, "__name__", "")
    if is_table_kind(kind):
        return Annotated[Any, PlainValidator(read_frame(name)), PlainSerializer(native),
                         WithJsonSchema(SCHEMAS[name])]  # fmt: skip
    if polars_kind(kind):
        from . import polars_frames  # noqa: PLC0415  (only images that have polars get here)

        read = PlainValidator(polars_frames.read_polars(name))
        schema = WithJsonSchema(polars_frames.SCHEMAS[name])
        return Annotated[Any, read, PlainSerializer(native), schema]
    if package_of(kind) != "pandas" or name not in {"Timestamp", "Timedelta"}:
        return None
    if name == "Timedelta":
        return Annotated[_SPAN, AfterValidator(_fitting(hint))]
    made = whole(_fitting(stamp_of, name))
    schema = WithJsonSchema({"type": "string", "format": "date-time"})
    return Annotated[datetime, made, PlainSerializer(native), schema]


def _numpy_scalar(kind: Any) -> Any:
    if kind.__name__ == "datetime64":
        made = AfterValidator(_fitting(read_date, "datetime64"))
        return Annotated[str, made, PlainSerializer(native), WithJsonSchema({"type": "string"})]
    if kind.__name__ == "timedelta64":
        return Annotated[timedelta, AfterValidator(kind), PlainSerializer(_numpy_span),
                         WithJsonSchema(_SPAN_SCHEMA)]  # fmt: skip
    own = scalar_of(kind)
    if own is None:
        return None
    fitting = AfterValidator(_fitting(concrete_of(kind)))
    return Annotated[own, Field(json_schema_extra=span_of(kind)), fitting]


def _numpy_span(value: Any) -> str | None:
    span = native(value)
    return None if span is None else duration_text(span)


def _array(hint: Any, shape: Any) -> Any:
    return Annotated[Any, PlainValidator(read_array(hint, shape)), PlainSerializer(native),
                     WithJsonSchema(array_schema(hint, shape))]  # fmt: skip


_SPAN_SCHEMA: Any = {"type": "string", "format": "duration"}
_SPAN: Any = Annotated[
    timedelta,
    PlainSerializer(duration_text, when_used="json"),
    WithJsonSchema(_SPAN_SCHEMA),
]


def _is_shape(found: Any) -> bool:
    """Say whether what stands in `Annotated` is an array's shape, as in `(None, 3)`."""
    return isinstance(found, tuple) and all(
        length is None or type(length) is int for length in found
    )


def _fitting(kind: Any, name: str = "") -> Callable[[Any], Any]:
    import numpy as np  # noqa: PLC0415  (only numpy's and pandas' types get here)

    wrong = PydanticCustomError("range", f"Input should fit {name or kind.__name__}")

    def make(value: Any, *more: Any) -> Any:
        try:
            # What is too large for float32 is refused, not made infinite
            with np.errstate(over="raise"):
                return kind(value, *more)
        except (ValueError, ArithmeticError):
            raise wrong from None

    return make


def _typed_dict(kind: Any, within: _Within) -> Any:
    # pydantic refuses typing's own TypedDict before Python 3.12
    fields: dict[str, Any] = {}
    again = _Again(kind)
    again.put_off()
    inside = {**within, kind: again}
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        marked = get_origin(hint) in {Required, NotRequired}
        adapted = adapt(get_args(hint)[0] if marked else hint, inside)
        # The class doesn't see its own marks in hints that are text
        needed = get_origin(hint) is Required if marked else name in kind.__required_keys__
        fields[name] = adapted if needed else NotRequired[adapted]
    again.hint = typed_dict(kind.__name__, fields)
    return again.hint


def _dataclass(kind: type, within: _Within) -> Any:
    """Read a dataclass through a TypedDict where pydantic doesn't know its fields, or some lack."""
    hints = typing.get_type_hints(kind, include_extras=True)
    given = {name: h.type for name, h in hints.items() if isinstance(h, dataclasses.InitVar)}
    is_result, own = _RESULT in within, dataclasses.fields(kind)
    names = [f.name for f in own if f.init or is_result] + ([] if is_result else [*given])
    wanted = {name: given.get(name, hints[name]) for name in names}
    again = _Again(kind)
    inside = {**within, kind: again}
    adapted = {name: adapt(hint, inside) for name, hint in wanted.items()}
    # pydantic leaves out of results what a class makes itself
    is_whole = not is_result or all(f.init for f in own)
    if is_whole and all(adapted[name] is wanted[name] for name in names):
        return kind
    if again.is_met:  # the class as it is will not do within itself, either
        again.put_off()
        adapted = {name: adapt(hint, inside) for name, hint in wanted.items()}
    fields = {n: NotRequired[a] if _may_lack(kind, n) else a for n, a in adapted.items()}

    def opened(value: Any) -> Any:
        if not isinstance(value, kind):
            return value
        return {name: getattr(value, name) for name in names if hasattr(value, name)}

    shape = annotated(typed_dict(kind.__name__, fields), [_Opened(opened)])
    # A result is made already: made again, it would not be the one that the function returned
    made = [AfterValidator(lambda v: kind(**v)), WrapSerializer(lambda v, write: write(opened(v)))]
    again.hint = shape if is_result else annotated(shape, made)
    return again.hint


def _may_lack(kind: Any, name: str) -> bool:
    field, missing = kind.__dataclass_fields__[name], dataclasses.MISSING
    return not (field.init and field.default is missing and field.default_factory is missing)


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
    try:  # both of RFC 4648's alphabets
        return base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)
    except (ValueError, TypeError, AttributeError):
        raise PydanticCustomError("base64", "Input should be base64 text") from None
