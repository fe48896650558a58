"""Signals that ask a run to end, wherever it is."""

from __future__ import annotations

import signal

_NUMBERS = (signal.SIGINT, signal.SIGTERM)
_ASKED: list[int] = []


class Stopped(BaseException):
    """A signal asks the run to end; it may come anywhere, in the notebook's code too."""

    def __init__(self, number: int) -> None:
        """Keep the exit status for a signal of this number."""
        super().__init__()
        self.status = 128 + number


def stop_at_signals() -> None:
    """Let SIGINT and SIGTERM raise `Stopped` in what runs then."""
    for number in _NUMBERS:
        signal.signal(number, _stop)


def stop_if_asked() -> None:
    """Raise `Stopped` again: a bare `except` of the notebook's may have taken it."""
    if _ASKED:
        raise Stopped(_ASKED[0])


def _stop(number: int, _: object) -> None:
    # Once: whoever is impatient kills
    for known in _NUMBERS:
        signal.signal(known, signal.SIG_IGN)
    _ASKED.append(number)
    raise Stopped(number)
