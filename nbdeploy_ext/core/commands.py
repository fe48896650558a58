"""Programs that work for us: their lines reach the log, and cancelling ends them."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from .read_ahead import read_ahead

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        try:
            # A program that downloads is silent for long
            for line in read_ahead(process.stderr or (), _LOOK_AGAIN):
                progress.check_cancelled()
                if line is not None:
                    lines.append(line.rstrip())
                    progress.log(lines[-1])
            return process.wait(), lines
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
