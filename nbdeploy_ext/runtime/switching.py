"""How long a thread waits for the interpreter lock before it asks for it."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENT = 0.001
"""Seconds that threads of ours wait for each other: interrupting costs, and none is long."""
EAGER = 0.00005
"""Seconds that the loop waits for a thread that runs the notebook's code.

The wait begins anew whenever the thread lets go of the lock and takes it back before the loop
woke up. A model that does so for each of its trees, every 0.1 ms, would keep a loop that asks
after a millisecond waiting for a tenth of a second. Under 0.05 ms switching itself begins to cost.
"""
_lock = threading.Lock()
_running = 0


@contextmanager
def eagerly() -> Iterator[None]:
    """Let other threads ask soon, while this one runs the notebook's code."""
    _count(1)
    try:
        yield
    finally:
        _count(-1)


@contextmanager
def patiently() -> Iterator[None]:
    """Let this thread work on: a batch serves many, and the loop reads what the next one holds."""
    sys.setswitchinterval(PATIENT)
    try:
        yield
    finally:
        sys.setswitchinterval(EAGER)


def _count(more: int) -> None:
    global _running  # noqa: PLW0603  (the interval is the process's, too)
    with _lock:
        _running += more
        sys.setswitchinterval(EAGER if _running else PATIENT)
