"""Serving: a socket of ours, a server of uvicorn's, one line that says when it is ready."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

from uvicorn.config import Config
from uvicorn.server import Server as Uvicorn

from .accepting import Acceptor
from .loader import LOOP, CellFailed
from .logs import mask
from .pages import Pages
from .patience import KEEP_ALIVE, sweep
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
_GRACE = 10


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
        cell, line, told = error.cell, error.line, error.error
        message = f"{type(told).__name__}: {told}"
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
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def make_server(service: Service, app: ASGIApp) -> Server:
    """Return uvicorn set up as we serve: no access log, ten seconds to finish calls."""
    protocol: Any = functools.partial(EndpointProtocol, Front(service))
    return Server(
        Config(
            app, http=protocol, access_log=False, log_config=None, log_level="warning",
            lifespan="off", ws="none", server_header=False, proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE, timeout_graceful_shutdown=_GRACE,
        )
    )  # fmt: skip


class Server(Uvicorn):
    """Says when it accepts connections."""

    when_ready: Callable[[int], None] | None = None
    team: Numbers | None = None
    """The numbers of all processes that take connections from this one's listener."""

    def stop(self, *_: object) -> None:
        """Take no more calls, and finish those that run."""
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at a signal; the second one of a terminal cuts off what still runs.

        A worker's parent passes on what a terminal says.
        """
        if not (self.team is not None and sig == signal.SIGINT):
            super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        if self.team is None or sockets is None:
            await super().startup(sockets)
        else:
            self._share(sockets[0], self.team)
        if sockets and self.started and self.when_ready is not None:
            self.when_ready(sockets[0].getsockname()[1])

    def _share(self, listener: socket.socket, team: Numbers) -> None:
        config, state = self.config, self.server_state
        kind: Any = config.http_protocol_class
        protocol = functools.partial(
            kind, config=config, server_state=state, app_state=self.lifespan.state
        )
        acceptor: Any = Acceptor(listener, protocol, team, lambda: len(state.connections))
        self.servers = [acceptor]
        self.started = True

    async def on_tick(self, counter: int) -> bool:
        """Look at all connections once a second."""
        if counter % 10 == 0:
            sweep(self.server_state.connections, asyncio.get_running_loop().time())
        return await super().on_tick(counter)


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
    # uvicorn raises the signal again once it has stopped; being told to stop is no failure
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.stop)
    loop.run_until_complete(server.serve(sockets=[listener]))
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
