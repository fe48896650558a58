"""Signals that ask a run to end, wherever it is."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

_NUMBERS = (signal.SIGINT, signal.SIGTERM)
_ASKED: list[int] = []


class Stopped(BaseException):
    """A signal asks the run to end; it may come anywhere, in the notebook's code too."""

    def __init__(self, number: int) -> None:
        """Keep the exit status for a signal of this number."""
        super().__init__()
        self.status = 128 + number


def keep_stops() -> None:
    """Let them wait until somebody takes them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)


def pass_stops_on(process: int) -> None:
    """Send them to another process; a terminal may have sent them there, too."""

    def pass_on(number: int, _: object) -> None:
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(process, number)

    for number in _NUMBERS:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _NUMBERS)


def stop_at_signals() -> None:
    """Let SIGINT and SIGTERM raise `Stopped` in what runs then."""
    for number in _NUMBERS:
        signal.signal(number, _stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _NUMBERS)


def stop_if_asked() -> None:
    """Raise `Stopped` again: a bare `except` of the notebook's may have taken it."""
    if _ASKED:
        raise Stopped(_ASKED[0])


def _stop(number: int, _: object) -> None:
    if not _ASKED:  # once: whoever is impatient kills
        _ASKED.append(number)
        raise Stopped(number)
