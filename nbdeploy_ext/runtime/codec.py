"""JSON to arguments and results to JSON, by a function's type hints, compiled once."""

from __future__ import annotations

import inspect
import json
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError
from typing_extensions import NotRequired

from .hints import adapt, typed_dict
from .values import NotJson, dump_value, native

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_STREAMS = frozenset({"Iterator", "Generator", "AsyncIterator", "AsyncGenerator", "Iterable",
                      "AsyncIterable"})  # fmt: skip
_MAY_QUOTE = frozenset({"value_error", "assertion_error", "union_tag_invalid"})


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
    """One function's arguments and result (one item's, where it streams)."""

    arguments: TypeAdapter[dict[str, Any]]
    result: TypeAdapter[Any] | None
    positional: tuple[str, ...]

    def decode(self, body: bytes) -> dict[str, Any]:
        """Return the arguments in a JSON object; `BodyUnreadable`, `ArgumentsInvalid`."""
        try:
            return self.arguments.validate_json(body or b"{}", strict=True)
        except ValidationError as fault:
            problems = fault.errors(include_url=False, include_context=False)
            if problems[0]["type"] == "json_invalid":
                raise BodyUnreadable(problems[0]["msg"]) from None
            raise ArgumentsInvalid([_problem(problem) for problem in problems]) from None

    def encode(self, value: Any) -> bytes:
        """Return a result as JSON, NaN as null; `ResultInvalid` when it is not as hinted."""
        try:
            return dump_value(value) if self.result is None else _checked(self.result, value)
        except NotJson as fault:
            raise ResultInvalid(f"the result can't be sent: {fault}") from None


def compile_codec(function: Callable[..., Any]) -> Codec:
    """Read a function's hints; what pydantic can't check passes as JSON has it."""
    hints = type_hints(function)
    fields: dict[str, Any] = {}
    positional: list[str] = []
    config = ConfigDict(extra="forbid")
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            config = ConfigDict(extra="allow")
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            fields[name] = _field(hints.get(name, Any), parameter)
        if parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(name)
    shape = typed_dict("Arguments", fields)
    shape.__pydantic_config__ = config
    returned = _item(hints.get("return", Any), function)
    result = None if returned is Any else TypeAdapter(returned)
    return Codec(TypeAdapter(shape), result, tuple(positional))


def type_hints(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Return a function's hints, none where they can't be evaluated."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {}


def _field(hint: Any, parameter: inspect.Parameter) -> Any:
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
        return adapter.dump_json(checked, fallback=native, warnings="error")
    except (ValidationError, PydanticSerializationError):
        return _checked_as_json(adapter, value)


def _checked_as_json(adapter: TypeAdapter[Any], value: Any) -> bytes:
    """Take what JSON has for the value: numpy's numbers, tuples for lists, dicts for classes."""
    try:
        checked = adapter.validate_json(json.dumps(value, default=native), strict=True)
        return adapter.dump_json(checked, fallback=native)
    except ValidationError as fault:
        place = ".".join(str(part) for part in fault.errors(include_input=False)[0]["loc"])
        where = f" at {place}" if place else ""
        raise ResultInvalid(f"the result is not as hinted{where}") from None
    except (ValueError, TypeError, PydanticSerializationError):
        raise ResultInvalid("the result is not as hinted") from None


def _problem(problem: Any) -> dict[str, Any]:
    loc = problem["loc"]
    argument = str(loc[0]) if loc else ""
    place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in loc[1:])
    message = problem["msg"]
    # A validator's own words may quote what the caller sent
    if problem["type"] in _MAY_QUOTE and str(problem["input"]) in message:
        message = "Input is not valid"
    elif problem["type"] == "union_tag_invalid":
        message = "Input should have one of the known tags"
    elif problem["type"] == "extra_forbidden" and len(loc) == 1:
        message = "There is no such argument"
    return {"argument": argument, "location": f"{argument}{place}", "message": message}
