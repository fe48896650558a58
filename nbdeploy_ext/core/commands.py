"""Programs that work for us: their lines reach the log, and cancelling ends them."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

    from .progress import Progress

_LOOK_AGAIN = 0.1


def follow_command(
    command: Sequence[str], environment: Mapping[str, str], progress: Progress
) -> tuple[int, list[str]]:
    """Run a program to its end, passing on what it says on stderr; returns status and lines.

    When the work is cancelled the program and all that it started are ended at once.
    """
    lines: list[str] = []
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
    ) as process:  # fmt: skip
        said: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(process.stderr, said), daemon=True).start()
        try:
            while True:
                progress.check_cancelled()
                with suppress(queue.Empty):  # a program that downloads is silent for long
                    line = said.get(timeout=_LOOK_AGAIN)
                    if line is None:
                        break
                    lines.append(line)
                    progress.log(line)
            return process.wait(), lines
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise


def _read(stream: IO[str] | None, said: queue.SimpleQueue[str | None]) -> None:
    with suppress(ValueError):  # closed under us when the program was ended
        for line in stream or ():
            said.put(line.rstrip())
    said.put(None)
