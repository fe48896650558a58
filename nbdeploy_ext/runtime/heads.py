"""Heads of calls: what they say, and those that were read before.

Most callers send the same head again and again. By its very bytes it is known without the parser,
which would take longer than all else that is done before the function runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .intake import BODY_LIMIT

if TYPE_CHECKING:
    from .access import Token
    from .operations import Operation

END = b"\r\n\r\n"
_MOST = 256
"""So many heads are known at a time: of a few callers, with bodies of a few lengths."""
_LONGEST = 2048
_ODD = frozenset({b"transfer-encoding", b"expect"})
OF_BODIES = frozenset({b"content-length", *_ODD})
_HEADERS = (b"content-type", b"accept", b"x-request-id", b"traceparent")


class Asked(NamedTuple):
    """What the head of a call says; `length` is its body's, in bytes."""

    operation: Operation
    length: int
    content_type: str
    accept: str
    given_id: str
    traceparent: str


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
    texts = (said.get(name, b"").decode("latin-1") for name in _HEADERS)
    return Asked(operation, int(length), *texts)


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
        self._known[head] = asked

    def find(self, data: bytes) -> tuple[Asked, bytes | None] | None:
        """Return the call that `data` is, with its body, None for one that is still to come.

        What is not known, or not all of a call and no more, is for the parser.
        """
        end = data.find(END) + len(END)
        asked = self._known.get(data[:end])
        if asked is None:
            return None
        size = len(data) - end
        if size == asked.length:
            return asked, data[end:]
        return None if size else (asked, None)
