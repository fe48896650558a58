"""Endpoints as operations: a function of the notebook, called on the loop or on a thread."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
import threading
import time
import types
from collections.abc import Generator
from contextlib import aclosing
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NamedTuple

from .batching import Batcher
from .cells import KEY
from .codec import Codec, compile_codec
from .faults import ResultInvalid
from .lane import Lane
from .overload import MOST_WAITING, Overloaded
from .pace import Pace
from .purity import only_computes
from .request import CURRENT
from .switching import patiently
from .turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from typing import TypeAlias

    from .manifest import ManifestEndpoint
    from .reply import Answer
    from .request import Request

    Stream: TypeAlias = Generator[Any, None, None] | AsyncGenerator[Any, None]
    _Timed: TypeAlias = tuple[bytes | Answer | Stream, float, float]

LARGE = 2**16
"""Bodies of more bytes are read on the thread, to spare the loop."""
_END = object()
_STREAMS = (types.GeneratorType, types.AsyncGeneratorType)
_SHARE = 1 / 16


class Operation(NamedTuple):
    """One endpoint, ready to be called.

    `on_loop` says that its function is asynchronous, `is_plain` that it takes its turn on the
    thread and returns its answer: it is no generator either.
    """

    endpoint: ManifestEndpoint
    function: Callable[..., Any]
    codec: Codec
    on_loop: bool
    pace: Pace
    is_plain: bool
    is_batchable: bool = False

    def run(self, arguments: dict[str, Any]) -> Any:
        """Call the function with decoded arguments."""
        if not (self.codec.positional or self.codec.rest):
            return self.function(**arguments)
        positional, named = self.codec.split(arguments)
        return self.function(*positional, **named)

    def finish(self, value: Any) -> bytes | Answer | Stream:
        """Return a result as JSON or in the form that the caller likes, a generator as it is."""
        if isinstance(value, _STREAMS):
            return value
        request = CURRENT.get()
        if request is not None and not request.asked.takes_json:
            # Not at the top: what knows tables and pictures is a twentieth of a start
            from .answers import write_answer  # noqa: PLC0415

            return write_answer(self.codec, value, request.asked.accept)
        try:
            return self.codec.encode(value)
        except ResultInvalid as fault:
            from .answers import write_shown  # noqa: PLC0415

            accept = "" if request is None else request.asked.accept
            return write_shown(self.codec, value, accept, fault)

    def answer(self, arguments: dict[str, Any]) -> bytes | Answer | Stream:
        """Call the function here and now; what it raises is an `Exception`."""
        try:
            return self.finish(self.run(arguments))
        except BaseException as error:
            if _is_told(error):
                raise
            raise _ended(error) from error


def make_operation(
    endpoint: ManifestEndpoint, namespace: dict[str, Any], *, is_batchable: bool = False
) -> Operation:
    """Compile an endpoint's codec; `LookupError` when the cells define no such function.

    Calls of a `def` that `is_batchable` are joined while others run.
    """
    function = namespace.get(KEY if endpoint.cells else endpoint.name)
    if function is None:
        raise LookupError(f"the production cells define no function {endpoint.name}")
    own = inspect.unwrap(function) if endpoint.cells else function  # the cells', not ours
    on_loop = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    is_plain = not (on_loop or inspect.isgeneratorfunction(function))
    joined = is_batchable and is_plain
    pace = Pace(may_be_quick=is_plain and not joined and only_computes(own))
    return Operation(endpoint, function, compile_codec(function), on_loop, pace, is_plain, joined)


class Compute:
    """Where functions run: coroutines on the loop, the others on one thread, one at a time."""

    def __init__(self, limit: float) -> None:
        """Start no thread before the first call; `limit` is the longest wait, in seconds."""
        # One: numpy and friends use all cores themselves, and health checks stay quick
        self.lane = Lane("nbdeploy-compute")
        self._limit = limit
        self._waiting = 0
        self._awaiting = 0
        self._mean = 0.0
        self._batchers: dict[str, Batcher] = {}
        self._turns: Turns | None = None  # made on the loop

    async def respond(self, request: Request) -> bytes | Answer | Stream:
        """Read a request's arguments and call its operation; raises `Overloaded` too.

        Large bodies are read on the thread, to spare the loop: by the one that runs the function,
        in one go.
        """
        operation, body = request.operation, request.body or b""
        if len(body) < LARGE:
            return await self.answer(operation, _arguments(request))
        if operation.on_loop or (operation.is_batchable and request.asked.takes_json):
            return await self.answer(operation, await self.on_thread(_arguments, request))
        return await self._on_lane(operation, _read_and_answer, request)

    async def answer(
        self, operation: Operation, arguments: dict[str, Any]
    ) -> bytes | Answer | Stream:
        """Call an operation; returns JSON, another form, or the generator that it made.

        Raises `Overloaded`.
        """
        request = CURRENT.get()
        # A batch is answered in one form: JSON
        if operation.is_batchable and (request is None or request.asked.takes_json):
            return await self._batcher(operation).answer(arguments)  # type: ignore[no-any-return]
        if not operation.on_loop:
            return await self._on_lane(operation, _answer, operation, arguments)
        self._awaiting += 1
        try:
            value = operation.run(arguments)
            return operation.finish(await value if inspect.isawaitable(value) else value)
        except BaseException as error:
            if _is_told(error) or isinstance(error, (asyncio.CancelledError, GeneratorExit)):
                raise
            raise _ended(error) from error
        finally:
            self._awaiting -= 1
            if not (self._awaiting or self._waiting):  # none that draws meanwhile
                _close_figures()

    def put(self, request: Request, done: Callable[[Any], None]) -> None:
        """Answer a call of a plain function on the thread, with no task of its own.

        `done` is told the answer as `Turns.put` says; raises what the arguments are refused for,
        and `Overloaded`.
        """
        operation = request.operation
        if operation.is_batchable:
            self._batcher(operation).put(_arguments(request), done)
            return
        self.require_room()
        is_large = len(request.body or b"") >= LARGE
        work: Any = _read_and_answer if is_large else _answer
        given = (request,) if is_large else (operation, _arguments(request))
        if self._turns is None:
            self._turns = Turns(self.lane, self._limit)
        self._waiting += 1
        ended = functools.partial(self._end_turn, operation, done)
        self._turns.put(_guarded, (work, *given), ended)

    def _end_turn(
        self, operation: Operation, done: Callable[[Any], None], outcome: _Timed | Exception
    ) -> None:
        self._waiting -= 1
        done(outcome if isinstance(outcome, Exception) else self._noted(operation, outcome))

    def _noted(self, operation: Operation, timed: _Timed) -> bytes | Answer | Stream:
        answer, seconds, of_them_answering = timed
        self._mean += (seconds - self._mean) * _SHARE
        operation.pace.note(of_them_answering)
        return answer

    def items(self, operation: Operation, values: Stream) -> AsyncGenerator[bytes, None]:
        """Yield a generator's items, one JSON line each; closed early, the generator is too."""
        if isinstance(values, Generator):
            return self._items_on_thread(operation, values)
        return _items_on_loop(operation, values)

    async def on_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Run `work` on the thread, once what came before it is done."""
        future = self.lane.submit(copy_context().run, _guarded, work, *arguments)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            self.lane.give_up(future)
            raise

    def require_room(self) -> None:
        """Raise `Overloaded` when a call that comes now would wait for longer than it may."""
        expected = self._waiting * self._mean
        if expected > self._limit or self._waiting >= MOST_WAITING:
            raise Overloaded(max(1.0, expected / 2))

    def _batcher(self, operation: Operation) -> Batcher:
        name = operation.endpoint.name
        if name not in self._batchers:
            self._batchers[name] = Batcher(operation, self.lane, self._limit)
        return self._batchers[name]

    async def _on_lane(
        self, operation: Operation, work: Callable[..., Any], *arguments: Any
    ) -> bytes | Answer | Stream:
        self.require_room()
        self._waiting += 1
        try:
            timed = await self.on_thread(work, *arguments)
        finally:
            self._waiting -= 1
        return self._noted(operation, timed)

    async def _items_on_thread(
        self, operation: Operation, values: Generator[Any, None, None]
    ) -> AsyncGenerator[bytes, None]:
        made = _Lines(operation, values)
        try:
            while (line := await self.on_thread(made.next)) is not _END:
                yield line
        finally:
            # Where its items were made: a clean-up may take its time, too
            self.lane.submit(made.close)


def _arguments(request: Request) -> dict[str, Any]:
    codec, body = request.operation.codec, request.body or b""
    if request.asked.sends_json and not request.query:
        return codec.decode(body)
    from .bodies import read_body  # noqa: PLC0415  (tables, forms and files, as above)

    return read_body(codec, body, request.asked.content_type, request.query)


def _answer(operation: Operation, arguments: dict[str, Any]) -> _Timed:
    begun = time.perf_counter()
    _close_figures()
    value = operation.run(arguments)
    with patiently():
        answer = operation.finish(value)
    seconds = time.perf_counter() - begun
    return answer, seconds, seconds


def _close_figures() -> None:
    """Let no call draw on what another left open: a notebook closes figures after each cell."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and pyplot.get_fignums():
        pyplot.close("all")


