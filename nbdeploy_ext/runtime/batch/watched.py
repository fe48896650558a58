"""The process that runs the notebook, and the one before it that sees how that ends."""

from __future__ import annotations

import mmap
import os
import signal
import sys
from typing import TYPE_CHECKING

from .faults import BatchRefused
from .stops import keep_stops, pass_stops_on

if TYPE_CHECKING:
    from collections.abc import Callable

GOES_ON = (
    "The same command goes on from there; with --workers 1 --rows-per-chunk 1 it ends right before "
    "the row that is to blame."
)
_PR_SET_PDEATHSIG = 1


class SharedNumber:
    """A whole number from 0 on that processes forked from this one share; None until it is put."""

    def __init__(self) -> None:
        """Take memory for it."""
        self._memory = mmap.mmap(-1, 8)

    def put(self, number: int) -> None:
        """Let all see another one."""
        self._memory[:] = (number + 1).to_bytes(8, "little")

    def get(self) -> int | None:
        """Return what was put last."""
        found = int.from_bytes(self._memory[:], "little")
        return found - 1 if found else None


def run_watched(work: Callable[[], int], rows: SharedNumber) -> int:
    """Run in a process of its own, and return the exit status that `work` returned there.

    It returns there, too. `rows` are those that are done. Raises `BatchRefused` where that process
    ended before: it crashed, was killed for its memory, or the notebook or a library left by
    `os._exit`, whose status says nothing of the rows.
    """
    status = SharedNumber()
    parent = os.getpid()
    keep_stops()
    child = os.fork()
    if not child:
        _end_with(parent)
        status.put(done := work())
        return done
    pass_stops_on(child)
    ended = _wait(child)
    said = status.get()
    if said is None:
        raise BatchRefused(_unasked(ended, rows.get()))
    return said


def _end_with(parent: int) -> None:
    """Let the system kill this process once its parent is killed; only Linux does."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415  (services get along without)

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _wait(child: int) -> int:
    """Return how the child ended; a container's first process buries what others left, too."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def _unasked(ended: int, rows: int | None) -> str:
    if ended == -signal.SIGKILL:
        how = "was killed, for its memory perhaps,"
    elif ended < 0:
        how = f"crashed ({signal.Signals(-ended).name})"
    else:
        how = f"was ended by the notebook or a library (status {ended})"
    if rows is None:
        return f"The process that runs the notebook {how} before the first row."
    return f"The process that runs the notebook {how} behind row {rows}. {GOES_ON}"
