"""Serving: a socket of ours, a server of uvicorn's, one line that says when it is ready."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
import traceback
from typing import TYPE_CHECKING, Any

import uvicorn

from .app import make_app
from .loader import CellFailed, SecretUnset, read_app
from .service import Service

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp

_log = logging.getLogger("nbdeploy.server")


def say(**event: Any) -> None:
    """Print one event for the deployer, a JSON line on stdout."""
    sys.__stdout__.write(json.dumps(event) + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


def serve(folder: Path, host: str, port: int | None) -> int:
    """Load, try the examples, listen, say `ready`; returns the exit status when stopped."""
    try:
        service = Service(read_app(folder))
        _log_masked(service)
        asyncio.run(service.try_examples())
        listener = listen(host, port if port is not None else service.app.manifest.service.port)
    except CellFailed as fault:
        traceback.print_exception(fault.error)
        kind = type(fault.error).__name__
        say(event="failed", cell=fault.cell, line=fault.line, message=f"{kind}: {fault.error}")
        return 1
    except (SecretUnset, ValueError, OSError) as fault:
        say(event="failed", cell=None, line=None, message=str(fault))
        return 1
    if service.app.manifest.service.workers > 1:
        _log.warning("One worker process serves, whatever service.workers says")
    service.monitors.start()
    asyncio.run(_run(make_app(service), listener))
    service.monitors.stop()
    return 0


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket that another version may share (SO_REUSEPORT)."""
    # asyncio switches Nagle off only where the protocol says TCP; else answers wait 40 ms
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def make_server(app: ASGIApp) -> uvicorn.Server:
    """Return uvicorn set up as we serve: no access log, ten seconds to finish calls."""
    config = uvicorn.Config(
        app, access_log=False, log_level="warning", lifespan="off", timeout_graceful_shutdown=10
    )
    return uvicorn.Server(config)


async def _run(app: ASGIApp, listener: socket.socket) -> None:
    server = make_server(app)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not task.done():  # noqa: ASYNC110  (uvicorn has no event)
        await asyncio.sleep(0.002)
    say(event="ready", port=listener.getsockname()[1])
    await task


def _log_masked(service: Service) -> None:
    class Masked(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return service.masked(super().format(record))

    handler = logging.StreamHandler()
    handler.setFormatter(Masked("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
