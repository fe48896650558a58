"""Calls that are not answered in time.

When more come than can be, they are told so, at once if it can be foreseen, and when to come again.
"""

from __future__ import annotations

MOST_WAITING = 1000
"""More calls than this never wait for the thread."""


class Overloaded(Exception):
    """More calls wait than can be answered in time; `seconds` is when to try again."""

    def __init__(self, seconds: float) -> None:
        """Keep the seconds."""
        super().__init__("more calls wait than can be answered in time")
        self.seconds = seconds


class Late(Exception):
    """A call took too long; a notebook's own `TimeoutError` is another matter."""
