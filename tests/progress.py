"""Progress that tests look at."""

from __future__ import annotations

from nbdeploy_ext.core.errors import Cancelled
from nbdeploy_ext.core.progress import Silent


class Listening(Silent):
    """Keeps the log, in `lines`."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, line: str) -> None:
        self.lines.append(line)


class CancelAt(Silent):
    """Takes the work back when a step begins, or a log line says so."""

    def __init__(self, word: str) -> None:
        self._word = word
        self._seen = False

    def step(self, name: str) -> None:
        self._seen = self._seen or name == self._word

    def log(self, line: str) -> None:
        self._seen = self._seen or self._word in line

    def check_cancelled(self) -> None:
        if self._seen:
            raise Cancelled("taken back")
