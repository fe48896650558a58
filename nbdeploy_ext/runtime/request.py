"""One call of an endpoint, as it came over HTTP, and who asks for it."""

from __future__ import annotations

import itertools
import os
import re
import uuid
from contextvars import ContextVar
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .operations import Operation

_numbers = itertools.count(1)
_JSON = frozenset({"", "application/json"})
_ANY = frozenset({"", "*/*", "application/json"})
_ID = re.compile(r"[\w.:+/=@-]{1,128}", re.ASCII)
_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Asked:
    """What the head of a call says; calls with the same head share one.

    `given_id` and `traceparent` (W3C Trace Context) are what the caller sent of its own, `length`
    is its body's, in bytes, and `head` the bytes that say all this, empty where nobody keeps them.
    """

    __slots__ = ("accept", "content_type", "given_id", "head", "is_json", "length", "operation",
                 "sends_json", "takes_json", "traceparent")  # fmt: skip

    def __init__(  # noqa: PLR0913  (headers; each is a text of its own)
        self, operation: Operation, content_type: str = "", accept: str = "", *,
        given_id: str = "", traceparent: str = "", length: int = 0,
    ) -> None:  # fmt: skip
        """Weigh what is sent, and what is liked, once for all calls."""
        self.operation = operation
        self.content_type = content_type
        self.accept = accept
        self.given_id = given_id
        self.traceparent = traceparent
        self.length = length
        self.head = b""
        self.sends_json = content_type in _JSON or _says_json(content_type)
        self.takes_json = accept in _ANY or _takes_json(accept)
        self.is_json = self.sends_json and self.takes_json


class Request:
    """A call; `body` is None where it was refused unread, `begun` of `time.perf_counter`.

    `query` is what stands behind the `?`.
    """

    __slots__ = ("_id", "asked", "begun", "body", "operation", "query", "span")

    def __init__(self, asked: Asked, query: str = "") -> None:
        """Begin the clock; the body comes later."""
        self.begun = perf_counter()
        self.asked = asked
        self.operation = asked.operation
        self.query = query
        self.body: bytes | None = None
        self.span: Any = None
        self._id = ""

    @property
    def request_id(self) -> str:
        """Return the caller's id where it is fit for a log, else one of ours."""
        if not self._id:
            self._id = fit_id(self.asked.given_id)
        return self._id

    @property
    def trace(self) -> str:
        """Return `traceparent` as it came, nothing where it is none."""
        given = self.asked.traceparent
        return given if _TRACE.fullmatch(given) else ""


CURRENT: ContextVar[Request | None] = ContextVar("CURRENT", default=None)
"""The call that code runs for, on whatever thread."""


class _Ids:
    """A random beginning for each process: workers are copies of one."""

    prefix = ""

    @classmethod
    def begin(cls) -> None:
        cls.prefix = uuid.uuid4().hex[:20]


_Ids.begin()
os.register_at_fork(after_in_child=_Ids.begin)


def fit_id(given: str = "") -> str:
    """Return an id that is given and fit for a log, else one that no other request has."""
    return given if given and _ID.fullmatch(given) else _new_id()


def _new_id() -> str:
    """Return an id that no other request of any process has."""
    return f"{_Ids.prefix}{next(_numbers):012x}"


def _says_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    if "charset" in content_type.lower() and "utf-8" not in content_type.lower():
        return False
    # Clients that name no type mean JSON
    return kind in _JSON or (kind.startswith("application/") and kind.endswith("+json"))


def _takes_json(accept: str) -> bool:
    """Say whether nothing is liked better than JSON; weighing `q` is left to negotiation."""
    first = accept.partition(",")[0].strip()
    return first in _ANY and "q=" not in accept
