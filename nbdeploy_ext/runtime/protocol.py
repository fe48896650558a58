"""HTTP for the calls of endpoints, answered in the server's own protocol class.

A small JSON call passes no ASGI, no router and no task: most of what a small call costs. Whatever
is not such a call goes to the ASGI application, which answers the same.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from .access import Token
from .intake import BODY_LIMIT, Intake
from .operations import LARGE
from .probes import PROBES
from .problems import problem
from .reply import Reply
from .request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .operations import Operation
    from .service import Service, Streamed

_log = logging.getLogger("nbdeploy.server")
KEEP_ALIVE = 75
"""Seconds that an unused connection is kept: longer than load balancers keep theirs."""
PATIENCE = 30
"""Seconds that a caller has to send a request, and to take more of an answer."""
PER_SECOND = 2**16
"""Bytes of a body that buy another second."""
_ODD = frozenset({b"transfer-encoding", b"expect"})
_OF_BODIES = frozenset({b"content-length", *_ODD})
_HEADERS = (b"content-type", b"accept", b"x-request-id", b"traceparent")
_TOO_SLOW = problem(408, "The request did not arrive in time.")


class Front:
    """What all connections share: routes, the token, and answers' heads as bytes."""

    def __init__(self, service: Service) -> None:
        """Serve the endpoints of a loaded service."""
        self.service = service
        self.token = Token(service.token)
        self.routes = {o.endpoint.path.encode(): o for o in service.operations.values()}
        self.probes = {
            path.encode(): functools.partial(ask, service) for path, ask in PROBES.items()
        }
        self._heads: dict[tuple[int, str], bytes] = {}
        self._common: list[tuple[bytes, bytes]] = []

    def head(self, answer: Reply, common: list[tuple[bytes, bytes]]) -> bytes:
        """Return status line and headers up to the length; `common` are the server's own."""
        if common is not self._common:  # a new date
            self._common = common
            self._heads = {}
        found = self._heads.get((answer.status, answer.media_type))
        return found if found is not None else self._new_head(answer)

    def _new_head(self, answer: Reply) -> bytes:
        lines = [b"%s: %s\r\n" % header for header in self._common]
        lines.append(b"content-type: %s\r\ncontent-length: " % answer.media_type.encode())
        head = STATUS_LINE[answer.status] + b"".join(lines)
        self._heads[answer.status, answer.media_type] = head
        return head


class Asked(NamedTuple):
    """What the head of a call says."""

    operation: Operation
    content_type: str
    accept: str
    given_id: str
    traceparent: str


_OF_NO_CALL: Any = Asked(None, "", "", "", "")  # type: ignore[arg-type]


class Exchange(Request):
    """A call on its way through a connection; in the eyes of the base class, its cycle."""

    __slots__ = ("complete", "disconnected", "inner", "keep_alive", "parts", "response_complete")

    def __init__(self, asked: Asked) -> None:
        """Begin the clock, with nothing read and nothing sent."""
        # All that the base class has, too: a call of its own costs more than these lines
        self.begun = perf_counter()
        self.operation, self.content_type, self.accept, self.given_id, self.traceparent = asked
        self.query = ""
        self.body = self.span = None
        self._id = ""
        self.parts: list[bytes] = []
        self.complete = False
        self.keep_alive = True
        self.disconnected = False
        self.response_complete = False
        self.inner: RequestResponseCycle | None = None

    @property
    def message_event(self) -> Exchange:
        """Return what the base class tells that the caller has gone."""
        return self

    def set(self) -> None:
        """Pass it on to the cycle that streams the answer, if one does."""
        if self.inner is not None:
            self.inner.disconnected = self.disconnected
            self.inner.message_event.set()


class Probing(Exchange):
    """A probe on its way: answered here, so that it waits for nothing but the loop."""

    __slots__ = ("ask",)

    def __init__(self, ask: Callable[[], Reply]) -> None:
        """Know what to ask when it is its turn."""
        super().__init__(_OF_NO_CALL)
        self.ask = ask


