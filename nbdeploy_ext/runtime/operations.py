"""Endpoints as operations: a function of the notebook, called on the loop or on a thread."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Generator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .codec import Codec, compile_codec
from .lane import Lane

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from typing import TypeAlias

    from .manifest import ManifestEndpoint

    Stream: TypeAlias = Generator[Any, None, None] | AsyncGenerator[Any, None]

_LARGE = 2**16
_END = object()


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint, ready to be called; `on_loop` says that its function is asynchronous."""

    endpoint: ManifestEndpoint
    function: Callable[..., Any]
    codec: Codec
    on_loop: bool

    def run(self, arguments: dict[str, Any]) -> Any:
        """Call the function with decoded arguments."""
        positional, named = self.codec.split(arguments)
        return self.function(*positional, **named)

    def finish(self, value: Any) -> bytes | Stream:
        """Return a result as JSON, a generator as it is."""
        is_stream = inspect.isgenerator(value) or inspect.isasyncgen(value)
        return value if is_stream else self.codec.encode(value)


def make_operation(endpoint: ManifestEndpoint, namespace: dict[str, Any]) -> Operation:
    """Compile an endpoint's codec; `LookupError` when the cells define no such function."""
    function = namespace.get(endpoint.name)
    if function is None:
        raise LookupError(f"the production cells define no function {endpoint.name}")
    on_loop = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    return Operation(endpoint, function, compile_codec(function), on_loop)


class Compute:
    """Where functions run: coroutines on the loop, the others on one thread, one at a time."""

    def __init__(self) -> None:
        """Start no thread before the first call."""
        # One: numpy and friends use all cores themselves, and health checks stay quick
        self.lane = Lane("nbdeploy-compute")

    async def decode(self, operation: Operation, body: bytes) -> dict[str, Any]:
        """Return a body's arguments; large ones are read on the thread, to spare the loop."""
        if len(body) < _LARGE:
            return operation.codec.decode(body)
        return await self._on_thread(operation.codec.decode, body)  # type: ignore[no-any-return]

    async def answer(self, operation: Operation, arguments: dict[str, Any]) -> bytes | Stream:
        """Call an operation; returns JSON, or the generator that it made."""
        if not operation.on_loop:
            return await self._on_thread(  # type: ignore[no-any-return]
                lambda: operation.finish(operation.run(arguments))
            )
        try:
            value = operation.run(arguments)
            return operation.finish(await value if inspect.isawaitable(value) else value)
        except SystemExit as error:
            raise _ended(error) from error

    def items(self, operation: Operation, values: Stream) -> AsyncGenerator[bytes, None]:
        """Yield a generator's items, one JSON line each; closed early, the generator is too."""
        if isinstance(values, Generator):
            return self._items_on_thread(operation, values)
        return _items_on_loop(operation, values)

    async def _items_on_thread(
        self, operation: Operation, values: Generator[Any, None, None]
    ) -> AsyncGenerator[bytes, None]:
        try:
            while (line := await self._on_thread(_next_line, operation, values)) is not _END:
                yield line
        finally:
            # Where its items were made: a clean-up may take its time, too
            self.lane.submit(values.close)

    async def _on_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        future = self.lane.submit(_guarded, work, *arguments)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            self.lane.give_up(future)
            raise


def _guarded(work: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return work(*arguments)
    except (StopIteration, SystemExit) as error:
        # A future can't hold the first, and the second would end the server
        raise _ended(error) from error


async def _items_on_loop(
    operation: Operation, values: AsyncGenerator[Any, None]
) -> AsyncGenerator[bytes, None]:
    async with aclosing(values):
        async for value in values:
            yield operation.codec.encode(value) + b"\n"


def _next_line(operation: Operation, values: Generator[Any, None, None]) -> Any:
    value = next(values, _END)
    return _END if value is _END else operation.codec.encode(value) + b"\n"


def _ended(error: BaseException) -> RuntimeError:
    return RuntimeError(f"{type(error).__name__} was raised").with_traceback(error.__traceback__)
