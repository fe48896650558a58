"""How long a thread waits for the interpreter lock before it asks for it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

EAGER = 0.00005
"""Seconds of a loop that waits for the thread of one call.

The wait begins anew whenever the thread lets go of the lock and takes it back before the loop
woke up. A model that does so for each of its trees, every 0.1 ms, would keep a loop that asks
after a millisecond waiting for a tenth of a second. Under 0.05 ms switching itself begins to cost.
"""
PATIENT = 0.001
"""Seconds while a batch runs: the loop reads what comes next, and interrupting costs all of it."""


@contextmanager
def patiently() -> Iterator[None]:
    """Let this thread work on with fewer interruptions."""
    sys.setswitchinterval(PATIENT)
    try:
        yield
    finally:
        sys.setswitchinterval(EAGER)
