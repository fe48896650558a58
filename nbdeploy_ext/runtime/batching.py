"""Micro-batches: single calls that came while the last batch ran go to the function together.

There is no fixed wait: a call that finds the thread free is a batch of one, at once. Only after a
batch of several its callers have a moment to ask again. Only endpoints that the engineer calls
batchable are joined: the rows of one must not change what comes out for another.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import itertools
import logging
import sys
import time
from collections import deque
from contextlib import nullcontext
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from .overload import MOST_WAITING, Late, Overloaded
from .switching import patiently
from .turns import Deadlines, Waiter, outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from contextvars import Context

    from .lane import Lane
    from .operations import Operation

_log = logging.getLogger("nbdeploy.batching")
MOST = 512
"""No more calls than this are joined."""
_MOMENT = 1 / 8
"""The wait for the next caller to ask again, as a part of the time that their batch took."""
_LONGEST_MOMENT = 0.1
"""Seconds that it takes at most: who asks again does so soon, also after a long batch."""
_MOMENTS = 4
"""The wait for all of them, in moments; after it only what the loop reads anyway is joined."""
_PLAIN = (type(None), bool, int, float, str)


class NotRows(Exception):
    """A function that is called batchable does not give one result for each row."""


class _Batch:
    """What runs calls together; `is_left` says that nobody waits for its end.

    It knows none of its calls: they know it, and a circle would be left to the collector.
    """

    __slots__ = ("is_left", "work")

    work: Future[Any]

    def __init__(self) -> None:
        self.is_left = False


class _Call(Waiter):
    """A call that waits or runs."""

    __slots__ = ("arguments", "batch")

    def __init__(
        self,
        done: Callable[[Any], None],
        context: Context,
        due: float,
        arguments: dict[str, Any],
    ) -> None:
        super().__init__(done, context, due)
        self.arguments = arguments
        self.batch: _Batch | None = None


class Batcher:
    """Joins the calls of one endpoint; to be used on the loop on which it was made."""

    def __init__(self, operation: Operation, lane: Lane, limit: float) -> None:
        """Run batches on `lane`; a call may take `limit` seconds."""
        self._operation = operation
        self._lane = lane
        self._loop = asyncio.get_running_loop()
        self._deadlines: Deadlines[_Call] = Deadlines(limit, self._give_up)
        self._waiting: deque[_Call] = deque()
        self._begun = False
        self._gathering: asyncio.Handle | None = None
        self._expected = 0
        self._seen = 0
        self._pause = 0.0
        self._latest = 0.0

    async def answer(self, arguments: dict[str, Any]) -> Any:
        """Return what the function answers to these arguments; raises what `put` tells."""
        future = self._loop.create_future()
        call = self.put(arguments, functools.partial(_settle, future))
        try:
            return await future
        except asyncio.CancelledError:
            self._give_up(call)
            raise

    def put(self, arguments: dict[str, Any], done: Callable[[Any], None]) -> _Call:
        """Let the function answer these arguments, among others' or alone; `Overloaded` at once.

        `done` is told the answer, what was raised, `Late`, or `Overloaded` where no batch took it
        in time: on the loop, in the context that this is called in, and never before this returns.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise Overloaded(1.0)
        call = _Call(done, copy_context(), self._deadlines.next(), arguments)
        self._waiting.append(call)
        self._deadlines.watch(call)
        if not self._begun:
            self._begin_again()
        elif self._gathering is not None and len(self._waiting) >= self._expected:
            self._end_gathering()
        return call

    def _give_up(self, call: _Call) -> None:
        call.tell(Late() if call.batch is not None else Overloaded(self._deadlines.limit / 2))
        # What waits needs not wait for it
        if call.batch is not None and self._lane.give_up(call.batch.work):
            call.batch.is_left = True
            self._begin_again()

    def _begin_again(self) -> None:
        self._begun = bool(self._waiting)
        if self._begun:
            batch = _Batch()
            batch.work = self._lane.submit(self._work, batch)

    def _work(self, batch: _Batch) -> None:
        """Take all that waits by now and answer it."""
        begun = time.perf_counter()
        calls: list[_Call] = []
        for _ in range(min(MOST, len(self._waiting))):
            call = self._waiting.popleft()
            call.batch = batch  # first: who gives up now finds the batch, or is found out
            if call.done is not None:
                calls.append(call)
        with patiently() if len(calls) > 1 else nullcontext():
            answers = _answer_together(self._operation, calls)
        seconds = time.perf_counter() - begun
        self._loop.call_soon_threadsafe(self._end, batch, calls, answers, seconds)

    def _end(self, batch: _Batch, calls: list[_Call], answers: list[Any], seconds: float) -> None:
        """Answer the callers of a batch, and let those who ask again join the next one.

        Without a moment for that, there would be two batches of half the size in turns, and each
        costs nearly what a whole one does. A caller who is alone waits for nobody.
        """
        others = len(self._waiting)
        for call, answer in zip(calls, answers, strict=True):
            call.tell(answer)
        self._deadlines.forget_told()
        if batch.is_left:
            return
        if len(calls) + others <= 1:
            self._begin_again()
            return
        self._expected = min(MOST, len(calls) + others)
        self._seen = -1
        self._pause = min(seconds * _MOMENT, _LONGEST_MOMENT)
        self._latest = time.perf_counter() + self._pause * _MOMENTS
        self._gathering = self._loop.call_soon(self._look)  # once the answers are sent

    def _look(self) -> None:
        """End the moment once nobody asked since the last look.

        Who comes a little later would wait for a whole batch, and the loop would disturb the thread
        to read the call.
        """
        if len(self._waiting) > self._seen:
            self._seen = len(self._waiting)
            pause = self._pause if time.perf_counter() < self._latest else 0
            self._gathering = self._loop.call_later(pause, self._look)
        else:
            self._end_gathering()

    def _end_gathering(self) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        self._begin_again()


