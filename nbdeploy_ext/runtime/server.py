"""Serving: a socket of ours, a server of uvicorn's, one line that says when it is ready."""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import logging
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

import uvicorn

from .app import make_app
from .loader import LOOP, CellFailed, read_app
from .logs import known_secrets, log_as_json, mask
from .protocol import KEEP_ALIVE, EndpointProtocol, Front, sweep
from .service import Service

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp

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


def serve(folder: Path, host: str, port: int | None) -> int:
    """Load, try the examples, listen, say `ready`; returns the exit status when stopped."""
    log_as_json(())
    secrets: tuple[str, ...] = ()
    loop = new_event_loop()
    # Cells that await, examples and calls share one loop, as they do in a kernel
    LOOP.set(loop)
    try:
        app = read_app(folder)
        secrets = known_secrets(app.manifest)
        log_as_json(secrets)
        service = Service(app)
        application = make_app(service)
        loop.run_until_complete(service.try_examples())
        listener = listen(host, port if port is not None else app.manifest.service.port)
    except Exception as error:  # noqa: BLE001  the deployer gets one event, whatever it was
        say(**failed_event(error, secrets))
        return 1
    _serve_until_stopped(loop, service, make_server(service, application), listener)
    return 0


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
        uvicorn.Config(
            app, http=protocol, access_log=False, log_config=None, log_level="warning",
            lifespan="off", ws="none", server_header=False, proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE, timeout_graceful_shutdown=_GRACE,
        )
    )  # fmt: skip


class Server(uvicorn.Server):
    """Says when it accepts connections."""

    announce = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then print the event that deployers wait for."""
        await super().startup(sockets)
        if self.announce and sockets and self.started:
            say(event="ready", port=sockets[0].getsockname()[1])

    async def on_tick(self, counter: int) -> bool:
        """Look at all connections once a second."""
        if counter % 10 == 0:
            sweep(self.server_state.connections, asyncio.get_running_loop().time())
        return await super().on_tick(counter)


def _serve_until_stopped(
    loop: asyncio.AbstractEventLoop, service: Service, server: Server, listener: socket.socket
) -> None:
    if service.app.manifest.service.workers > 1:
        _log.warning("One worker process serves, whatever service.workers says")
    # uvicorn raises the signal again once it has stopped; being told to stop is no failure
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server.announce = True
    service.monitors.start()
    # What was loaded stays: the collector need not walk it again and again
    gc.collect()
    gc.freeze()
    loop.run_until_complete(server.serve(sockets=[listener]))
    service.monitors.stop()
    service.compute.lane.close()
    if service.compute.lane.is_busy or service.monitors.is_busy:
        # The interpreter can't end beside a thread that is inside a function
        _log.warning("A call or monitor was still running and is dropped")
        logging.shutdown()
        os._exit(0)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
