"""Serving a folder: in this process alone, or in worker processes that are forked from it."""

from __future__ import annotations

import gc
import logging
import os
import sys
from typing import TYPE_CHECKING

from .board import make_board
from .loader import read_app
from .logs import known_secrets, log_as_json
from .server import (
    Server,
    failed_event,
    listen,
    load_service,
    new_event_loop,
    say,
    serve_until_stopped,
)
from .switching import PATIENT, wake_in_time

if TYPE_CHECKING:
    from pathlib import Path

    from .loader import App

YOUNG = 5000
"""So many new objects make the collector look at them; Python's own number is 700.

A table of a thousand rows is a thousand dicts, for as long as its call lasts. Looking at them three
times took a quarter of the call.
"""


def serve(folder: Path, host: str, port: int | None) -> int:
    """Load, try the examples, listen, say `ready`; returns the exit status when stopped."""
    log_as_json(())
    sys.setswitchinterval(PATIENT)
    wake_in_time()
    gc.set_threshold(YOUNG)
    secrets: tuple[str, ...] = ()
    try:
        app = read_app(folder)
        secrets = known_secrets(app.manifest)
        log_as_json(secrets)
        wanted = port if port is not None else app.manifest.service.port
        if app.manifest.service.workers > 1:
            from .workers import serve_workers  # noqa: PLC0415  (one process needs no others)

            return serve_workers(app, host, wanted)
        return _serve_alone(app, host, wanted)
    except Exception as error:  # noqa: BLE001  the deployer gets one event, whatever it was
        say(**failed_event(error, secrets))
        return 1


def _serve_alone(app: App, host: str, port: int) -> int:
    loop = new_event_loop()
    board = make_board(app.manifest)
    try:
        service, application = load_service(app, board, loop)
        listener = listen(host, port)
        server = Server(service, application)

        def ready(port: int) -> None:
            board.numbers.put("ready", 1)
            say(event="ready", port=port)

        server.when_ready = ready
        service.monitors.start()
        # What was loaded stays: the collector need not walk it again and again
        gc.collect()
        gc.freeze()
        is_busy = serve_until_stopped(loop, service, server, listener)
    finally:
        board.store.discard()
    if is_busy:
        logging.shutdown()
        os._exit(0)
    return 0
