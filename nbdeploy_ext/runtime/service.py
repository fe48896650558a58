"""The service: a notebook's namespace and its endpoints, called with checks, limits and a log."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import math
import os
import sys
import time
import uuid
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .alerts import Alerts
from .batching import prove_batchable
from .board import Board, make_trial_board
from .calls import Call, CallLog
from .faults import ArgumentsInvalid, BodyUnreadable, ResultInvalid
from .loader import App, CellFailed, setting_value
from .manifest import AlertSettings, Manifest
from .media import NDJSON, MediaTypeUnknown, NotAcceptable, is_json_as_form
from .metrics import Metrics
from .modules import import_header
from .monitors import Monitors
from .operations import Compute, make_operation
from .overload import Late, Overloaded
from .problems import problem
from .reply import Answer, Reply
from .request import CURRENT
from .tracing import make_tracing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine
    from typing import TypeAlias

    from .operations import Operation, Stream
    from .request import Request

    Begun: TypeAlias = bytes | Answer | tuple[bytes, AsyncGenerator[bytes, None]]

_log = logging.getLogger("nbdeploy.service")
_T = TypeVar("_T")
_GONE = 499  # nginx's word for a caller that hung up


class Streamed(NamedTuple):
    """An answer whose lines are made while they are sent."""

    lines: AsyncGenerator[bytes, None]
    media_type: str = NDJSON


class Service:
    """Everything that answers; `ready` says whether production cells ran and examples answered."""

    def __init__(self, app: App, board: Board | None = None) -> None:
        """Run the production cells; raises what they raise as `CellFailed`, or `SecretUnset`.

        Without a board it is a trial: it keeps no calls and tells no alerts, and the secrets of
        both may be missing.
        """
        self.app = app
        manifest = app.manifest if board is not None else _for_trial(app.manifest)
        board = board or make_trial_board(manifest)
        for name in manifest.secret_names():
            setting_value({"secret": name})
        self.version = _version()
        self.token = _token(manifest)
        self.namespace = import_header(app)
        joined = manifest.service.batchable
        self.operations = {
            e.name: make_operation(e, self.namespace, is_batchable=e.name in joined)
            for e in manifest.endpoints
        }
        self.metrics = Metrics(manifest, self.version, board.numbers)
        board.numbers.put("values", len(manifest.values))
        kept = manifest.calls
        self.calls = CallLog(board.store, board.numbers, self.version, inputs=kept.inputs)
        channels = [str(setting_value(channel)) for channel in manifest.alerts.channels]
        told = Alerts(channels, manifest.alerts.cooldown)
        self.monitors = Monitors(app, self.namespace, self.calls, told, board.monitors)
        self.metrics.watch_monitors(self.monitors.exported)
        self.compute = Compute(manifest.service.timeout)
        self.metrics.watch_overdue(lambda: self.compute.lane.overdue)
        self.tracing = make_tracing(manifest, self.version)
        self.ready = False
        self._limit = manifest.service.timeout

    def enter_process(self, row: int) -> None:
        """Go on in a process that was forked from the one that loaded; threads stayed there."""
        self.metrics.use_row(row)
        self.compute = Compute(self._limit)

    @property
    def is_ready(self) -> bool:
        """Whether calls are answered: it has started, and a thread is free to take them."""
        return self.ready and not self.compute.lane.is_stuck

    async def try_examples(self) -> None:
        """Make one known example call of each endpoint; a failing one raises `CellFailed`."""
        for operation in self.operations.values():
            for example in operation.endpoint.examples[:1]:
                try:
                    arguments = operation.codec.decode(json.dumps(example).encode())
                except ArgumentsInvalid:
                    continue  # a test of bad input, no example of a call
                slow = self._tell_when_slow(operation)
                try:
                    answer = await self.compute.answer(operation, arguments)
                    if not isinstance(answer, (bytes, Answer)):
                        await anext(self.compute.items(operation, answer), None)
                    if operation.is_batchable:
                        await self.compute.on_thread(prove_batchable, operation, arguments)
                except Exception as error:
                    cell, line = self.app.place(error)
                    name, own = operation.endpoint.name, operation.endpoint.cell
                    raise CellFailed(cell or own, line, error, endpoint=name) from error
                finally:
                    slow.cancel()
        self.ready = True

    def _tell_when_slow(self, operation: Operation) -> asyncio.Handle:
        """Say what a start waits for, once an example takes longer than a call may."""
        said = "An example call of %s takes over %g s; the service is not ready before it ends"
        tell = functools.partial(_log.warning, extra={"endpoint": operation.endpoint.name})
        return asyncio.get_running_loop().call_later(
            self._limit, tell, said, operation.endpoint.name, self._limit
        )

    def call_now(self, request: Request) -> Reply | Stream:
        """Answer on the loop itself; for operations whose pace is quick. Every error is a problem.

        What a function surprises with that is a generator, `stream` makes an answer of.
        """
        operation = request.operation
        token = CURRENT.set(request)
        span = self.tracing.begin(request) if self.tracing is not None else None
        try:
            answer = operation.answer(operation.codec.decode(request.body or b""))
        except Exception as error:  # noqa: BLE001  the request boundary: callers get a problem
            return self._problem(request, error)
        finally:
            CURRENT.reset(token)
            if self.tracing is not None:
                self.tracing.leave(span)
            operation.pace.note(perf_counter() - request.begun)
        return self._reply(request, answer)

    def begin(self, request: Request, done: Callable[[Any], None]) -> None:
        """Begin a call of a plain function on the thread, with no task of its own.

        `done` is told on the loop, now or later, what `end` makes an answer of.
        """
        token = CURRENT.set(request)
        span = self.tracing.begin(request) if self.tracing is not None else None
        self.metrics.in_flight.inc()
        try:
            self.compute.put(request, done)
        except Exception as error:  # noqa: BLE001  the request boundary: callers get a problem
            done(error)
        finally:
            CURRENT.reset(token)
            if self.tracing is not None:
                self.tracing.leave(span)

    def end(self, request: Request, outcome: Any) -> Reply | Stream:
        """Return the answer to a call that `begin` began, as `call_now` does."""
        self.metrics.in_flight.dec()
        if isinstance(outcome, Exception):
            return self._problem(request, outcome)
        return self._reply(request, outcome)

    def _reply(self, request: Request, answer: bytes | Answer | Stream) -> Reply | Stream:
        if isinstance(answer, (bytes, Answer)):
            return self._whole(request, answer)
        return answer

    async def stream(self, request: Request, values: Stream) -> Reply | Streamed:
        """Answer with a generator's items; what is raised before the first one is a problem."""
        CURRENT.set(request)
        try:
            return await self._streamed(request, *await self._timed(self._first(request, values)))
        except Exception as error:  # noqa: BLE001  the request boundary: callers get a problem
            return self._problem(request, error)

    async def call(self, request: Request) -> Reply | Streamed:
        """Answer one request to an endpoint; every error is a problem document."""
        CURRENT.set(request)
        if self.tracing is not None:
            self.tracing.begin(request)
        with self.metrics.in_flight.track_inprogress():
            try:
                return await self._answer(request)
            except Exception as error:  # noqa: BLE001  the request boundary: callers get a problem
                return self._problem(request, error)

    def refuse(self, request: Request, why: Reply) -> Reply:
        """Answer a request to an endpoint with a problem, before its body was read."""
        return self._book(request, why)

    async def _answer(self, request: Request) -> Reply | Streamed:
        in_time = self._watched if request.operation.on_loop else self._timed
        answer = await in_time(self._begin(request))
        if isinstance(answer, (bytes, Answer)):
            return self._whole(request, answer)
        return await self._streamed(request, *answer)

    def _whole(self, request: Request, answer: bytes | Answer) -> Reply:
        if isinstance(answer, bytes):
            return self._book(request, Reply(200, answer), answer)
        return self._book(request, Reply(200, *answer))

    async def _timed(self, beginning: Coroutine[Any, Any, _T]) -> _T:
        """Return what a call on the thread begins with; a wait for it ends at once."""
        task: Any = asyncio.current_task()
        is_late = False

        def end() -> None:
            nonlocal is_late
            is_late = True
            task.cancel()

        timer = task.get_loop().call_later(self._limit, end)
        try:
            return await beginning
        except asyncio.CancelledError:
            if not is_late:
                raise
            if sys.version_info >= (3, 11):
                task.uncancel()
            raise Late from None
        finally:
            timer.cancel()

    async def _watched(self, beginning: Coroutine[Any, Any, _T]) -> _T:
        """Return what an asynchronous call begins with, in a task: it may not care to end."""
        begun = asyncio.ensure_future(beginning)
        done, _ = await asyncio.wait({begun}, timeout=self._limit)
        if not done:
            begun.cancel()
            await asyncio.wait({begun}, timeout=0)
            raise Late
        if begun.cancelled():
            raise RuntimeError("the call was cancelled")
        try:
            return begun.result()
        except GeneratorExit as error:  # a call's own: no one would answer its caller
            said = RuntimeError("GeneratorExit was raised")
            raise said.with_traceback(error.__traceback__) from error

    async def _begin(self, request: Request) -> Begun:
        """Return the result, or a stream's first line and the rest: its errors are a problem."""
        answer = await self.compute.respond(request)
        if isinstance(answer, (bytes, Answer)):
            return answer
        return await self._first(request, answer)

    async def _first(
        self, request: Request, values: Stream
    ) -> tuple[bytes, AsyncGenerator[bytes, None]]:
        lines = self.compute.items(request.operation, values)
        return await anext(lines, b""), lines

    async def _streamed(
        self, request: Request, first: bytes, lines: AsyncGenerator[bytes, None]
    ) -> Streamed:
        found = self._stream(request, first, lines)
        await anext(found)  # begun: one that wasn't would end without closing the notebook's own
        return Streamed(found)

    async def _stream(
        self, request: Request, first: bytes, lines: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        status = _GONE
        try:
            yield b""
            yield first
            while line := await asyncio.wait_for(anext(lines, b""), self._limit):
                yield line
            status = 200
        except asyncio.TimeoutError:
            # The status is sent: only an answer without its end tells the caller
            status = self._overdue(request).status
            raise
        except Exception as error:
            status = self._problem(request, error).status
            raise
        finally:
            await lines.aclose()
            if status in {200, _GONE}:
                self._book(request, Reply(status, b""))

    def _overdue(self, request: Request) -> Reply:
        name = request.operation.endpoint.name
        self.metrics.timeouts.labels(name).inc()
        said = "; it runs on, beside later calls" if not request.operation.on_loop else ""
        _log.warning("%s took over %g s%s", name, self._limit, said, extra={"endpoint": name})
        return self._book(request, problem(504, f"{name} took over {self._limit:g} s."))

    def _problem(self, request: Request, error: Exception) -> Reply:
        if isinstance(error, Late):
            return self._overdue(request)
        if isinstance(error, BodyUnreadable):
            return self._book(request, problem(400, str(error)))
        if isinstance(error, ArgumentsInvalid):
            first = error.problems[0]
            where = f"Argument {first['location']}: " if first["location"] else ""
            detail = f"{where}{first['message']}"
            return self._book(request, problem(422, detail, errors=error.problems))
        if isinstance(error, MediaTypeUnknown):
            takes = (("accept", ", ".join(error.accepted)),)
            said = problem(415, str(error), headers=takes, accepted=list(error.accepted))
            return self._book(request, said)
        if isinstance(error, NotAcceptable):
            said = problem(406, str(error), offered=list(error.offered))
            return self._book(request, said)
        if isinstance(error, Overloaded):
            after = (("retry-after", str(math.ceil(error.seconds))),)
            detail = "More calls wait than can be answered in time; try again later."
            return self._book(request, problem(503, detail, headers=after))
        return self._failed(request, error)

    def _failed(self, request: Request, error: Exception) -> Reply:
        endpoint = request.operation.endpoint
        cell, line = self.app.place(error)
        cell = cell or endpoint.cell
        error_id = uuid.uuid4().hex
        kind = type(error).__name__
        self.metrics.errors.labels(cell).inc()
        place = {"endpoint": endpoint.name, "cell": cell, "line": line}
        extra: dict[str, Any] = {"error_id": error_id, **place}
        _log.error("%s failed: %s", endpoint.name, kind, exc_info=error, extra=extra)
        said = str(error) if isinstance(error, ResultInvalid) else kind
        detail = f"{said} in cell {cell}{f', line {line}' if line else ''}"
        answer = problem(
            500, detail, error=kind, notebook=self.app.manifest.notebook,
            request_id=request.request_id, **extra,
        )  # fmt: skip
        return self._book(request, answer, error=kind, cell=cell, line=line)

    def _book(
        self, request: Request, answer: Reply, output: bytes | None = None, **place: Any
    ) -> Reply:
        seconds = perf_counter() - request.begun
        name = request.operation.endpoint.name
        self.metrics.observe(name, answer.status, seconds)
        if self.tracing is not None:
            self.tracing.end(request, answer.status, place)
        asked, body = request.asked, request.body
        is_json = asked.sends_json or is_json_as_form(asked.content_type, body or b"")
        inputs = body if is_json else None  # tables and files are not kept
        # A copy: orjson's bytes end within a larger block, whose rest nothing else fits into. Kept,
        # an answer of 50 bytes held more than 4 KB
        output = None if output is None else bytes(memoryview(output))
        self.calls.add(
            Call(name, time.time(), seconds * 1000, answer.status, inputs, output, **place)
        )
        return answer


def _for_trial(manifest: Manifest) -> Manifest:
    calls = manifest.calls._replace(store="memory")
    return manifest._replace(alerts=AlertSettings(), calls=calls)


def _version() -> int | None:
    said = os.environ.get("NBDEPLOY_VERSION", "")
    return int(said) if said.isdigit() else None


def _token(manifest: Manifest) -> str | None:
    if manifest.service.auth is None:
        return None
    token = str(setting_value({"secret": manifest.service.auth})).strip()
    if not token:  # an empty one must not open the service to everybody
        raise ValueError(f"secret {manifest.service.auth} is empty; it guards the service")
    return token
