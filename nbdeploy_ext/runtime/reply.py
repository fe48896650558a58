"""What a request is answered with, before it is HTTP."""

from __future__ import annotations

import functools
from typing import NamedTuple


class Answer(NamedTuple):
    """A result as bytes of a media type."""

    body: bytes
    media_type: str


class Reply(NamedTuple):
    """A whole answer; `headers` are those beside content type and length."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@functools.cache
def status_line(status: int) -> bytes:
    """Return the first line of an answer."""
    return b"HTTP/1.1 %d %s\r\n" % (status, phrase(status).encode())


def phrase(status: int) -> str:
    """Return what a status is called (RFC 9110, 15)."""
    if status == 200:
        return "OK"
    import http  # noqa: PLC0415  (a hundredth of a start, and most answers have the status above)

    return http.HTTPStatus(status).phrase