def _read_and_answer(request: Request) -> _Timed:
    begun = time.perf_counter()
    with patiently():
        arguments = _arguments(request)
    answer, _, answering = _answer(request.operation, arguments)
    return answer, time.perf_counter() - begun, answering


def _guarded(work: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return work(*arguments)
    except BaseException as error:
        if _is_told(error):
            raise
        raise _ended(error) from error


def _is_told(error: BaseException) -> bool:
    # No future holds StopIteration, and what is no Exception, as SystemExit, would end the server
    return isinstance(error, Exception) and not isinstance(error, StopIteration)


async def _items_on_loop(
    operation: Operation, values: AsyncGenerator[Any, None]
) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(values):
            async for value in values:
                yield operation.codec.encode(value) + b"\n"
    except (SystemExit, KeyboardInterrupt) as error:
        raise _ended(error) from error


class _Lines:
    """A generator's items on the thread; `close` while one is made ends it after that one."""

    def __init__(self, operation: Operation, values: Generator[Any, None, None]) -> None:
        self._encode = operation.codec.encode
        self._values = values
        self._busy = threading.Lock()
        self._is_unwanted = False

    def next(self) -> Any:
        try:
            with self._busy:
                value = next(self._values, _END)
                return _END if value is _END else self._encode(value) + b"\n"
        finally:
            if self._is_unwanted:
                self.close()

    def close(self) -> None:
        # An item over its time is left to its thread: to wait for it would hold up this one, too
        self._is_unwanted = True
        if self._busy.acquire(blocking=False):
            try:
                self._values.close()
            finally:
                self._busy.release()


def _ended(error: BaseException) -> RuntimeError:
    return RuntimeError(f"{type(error).__name__} was raised").with_traceback(error.__traceback__)
