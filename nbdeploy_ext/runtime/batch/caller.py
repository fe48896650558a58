"""Calls an endpoint for the rows of a chunk, with the checks that it has over HTTP."""

from __future__ import annotations

import asyncio
import inspect
import json
from typing import TYPE_CHECKING, Any

from ..faults import ArgumentsInvalid, BodyUnreadable, ResultInvalid
from ..logs import mask
from ..roles import is_polars_frame
from .chunk import Chunk, Failure, Outcome, Unreadable
from .faults import BatchRefused
from .stops import stop_if_asked

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ..loader import App
    from ..operations import Operation
    from .formats import Kind
    from .shape import Shape

_AT_ONCE = 32
"""Rows of an asynchronous endpoint that wait together."""


class Caller:
    """One endpoint with the shape in which it takes a table's rows."""

    def __init__(
        self, app: App, operation: Operation, shape: Shape, kind: Kind, secrets: tuple[str, ...]
    ) -> None:
        """Keep `secrets` to mask them in what the notebook says of a failure."""
        self._app = app
        self._operation = operation
        self._shape = shape
        self._kind = kind
        self._secrets = secrets
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def at_once(self) -> int:
        """Return how many rows a chunk has to have for all the calls that can wait together."""
        return _AT_ONCE if self._operation.on_loop else 1

    def use(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for asynchronous functions on this loop."""
        self._loop = loop

    def run(self, chunk: Chunk) -> Outcome:
        """Call the endpoint for every row; what it raises is that row's failure."""
        failures = [
            Failure(chunk.first + place, "RowUnreadable", row.reason)
            for place, row in enumerate(chunk.rows)
            if isinstance(row, Unreadable)
        ]
        outcome = self._whole(chunk) if self._shape.takes_chunks else self._each(chunk)
        stop_if_asked()  # what the notebook answers to a stop is no result
        failures = sorted([*failures, *outcome.failures], key=lambda failure: failure.row)
        return Outcome(outcome.results, failures)

    def _each(self, chunk: Chunk) -> Outcome:
        rows = [
            (number, row)
            for number, row in enumerate(chunk.rows, chunk.first)
            if not isinstance(row, Unreadable)
        ]
        if self._operation.on_loop:
            return self._wait(self._together(rows))  # type: ignore[no-any-return]
        outcome = Outcome()
        for number, row in rows:
            try:
                outcome.results[number] = self._finished(self._begun(row))
            except (Exception, SystemExit) as error:  # noqa: BLE001, PERF203  the row's boundary
                outcome.failures.append(self._failure(number, row, error))
        return outcome

    async def _together(self, rows: list[tuple[int, dict[str, Any]]]) -> Outcome:
        """Let asynchronous calls wait at the same time, as they do in the service."""
        outcome = Outcome()
        free = asyncio.Semaphore(_AT_ONCE)

        async def call(number: int, row: dict[str, Any]) -> None:
            async with free:
                try:
                    outcome.results[number] = await self._awaited(self._begun(row))
                except (Exception, SystemExit) as error:  # noqa: BLE001  the row's boundary
                    outcome.failures.append(self._failure(number, row, error))

        await asyncio.gather(*(call(number, row) for number, row in rows))
        return outcome

    def _whole(self, chunk: Chunk) -> Outcome:
        """Call once for all readable rows; when that fails, halve them until the bad ones stand."""
        outcome = Outcome()
        for part in _readable(chunk):
            outcome = outcome + self._halved(part)
        return outcome

    def _halved(self, chunk: Chunk) -> Outcome:
        count = len(chunk.rows)
        try:
            values = _by_row(self._value_of(self._begun_whole(chunk)), count)
            return Outcome(dict(enumerate(values, chunk.first)))
        except (Exception, SystemExit) as error:  # noqa: BLE001  the rows' boundary
            if count == 1:
                row = chunk.rows[0]
                return Outcome({}, [self._failure(chunk.first, row, error)])
        middle = count // 2
        return self._halved(chunk.part(0, middle)) + self._halved(chunk.part(middle, count))

    def _begun(self, row: dict[str, Any]) -> Any:
        stop_if_asked()
        operation = self._operation
        return operation.run(operation.codec.decode(self._shape.row_body(row, self._kind)))

    def _begun_whole(self, chunk: Chunk) -> Any:
        stop_if_asked()
        operation = self._operation
        if self._shape.form == "frame" and chunk.table is not None:
            # Arrow has types that JSON lacks; it is a frame as the hint asks for one
            is_polars = is_polars_frame(operation.codec.hints[self._shape.name])
            frame = _as_polars(chunk.table) if is_polars else chunk.table.to_pandas()
            return operation.run({self._shape.name: frame})
        return operation.run(operation.codec.decode(self._shape.chunk_body(chunk, self._kind)))

    def _value_of(self, value: Any) -> Any:
        return (
            self._wait(self._awaited(value)) if self._operation.on_loop else self._finished(value)
        )

    def _finished(self, value: Any) -> Any:
        if inspect.isgenerator(value):
            return [json.loads(self._operation.codec.encode(item)) for item in value]
        return json.loads(self._operation.codec.encode(value))

    async def _awaited(self, value: Any) -> Any:
        if inspect.isasyncgen(value):
            return [json.loads(self._operation.codec.encode(item)) async for item in value]
        return self._finished(await value if inspect.isawaitable(value) else value)

    def _wait(self, work: Awaitable[Any]) -> Any:
        if self._loop is None:
            raise BatchRefused("There is no event loop to wait on.")
        return self._loop.run_until_complete(work)

    def _failure(self, number: int, row: Any, error: BaseException) -> Failure:
        keeps_inputs = self._app.manifest.calls.inputs
        inputs = row if keeps_inputs else None
        if isinstance(error, ArgumentsInvalid):
            first = error.problems[0]
            where = f"Argument {first['location']}: " if first["location"] else ""
            return Failure(number, "ArgumentsInvalid", f"{where}{first['message']}", inputs=inputs)
        if isinstance(error, BodyUnreadable):
            return Failure(number, "ArgumentsInvalid", str(error), inputs=inputs)
        cell, line = self._app.place(error)
        kind = type(error).__name__
        # What the notebook raises may quote what it was given
        is_ours = isinstance(error, ResultInvalid)
        message = mask(str(error), self._secrets) if keeps_inputs or is_ours else ""
        return Failure(number, kind, message, cell or self._operation.endpoint.cell, line, inputs)


def _as_polars(table: Any) -> Any:
    import polars as pl  # noqa: PLC0415  (only images that have polars get here)

    return pl.from_arrow(table)


def _readable(chunk: Chunk) -> list[Chunk]:
    """Return the stretches between rows that are none."""
    parts, start = [], 0
    for place, row in enumerate([*chunk.rows, Unreadable("")]):
        if isinstance(row, Unreadable):
            if place > start:
                parts.append(chunk.part(start, place))
            start = place + 1
    return parts


def _by_row(value: Any, count: int) -> list[Any]:
    """Return a chunk's result row by row: a list, or lists by column."""
    if isinstance(value, list) and len(value) == count:
        return value
    if isinstance(value, dict) and value and all(isinstance(v, list) for v in value.values()):
        lengths = {len(v) for v in value.values()}
        if lengths == {count}:
            columns = value.values()
            return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]
    found = f"{len(value)} results" if isinstance(value, list) else "no list of results"
    raise ResultInvalid(f"the endpoint returned {found} for {count} rows")
