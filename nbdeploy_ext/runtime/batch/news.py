"""What a run says while it runs: a bar on a terminal, JSON lines elsewhere."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from .watched import SharedNumber

if TYPE_CHECKING:
    from .journal import Journal

_EVERY = 2.0
_STEPS = 10_000


class Unheard(BaseException):
    """Standard output takes nothing more: who read it is gone (`| head -1`), or a disk is full."""

    def __init__(self, fault: OSError) -> None:
        """Keep why, and the exit status that programs have then."""
        is_gone = isinstance(fault, BrokenPipeError)
        super().__init__("nobody reads it any more" if is_gone else fault.strerror)
        self.status = 128 + signal.SIGPIPE if is_gone else 1


class News:
    """Events on standard output; what the notebook prints goes to standard error."""

    def __init__(self) -> None:
        """Keep standard output for the events."""
        self._events: TextIO = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)
        self.rows = SharedNumber()
        self._begun = time.monotonic()
        self._told = -_EVERY
        self._first: tuple[int, float] = (0, 0.0)
        self._bar: Any = None

    def begin(self, journal: Journal, share: float) -> None:
        """Begin behind the rows that are done already."""
        self._begun = time.monotonic()
        self._first = (journal.rows, share)
        self.rows.put(journal.rows)
        stderr = sys.__stderr__  # the notebook's prints go to the log
        if stderr is not None and stderr.isatty():
            import click  # noqa: PLC0415  (only terminals need it)

            bar = click.progressbar(
                length=_STEPS, label="Rows", file=stderr, item_show_func=_counts
            )
            bar.__enter__()
            bar.update(int(share * _STEPS), (journal, 0.0))
            self._bar = bar

    def update(self, journal: Journal, share: float) -> None:
        """Say how far it is, at most every other second."""
        self.rows.put(journal.rows)
        if self._bar is not None:
            ahead = max(0, int(share * _STEPS) - self._bar.pos)
            self._bar.update(ahead, (journal, self._rate(journal)))
            if not ahead:  # small files are read ahead; the counts move all the same
                self._bar.render_progress()
            return
        now = time.monotonic()
        if now - self._told >= _EVERY:
            self._told = now
            rate = self._rate(journal)
            self.say(event="progress", rows=journal.rows, failed=journal.failed,
                     share=round(share, 4), rows_per_second=round(rate, 1),
                     seconds_left=self._left(share))  # fmt: skip

    def end(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None

    def leave_bar(self) -> None:
        """Begin a line, with a cursor again, where a process ended in the midst of its bar."""
        stderr = sys.__stderr__
        if stderr is not None and stderr.isatty():
            stderr.write("\x1b[?25h\n")
            stderr.flush()

    def say(self, text: str = "", **event: Any) -> None:
        """Print an event: for people its `text`, where there is one and they look.

        Raises `Unheard` where nobody can.
        """
        is_seen = text and self._events.isatty()
        try:
            self._events.write((text if is_seen else json.dumps(event)) + "\n")
            self._events.flush()
        except OSError as fault:
            self._forget()
            raise Unheard(fault) from None

    @property
    def seconds(self) -> float:
        """Return how long the run takes."""
        return time.monotonic() - self._begun

    def _forget(self) -> None:
        """Let what is still to be written vanish, instead of failing again as the process ends."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._events.fileno())
        os.close(nowhere)

    def _rate(self, journal: Journal) -> float:
        return (journal.rows - self._first[0]) / max(self.seconds, 1e-6)

    def _left(self, share: float) -> float | None:
        done = share - self._first[1]
        return round(self.seconds / done * (1 - share), 1) if done > 0 else None


def _counts(item: tuple[Journal, float] | None) -> str:
    if item is None:
        return ""
    journal, rate = item
    return f"{journal.rows} rows, {journal.failed} failed, {rate:.0f}/s"
