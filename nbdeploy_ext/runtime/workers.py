"""Worker processes of one service: the notebook is loaded once and shared, or once in each."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .board import make_board
from .forking import held_open, unshared
from .loader import LOOP
from .logs import known_secrets
from .seeds import Seeds
from .server import (
    Server,
    failed_event,
    listen,
    load_service,
    new_event_loop,
    say,
    serve_until_stopped,
)
from .supervisor import Life, Supervisor

if TYPE_CHECKING:
    import asyncio
    import socket

    from .board import Board
    from .loader import App
    from .pages import Pages
    from .service import Service

_log = logging.getLogger("nbdeploy.workers")
_REFRESH = 1.0
_EACH = "NBDEPLOY_LOAD_IN_EACH"


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A notebook that was loaded for all processes."""

    service: Service
    application: Pages
    seeds: Seeds


def serve_workers(app: App, host: str, port: int) -> int:
    """Load the notebook, fork the workers, say `ready`; returns the exit status when stopped.

    Where what the notebook holds can't be shared by processes, this one begins anew, and each
    worker loads the notebook for itself. Raises whatever loading raises.
    """
    begun = _Beginning.now()
    workers = app.manifest.service.workers
    has_monitors = bool(app.manifest.cells_of("monitor"))
    processes = workers + has_monitors
    board = make_board(app.manifest, processes + 1)
    board.numbers.use_row(processes)
    board.numbers.put("pid", os.getpid())
    try:
        loaded = None if os.environ.pop(_EACH, "") else _load(app, board, begun)
        listener = listen(host, port)
        team = _Team(app, board, loaded, listener)
        works = [team.serve] * workers + [team.watch] * has_monitors
        supervisor = Supervisor(works, board.numbers)
        gc.collect()
        # The collector writes to every object that it looks at: that would copy the pages
        gc.freeze()
        gc.disable()
        bound = listener.getsockname()[1]
        failed = supervisor.run(lambda: say(event="ready", port=bound), listener.close)
    finally:
        board.store.discard()
    if failed is not None:
        say(**failed)
    return 1 if failed is not None else 0


def _load(app: App, board: Board, begun: _Beginning) -> _Loaded:
    """Load for all processes, or begin this one anew where that can't be."""
    loop = new_event_loop()
    loop.call_soon(loop.stop)
    loop.run_forever()  # opens what it needs for itself
    before = held_open()
    service, application = load_service(app, board, loop)
    application.make()  # once for all
    service.compute.lane.close(wait=True)
    reason = unshared(loop, before)
    if reason:
        _log.warning("Each worker loads the notebook for itself, as %s", reason)
        board.store.discard()
        begun.again()
    loop.close()
    LOOP.set(None)
    return _Loaded(service, application, Seeds(service.namespace))


@dataclass(frozen=True, slots=True)
class _Beginning:
    """How this process was begun, before cells could change it."""

    command: list[str]
    environment: dict[str, str]
    folder: Path

    @classmethod
    def now(cls) -> _Beginning:
        return cls([sys.executable, *sys.orig_argv[1:]], dict(os.environ), Path.cwd())

    def again(self) -> None:
        """Become that process once more, told to load nothing itself."""
        logging.shutdown()
        os.chdir(self.folder)
        os.execve(self.command[0], self.command, {**self.environment, _EACH: "1"})  # noqa: S606


@dataclass(frozen=True, slots=True)
class _Team:
    """What the processes do."""

    app: App
    board: Board
    loaded: _Loaded | None
    listener: socket.socket

    def serve(self, life: Life) -> None:
        """Answer calls until told to stop."""
        loop = new_event_loop()
        service, application = self._enter(life, loop)
        server = Server(service, application)
        server.team = self.board.numbers

        def tick() -> None:
            service.metrics.refresh()
            self.board.numbers.put("ready", service.is_ready)
            loop.call_later(_REFRESH, tick)

        def ready(_: int) -> None:
            tick()
            life.say(event="ready")

        server.when_ready = ready
        loop.add_reader(life.parent, server.stop)
        serve_until_stopped(loop, service, server, self.listener)

    def watch(self, life: Life) -> None:
        """Run the monitor cells until told to stop, or left alone."""
        self.listener.close()
        loop = new_event_loop()
        service, _ = self._enter(life, loop)
        LOOP.set(None)
        loop.add_signal_handler(signal.SIGTERM, loop.stop)
        loop.add_reader(life.parent, loop.stop)
        service.monitors.start()
        life.say(event="ready")
        loop.run_forever()
        service.monitors.stop()

    def _enter(self, life: Life, loop: asyncio.AbstractEventLoop) -> tuple[Service, Any]:
        gc.enable()
        if self.loaded is None:
            return self._load_here(life, loop)
        LOOP.set(loop)
        self.loaded.service.enter_process(life.row)
        self.loaded.seeds.sow(life.number)
        return self.loaded.service, self.loaded.application

    def _load_here(self, life: Life, loop: asyncio.AbstractEventLoop) -> tuple[Service, Any]:
        try:
            service, application = load_service(self.app, self.board, loop)
        except Exception as error:  # told to the parent, which tells the deployer
            life.say(**failed_event(error, known_secrets(self.app.manifest)))
            raise SystemExit(1) from error
        Seeds(service.namespace).sow(life.number)
        return service, application
