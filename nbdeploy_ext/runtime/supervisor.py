"""A parent of processes: forks them, replaces those that end unasked, and ends with them."""

from __future__ import annotations

import json
import logging
import os
import selectors
import signal
import socket
import threading
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .metrics import GAUGES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .shared import Numbers

_log = logging.getLogger("nbdeploy.workers")
_STOP_WITHIN = 11.5
"""Seconds: ten for the calls that run, and a moment to write what is left."""
_HEALTHY_AFTER = 5.0
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 10.0
_MOST_TRIES = 3


class Life:
    """What a process that was forked knows of its parent; `row` is its place on the board."""

    def __init__(self, row: int, number: int, status: int, parent: int) -> None:
        """Take the pipe to the parent, and one that ends when the parent does."""
        self.row = row
        self.number = number
        """One for each process that there ever was."""
        self.parent = parent
        """Can be read from once the parent is gone."""
        self._status = status

    def say(self, **event: Any) -> None:
        """Tell the parent."""
        os.write(self._status, json.dumps(event).encode() + b"\n")


@dataclass
class _Process:
    """One place on the board and the process that has it."""

    row: int
    work: Callable[[Life], None]
    pid: int = 0
    begun: float = 0.0
    due: float = 0.0
    early_ends: int = 0
    is_ready: bool = False
    status: int = -1
    heard: bytes = b""
    said: list[dict[str, Any]] = field(default_factory=list)


