"""How long work tells what it does: steps, log lines, and a place to stop."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the news of one run; every call may come from a worker thread."""

    def step(self, name: str) -> None:
        """Say that stage `name` (check, bundle, build, verify, start) begins; ends the last."""

    def log(self, line: str) -> None:
        """Take one line for people, without its newline."""

    def measure(self, done: int, total: int, unit: str) -> None:
        """Say how far the current stage is: `done` of `total` (0 where unknown) `unit`s."""

    def check_cancelled(self) -> None:
        """Raise `Cancelled` when the person who asked has taken the work back."""


class Silent:
    """Progress that nobody watches."""

    def step(self, name: str) -> None:
        """Ignore it."""

    def log(self, line: str) -> None:
        """Ignore it."""

    def measure(self, done: int, total: int, unit: str) -> None:
        """Ignore it."""

    def check_cancelled(self) -> None:
        """Never stop."""
