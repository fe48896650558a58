"""Small answers of one turn of the loop, sent one right after the other."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, WriteTransport

LONGEST = 0.0005
"""Seconds after which the first answer is sent, though more calls of the turn are to come."""


class Outbox:
    """Keeps answers until the loop has done what there is to do.

    Sent alone, each wakes up its caller on another processor, which sleeps again before the next
    one is made: a fifth of all that a small call costs. A caller that has been the only one is not
    kept waiting for that: another turn of the loop is a quarter of what it waits for us. Whoever
    writes to a transport by another way, or closes one, flushes first.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._waiting: list[tuple[WriteTransport, bytes]] = []
        self._since = 0.0
        self._last: WriteTransport | None = None

    def put(self, loop: AbstractEventLoop, transport: WriteTransport, answer: bytes) -> None:
        """Send an answer soon: at the end of this turn of the loop, or now if only one calls."""
        if transport is self._last and not self._waiting:
            _send(transport, answer)
            return
        self._last = transport
        now = perf_counter()
        if not self._waiting:
            self._since = now
            loop.call_soon(self.flush)
        self._waiting.append((transport, answer))
        if now - self._since > LONGEST:
            self.flush()

    def flush(self) -> None:
        """Send all answers now."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for transport, answer in waiting:
                _send(transport, answer)


def _send(transport: WriteTransport, answer: bytes) -> None:
    if not transport.is_closing():
        transport.write(answer)
