"""How long a connection is kept that is idle, or whose caller is slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .intake import Intake

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .connection import Connection, Shared

KEEP_ALIVE = 75
"""Seconds that an unused connection is kept: longer than load balancers keep theirs."""
PATIENCE = 30
"""Seconds that a caller has to send a request, and to take more of an answer."""
PER_SECOND = 2**16
"""Bytes of a body that buy another second."""
_TOO_SLOW = (408, "The request did not arrive in time.")


class Patient(Intake):
    """Ends when it is idle, when a request does not arrive, when an answer is not read.

    The class above it says when it reads a request, and what is being answered.
    """

    def __init__(self, shared: Shared) -> None:
        """Take what the connections of a server share."""
        super().__init__(shared)
        self._since = self.loop.time()
        self._is_reading = True
        self._stalled = 0.0
        self.received = 0  # bytes of the body that is read

    def begin_reading(self) -> None:
        """Note that a request begins, or that more of its head is here."""
        if not self._is_reading:
            self._is_reading = True
            self._since = self.loop.time()
        self.received = 0

    def end_reading(self) -> None:
        """Note that all of a request is here."""
        self._is_reading = False

    def begin_rest(self) -> None:
        """Note that a call was answered, and no other waits."""
        self._since = self.loop.time()

    def pause_writing(self) -> None:
        """Take no more calls from a caller that doesn't read its answers."""
        self._stalled = self.loop.time()
        super().pause_writing()

    def sweep(self, now: float) -> None:
        """End a connection that is idle, sends too slowly, or does not read its answer."""
        waited = now - self._since
        if self.flow.write_paused:  # closing or not: what is unsent is kept till then
            if now - self._stalled > PATIENCE:
                self.transport.abort()
        elif self.transport.is_closing():
            return
        elif self._is_reading and not self.flow.read_paused:
            if waited > PATIENCE + self.received / PER_SECOND:
                self._refuse_slow()
        elif not self.is_answering and waited > KEEP_ALIVE:
            self.transport.close()

    def _refuse_slow(self) -> None:
        if self.has_head and self.may_refuse:
            self.refuse(*_TOO_SLOW)
        else:
            self.transport.close()

    @property
    def has_head(self) -> bool:
        """Whether something of a request was read."""
        raise NotImplementedError


def sweep(connections: Iterable[Connection], now: float) -> None:
    """Look at all connections once; to be called every second or so."""
    for connection in list(connections):
        if isinstance(connection, Patient):
            connection.sweep(now)
