"""JSON to arguments and results to JSON, by a function's type hints, compiled once."""

from __future__ import annotations

import inspect
import json
import types
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, get_origin

import orjson
from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, core_schema, from_json
from typing_extensions import NotRequired

from .frames import ROUNDED, MayBeRounded
from .hints import adapt, direct_kind, typed_dict
from .values import NotJson, dump_value, native

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_STREAMS = frozenset({"Iterator", "Generator", "AsyncIterator", "AsyncGenerator", "Iterable",
                      "AsyncIterable"})  # fmt: skip
_OURS = frozenset({"array", "table", "base64", "range"})
# Of these kinds the words are pydantic's own and quote nothing
_SAFE = (frozenset(get_args(core_schema.ErrorType)) | _OURS) - {
    "value_error", "assertion_error", "union_tag_invalid", "uuid_parsing",
}  # fmt: skip


class ArgumentsInvalid(Exception):
    """A request's arguments are wrong; `problems` name each without its value."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        """Keep the problems: argument, location, message."""
        super().__init__(problems[0]["message"])
        self.problems = problems


class BodyUnreadable(Exception):
    """A request's body is not JSON."""


class ResultInvalid(Exception):
    """A function returned what its own hint does not allow, or what has no form in JSON."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One function's arguments and result (one item's, where it streams).

    `positional` are the names, with defaults, that go by position; `rest` is the one of `*args`,
    `extras` of `**kwargs`. Values of the class `direct` are written as they are, unchecked.
    `is_raw` says that all arguments are arrays or frames, which read lists as they do JSON.
    """

    arguments: TypeAdapter[dict[str, Any]]
    result: TypeAdapter[Any] | None
    positional: tuple[tuple[str, Any], ...]
    names: frozenset[str]
    rest: str | None
    extras: TypeAdapter[dict[str, Any]] | None
    direct: type | None
    is_raw: bool

    def decode(self, body: bytes) -> dict[str, Any]:
        """Return the arguments in a JSON object; `BodyUnreadable`, `ArgumentsInvalid`."""
        try:
            if self.is_raw:
                return self._raw(body)
            decoded = self.arguments.validator.validate_json(body or b"{}", strict=True)
            return decoded if self.extras is None else self._with_extras(decoded, self.extras)
        except ValidationError as fault:
            raise _fault(fault) from None

    def split(self, arguments: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return decoded arguments as the function takes them: by position, by name."""
        named = dict(arguments)
        by_position = [named.pop(name, default) for name, default in self.positional]
        return by_position + named.pop(self.rest, []) if self.rest else by_position, named

    def _raw(self, body: bytes) -> dict[str, Any]:
        validate = self.arguments.validator.validate_python
        try:
            # Twice as fast, but it makes floats of integers over 64 bits and knows no NaN
            return validate(orjson.loads(body or b"{}"), strict=True, context=ROUNDED)  # type: ignore[no-any-return]
        except (orjson.JSONDecodeError, MayBeRounded):
            try:
                loaded = from_json(body, cache_strings="keys")
            except ValueError as fault:
                raise BodyUnreadable(str(fault)) from None
            return validate(loaded, strict=True)  # type: ignore[no-any-return]

    def _with_extras(
        self, decoded: dict[str, Any], extras: TypeAdapter[dict[str, Any]]
    ) -> dict[str, Any]:
        raw = {name: value for name, value in decoded.items() if name not in self.names}
        return {**decoded, **extras.validate_json(json.dumps(raw), strict=True)}

    def encode(self, value: Any) -> bytes:
        """Return a result as JSON, NaN as null; `ResultInvalid` when it is not as hinted."""
        try:
            if self.result is None or type(value) is self.direct:
                return dump_value(value)
            return _checked(self.result, value)
        except NotJson as fault:
            raise ResultInvalid(f"the result can't be sent: {fault}") from None
        except RecursionError:
            raise ResultInvalid("the result can't be sent: it holds itself") from None


def compile_codec(function: Callable[..., Any]) -> Codec:
    """Read a function's hints; what pydantic can't check passes as JSON has it."""
    hints = type_hints(function)
    parameters = inspect.signature(function).parameters.values()
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
    extras = next((p.name for p in parameters if p.kind is p.VAR_KEYWORD), None)
    fields = {p.name: _field(hints.get(p.name, Any), p) for p in parameters if p.name != extras}
    shape = typed_dict("Arguments", fields)
    shape.__pydantic_config__ = ConfigDict(extra="allow" if extras else "forbid")
    last = inspect.Parameter.POSITIONAL_OR_KEYWORD if rest else inspect.Parameter.POSITIONAL_ONLY
    returned = _item(hints.get("return", Any), function)
    return Codec(
        arguments=TypeAdapter(shape),
        result=None if returned is Any else TypeAdapter(returned),
        positional=tuple((p.name, p.default) for p in parameters if p.kind <= last),
        names=frozenset(fields),
        rest=rest,
        extras=_extras(hints.get(extras, Any)) if extras else None,
        direct=_direct(hints.get("return", Any)),
        is_raw=bool(fields)
        and not extras
        and all(direct_kind(hints.get(name, Any)) is not None for name in fields),
    )


def _direct(hint: Any) -> type | None:
    return hint if hint in {dict, list} else direct_kind(hint)


def type_hints(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Return a function's hints without those that can't be evaluated."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError):
        found: dict[str, Any] = {}
        for name, hint in getattr(function, "__annotations__", {}).items():
            found |= _evaluated(function, name, hint)
        return found


def _evaluated(function: Any, name: str, hint: Any) -> dict[str, Any]:
    alone = types.SimpleNamespace(__annotations__={name: hint})
    known = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return typing.get_type_hints(alone, known, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {}


def _extras(hint: Any) -> TypeAdapter[dict[str, Any]] | None:
    known = _known(hint)
    form: Any = dict  # mypy knows only literal ones
    return None if known is Any else TypeAdapter(form[str, known])


def _field(hint: Any, parameter: inspect.Parameter) -> Any:
    if parameter.kind is parameter.VAR_POSITIONAL:
        form: Any = list  # mypy knows only literal ones
        return NotRequired[form[_known(hint)]]
    if parameter.default is parameter.empty:
        return _known(hint)
    # `limit: float = None` means Optional to its author; PEP 484 allowed it once
    known = _known(typing.Optional[hint] if parameter.default is None else hint)  # noqa: UP045
    return NotRequired[known]


def _known(hint: Any) -> Any:
    """Return the hint for pydantic, or Any where it has no schema for it."""
    if hint is Any:
        return Any
    try:
        adapted = adapt(hint)
        TypeAdapter(adapted)
    except (PydanticUserError, TypeError, NameError):
        return Any
    return adapted


def _item(hint: Any, function: Callable[..., Any]) -> Any:
    origin = get_origin(hint) or hint
    if getattr(origin, "__name__", "") not in _STREAMS:
        return _known(hint)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return _known((*get_args(hint), Any)[0])
    return Any


def _checked(adapter: TypeAdapter[Any], value: Any) -> bytes:
    try:
        checked = adapter.validate_python(value, strict=True)
        return adapter.dump_json(checked, fallback=native, warnings="error", by_alias=True)
    except (ValidationError, PydanticSerializationError):
        return _checked_as_json(adapter, value)


def _checked_as_json(adapter: TypeAdapter[Any], value: Any) -> bytes:
    """Take what JSON has for the value: numpy's numbers, tuples for lists, dicts for classes."""
    try:
        checked = adapter.validate_json(dump_value(value), strict=True)
        return adapter.dump_json(checked, fallback=native, by_alias=True)
    except ValidationError as fault:
        place = ".".join(str(part) for part in fault.errors(include_input=False)[0]["loc"])
        where = f" at {place}" if place else ""
        raise ResultInvalid(f"the result is not as hinted{where}") from None
    except (ValueError, TypeError, PydanticSerializationError):
        raise ResultInvalid("the result is not as hinted") from None


def _fault(fault: ValidationError) -> BodyUnreadable | ArgumentsInvalid:
    problems = fault.errors(include_url=False, include_context=False)
    if problems[0]["type"] == "json_invalid":
        return BodyUnreadable(problems[0]["msg"])
    return ArgumentsInvalid([_problem(problem) for problem in problems])


def _problem(problem: Any) -> dict[str, Any]:
    loc = problem["loc"]
    argument = str(loc[0]) if loc else ""
    place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in loc[1:])
    message = problem["msg"]
    if not loc:
        message = "The body should be an object of arguments"
    elif problem["type"] == "extra_forbidden" and len(loc) == 1:
        message = "There is no such argument"
    elif problem["type"] == "union_tag_invalid":
        message = "Input should have one of the known tags"
    elif problem["type"] == "uuid_parsing":
        message = "Input should be a valid UUID"
    elif problem["type"] not in _SAFE and _quotes(message, problem["input"]):
        message = "Input is not valid"
    return {"argument": argument, "location": f"{argument}{place}", "message": message}


def _quotes(message: str, value: Any) -> bool:
    """Say whether a validator's own words hold any part of what the caller sent."""
    if isinstance(value, dict):
        return any(_quotes(message, item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(_quotes(message, item) for item in value)
    return str(value) in message
