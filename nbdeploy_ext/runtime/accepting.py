"""Taking connections from a listener that processes share, so that each gets its part of them."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .shared import Numbers

_GIVE_WAY = 0.002
"""Seconds in which a process with fewer connections may take the one that waits."""
_REST = 1.0
_LAST = 1.0
"""Seconds for a request on a connection that was taken at the very end."""
_FULL = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Acceptor:
    """Takes one connection at a time; it is closed as asyncio's servers are.

    An event loop's own server takes all that wait at once, and the next process finds none.
    """

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], Any],
        numbers: Numbers,
        count: Callable[[], int],
    ) -> None:
        """Begin; `count` says how many connections this process has."""
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._make_protocol = make_protocol
        self._numbers = numbers
        self._count = count
        self._begun: set[asyncio.Task[Any]] = set()
        self._is_closed = False
        self._resume()

    def close(self) -> None:
        """Take what waits by now, and no more."""
        self._is_closed = True
        self._loop.remove_reader(self._listener)
        while self._take():
            pass

    async def wait_closed(self) -> None:
        """Return when the last one that was taken has its protocol."""
        await asyncio.gather(*self._begun, return_exceptions=True)

    def _resume(self) -> None:
        if not self._is_closed:
            self._loop.add_reader(self._listener, self._look)

    def _look(self) -> None:
        """Take a connection, or leave it for a moment to who has fewer."""
        own = self._count() + len(self._begun)
        self._numbers.put("connections", own)
        numbers = zip(self._numbers.each("connections"), self._numbers.each("ready"), strict=True)
        if own > min((count for count, is_ready in numbers if is_ready), default=own):
            self._loop.remove_reader(self._listener)
            self._loop.call_later(_GIVE_WAY, self._take_and_resume)
        else:
            self._take()

    def _take_and_resume(self) -> None:
        if not self._is_closed:
            self._resume()
            self._take()

    def _take(self) -> bool:
        """Take a connection, if one still waits."""
        try:
            connection, _ = self._listener.accept()
        except OSError as fault:  # another process was quicker, or the caller has gone
            if fault.errno in _FULL and not self._is_closed:
                self._loop.remove_reader(self._listener)
                self._loop.call_later(_REST, self._resume)
            return False
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begun = self._loop.create_task(self._begin(connection))
        self._begun.add(begun)
        begun.add_done_callback(self._begun.discard)
        return True

    async def _begin(self, connection: socket.socket) -> None:
        try:
            _, protocol = await self._loop.connect_accepted_socket(self._make_protocol, connection)
        except OSError:  # it was gone again
            connection.close()
            return
        if self._is_closed:
            # All others were told that the server stops; this one's request may be on its way
            self._loop.call_later(_LAST, protocol.shutdown)
