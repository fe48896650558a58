"""Where an endpoint's function runs: on the loop while it is quick, else on the compute thread.

A function that answers within microseconds costs less than the hop to a thread and back. One that
takes milliseconds would hold up everything else, health checks first.
"""

from __future__ import annotations

QUICK = 0.0005
"""Seconds under which a call counts as quick."""
SLOW = 0.05
"""One call of so many seconds ends quickness at once."""
_WANTED = 16
_SHARE = 1 / 64  # a busy machine's pause of twenty milliseconds is no trend


class Pace:
    """Follows how long an endpoint's calls take; `is_quick` says that it runs on the loop."""

    __slots__ = ("_left", "_may", "_mean", "_wanted", "is_quick")

    def __init__(self, *, may_be_quick: bool) -> None:
        """Begin on the thread; only a function that just computes `may_be_quick`."""
        self._may = may_be_quick
        self._wanted = _WANTED
        self._left = _WANTED
        self._mean = 0.0
        self.is_quick = False

    def note(self, seconds: float) -> None:
        """Learn from a call: 16 quick ones in a row, and it runs on the loop.

        It leaves the loop when its moving mean is no longer quick, and comes back after four
        times as many quick calls as the last time.
        """
        if self.is_quick:
            self._mean += (seconds - self._mean) * _SHARE
            if seconds > SLOW or self._mean > 2 * QUICK:
                self._wanted *= 4
                self._left = self._wanted
                self.is_quick = False
        elif seconds >= QUICK:
            self._left = self._wanted
        elif self._may:
            self._left -= 1
            if self._left <= 0:
                self._mean = seconds
                self.is_quick = True
