"""What is wrong with a call's arguments or its result, in words that quote no value."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import ValidationError

_SHOULD = "Input should be "
_OURS = frozenset({"array", "table", "base64", "range"})


class ArgumentsInvalid(Exception):
    """A request's arguments are wrong; `problems` name each without its value."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        """Keep the problems: argument, location, message."""
        super().__init__(problems[0]["message"])
        self.problems = problems


class BodyUnreadable(Exception):
    """A request's body is not what its type says; the message is a sentence."""


class ResultInvalid(Exception):
    """A function returned what its own hint does not allow, or what has no form in JSON.

    `is_misfit` tells the first from the second.
    """

    def __init__(self, message: str, *, is_misfit: bool = False) -> None:
        """Keep both."""
        super().__init__(message)
        self.is_misfit = is_misfit


def fault_of(
    fault: ValidationError, read: Callable[[], Any], *above: str
) -> BodyUnreadable | ArgumentsInvalid:
    """Return what pydantic found as a fault of the body or of arguments.

    `read` gives what was sent, `above` is its place.
    """
    problems = fault.errors(include_url=False, include_context=False)
    if problems[0]["type"] == "json_invalid" and not problems[0]["loc"]:
        return BodyUnreadable(f"The body is not JSON: {problems[0]['msg']}")
    sent = read()
    told: dict[str, dict[str, Any]] = {}
    for problem in problems:
        problem["loc"] = (*above, *_own_place(problem, sent))
        found = _problem(problem)
        known = told.setdefault(found["location"], found)
        known["message"] = _either(known["message"], found["message"])
    return ArgumentsInvalid(list(told.values()))


def _own_place(problem: Any, sent: Any) -> tuple[str | int, ...]:
    """Return a place without pydantic's names for what a union or a key may be."""
    place: list[str | int] = []
    for part in problem["loc"]:
        if _has(sent, part):
            sent = sent[part]
        elif problem["type"] != "missing" or part != problem["loc"][-1]:
            continue
        place.append(part)
    return tuple(place)


def _has(sent: Any, part: str | int) -> bool:
    if isinstance(sent, dict):
        return part in sent
    return isinstance(sent, (list, tuple)) and isinstance(part, int) and part < len(sent)


def _either(one: str, other: str) -> str:
    """Return what two kinds of a union say of one value."""
    if other in one:
        return one
    both = one.startswith(_SHOULD) and other.startswith(_SHOULD)
    return f"{one} or {other.removeprefix(_SHOULD) if both else other}"


def describe(argument: str, message: str, place: str = "") -> dict[str, Any]:
    """Return what `ArgumentsInvalid` says of one argument."""
    return {"argument": argument, "location": f"{argument}{place}", "message": message}


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
    elif problem["type"] not in _safe() and _quotes(message, problem["input"]):
        message = "Input is not valid"
    return describe(argument, message, place)


@cache
def _safe() -> frozenset[str]:
    """Return the kinds of which the words are pydantic's own and quote nothing."""
    from pydantic_core import core_schema  # noqa: PLC0415  (dear to import: types of all schemas)

    others = {"value_error", "assertion_error", "union_tag_invalid", "uuid_parsing"}
    return (frozenset(get_args(core_schema.ErrorType)) | _OURS) - others


def _quotes(message: str, value: Any) -> bool:
    """Say whether a validator's own words hold any part of what the caller sent."""
    if isinstance(value, dict):
        return any(_quotes(message, item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(_quotes(message, item) for item in value)
    return str(value) in message
