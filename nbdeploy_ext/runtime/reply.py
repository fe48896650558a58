"""What a request is answered with, before it is HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


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


def head_of(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the first line of an answer and its headers, but not the empty line behind them."""
    first = b"HTTP/1.1 %d %b\r\n" % (status, phrase(status).encode())
    return first + b"".join([b"%b: %b\r\n" % header for header in headers])


def phrase(status: int) -> str:
    """Return what a status is called (RFC 9110, 15)."""
    if status == 200:
        return "OK"
    import http  # noqa: PLC0415  (a hundredth of a start, and most answers have the status above)

    return http.HTTPStatus(status).phrase