class EndpointProtocol(Intake):
    """A connection: calls of endpoints are answered here, all else by the application."""

    def __init__(self, front: Front, **given: Any) -> None:
        """Take what uvicorn gives each connection."""
        super().__init__(**given)
        self._front = front
        self._service = front.service
        self._since = self.loop.time()
        self._reading = True
        self._stalled = 0.0
        self._received = 0
        self._head: list[tuple[bytes, bytes]] | None = None
        self._url = b""
        self._asked: Asked | None = None

    # reading ---------------------------------------------------------------------------------
    def on_message_begin(self) -> None:
        """Begin a request; what ASGI wants is made when it turns out to be for it."""
        self.url = b""
        self.headers = []
        if not self._reading:
            self._reading = True
            self._since = self.loop.time()
        self._received = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header as it came."""
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Take the call, or hand it to the application."""
        self._unseen = 0
        # Most heads are those of the call before: a caller's connection says the same each time
        is_post = self.parser.get_method() == b"POST"
        if not is_post or self.headers != self._head or self.url != self._url:
            self.check_head()
            if self.wants_switch():
                return
            self._asked = self._read_head() if is_post else None
            self._head, self._url = self.headers if is_post else None, self.url
        exchange = Exchange(self._asked) if self._asked is not None else self._probing()
        if exchange is None:
            self._hand_over()
            return
        parser = self.parser
        exchange.keep_alive = parser.should_keep_alive() and parser.get_http_version() != "1.0"
        before: Any = self.cycle
        self.cycle = exchange  # type: ignore[assignment]
        if (before is None or before.response_complete) and not self.flow.write_paused:
            self.active = exchange
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))  # type: ignore[arg-type]

    def _read_head(self) -> Asked | None:
        """Return the call, None where it is not for here: unknown, odd, or without the token."""
        operation = self._front.routes.get(self.url)
        if operation is None:
            return None
        said = {name.lower(): value for name, value in self.headers}
        length = said.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > BODY_LIMIT or not _ODD.isdisjoint(said):
            return None
        if not self._front.token.is_sent(said.get(b"authorization", b"")):
            return None
        return Asked(operation, *(said.get(name, b"").decode("latin-1") for name in _HEADERS))

    def _probing(self) -> Probing | None:
        """Return the probe that this is; one with a body, or odd, is left to the application."""
        ask = self._front.probes.get(self.url)
        if ask is None or self.parser.get_method() != b"GET":
            return None
        names = {name.lower() for name, _ in self.headers}
        return Probing(ask) if names.isdisjoint(_OF_BODIES) else None

    def _hand_over(self) -> None:
        url, headers = self.url, [(name.lower(), value) for name, value in self.headers]
        super().on_message_begin()
        self.url, self.headers = url, headers
        self.scope["headers"] = headers
        self.expect_100_continue = dict(headers).get(b"expect", b"").lower() == b"100-continue"
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body; its length was announced and is known to be allowed."""
        exchange: Any = self.cycle
        self._unseen = 0
        self._received += len(body)
        if isinstance(exchange, Exchange):
            exchange.parts.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Answer the call, unless another one on this connection comes first."""
        self._unseen = 0
        if self._unswitched:
            return
        self._reading = False
        exchange: Any = self.cycle
        if not isinstance(exchange, Exchange):
            super().on_message_complete()
            return
        exchange.complete = True
        if self.active is exchange:
            self._answer(exchange)

    # answering -------------------------------------------------------------------------------
    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Begin what waited for the answers before it."""
        self.active = cycle
        if not isinstance(cycle, Exchange):
            super()._start_asgi_task(cycle, app)
        elif cycle.complete:
            self._answer(cycle)
        else:
            self.flow.resume_reading()  # the rest of it is still to come

    def _answer(self, exchange: Exchange) -> None:
        if type(exchange) is Probing:
            self._write(exchange, exchange.ask())
            return
        parts = exchange.parts
        exchange.body = body = parts[0] if len(parts) == 1 else b"".join(parts)
        operation = exchange.operation
        is_short = (operation.pace.is_quick or operation.is_batchable) and len(body) < LARGE
        if not (is_short and exchange.is_json):
            self._later(exchange, None)
        elif operation.is_batchable:
            done = functools.partial(self._end_joined, exchange)
            self._service.begin_joined(exchange, done)
        else:
            self._answered(exchange, self._service.call_now(exchange))

    def _end_joined(self, exchange: Exchange, outcome: Any) -> None:
        try:
            answer = self._service.end_joined(exchange, outcome)
        except Exception:  # noqa: BLE001  others of the same batch are still to be answered
            _log.exception("A call could not be answered")
            self.transport.close()
        else:
            # When those of the whole batch are made: callers would wake up for each alone
            self.loop.call_soon(self._answered, exchange, answer)

    def _answered(self, exchange: Exchange, answer: Reply | Streamed) -> None:
        if type(answer) is Reply:
            self._write(exchange, answer)
        else:
            self._later(exchange, answer)

    def _later(self, exchange: Exchange, answer: Any) -> None:
        task = self.loop.create_task(self._serve(exchange, answer))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    async def _serve(self, exchange: Exchange, answer: Streamed | None) -> None:
        try:
            found = answer or await self._service.call(exchange)
            if isinstance(found, Reply):
                self._write(exchange, found)
            else:
                await self._stream(exchange, found)
        except asyncio.CancelledError:
            self.transport.close()
            raise
        except Exception:  # noqa: BLE001  the service's own fault: nothing whole can be sent
            _log.exception("A call could not be answered")
            self.transport.close()

    def _write(self, exchange: Exchange, answer: Reply) -> None:
        if not exchange.disconnected:
            head = self._front.head(answer, self.server_state.default_headers)
            length, more = len(answer.body), self._more(exchange, answer)
            if length < LARGE:
                self.transport.write(b"%b%d%b%b" % (head, length, more, answer.body))
            else:  # as it is: copying costs more than a second piece
                self.transport.writelines((b"%b%d%b" % (head, length, more), answer.body))
        self._done(exchange)

    def _more(self, exchange: Exchange, answer: Reply) -> bytes:
        """Return the rest of the head: what not every answer has."""
        if answer.status == 200 and exchange.keep_alive and not exchange.given_id:
            return b"\r\n\r\n"
        lines = [*answer.headers, ("x-request-id", exchange.request_id)]
        if not exchange.keep_alive:
            lines.append(("connection", "close"))
        return "".join(["\r\n", *(f"{n}: {v}\r\n" for n, v in lines), "\r\n"]).encode("latin-1")

    async def _stream(self, exchange: Exchange, answer: Streamed) -> None:
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
            on_response=lambda: self._done(exchange),
        )  # fmt: skip
        cycle.more_body = False
        exchange.inner = cycle
        exchange.set()
        from .app import as_response  # noqa: PLC0415  (few notebooks stream; it is much code)

        response = as_response(answer, exchange)
        await cycle.run_asgi(response)  # type: ignore[arg-type]

    def _done(self, exchange: Exchange) -> None:
        exchange.response_complete = True
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if not exchange.keep_alive:
            self.transport.close()
        elif self.pipeline:
            # Later, as a long line of quick calls would be a deep stack
            self.loop.call_soon(self._next)
        else:
            self._since = self.loop.time()
            if not self.flow.write_paused:
                self.flow.resume_reading()

    def _next(self) -> None:
        waits = self._is_answering or self.flow.write_paused or self.transport.is_closing()
        if self.pipeline and not waits:
            self._start_asgi_task(*self.pipeline.pop())

    @property
    def _is_answering(self) -> bool:
        return self.active is not None and not self.active.response_complete

    # callers that are slow ---------------------------------------------------------------------
    def pause_writing(self) -> None:
        """Take no more calls from a caller that doesn't read its answers."""
        self._stalled = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Go on with what waited."""
        super().resume_writing()
        if self.pipeline:
            self.loop.call_soon(self._next)
        else:
            self.flow.resume_reading()

    def sweep(self, now: float) -> None:
        """End a connection that is idle, sends too slowly, or does not read its answer."""
        if self.transport.is_closing():
            return
        waited = now - self._since
        if self.flow.write_paused:
            if now - self._stalled > PATIENCE:
                self.transport.abort()
        elif self._reading and not self.flow.read_paused:
            if waited > PATIENCE + self._received / PER_SECOND:
                self._refuse_slow()
        elif isinstance(self.active, Exchange) and not self._is_answering and waited > KEEP_ALIVE:
            self.transport.close()

    def _refuse_slow(self) -> None:
        if self.headers and self.may_refuse:
            self.refuse(_TOO_SLOW)
        else:
            self.transport.close()

    @property
    def may_refuse(self) -> bool:
        """Whether no other call is being answered: one that is not even here can't be."""
        active = self.active
        if isinstance(active, Exchange):
            return not active.complete or active.response_complete
        is_read = active is not None and active.more_body and not active.response_started
        return active is None or active.response_complete or is_read


def sweep(connections: Iterable[Any], now: float) -> None:
    """Look at all connections once; to be called every second or so."""
    for connection in list(connections):
        if isinstance(connection, EndpointProtocol):
            connection.sweep(now)
