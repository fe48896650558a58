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


class Request:
    """A call; `body` is None where it was refused unread, `begun` of `time.perf_counter`.

    `query` is what stands behind the `?`; `given_id` and `traceparent` (W3C Trace Context) are
    what the caller sent of its own.
    """

    __slots__ = ("_id", "accept", "begun", "body", "content_type", "given_id", "operation",
                 "query", "span", "traceparent")  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917  (headers; keywords would cost every call)
        self, operation: Operation, content_type: str = "", accept: str = "", query: str = "",
        given_id: str = "", traceparent: str = "",
    ) -> None:  # fmt: skip
        """Begin the clock; the body comes later."""
        self.begun = perf_counter()
        self.operation = operation
        self.content_type = content_type
        self.accept = accept
        self.query = query
        self.given_id = given_id
        self.traceparent = traceparent
        self.body: bytes | None = None
        self.span: Any = None
        self._id = ""

    @property
    def request_id(self) -> str:
        """Return the caller's id where it is fit for a log, else one of ours."""
        if not self._id:
            is_fit = bool(self.given_id) and _ID.fullmatch(self.given_id) is not None
            self._id = self.given_id if is_fit else _new_id()
        return self._id

    @property
    def trace(self) -> str:
        """Return `traceparent` as it came, nothing where it is none."""
        return self.traceparent if _TRACE.fullmatch(self.traceparent) else ""

    @property
    def sends_json(self) -> bool:
        """Whether the body is JSON."""
        return self.content_type in _JSON or _says_json(self.content_type)

    @property
    def takes_json(self) -> bool:
        """Whether JSON may go out."""
        return self.accept in _ANY or _takes_json(self.accept)

    @property
    def is_json(self) -> bool:
        """Whether JSON came in and JSON may go out."""
        return self.sends_json and self.takes_json


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