class Supervisor:
    """Keeps one process for each of `works` alive; every one counts in a row of its own."""

    def __init__(self, works: Sequence[Callable[[Life], None]], numbers: Numbers) -> None:
        """Fork nothing yet; this process's own row comes after theirs."""
        self._processes = [_Process(row, work) for row, work in enumerate(works)]
        self._numbers = numbers
        self._forked = 0
        self._is_told = False
        self._is_announced = False
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        self._lifeline, self._life = os.pipe()

    def run(
        self, announce: Callable[[], None], retire: Callable[[], None]
    ) -> dict[str, Any] | None:
        """Return when told to stop and all have ended; what a process said that failed, if so.

        `announce` is called once all processes are ready, `retire` when they are told to stop.
        """
        self._listen()
        failed = None
        while not self._is_told and failed is None:
            self._start_due()
            self._wait()
            failed = self._look()
            if not self._is_announced and all(p.is_ready for p in self._processes):
                self._is_announced = True
                announce()
        retire()
        self._stop()
        return failed

    def _listen(self) -> None:
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._tell)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(self._woken, selectors.EVENT_READ)

    def _tell(self, *_: object) -> None:
        self._is_told = True

    def _start_due(self) -> None:
        now = time.monotonic()
        for process in self._processes:
            if not process.pid and process.due <= now:
                self._start(process)

    def _wait(self) -> None:
        """Wait for a signal, or until a process is to be started."""
        due = [process.due for process in self._processes if not process.pid]
        timeout = max(0.0, min(due) - time.monotonic()) if due else None
        for key, _ in self._selector.select(timeout):
            if key.fileobj is self._woken:
                with suppress(BlockingIOError):
                    self._woken.recv(4096)
            else:
                self._hear(key.data)

    def _hear(self, process: _Process) -> None:
        """Read what a process says."""
        try:
            found = os.read(process.status, 65536)
        except BlockingIOError:
            return
        *lines, process.heard = (process.heard + found).split(b"\n")
        process.said += [json.loads(line) for line in lines]
        process.is_ready = process.is_ready or {"event": "ready"} in process.said
        if not found:
            self._selector.unregister(process.status)
            os.close(process.status)
            process.status = -1

    def _look(self) -> dict[str, Any] | None:
        """Bury who ended; returns why the service can't start, if so."""
        for process, status in self._ended():
            how = _told_end(status)
            extra = {"worker": process.row, "exit_status": status}
            if self._is_told:
                continue
            failed = next((e for e in process.said if e["event"] == "failed"), None)
            if not self._is_announced and failed is not None:
                return failed
            self._numbers.add("restarts")
            process.due = self._delay(process)
            _log.error("Worker %d ended (%s) and is replaced", process.row, how, extra=extra)
            if not self._is_announced and process.early_ends >= _MOST_TRIES:
                return {"event": "failed", "cell": None, "line": None,
                        "message": f"a worker ended before it was ready ({how})"}  # fmt: skip
        return None

    def _ended(self) -> list[tuple[_Process, int]]:
        """Reap all children, those that somebody else left behind too."""
        found = []
        with suppress(ChildProcessError):
            while (ended := os.wait4(-1, os.WNOHANG))[0]:
                pid, status, usage = ended
                process = next((p for p in self._processes if p.pid == pid), None)
                if process is not None:
                    self._bury(process, usage.ru_utime + usage.ru_stime)
                    found.append((process, os.waitstatus_to_exitcode(status)))
        return found

    def _bury(self, process: _Process, seconds: float) -> None:
        process.pid = 0
        while process.status >= 0:
            self._hear(process)
        process.is_ready = False
        numbers, row = self._numbers, process.row
        numbers.add("ended_seconds", seconds)
        for gauge in GAUGES:
            numbers.put(gauge, 0, row)
        # What it had not yet written to the call log went with it
        logged, written = numbers.each("logged")[row], numbers.each("written")[row]
        numbers.put("dropped", logged - written, row)

    def _delay(self, process: _Process) -> float:
        """Return when to start it again: at once, and later each time that it ends early."""
        now = time.monotonic()
        is_early = now - process.begun < _HEALTHY_AFTER
        process.early_ends = process.early_ends + 1 if is_early else 0
        if process.early_ends <= 1:
            return now
        return now + min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(process.early_ends, 10))

    def _start(self, process: _Process) -> None:
        process.said, process.heard = [], b""
        process.begun = time.monotonic()
        self._forked += 1
        # OpenMP hangs in the child of a thread that has used it; this one never has
        thread = threading.Thread(target=self._fork, args=(process,))
        thread.start()
        thread.join()

    def _fork(self, process: _Process) -> None:
        reader, writer = os.pipe()
        try:
            with warnings.catch_warnings():
                # Python 3.12 warns of forks beside threads; the other one here only waits
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
        except OSError as fault:  # no more processes, or no memory
            _log.error("No worker can be forked: %s", fault)
            os.close(reader)
            os.close(writer)
            process.due = self._delay(process)
            return
        if not pid:
            self._live(process, Life(process.row, self._forked - 1, writer, self._lifeline))
        os.close(writer)
        os.set_blocking(reader, False)
        process.pid, process.status = pid, reader
        self._selector.register(reader, selectors.EVENT_READ, process)

    def _live(self, process: _Process, life: Life) -> None:
        """Be the new process, to its end."""
        status = 70  # EX_SOFTWARE
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            # A terminal sends it to all; the parent tells its processes itself
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            self._selector.close()
            self._woken.close()
            self._waker.close()
            os.close(self._life)
            self._numbers.use_row(life.row)
            process.work(life)
            status = 0
        except SystemExit as said:
            status = said.code if isinstance(said.code, int) else status
        except BaseException:  # noqa: BLE001  (whatever it was, this process must not go on)
            _log.exception("Worker %d failed", life.row, extra={"worker": life.row})
        finally:
            logging.shutdown()
            # Neither the parent's clean-ups nor its threads are this process's
            os._exit(status)

    def _stop(self) -> None:
        """Tell all, wait for their calls, and end by force who stays."""
        self._is_told = True
        until = time.monotonic() + _STOP_WITHIN
        for process in self._processes:
            if process.pid:
                os.kill(process.pid, signal.SIGTERM)
        while any(process.pid for process in self._processes):
            left = until - time.monotonic()
            if left <= 0:
                _log.warning("Workers that did not end are killed")
                for process in self._processes:
                    if process.pid:
                        os.kill(process.pid, signal.SIGKILL)
            self._selector.select(max(left, 0.1))
            with suppress(BlockingIOError):
                self._woken.recv(4096)
            self._ended()


def _told_end(status: int) -> str:
    """Return how a process ended, in words."""
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
