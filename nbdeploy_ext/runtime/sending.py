"""Answers on their way out of a connection: small ones together, large ones uncopied, streams."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from .operations import LARGE
from .patience import Patient

if TYPE_CHECKING:
    from .exchange import Exchange
    from .protocol import Front
    from .reply import Reply
    from .service import Streamed


class Sender(Patient):
    """Writes answers; the class above it says when, and what comes after one that is complete."""

    def __init__(self, front: Front, **given: Any) -> None:
        """Take what uvicorn gives each connection, and what all connections share."""
        super().__init__(**given)
        self._front = front
        self._outbox = front.outbox

    def write(self, exchange: Exchange, answer: Reply, *, is_one_of_many: bool = False) -> None:
        """Send an answer: at once, or with others that are made in the same turn of the loop."""
        if not exchange.disconnected:
            head = self._front.head(answer, self.server_state.default_headers)
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
        scope: Any = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "headers": [],
            "http_version": "1.1", "method": "POST",
            "path": exchange.operation.endpoint.path,
        }  # fmt: skip
        cycle = RequestResponseCycle(
            scope=scope, transport=self.transport, flow=self.flow, logger=self.logger,
            access_logger=self.access_logger, access_log=False,
            default_headers=self.server_state.default_headers, message_event=asyncio.Event(),
            expect_100_continue=False, keep_alive=exchange.keep_alive,
            on_response=lambda: self.done(exchange),
        )  # fmt: skip
        cycle.more_body = False
        exchange.inner = cycle
        exchange.set()
        from .app import as_response  # noqa: PLC0415  (few notebooks stream; it is much code)

        response = as_response(answer, exchange)
        await cycle.run_asgi(response)  # type: ignore[arg-type]

    def done(self, exchange: Exchange) -> None:
        """Note that an answer is complete, and go on."""
        raise NotImplementedError

    def close(self) -> None:
        """End the connection once all that was answered is sent."""
        self._outbox.flush()
        self.transport.close()

    def shutdown(self) -> None:
        """End the connection as the server stops: now, or after the call that runs."""
        self._outbox.flush()
        super().shutdown()

    def refuse(self, answer: Reply) -> None:
        """End the connection and say why."""
        self._outbox.flush()
        super().refuse(answer)
