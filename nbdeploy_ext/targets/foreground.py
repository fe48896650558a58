"""A service as a process that a terminal waits for: what it says goes on, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from ..core.errors import StartFailed
from .gate_events import read_event, said_failed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def run_foreground(
    command: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    when_ready: Callable[[], None],
) -> int:
    """Run a service until it is interrupted or ends; returns the exit status.

    Call it from the main thread: signals come there. Raises `StartFailed`.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        try:
            is_ready = _pass_on(process, when_ready)
        except KeyboardInterrupt:
            process.terminate()
            # A terminal has told it too: the second signal may have met it on its way out
            process.communicate(timeout=20)
            return int(process.returncode > 0)
        status = process.wait()
        if not is_ready:
            raise StartFailed(
                f"The notebook did not start. It ended its process ({_ending(status)}).",
                hint="os._exit(), a library that crashes, and lack of memory end one so.",
            )
        return int(status != 0)


def _pass_on(process: subprocess.Popen[str], when_ready: Callable[[], None]) -> bool:
    """Print what a service says until it ends; that it can't start is an error instead.

    Says whether it was ready.
    """
    is_ready = False
    for line in process.stdout or ():
        event = read_event(line) or {}
        if event.get("event") == "failed":
            raise StartFailed(
                f"The notebook did not start. {said_failed(event)}",
                hint="The log above holds the whole traceback.",
            )
        if event.get("event") == "ready":
            is_ready = True
            when_ready()
        sys.stdout.write(line)
        sys.stdout.flush()
    return is_ready


def _ending(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:  # a real-time signal
        return f"signal {-status}"
