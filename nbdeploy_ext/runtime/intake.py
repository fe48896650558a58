"""The bytes of requests: heads of a size that is fit for memory, and no protocol but HTTP/1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httptools

from .connection import Connection
from .problems import problem
from .reply import head_of
from .request import fit_id

if TYPE_CHECKING:
    from .connection import Shared
    from .reply import Reply

HEAD_LIMIT = 2**16
"""Bytes that a head may have, and what surrounds the pieces of a body."""
BODY_LIMIT = 100 * 2**20
TOO_LARGE = f"The body is over {BODY_LIMIT} bytes."
_LARGE = (431, f"The head is over {HEAD_LIMIT} bytes.")
_HOSTLESS = (400, "A request of HTTP/1.1 has one Host header.")
_CODED = (501, "Of the transfer codings, this service takes chunked alone.")
_UNREADABLE = (400, "This is no request of HTTP/1.1.")
_SWITCHING = frozenset({b"connection", b"upgrade", b"http2-settings"})


class Intake(Connection):
    """Feeds the parser; the class above it resets `_unseen` whenever something was made of it."""

    def __init__(self, shared: Shared) -> None:
        """Take what the connections of a server share."""
        super().__init__(shared)
        self._unseen = 0  # bytes that the parser may be keeping
        self._refusal = _UNREADABLE
        self._unswitched = b""

    def data_received(self, data: bytes) -> None:
        """Read on; what is no request, or too large a head, ends the connection."""
        self._unseen += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as switch:
            self._stay(data[switch.args[0] :])
        except httptools.HttpParserError:
            self.refuse(*self._refusal)
        else:
            if self._unseen > HEAD_LIMIT:
                self.refuse(*_LARGE)

    def check_head(self) -> None:
        """End the connection where the head is too large, names no host, or tells of a coding.

        To be called when it is complete. RFC 9112 asks for one host (3.2), and for 501 where a
        body is coded in a way that the server doesn't know (6.1).
        """
        size = len(self.url)
        hosts = 0
        codings = []
        for name, value in self.headers:
            size += len(name) + len(value) + 4
            known = name.lower()
            if known == b"host":
                hosts += 1
            elif known == b"transfer-encoding":
                codings += value.lower().split(b",")
        if size > HEAD_LIMIT:
            self._refusal = _LARGE
            raise ValueError("the head is too large")  # out of the parser, as its own error
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() != "1.0"):
            self._refusal = _HOSTLESS
            raise ValueError("the head names no host, or several")
        if codings:
            self._check_codings([coding.strip() for coding in codings])

    def _check_codings(self, codings: list[bytes]) -> None:
        if codings == [b"chunked"]:
            return
        # Where the end of the body can't be found either, it is no request (RFC 9112, 6.3)
        self._refusal = _CODED if codings[-1] == b"chunked" else _UNREADABLE
        raise ValueError("the body is coded")

    def wants_switch(self) -> bool:
        """Say whether the head asks for another protocol: it is read again without that wish.

        Java's own client asks for HTTP/2 so in each first call; the parser takes it as said and
        would skip the body.
        """
        if not self.parser.should_upgrade():
            return False
        method = self.parser.get_method()
        if method == b"CONNECT":
            raise ValueError("this is no proxy")
        version = self.parser.get_http_version().encode()
        kept = [b"%b: %b" % (n, v) for n, v in self.headers if n.lower() not in _SWITCHING]
        first = b"%b %b HTTP/%b" % (method, self.url, version)
        self._unswitched = b"\r\n".join([first, *kept, b"", b""])
        return True

    def _stay(self, rest: bytes) -> None:
        again, self._unswitched = self._unswitched, b""
        self.parser = self.new_parser()
        self.data_received(again + rest)

    def refuse(self, status: int, detail: str) -> None:
        """End the connection and say why; where whole requests came before, they are answered."""
        if self.may_refuse:
            self._write_last(problem(status, detail))
            return
        self.flow.pause_reading()
        if self.waiting and not self.waiting[-1].complete:
            self.waiting.pop()
        last = self.waiting[-1] if self.waiting else self.active
        last.keep_alive = False

    def _write_last(self, answer: Reply) -> None:
        if not self.transport.is_closing():
            headers = [
                *self.shared.headers,
                (b"x-request-id", fit_id().encode()),
                (b"content-type", answer.media_type.encode()),
                (b"content-length", b"%d" % len(answer.body)),
                (b"connection", b"close"),
            ]
            self.transport.write(head_of(answer.status, headers) + b"\r\n" + answer.body)
        self.leave()

    @property
    def may_refuse(self) -> bool:
        """Whether nothing of another answer is on its way."""
        raise NotImplementedError
