"""Serving: a listener, the server behind it, one line that says when it is ready."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from .accepting import Acceptor
from .connection import Shared
from .loader import LOOP, CellFailed
from .logs import mask
from .pages import Pages
from .patience import sweep
from .protocol import EndpointProtocol, Front
from .service import Service

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from starlette.types import ASGIApp

    from .board import Board
    from .loader import App
    from .shared import Numbers

try:
    import uvloop
except ImportError:  # no wheel for the image's platform: slower, the same otherwise
    new_event_loop = asyncio.new_event_loop
else:
    new_event_loop = uvloop.new_event_loop

_log = logging.getLogger("nbdeploy.server")
_BACKLOG = 2048
_GRACE = 10
"""Seconds to finish calls once the server is told to stop."""
_LOOK = 0.02
_DAYS = b"Mon Tue Wed Thu Fri Sat Sun".split()
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def say(**event: Any) -> None:
    """Print one event for the deployer, a JSON line on stdout."""
    sys.__stdout__.write(json.dumps(event) + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


def failed_event(error: Exception, secrets: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the event that says why a notebook could not start, and log the traceback."""
    cell, line = None, None
    told: BaseException = error
    message = str(error)
    if isinstance(error, CellFailed):
        cell, line, told, message = error.cell, error.line, error.error, error.said
    _log.error("The notebook did not start", exc_info=told, extra={"cell": cell, "line": line})
    return {"event": "failed", "cell": cell, "line": line, "message": mask(message, secrets)}


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket that another version may share (SO_REUSEPORT)."""
    # asyncio switches Nagle off only where the protocol says TCP; else answers wait 40 ms
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


class Server:
    """Answers on a listener until it is told to stop."""

    def __init__(self, service: Service, application: ASGIApp) -> None:
        """Serve the endpoints of a loaded service, and its application's pages."""
        self.shared = Shared(application)
        self.when_ready: Callable[[int], None] | None = None
        self.team: Numbers | None = None
        """The numbers of all processes that take connections from this one's listener."""
        self._connect = functools.partial(EndpointProtocol, Front(service), self.shared)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._is_told = False
        self._is_cut = False

    def stop(self) -> None:
        """Take no more calls, and finish those that run; any thread may say so, and at any time."""
        self._is_told = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)

    def handle_signal(self, number: int, _: FrameType | None) -> None:
        """Stop at a signal; the second one of a terminal cuts off what still runs.

        A worker's parent passes on what a terminal says.
        """
        if number == signal.SIGINT and self.team is not None:
            return
        if number == signal.SIGINT and self._is_told:
            self._is_cut = True
        self.stop()

    async def serve(self, listener: socket.socket) -> None:
        """Listen, say so, and return when all calls are finished, or ten seconds have gone."""
        self._loop = asyncio.get_running_loop()
        if self._is_told:
            self._stopping.set()
        self._look(self._loop)
        taking = await self._take(listener)
        if self.when_ready is not None:
            self.when_ready(listener.getsockname()[1])
        await self._stopping.wait()
        taking.close()
        listener.close()
        for connection in list(self.shared.connections):
            connection.shutdown()
        try:
            await asyncio.wait_for(self._finish(taking), _GRACE)
        except asyncio.TimeoutError:
            _log.error("What still ran %d seconds after the stop is cut off", _GRACE)
            for task in self.shared.tasks:
                task.cancel()
        self._next_look.cancel()

    async def _take(self, listener: socket.socket) -> Any:
        loop = asyncio.get_running_loop()
        if self.team is None:
            return await loop.create_server(self._connect, sock=listener, backlog=_BACKLOG)
        connections = self.shared.connections
        return Acceptor(listener, self._connect, self.team, lambda: len(connections))

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look at all connections once a second, and at the clock for answers."""
        self._next_look = loop.call_later(1, self._look, loop)
        self.shared.headers = [(b"date", http_date(time.time()))]
        sweep(self.shared.connections, loop.time())

    async def _finish(self, taking: Any) -> None:
        await taking.wait_closed()
        while (self.shared.connections or self.shared.tasks) and not self._is_cut:  # noqa: ASYNC110  (many may be the last)
            await asyncio.sleep(_LOOK)


def http_date(seconds: float) -> bytes:
    """Return a time since the epoch as headers have it (RFC 9110, 5.6.7), in no one's language."""
    # As email.utils.formatdate does, whose package takes 6 ms of each start
    year, month, day, hour, minute, second, weekday, *_ = time.gmtime(seconds)
    named = b"%s, %02d %s" % (_DAYS[weekday], day, _MONTHS[month - 1])
    return b"%s %d %02d:%02d:%02d GMT" % (named, year, hour, minute, second)


def load_service(app: App, board: Board, loop: asyncio.AbstractEventLoop) -> tuple[Service, Pages]:
    """Run the production cells and try the examples; raises whatever they raise."""
    # Cells that await, examples and calls share one loop, as they do in a kernel
    LOOP.set(loop)
    service = Service(app, board)
    loop.run_until_complete(service.try_examples())
    return service, Pages(service)


def serve_until_stopped(
    loop: asyncio.AbstractEventLoop, service: Service, server: Server, listener: socket.socket
) -> bool:
    """Answer until told to stop, finish the calls; returns whether a thread is still inside one.

    The interpreter can't end beside such a thread: only `os._exit` ends it.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_signal)
    loop.run_until_complete(server.serve(listener))
    service.metrics.numbers.put("ready", 0)
    service.monitors.stop()
    service.compute.lane.close()
    service.calls.close()
    if service.tracing is not None:
        service.tracing.close()
    if service.compute.lane.is_busy or service.monitors.is_busy:
        _log.warning("A call or monitor was still running and is dropped")
        return True
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    return False
