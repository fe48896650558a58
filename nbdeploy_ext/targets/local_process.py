"""A service's process on this machine: told from a later one of the same number, and ended."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from .docker_container import Line

_POLL = 0.02
_STOP_WITHIN = 12
_CHILDREN: list[subprocess.Popen[Any]] = []
"""Services that this process started: they outlive it, but while it lives it has to reap them."""


@dataclass(frozen=True, slots=True)
class LocalProcess:
    """A process by its number and by when it began (seconds since the epoch)."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> LocalProcess:
        """Return the process that has the number now."""
        return cls(pid, psutil.Process(pid).create_time())

    def alive(self) -> bool:
        """Whether it runs; one that ended and was not reaped doesn't."""
        found = self._find()
        try:
            return found is not None and found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def end(self) -> None:
        """Ask it to end, by force after twelve seconds; returns when it is gone."""
        found = self._find()
        if found is None:
            return
        with suppress(psutil.NoSuchProcess):
            found.terminate()
            until = time.monotonic() + _STOP_WITHIN
            while self.alive():
                if time.monotonic() > until:
                    found.kill()
                time.sleep(_POLL)
        reap()

    def _find(self) -> psutil.Process | None:
        try:
            found = psutil.Process(self.pid)
            # Clocks are set now and then; numbers are not used again within a second
            return found if abs(found.create_time() - self.started) < 1 else None
        except psutil.NoSuchProcess:
            return None


def spawn(
    command: Sequence[str], folder: str, environment: Mapping[str, str], log: Path
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a process that outlives this one and appends to `log`; returns where that begins."""
    log.touch(mode=0o600)
    with log.open("ab") as output:
        begin = output.tell()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    _CHILDREN.append(process)
    return process, begin


def reap() -> None:
    """Forget the children that ended."""
    _CHILDREN[:] = [child for child in _CHILDREN if child.poll() is None]


def follow_log(process: subprocess.Popen[bytes], log: Path, begin: int) -> Iterator[Line | None]:
    """Yield lines of `log` from byte `begin` on until the process ends, None where none came."""
    rest = ""
    with log.open(encoding="utf-8", errors="replace") as lines:
        lines.seek(begin)
        while True:
            ended = process.poll() is not None
            rest += lines.read()
            *whole, rest = rest.split("\n")
            yield from (("stdout", line) for line in whole)
            if ended:
                return
            yield None
            time.sleep(_POLL)
