"""One connection as the event loop gives it: its transport, a parser, and how much it may hold."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

import httptools

if TYPE_CHECKING:
    from starlette.types import ASGIApp


_LEAVING = 5.0
"""Seconds for a caller to read why its request is not wanted."""


class Shared:
    """What all connections of a server share.

    `headers` are those of every answer; a new list of them means that they changed.
    """

    def __init__(self, application: ASGIApp) -> None:
        """Begin without any connection."""
        self.application = application
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.headers: list[tuple[bytes, bytes]] = []


class Flow:
    """Whether a connection is read at the moment, and whether its caller takes more."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Begin with both."""
        self._transport = transport
        self._writable: asyncio.Event | None = None
        self.read_paused = False
        self.write_paused = False

    def pause_reading(self) -> None:
        """Leave what the caller sends to the system, until it is read on."""
        if not self.read_paused:
            self.read_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if self.read_paused:
            self.read_paused = False
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """Let `drain` wait."""
        self.write_paused = True

    def resume_writing(self) -> None:
        """Let `drain` end."""
        self.write_paused = False
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    async def drain(self) -> None:
        """Return when the caller takes more."""
        if self.write_paused:
            if self._writable is None:  # few answers are so large
                self._writable = asyncio.Event()
            await self._writable.wait()


class _Leaving(asyncio.Protocol):
    """Lets pass what a caller still sends; the system would take back what was sent to it."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._end = loop.call_later(_LEAVING, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's)
        self._end.cancel()


class Connection(asyncio.Protocol):
    """Keeps what waits in line on one connection, and who is to hear that it has ended.

    What is answered, a call or ASGI's cycle, has `complete`, `keep_alive`, `response_complete` and
    `hang_up`.
    """

    def __init__(self, shared: Shared) -> None:
        """Take what the connections of a server share; they are made on its loop."""
        self.shared = shared
        self.loop = asyncio.get_running_loop()
        self.parser = self.new_parser()
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self.flow: Flow = None  # type: ignore[assignment]
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.active: Any = None  # what is answered at the moment
        self.newest: Any = None  # what was read last
        self.waiting: deque[Any] = deque()  # what is answered after it, first come first

    def new_parser(self) -> Any:
        """Return a parser that tells this connection what it reads."""
        parser = httptools.HttpRequestParser(self)
        if hasattr(parser, "set_dangerous_leniencies"):  # since httptools 0.6.3
            # A request behind the last one is left alone; the answer to the last one is still sent
            parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = transport  # type: ignore[assignment]
        self.flow = Flow(self.transport)
        self.shared.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's)
        """Tell all calls that their caller has gone."""
        self.shared.connections.discard(self)
        for call in (self.active, *self.waiting):
            if call is not None and not call.response_complete:
                call.hang_up()
        self.waiting.clear()
        self.flow.resume_writing()

    def leave(self) -> None:
        """End, and let the caller read what it was sent though it still sends."""
        if not self.transport.is_closing():
            self.transport.set_protocol(_Leaving(self.transport, self.loop))
            self.transport.write_eof()
            self.flow.resume_reading()
            self.connection_lost(None)

    def pause_writing(self) -> None:
        """Note that the caller doesn't read its answers."""
        self.flow.pause_writing()

    def resume_writing(self) -> None:
        """Note that it does again."""
        self.flow.resume_writing()

    @property
    def is_answering(self) -> bool:
        """Whether an answer is not complete yet."""
        return self.active is not None and not self.active.response_complete

    def shutdown(self) -> None:
        """End as the server stops: now, or after what is answered and waits."""
        newest = self.newest
        if newest is None or newest.response_complete:
            self.transport.close()
        else:
            newest.keep_alive = False
