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
import threading
import time
from collections import deque
from contextlib import nullcontext
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .overload import MOST_WAITING, Overloaded
from .switching import patiently

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from .lane import Lane
    from .operations import Operation

_log = logging.getLogger("nbdeploy.batching")
MOST = 512
"""No more calls than this are joined."""
_MOMENT = 1 / 8
"""The longest wait for callers to ask again, as a part of the time that their batch took."""
_PLAIN = (type(None), bool, int, float, str)


@dataclass(slots=True)
class _Item:
    arguments: dict[str, Any]
    answer: asyncio.Future[Any]
    work: Future[Any] | None = None
    """What runs it, once it runs."""


class NotRows(Exception):
    """A function that is called batchable does not give one result for each row."""


class Batcher:
    """Joins the calls of one endpoint; its futures belong to the loop that runs."""

    def __init__(self, operation: Operation, lane: Lane) -> None:
        """Run batches on `lane`."""
        self._operation = operation
        self._lane = lane
        self._waiting: deque[_Item] = deque()
        self._lock = threading.Lock()
        self._begun = False
        self._gathering: asyncio.TimerHandle | None = None
        self._expected = 0

    async def answer(self, arguments: dict[str, Any]) -> Any:
        """Return what the function answers to these arguments, among others' or alone."""
        loop = asyncio.get_running_loop()
        item = _Item(arguments, loop.create_future())
        if len(self._waiting) >= MOST_WAITING:
            raise Overloaded(1.0)
        with self._lock:
            self._waiting.append(item)
            begins, self._begun = not self._begun, True
        if begins:
            self._submit(loop)
        elif self._gathering is not None and len(self._waiting) >= self._expected:
            self._end_gathering(loop)
        try:
            return await item.answer
        except asyncio.CancelledError:
            if item.work is not None and self._lane.give_up(item.work):
                self._begin_again(loop)  # what waits needs not wait for it
            raise

    def _begin_again(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._begun = bool(self._waiting)
            begins = self._begun
        if begins:
            self._submit(loop)

    def _submit(self, loop: asyncio.AbstractEventLoop) -> None:
        self._lane.submit(copy_context().run, self._work, loop)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take all that waits by now and answer it."""
        begun = time.perf_counter()
        with self._lock:
            items = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        items = [item for item in items if not item.answer.done()]
        for item in items:
            item.work = self._lane.running
        with patiently() if len(items) > 1 else nullcontext():
            answers = answer_together(self._operation, [item.arguments for item in items])
        seconds = time.perf_counter() - begun
        loop.call_soon_threadsafe(self._end, loop, items, answers, seconds)

    def _end(
        self,
        loop: asyncio.AbstractEventLoop,
        items: list[_Item],
        answers: list[Any],
        seconds: float,
    ) -> None:
        """Answer the callers of a batch, and let those who ask again join the next one.

        Without a moment for that, there would be two batches of half the size in turns, and each
        costs nearly what a whole one does. A caller who is alone waits for nobody.
        """
        others = len(self._waiting)
        _settle(items, answers)
        if self._gathering is not None:
            return
        if len(items) + others <= 1:
            self._begin_again(loop)
            return
        self._expected = min(MOST, len(items) + others)
        self._gathering = loop.call_later(seconds * _MOMENT, self._end_gathering, loop)

    def _end_gathering(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        self._begin_again(loop)


def prove_batchable(operation: Operation, arguments: dict[str, Any]) -> None:
    """Make one call out of two like this one; raises `NotRows` where that can't be taken apart."""
    if _key(arguments, rows_argument(operation)) is None:
        raise NotRows("its first argument is no list, array or frame")
    _joined(operation, [arguments, arguments])


def answer_together(operation: Operation, several: list[dict[str, Any]]) -> list[Any]:
    """Return each call's answer, or the exception that it raised alone."""
    groups: dict[Any, list[int]] = {}
    rows = rows_argument(operation)
    for number, arguments in enumerate(several):
        key = _key(arguments, rows)
        groups.setdefault(number if key is None else key, []).append(number)
    answers: list[Any] = [None] * len(several)
    for numbers in groups.values():
        found = _answer_group(operation, [several[n] for n in numbers])
        for number, answer in zip(numbers, found, strict=True):
            answers[number] = answer
    return answers


def _answer_group(operation: Operation, several: list[dict[str, Any]]) -> list[Any]:
    if len(several) > 1:
        try:
            return _joined(operation, several)
        except NotRows as fault:
            _log.warning("%s is not batched: %s", operation.endpoint.name, fault)
        except Exception:  # noqa: BLE001  whoever's rows it was gets it, alone
            _log.debug("A batch of %s failed; its calls run alone", operation.endpoint.name)
    return [_alone(operation, arguments) for arguments in several]


def _alone(operation: Operation, arguments: dict[str, Any]) -> Any:
    try:
        return operation.answer(arguments)
    except Exception as error:  # noqa: BLE001  it is the caller's answer
        return error


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
        return (list,)
    if hasattr(rows, "columns"):
        return type(rows), tuple(rows.columns), tuple(map(str, rows.dtypes))
    if hasattr(rows, "dtype") and getattr(rows, "ndim", 0) > 0:
        return type(rows), str(rows.dtype), rows.shape[1:]
    return None


def _settle(items: list[_Item], answers: list[Any]) -> None:
    for item, answer in zip(items, answers, strict=True):
        if item.answer.done():
            continue
        if isinstance(answer, Exception):
            item.answer.set_exception(answer)
        else:
            item.answer.set_result(answer)
