"""Heads of calls: what they say, and those that were read before.

Most callers send the same head again and again. By its very bytes it is known without the parser,
which would take longer than all else that is done before the function runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .intake import BODY_LIMIT
from .request import Asked

if TYPE_CHECKING:
    from .access import Token
    from .operations import Operation

END = b"\r\n\r\n"
_MOST = 256
"""So many heads are known at a time: of a few callers, with bodies of a few lengths."""
_LONGEST = 2048
_ODD = frozenset({b"transfer-encoding", b"content-encoding", b"expect"})
OF_BODIES = frozenset({b"content-length", *_ODD})
_HEADERS = (b"content-type", b"accept", b"x-request-id", b"traceparent")


def read_head(
    operation: Operation | None, headers: list[tuple[bytes, bytes]], token: Token
) -> Asked | None:
    """Return the call, None where the application has to see it: odd, or without the token."""
    if operation is None:
        return None
    said = {name.lower(): value for name, value in headers}
    length = said.get(b"content-length", b"0")
    if not length.isdigit() or int(length) > BODY_LIMIT or not _ODD.isdisjoint(said):
        return None
    if not token.is_sent(said.get(b"authorization", b"")):
        return None
    kind, accept, given_id, trace = (said.get(n, b"").decode("latin-1") for n in _HEADERS)
    return Asked(operation, kind, accept, given_id=given_id, traceparent=trace, length=int(length))


class KnownHeads:
    """Calls by the bytes of their head; of callers that want their connection to go on."""

    def __init__(self) -> None:
        """Know none."""
        self._known: dict[bytes, Asked] = {}

    def keep(self, data: bytes, asked: Asked) -> None:
        """Know the head that `data` begins with, which the parser has read, from now on.

        Not one that names its call: no other will be like it. Nor one whose end the parser, which
        may take a line feed for the end of a line, could see elsewhere.
        """
        head = data[: data.find(END) + len(END)]
        is_plain = head.startswith(b"POST ") and head.count(b"\n") == head.count(b"\r\n")
        if asked.given_id or asked.traceparent or not is_plain or len(head) > _LONGEST:
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        asked.head = head
        self._known[head] = asked

    def find(self, data: bytes) -> Asked | None:
        """Return the call whose head `data` begins with."""
        return self._known.get(data[: data.find(END) + len(END)])
