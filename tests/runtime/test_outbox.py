"""Answers that are sent together, and those that need not wait for others."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import uvloop

from nbdeploy_ext.runtime.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable


class Caller:
    """A connection: the transport to it, and what has come out at its other end."""

    def __init__(self) -> None:
        """Begin with nothing connected."""
        self.near, self._far = socket.socketpair()
        self._far.setblocking(False)
        self.transport: asyncio.WriteTransport

    async def connect(self) -> Caller:
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_connection(asyncio.Protocol, sock=self.near)
        return self

    def came(self) -> bytes:
        """Return what has come by now, and no more."""
        try:
            return self._far.recv(1000)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        self.transport.close()
        self._far.close()


def run(work: Callable[[Callable[[Caller, bytes], None], Caller, Caller], object]) -> None:
    async def inside() -> None:
        one, other = await Caller().connect(), await Caller().connect()
        outbox, loop = Outbox(), asyncio.get_running_loop()
        made = work(lambda to, answer: outbox.put(loop, to.transport, answer), one, other)
        assert asyncio.iscoroutine(made)
        try:
            await made
        finally:
            one.close()
            other.close()

    uvloop.run(inside())


def test_answers_of_one_turn_go_together_at_its_end() -> None:
    async def several(put: Callable[[Caller, bytes], None], one: Caller, other: Caller) -> None:
        put(one, b"1")
        put(other, b"2")
        assert (one.came(), other.came()) == (b"", b"")
        await asyncio.sleep(0)
        assert (one.came(), other.came()) == (b"1", b"2")

    run(several)


def test_a_caller_that_is_the_only_one_waits_for_no_other() -> None:
    async def alone(put: Callable[[Caller, bytes], None], one: Caller, other: Caller) -> None:
        put(one, b"1")
        await asyncio.sleep(0)
        assert one.came() == b"1"
        put(one, b"2")
        assert one.came() == b"2"
        put(other, b"3")
        put(one, b"4")  # no longer the only one
        assert (one.came(), other.came()) == (b"", b"")
        await asyncio.sleep(0)
        assert (one.came(), other.came()) == (b"4", b"3")

    run(alone)


def test_a_caller_that_has_gone_is_sent_nothing() -> None:
    async def gone(put: Callable[[Caller, bytes], None], one: Caller, _: Caller) -> None:
        put(one, b"1")
        await asyncio.sleep(0)
        assert one.came() == b"1"
        one.transport.close()
        await asyncio.sleep(0.01)  # until it is
        put(one, b"2")
        await asyncio.sleep(0)
        assert one.came() == b""

    run(gone)
