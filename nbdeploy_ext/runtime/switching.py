"""How long a thread waits for the interpreter lock before it asks for it, and wakes up to ask."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

PATIENT = 0.001
"""Seconds that threads of ours wait for each other: interrupting costs, and none is long."""
EAGER = 0.00002
"""Seconds that the loop waits for a thread that runs the notebook's code.

The wait begins anew whenever the thread lets go of the lock and takes it back before the loop
woke up. A model that does so for each of its trees, every 0.1 ms, would keep a loop that asks
after a millisecond waiting for a tenth of a second. Under 0.02 ms switching itself begins to cost.
"""
_SLACK = Path("/proc/self/timerslack_ns")
"""How much later than asked Linux may wake up the main thread: 0.05 ms, if nobody says less."""
_lock = threading.Lock()
_running = 0


def wake_in_time() -> None:
    """Let the loop wake up when its wait is over, to the microsecond; to be called on its thread.

    What a model lets go of the lock for is often shorter than what Linux adds to each wait. Threads
    and processes that are begun later have it from this one.
    """
    with suppress(OSError):  # where there is no such file, waits are as long as they are
        _SLACK.write_text("1", encoding="ascii")


def eagerly() -> AbstractContextManager[None]:
    """Let other threads ask soon, while this one runs the notebook's code."""
    return _EAGERLY


def patiently() -> AbstractContextManager[None]:
    """Let this thread work on for a while: what it does inside `eagerly` is ours.

    Reading a large body is long calls into C, which let nobody in: the loop would look for the
    lock in vain every 0.02 ms, a sixth of what a frame as JSON costs. A batch serves many, and the
    loop reads what the next one holds.
    """
    return _PATIENTLY


class _Counted:
    """Counts threads while a block runs; a generator for each costs a microsecond."""

    def __init__(self, more: int) -> None:
        self._more = more

    def __enter__(self) -> None:
        _count(self._more)

    def __exit__(self, *_: object) -> None:
        _count(-self._more)


_EAGERLY = _Counted(1)
_PATIENTLY = _Counted(-1)


def _count(more: int) -> None:
    global _running  # noqa: PLW0603  (the interval is the process's, too)
    with _lock:
        _running += more
        sys.setswitchinterval(EAGER if _running > 0 else PATIENT)