def prove_batchable(operation: Operation, arguments: dict[str, Any]) -> None:
    """Make one call out of two like this one; raises `NotRows` where that can't be taken apart."""
    if _key(arguments, rows_argument(operation)) is None:
        raise NotRows("its first argument is no list, array or frame")
    _joined(operation, [arguments, arguments])


def _answer_together(operation: Operation, calls: list[_Call]) -> list[Any]:
    """Return each call's answer, or the exception that it raised alone."""
    groups: dict[Any, list[int]] = {}
    rows = rows_argument(operation)
    for number, call in enumerate(calls):
        key = _key(call.arguments, rows)
        groups.setdefault(number if key is None else key, []).append(number)
    answers: list[Any] = [None] * len(calls)
    for numbers in groups.values():
        found = _answer_group(operation, [calls[n] for n in numbers])
        for number, answer in zip(numbers, found, strict=True):
            answers[number] = answer
    return answers


def _answer_group(operation: Operation, calls: list[_Call]) -> list[Any]:
    if len(calls) > 1:
        try:
            # In copies of contexts: the loop may tell a caller meanwhile
            context = calls[0].context.copy()
            return context.run(_joined, operation, [call.arguments for call in calls])
        except NotRows as fault:
            _log.warning("%s is not batched: %s", operation.endpoint.name, fault)
        except (Exception, SystemExit):  # noqa: BLE001  whoever's rows it was gets it, alone
            _log.debug("A batch of %s failed; its calls run alone", operation.endpoint.name)
    return [call.context.copy().run(outcome, operation.answer, (call.arguments,)) for call in calls]


def _joined(operation: Operation, several: list[dict[str, Any]]) -> list[Any]:
    name = rows_argument(operation)
    rows = [arguments[name] for arguments in several]
    result = operation.run({**several[0], name: _concatenated(rows)})
    lengths = [len(part) for part in rows]
    if not hasattr(result, "__len__") or isinstance(result, (str, bytes, dict)):
        raise NotRows("its result is no list, array or frame")
    if len(result) != sum(lengths):
        raise NotRows(f"it made {len(result)} results of {sum(lengths)} rows")
    ends = list(itertools.accumulate(lengths, initial=0))
    cut = result.iloc if hasattr(result, "iloc") else result
    return [operation.finish(cut[a:b]) for a, b in itertools.pairwise(ends)]


def _concatenated(rows: list[Any]) -> Any:
    if isinstance(rows[0], list):
        return list(itertools.chain.from_iterable(rows))
    if hasattr(rows[0], "iloc"):
        return sys.modules["pandas"].concat(rows, ignore_index=True)
    if hasattr(rows[0], "columns"):
        return sys.modules["polars"].concat(rows)
    return sys.modules["numpy"].concatenate(rows)


def rows_argument(operation: Operation) -> str:
    """Return the name of the argument that holds the rows: the first one."""
    return _first_argument(operation.function)


@functools.cache  # reading a signature takes longer than a call's other work here
def _first_argument(function: Callable[..., Any]) -> str:
    return next(iter(inspect.signature(function).parameters), "")


def _key(arguments: dict[str, Any], name: str) -> Any:
    """Return what calls that may be joined have in common; None for one that may not be."""
    others = [(other, type(value), value) for other, value in arguments.items() if other != name]
    if not all(kind in _PLAIN for _, kind, _ in others):
        return None
    shape = _shape(arguments.get(name))
    return None if shape is None else (shape, *others)


def _shape(rows: Any) -> Any:
    if isinstance(rows, list):
        kinds = frozenset(map(type, rows))
        return list, kinds if kinds.issubset(_PLAIN) else frozenset(map(_row_kind, rows))
    if hasattr(rows, "iloc") and not _is_counted(rows.index):
        return None  # joined, rows lose their labels
    if hasattr(rows, "columns"):
        return type(rows), tuple(rows.columns), tuple(map(_kind, rows.dtypes))
    if hasattr(rows, "dtype") and getattr(rows, "ndim", 0) > 0:
        return type(rows), _kind(rows.dtype), rows.shape[1:]
    return None


def _row_kind(row: Any) -> Any:
    """Return what decides of which type a column of such rows is, and which columns there are."""
    kind = type(row)
    if kind in _PLAIN:
        return kind
    if kind in {list, tuple}:
        return (kind, *map(type, row))
    named = row if kind is dict else getattr(row, "__dict__", {})
    return (kind, *named, *map(type, named.values()))


def _is_counted(index: Any) -> bool:
    """Say whether a pandas index only counts the rows, from 0."""
    return type(index).__name__ == "RangeIndex" and (index.start, index.name) == (0, None)


def _kind(dtype: Any) -> Any:
    name = str(dtype)
    # Joined, columns of other categories become text, and those in another order get other codes
    return (name, dtype.ordered, *dtype.categories) if name == "category" else name


def _settle(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
