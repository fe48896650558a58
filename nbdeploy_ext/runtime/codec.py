"""JSON to arguments and results to JSON, by a function's type hints, compiled once."""

from __future__ import annotations

import inspect
import json
import logging
import types
import typing
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_origin

import orjson
from pydantic_core import PydanticSerializationError, ValidationError, from_json

from .adapters import Adapter, ArgumentsAdapter, plain_schema
from .faults import BodyUnreadable, ResultInvalid, fault_of
from .frames import ROUNDED, MayBeRounded
from .roles import direct_kind, polars_kind, unaliased
from .values import NotJson, dump_value, native, plain_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_log = logging.getLogger("nbdeploy.codec")
_ANYTHING = Adapter(Any)
_FREE: tuple[Any, ...] = (dict, list, dict[str, Any], dict[Any, Any], list[Any],
                          bool, float, int, str)  # fmt: skip
_UNCHECKED = (Any, object)
_STREAMS = frozenset({"Iterator", "Generator", "AsyncIterator", "AsyncGenerator", "Iterable",
                      "AsyncIterable"})  # fmt: skip


class Codec(NamedTuple):
    """One function's arguments and result (one item's, where it streams).

    `hints` are the arguments' own, `fields` check one of them each, `returns` is the result's.
    `positional` are the names,
    with defaults, that go by position; `rest` is the name of `*args`, `extra` checks those of
    `**kwargs`. Values of the class `direct` are written as they are, unchecked.
    `is_raw` says that all arguments are arrays or frames, which read lists as they do JSON.
    """

    hints: Mapping[str, Any]
    fields: Mapping[str, Adapter]
    required: frozenset[str]
    returns: Any
    arguments: ArgumentsAdapter
    result: Adapter | None
    positional: tuple[tuple[str, Any], ...]
    rest: str | None
    takes_any_name: bool
    extra: Adapter | None
    direct: type | None
    is_raw: bool

    def decode(self, body: bytes) -> dict[str, Any]:
        """Return the arguments in a JSON object; `BodyUnreadable`, `ArgumentsInvalid`."""
        try:
            if self.is_raw:
                return self._raw(body)
            arguments = self.arguments
            decoded = arguments.validator.validate_json(body or b"{}", strict=arguments.strict)
            return decoded if self.extra is None else self._with_extras(decoded)
        except ValidationError as fault:
            raise fault_of(fault, lambda: from_json(body or b"{}")) from None

    def split(self, arguments: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return decoded arguments as the function takes them: by position, by name."""
        named = dict(arguments)
        by_position = [named.pop(name, default) for name, default in self.positional]
        return by_position + named.pop(self.rest, []) if self.rest else by_position, named

    def check(self, name: str, content: bytes) -> Any:
        """Return one argument in JSON; `BodyUnreadable`, `ArgumentsInvalid`."""
        return self._read_json(name, content, strict=True)

    def check_value(self, name: str, value: Any) -> Any:
        """Return one argument that Python has already; `ArgumentsInvalid`."""
        try:
            return self._adapter(name).validator.validate_python(value)
        except ValidationError as fault:
            raise fault_of(fault, lambda: value, name) from None

    def check_texts(self, name: str, content: bytes) -> Any:
        """Return one argument in JSON where numbers may be text; `ArgumentsInvalid`."""
        return self._read_json(name, content, strict=False)

    def _adapter(self, name: str) -> Adapter:
        return self.fields.get(name) or self.extra or _ANYTHING

    def _read_json(self, name: str, content: bytes, *, strict: bool) -> Any:
        adapter = self._adapter(name)
        try:
            return adapter.validator.validate_json(content, strict=strict and adapter.strict)
        except ValidationError as fault:
            raise fault_of(fault, lambda: from_json(content), name) from None

    def _raw(self, body: bytes) -> dict[str, Any]:
        validate = self.arguments.validator.validate_python
        try:
            # Twice as fast, but it makes floats of integers over 64 bits and knows no NaN
            return validate(orjson.loads(body or b"{}"), strict=True, context=ROUNDED)  # type: ignore[no-any-return]
        except (orjson.JSONDecodeError, MayBeRounded):
            try:
                loaded = from_json(body, cache_strings="keys")
            except ValueError as fault:
                raise BodyUnreadable(f"The body is not JSON: {fault}") from None
            return validate(loaded, strict=True)  # type: ignore[no-any-return]

    def _with_extras(self, decoded: dict[str, Any]) -> dict[str, Any]:
        for name in decoded.keys() - self.fields.keys():
            decoded[name] = self.check(name, json.dumps(decoded[name]).encode())
        return decoded

    def encode(self, value: Any) -> bytes:
        """Return a result as JSON, NaN as null; `ResultInvalid` when it is not as hinted."""
        try:
            if self.result is None or type(value) is self.direct:
                return dump_value(value)
            return _checked(self.result, value)
        except NotJson as fault:
            said = f"the result can't be sent: {fault}"
            raise ResultInvalid(said, is_misfit=self.result is not None) from None
        except RecursionError:
            raise ResultInvalid("the result can't be sent: it holds itself") from None


def compile_codec(function: Callable[..., Any]) -> Codec:
    """Read a function's hints; what pydantic can't check passes as JSON has it, with a warning."""
    hints = type_hints(function)
    parameters = inspect.signature(function).parameters.values()
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
    extras = next((p.name for p in parameters if p.kind is p.VAR_KEYWORD), None)
    named = [p for p in parameters if p.name != extras]
    fields = {p.name: _known(_hint(hints.get(p.name, Any), p)) for p in named}
    for parameter in named:
        if fields[parameter.name] is Any and hints.get(parameter.name) not in _UNCHECKED:
            _tell_unread(function, parameter)
    required = frozenset(p.name for p in named if p.default is p.empty and p.name != rest)
    last = inspect.Parameter.POSITIONAL_OR_KEYWORD if rest else inspect.Parameter.POSITIONAL_ONLY
    returned = _item(hints.get("return", Any), function)
    extra = _known(hints.get(extras, Any)) if extras else Any
    return Codec(
        hints={name: hints.get(name, Any) for name in fields},
        fields={name: Adapter(field) for name, field in fields.items()},
        required=required,
        returns=hints.get("return", Any),
        arguments=ArgumentsAdapter(fields, required, is_open=extras is not None),
        result=None if returned is Any else Adapter(returned, is_result=True),
        positional=tuple((p.name, p.default) for p in parameters if p.kind <= last),
        rest=rest,
        takes_any_name=extras is not None,
        extra=None if extra is Any else Adapter(extra),
        direct=_direct(hints.get("return", Any)),
        is_raw=bool(fields)
        and not extras
        and all(direct_kind(hints.get(name, Any)) is not None for name in fields),
    )


def _tell_unread(function: Callable[..., Any], parameter: inspect.Parameter) -> None:
    found = parameter.annotation
    if found is parameter.empty:
        return
    _log.warning(
        "%s gets its argument %s as JSON has it, unchecked: JSON can't be read as %s",
        getattr(function, "__name__", "the function"), parameter.name,
        found if isinstance(found, str) else inspect.formatannotation(found),
    )  # fmt: skip


def _hint(hint: Any, parameter: inspect.Parameter) -> Any:
    if parameter.kind is parameter.VAR_POSITIONAL:
        form: Any = list  # mypy knows only literal ones
        return form[hint]
    # `limit: float = None` means Optional to its author; PEP 484 allowed it once
    return typing.Optional[hint] if parameter.default is None else hint  # noqa: UP045


def _direct(hint: Any) -> type | None:
    """Return the class whose objects need no check: what is in them may be anything."""
    # Compared, as hints may hold what has no hash
    known = [kind for kind in _FREE if hint == kind]
    whole = hint if polars_kind(hint) else direct_kind(hint)
    return (get_origin(known[0]) or known[0]) if known else whole


def type_hints(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Return a function's hints without those that can't be evaluated."""
    try:
        found = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError):
        found = {}
        for name, hint in getattr(function, "__annotations__", {}).items():
            found |= _evaluated(function, name, hint)
    return {name: unaliased(hint) for name, hint in found.items()}


