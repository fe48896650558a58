"""Answers on their way out of a connection: small ones together, large ones uncopied, streams."""

from __future__ import annotations

import functools
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from .operations import LARGE
from .patience import Patient

if TYPE_CHECKING:
    from starlette.types import Scope

    from .asgi import Cycle
    from .connection import Shared
    from .exchange import Exchange
    from .protocol import Front
    from .reply import Reply
    from .service import Streamed


class Sender(Patient):
    """Writes answers; the class above it says when, and what comes after one that is complete."""

    def __init__(self, front: Front, shared: Shared) -> None:
        """Take what is known of the service, and what the connections of a server share."""
        super().__init__(shared)
        self._front = front
        self._outbox = front.outbox

    def write(self, exchange: Exchange, answer: Reply, *, is_one_of_many: bool = False) -> None:
        """Send an answer: at once, or with others that are made in the same turn of the loop."""
        if not exchange.disconnected:
            head = self._front.head(answer, self.shared.headers)
            length, more = len(answer.body), self._more(exchange, answer)
            if length < LARGE and is_one_of_many:
                whole = b"%b%d%b%b" % (head, length, more, answer.body)
                self._outbox.put(self.loop, self.transport, whole)
            elif length < LARGE:
                self._outbox.flush()
                self.transport.write(b"%b%d%b%b" % (head, length, more, answer.body))
            else:
                self._outbox.flush()
                self._write_large(b"%b%d%b" % (head, length, more), answer.body)
        self.done(exchange)

    def _write_large(self, head: bytes, body: bytes) -> None:
        """Send an answer that is not copied for it, and let the notebook's code run meanwhile.

        The transport would hold the interpreter's lock while the system takes the bytes: for an
        answer that is a frame a twentieth of all that the call costs.
        """
        sent, transport = 0, self.transport
        is_plain = transport.get_extra_info("sslcontext") is None
        if is_plain and transport.get_write_buffer_size() == 0 and not transport.is_closing():
            with suppress(OSError):  # the caller has gone, or takes no more now: told as ever
                sent = os.writev(transport.get_extra_info("socket").fileno(), (head, body))
        if sent < len(head):
            transport.writelines((head[sent:], body))
        elif sent < len(head) + len(body):
            transport.write(memoryview(body)[sent - len(head) :])

    def _more(self, exchange: Exchange, answer: Reply) -> bytes:
        """Return the rest of the head: what not every answer has."""
        if answer.status == 200 and exchange.keep_alive and not exchange.asked.given_id:
            return b"\r\n\r\n"
        lines = [*answer.headers, ("x-request-id", exchange.request_id)]
        if not exchange.keep_alive:
            lines.append(("connection", "close"))
        return "".join(["\r\n", *(f"{n}: {v}\r\n" for n, v in lines), "\r\n"]).encode("latin-1")

    async def stream(self, exchange: Exchange, answer: Streamed) -> None:
        """Send a stream as ASGI does: with the caller's speed, and ended when the caller goes."""
        from .asgi import Cycle  # noqa: PLC0415  (few notebooks stream)
        from .streaming import Streaming  # noqa: PLC0415

        scope: Scope = {"type": "http", "http_version": "1.1", "method": "POST", "headers": []}
        exchange.inner = cycle = Cycle(
            self, scope, functools.partial(self.done, exchange),
            keep_alive=exchange.keep_alive, has_body=False,
        )  # fmt: skip
        if exchange.disconnected:
            cycle.hang_up()
        await cycle.run(Streaming(answer, exchange.request_id))

    def done(self, ended: Exchange | Cycle) -> None:
        """Note that an answer is complete, and go on."""
        raise NotImplementedError

    def close(self) -> None:
        """End the connection once all that was answered is sent."""
        self._outbox.flush()
        self.transport.close()

    def leave(self) -> None:
        """End, and let the caller read what it was sent though it still sends."""
        self._outbox.flush()
        super().leave()

    def shutdown(self) -> None:
        """End the connection as the server stops: now, or after the call that runs."""
        self._outbox.flush()
        super().shutdown()

    def refuse(self, status: int, detail: str) -> None:
        """End the connection and say why."""
        self._outbox.flush()
        super().refuse(status, detail)
