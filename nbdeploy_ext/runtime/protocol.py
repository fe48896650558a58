"""HTTP for the calls of endpoints, answered in the server's own protocol class.

A small JSON call passes no ASGI, no router and no task: most of what a small call costs. Whatever
is not such a call goes to the ASGI application, which answers the same.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from typing import TYPE_CHECKING, Any

from .access import Token
from .exchange import Exchange, Probing
from .heads import OF_BODIES, KnownHeads, read_head
from .operations import LARGE
from .outbox import Outbox
from .probes import PROBES
from .reply import Reply, head_of
from .sending import Sender

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from .asgi import Cycle
    from .connection import Shared
    from .operations import Stream
    from .request import Asked
    from .service import Service, Streamed

_log = logging.getLogger("nbdeploy.server")


class Front:
    """What all connections share: routes, the token, and answers' heads as bytes."""

    def __init__(self, service: Service) -> None:
        """Serve the endpoints of a loaded service."""
        self.service = service
        self.token = Token(service.token)
        self.heads = KnownHeads()
        self.outbox = Outbox()
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
        kind = (b"content-type", answer.media_type.encode())
        head = head_of(answer.status, [*self._common, kind]) + b"content-length: "
        self._heads[answer.status, answer.media_type] = head
        return head


class EndpointProtocol(Sender):
    """A connection: calls of endpoints are answered here, all else by the application."""

    def __init__(self, front: Front, shared: Shared) -> None:
        """Take what is known of the service, and what the connections of a server share."""
        super().__init__(front, shared)
        self._service = front.service
        self._is_between = True  # no part of a request was read by the parser
        self._parts: list[bytes] = []  # of the body that the parser reads
        self._unread = b""  # a head that is known, and waits for its body
        self._first = b""  # what the parser is fed that begins with a head
        self._last: Asked | None = None  # most callers ask the same again

    # reading ---------------------------------------------------------------------------------
    def data_received(self, data: bytes) -> None:
        """Take a call whose head is known; let the parser read all else."""
        if self._is_between:
            if self._unread:
                data, self._unread = self._unread + data, b""
            if self._is_taken(data):
                return
            self._first = data
        super().data_received(data)

    def _is_taken(self, data: bytes) -> bool:
        """Take a call whose head is known, whole or still without its body, and no more."""
        asked = self._last
        if asked is None or not data.startswith(asked.head):
            asked = self._front.heads.find(data)
            if asked is None:
                return False
            self._last = asked
        body = data[len(asked.head) :]
        if len(body) == asked.length:
            self._take(asked, body)
        elif body:
            return False
        else:
            self._unread = data
            self.begin_reading()
        return True

    def _take(self, asked: Asked, body: bytes) -> None:
        self.end_reading()
        exchange = Exchange(asked)
        exchange.body = body
        exchange.complete = True
        self._line_up(exchange)
        if self.active is exchange:
            self._answer(exchange)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._is_between = False
        self.url = b""
        self.headers = []
        self.begin_reading()

    def on_url(self, url: bytes) -> None:
        """Keep the target, or a piece of it."""
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header as it came."""
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Take the call, or hand it to the application."""
        self._unseen = 0
        first, self._first = self._first, b""
        self.check_head()
        if self.wants_switch():
            return
        self._line_up(self._asking(first) or self._probing() or self._cycle())

    def _asking(self, first: bytes) -> Exchange | None:
        """Return the call that the head is; the next one like it is known without the parser."""
        parser = self.parser
        if parser.get_method() != b"POST":
            return None
        asked = read_head(self._front.routes.get(self.url), self.headers, self._front.token)
        if asked is None:
            return None
        exchange = Exchange(asked)
        exchange.keep_alive = self._is_kept()
        if first and exchange.keep_alive:
            self._front.heads.keep(first, asked)
        return exchange

    def _is_kept(self) -> bool:
        """Say whether the caller wants the connection to go on."""
        parser = self.parser
        return bool(parser.should_keep_alive()) and parser.get_http_version() != "1.0"

    def _line_up(self, asked: Exchange | Cycle) -> None:
        """Make it what is answered next, or let it wait for those before it."""
        before, self.newest = self.newest, asked
        if (before is None or before.response_complete) and not self.flow.write_paused:
            self.active = asked
            if not isinstance(asked, Exchange):
                self._run(asked)
        else:
            self.flow.pause_reading()
            self.waiting.append(asked)

    def _probing(self) -> Probing | None:
        """Return the probe that this is; one with a body, or odd, is left to the application."""
        ask = self._front.probes.get(self.url)
        if ask is None or self.parser.get_method() != b"GET":
            return None
        names = {name.lower() for name, _ in self.headers}
        if not names.isdisjoint(OF_BODIES):
            return None
        probing = Probing(ask)
        probing.keep_alive = self._is_kept()
        return probing

    def _cycle(self) -> Cycle:
        """Return what the application is to answer."""
        from .asgi import Cycle, scope_of  # noqa: PLC0415  (calls do without the application)

        cycle = Cycle(self, scope_of(self), lambda: self.done(cycle), keep_alive=self._is_kept())
        return cycle

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body; its length was announced and is known to be allowed."""
        self._unseen = 0
        self.received += len(body)
        if isinstance(self.newest, Exchange):
            self._parts.append(body)
        else:
            self.newest.feed(body)

    def on_message_complete(self) -> None:
        """Answer the call, unless another one on this connection comes first."""
        self._unseen = 0
        self._is_between = True
        if self._unswitched:
            return
        self.end_reading()
        asked = self.newest
        if not isinstance(asked, Exchange):
            asked.end()
            return
        parts, self._parts = self._parts, []
        asked.body = parts[0] if len(parts) == 1 else b"".join(parts)
        asked.complete = True
        if self.active is asked:
            self._answer(asked)

    # answering -------------------------------------------------------------------------------
    def _begin(self, asked: Exchange | Cycle) -> None:
        """Begin what waited for the answers before it."""
        self.active = asked
        if not isinstance(asked, Exchange):
            self._run(asked)
        elif asked.complete:
            self._answer(asked)
        else:
            self.flow.resume_reading()  # the rest of it is still to come

    def _run(self, cycle: Cycle) -> None:
        self._keep(cycle.run(self.shared.application))

    def _answer(self, exchange: Exchange) -> None:
        if type(exchange) is Probing:
            self.write(exchange, exchange.ask())
            return
        operation, asked = exchange.operation, exchange.asked
        is_small_json = asked.is_json and asked.length < LARGE
        if operation.pace.is_quick and is_small_json:
            self._answered(exchange, self._service.call_now(exchange), is_one_of_many=True)
        elif operation.is_plain and (is_small_json or not operation.is_batchable):
            self._service.begin(exchange, functools.partial(self._end, exchange))
        else:
            self._later(exchange, self._service.call(exchange))

    def _end(self, exchange: Exchange, outcome: Any) -> None:
        try:
            # The thread ends one call at a time, a batch many
            is_one = exchange.operation.is_batchable
            self._answered(exchange, self._service.end(exchange, outcome), is_one_of_many=is_one)
        except Exception:  # noqa: BLE001  others of the same batch are still to be answered
            _log.exception("A call could not be answered")
            self.close()

    def _answered(
        self, exchange: Exchange, answer: Reply | Stream, *, is_one_of_many: bool
    ) -> None:
        if isinstance(answer, Reply):
            self.write(exchange, answer, is_one_of_many=is_one_of_many)
        else:
            self._later(exchange, self._service.stream(exchange, answer))

    def _later(self, exchange: Exchange, answer: Coroutine[Any, Any, Reply | Streamed]) -> None:
        self._keep(self._serve(exchange, answer))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self.shared.tasks.add(task)
        task.add_done_callback(self.shared.tasks.discard)

    async def _serve(
        self, exchange: Exchange, answer: Coroutine[Any, Any, Reply | Streamed]
    ) -> None:
        try:
            found = await answer
            if isinstance(found, Reply):
                self.write(exchange, found, is_one_of_many=exchange.operation.on_loop)
            else:
                await self.stream(exchange, found)
        except asyncio.CancelledError:
            self.close()
            raise
        except Exception:  # noqa: BLE001  the service's own fault: nothing whole can be sent
            _log.exception("A call could not be answered")
            self.close()

    def done(self, ended: Exchange | Cycle) -> None:
        """Note that an answer is complete, and go on with the next call."""
        ended.response_complete = True
        if self.transport.is_closing():
            return
        if not ended.complete:
            self.leave()
        elif not ended.keep_alive:
            self.close()
        elif self.waiting:
            # Later, as a long line of quick calls would be a deep stack
            self.loop.call_soon(self._next)
        else:
            self.begin_rest()
            if not self.flow.write_paused:
                self.flow.resume_reading()

    def _next(self) -> None:
        waits = self.is_answering or self.flow.write_paused or self.transport.is_closing()
        if self.waiting and not waits:
            self._begin(self.waiting.popleft())

    def resume_writing(self) -> None:
        """Go on with what waited."""
        super().resume_writing()
        if self.waiting:
            self.loop.call_soon(self._next)
        else:
            self.flow.resume_reading()

    @property
    def has_head(self) -> bool:
        """Whether something of a request was read."""
        return bool(self.headers or self._unread)

    @property
    def may_refuse(self) -> bool:
        """Whether no other call is being answered: one that is not even here can't be."""
        active = self.active
        if isinstance(active, Exchange):
            return not active.complete or active.response_complete
        is_read = active is not None and not (active.complete or active.response_started)
        return active is None or active.response_complete or is_read