def _evaluated(function: Any, name: str, hint: Any) -> dict[str, Any]:
    alone = types.SimpleNamespace(__annotations__={name: hint})
    known = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return typing.get_type_hints(alone, known, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {}


def _known(hint: Any) -> Any:
    """Return the hint, or Any where pydantic has no schema for it."""
    if plain_schema(hint) is not None:
        return hint
    from pydantic import PydanticUserError  # noqa: PLC0415  (plain hints do without it)

    try:
        Adapter(hint)
    except (PydanticUserError, TypeError, NameError):
        return Any
    return hint


def _item(hint: Any, function: Callable[..., Any]) -> Any:
    origin = get_origin(hint) or hint
    if getattr(origin, "__name__", "") not in _STREAMS:
        return _known(hint)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return _known((*get_args(hint), Any)[0])
    return Any


def _checked(adapter: Adapter, value: Any) -> bytes:
    try:
        checked = adapter.validator.validate_python(value, strict=True)
        write = adapter.serializer.to_json
        return write(checked, fallback=native, warnings="error", by_alias=True)
    except (ValidationError, PydanticSerializationError):
        return _checked_as_json(adapter, value)


def _read_back(adapter: Adapter, value: Any) -> Any:
    validate, strict = adapter.validator.validate_json, adapter.strict
    try:
        return validate(dump_value(value), strict=strict)
    except ValidationError:
        # NaN is a float to its hint, and null, as which it is sent, is none
        return validate(json.dumps(plain_value(value, keeps_nan=True)), strict=strict)


def _checked_as_json(adapter: Adapter, value: Any) -> bytes:
    """Take what JSON has for the value: numpy's numbers, tuples for lists, dicts for classes."""
    try:
        checked = _read_back(adapter, value)
        return adapter.serializer.to_json(checked, fallback=native, by_alias=True)
    except ValidationError as fault:
        place = ".".join(str(part) for part in fault.errors(include_input=False)[0]["loc"])
        where = f" at {place}" if place else ""
        raise ResultInvalid(f"the result is not as hinted{where}", is_misfit=True) from None
    except (ValueError, TypeError, PydanticSerializationError):
        raise ResultInvalid("the result is not as hinted", is_misfit=True) from None
