"""One request that the ASGI application answers, and one answer that it streams."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httptools

from .problems import problem
from .reply import head_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Scope

    from .connection import Connection

HIGH_WATER = 2**16
"""Bytes of a body that are kept before the application asks for them."""
_BODILESS = frozenset({204, 304})
_log = logging.getLogger("nbdeploy.server")


def scope_of(connection: Connection) -> Scope:
    """Return what ASGI has of the request whose head a connection has read (HTTP scope, 2.3)."""
    parsed = httptools.parse_url(connection.url)
    transport = connection.transport
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": connection.parser.get_http_version(),
        "method": connection.parser.get_method().decode("ascii"),
        "scheme": "http" if transport.get_extra_info("sslcontext") is None else "https",
        "path": unquote(parsed.path.decode("ascii")),
        "raw_path": parsed.path,
        "query_string": parsed.query or b"",
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in connection.headers],
        "server": transport.get_extra_info("sockname"),
        "client": transport.get_extra_info("peername"),
        "state": {},
    }


class Cycle:
    """Passes a request to the application, and what it sends to the caller."""

    def __init__(
        self,
        connection: Connection,
        scope: Scope,
        done: Callable[[], None],
        *,
        keep_alive: bool,
        has_body: bool = True,
    ) -> None:
        """Begin; `done` is called when the answer is complete."""
        self._transport = connection.transport
        self._flow = connection.flow
        self._headers = connection.shared.headers
        self._scope = scope
        self._done = done
        self._waits = dict(scope["headers"]).get(b"expect", b"").lower() == b"100-continue"
        self._is_chunked = False
        self._left: int | None = None  # bytes that the head has announced
        self._body = bytearray()
        self.complete = not has_body  # all of the request is here
        self.keep_alive = keep_alive
        self._news = asyncio.Event()
        self.disconnected = self.response_started = self.response_complete = False

    def feed(self, body: bytes) -> None:
        """Take a piece of the request's body."""
        if not self.response_complete:
            self._body += body
            if len(self._body) > HIGH_WATER:
                self._flow.pause_reading()
            self._news.set()

    def end(self) -> None:
        """Note that the request is complete."""
        self.complete = True
        self._news.set()

    def hang_up(self) -> None:
        """Note that the caller has gone."""
        self.disconnected = True
        self._news.set()

    async def run(self, application: ASGIApp) -> None:
        """Let the application answer; where it fails the caller is told, or cut off."""
        try:
            await application(self._scope, self.receive, self.send)
        except Exception:  # noqa: BLE001  an application's, of any kind
            _log.exception("A request could not be answered")
        finally:
            if not self.response_complete and not self.disconnected:
                self._give_up()
            self._done = _nothing  # it may know this: a circle would be left to the collector

    async def receive(self) -> Message:
        """Return the next piece of the request, or that the caller has gone."""
        if self._waits and not self._transport.is_closing():
            self._waits = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not self.disconnected and not self.response_complete:
            self._flow.resume_reading()
            await self._news.wait()
            self._news.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self._body = bytes(self._body), bytearray()
        return {"type": "http.request", "body": body, "more_body": not self.complete}

    async def send(self, message: Message) -> None:
        """Send the head, or a piece of the body, as fast as the caller takes it."""
        if not self.disconnected:
            await self._flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self._send_head(message["status"], message.get("headers", ()))
        elif not self.response_complete:
            self._send_body(message.get("body", b""))
            if not message.get("more_body", False):
                self._complete()

    def _send_head(self, status: int, headers: Any) -> None:
        self.response_started = True
        self._waits = False
        if not self.complete:
            self.keep_alive = False  # or all of a body that nobody wants would be read
        lines = [*self._headers, *((n.lower(), v) for n, v in headers)]
        said = dict(lines)
        is_bare = self._scope["method"] == "HEAD" or status in _BODILESS
        if is_bare:
            self._left = 0
        elif b"content-length" in said:
            self._left = int(said[b"content-length"])
        elif self._scope["http_version"] == "1.0":
            self.keep_alive = False  # the end of the connection is the end of the answer
        else:
            self._is_chunked = True
            lines.append((b"transfer-encoding", b"chunked"))
        if not self.keep_alive:
            lines.append((b"connection", b"close"))
        self._transport.write(head_of(status, lines) + b"\r\n")

    def _send_body(self, body: bytes) -> None:
        if self._is_chunked:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        elif self._left is not None:
            body = body[: self._left]
            self._left -= len(body)
        if body:
            self._transport.write(body)

    def _complete(self) -> None:
        if self._is_chunked:
            self._transport.write(b"0\r\n\r\n")
        if self._left:  # less than was announced
            self.keep_alive = False
        self.response_complete = True
        self._news.set()
        self._done()

    def _give_up(self) -> None:
        if self.response_started:
            self._transport.close()
            return
        answer = problem(500, "The request could not be answered; the service's log says why.")
        kind, length = answer.media_type.encode(), b"%d" % len(answer.body)
        self.keep_alive = False
        self._send_head(answer.status, [(b"content-type", kind), (b"content-length", length)])
        self._send_body(answer.body)
        self._complete()


def _nothing() -> None:
    """Do nothing."""
