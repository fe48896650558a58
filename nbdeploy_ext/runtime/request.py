"""One call of an endpoint, as it came over HTTP, and who asks for it."""

from __future__ import annotations

import itertools
import os
import re
import time
import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .operations import Operation

_numbers = itertools.count(1)
_ID = re.compile(r"[\w.:+/=@-]{1,128}", re.ASCII)
_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(slots=True)
class Request:
    """A call; `body` is None where it was refused unread, `begun` of `time.perf_counter`.

    `query` is what stands behind the `?`; `request_id` and `traceparent` (W3C Trace Context) are
    the caller's own, or made here.
    """

    operation: Operation
    body: bytes | None
    content_type: str = ""
    accept: str = ""
    query: str = ""
    request_id: str = ""
    traceparent: str = ""
    begun: float = field(default_factory=time.perf_counter)

    @property
    def is_json(self) -> bool:
        """Whether JSON came in and JSON may go out."""
        return _says_json(self.content_type) and _takes_json(self.accept)


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


def new_id() -> str:
    """Return an id that no other request of any process has."""
    return f"{_Ids.prefix}{next(_numbers):012x}"


def known_id(said: str) -> str:
    """Return the caller's own id where it is fit for a log, else a new one."""
    return said if _ID.fullmatch(said) else new_id()


def known_trace(said: str) -> str:
    """Return a `traceparent` as it came, or nothing where it is none."""
    return said if _TRACE.fullmatch(said) else ""


def _says_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    # Clients that name no type, or curl's own for -d, mean JSON
    return kind in {"", "application/json", "application/x-www-form-urlencoded"} or (
        kind.startswith("application/") and kind.endswith("+json")
    )


def _takes_json(accept: str) -> bool:
    """Say whether nothing is liked better than JSON; weighing `q` is left to negotiation."""
    first = accept.partition(",")[0].strip()
    return first in {"", "*/*", "application/json"} and "q=" not in accept
