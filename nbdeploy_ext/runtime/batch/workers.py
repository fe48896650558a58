"""Chunks through an endpoint, in this process or in several, in their order."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..loader import LOOP
from .faults import BatchRefused
from .watched import GOES_ON

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .caller import Caller
    from .chunk import Chunk, Outcome

    Done = tuple[Chunk, Outcome, float]

_AHEAD = 2
"""Chunks that wait for each process, so that none is idle and memory stays bounded."""
_CALLER: list[Caller] = []


def run_chunks(caller: Caller, chunks: Iterable[Chunk], workers: int) -> Iterator[Done]:
    """Yield each chunk with its outcome and the seconds that it took, in the chunks' order.

    With several `workers` they are forked from this process, which has loaded the notebook.
    """
    if workers == 1:
        for chunk in chunks:
            yield chunk, *_timed(caller, chunk)
        return
    with _pool(caller, workers) as pool:
        waiting: deque[tuple[Chunk, Future[tuple[Outcome, float]]]] = deque()
        for chunk in chunks:
            waiting.append((chunk, _submitted(pool, chunk)))
            if len(waiting) >= workers * _AHEAD:
                yield _next(waiting)
        while waiting:
            yield _next(waiting)


@contextmanager
def _pool(caller: Caller, workers: int) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), _begin, (caller,))
    try:
        yield pool
    finally:
        # One may be inside a function that takes hours
        for child in multiprocessing.active_children():
            child.kill()
        _let_go(pool)
        # Waited for: its thread would close what Python, as it ends, wakes it with
        pool.shutdown(cancel_futures=True)


def _let_go(pool: ProcessPoolExecutor) -> None:
    """Let nobody wait for a killed process to take a chunk, as Python before 3.11.5 does."""
    waiting = getattr(pool, "_call_queue", None)
    if waiting is not None and not hasattr(waiting, "_terminate_broken"):
        waiting._reader.close()  # noqa: SLF001  (newer ones do just this)


def _submitted(pool: ProcessPoolExecutor, chunk: Chunk) -> Future[tuple[Outcome, float]]:
    """Return what comes of a chunk: nothing where a process has ended, behind what is done."""
    try:
        return pool.submit(_in_worker, chunk)
    except BrokenProcessPool as fault:
        lost: Future[tuple[Outcome, float]] = Future()
        lost.set_exception(fault)
        return lost


def _next(waiting: deque[tuple[Chunk, Future[tuple[Outcome, float]]]]) -> Done:
    chunk, future = waiting.popleft()
    try:
        return chunk, *future.result()
    except BrokenProcessPool:
        raise BatchRefused(
            f"A worker process was ended behind row {chunk.first - 1}: for its memory perhaps "
            f"(try fewer --workers), or by the notebook or a library. {GOES_ON}"
        ) from None


def _begin(caller: Caller) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process says what happens
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # A loop can't be shared with the process that this one was forked from
    loop = asyncio.new_event_loop()
    LOOP.set(loop)
    caller.use(loop)
    _CALLER.append(caller)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _in_worker(chunk: Chunk) -> tuple[Outcome, float]:
    return _timed(_CALLER[0], chunk)


def _timed(caller: Caller, chunk: Chunk) -> tuple[Outcome, float]:
    begun = time.perf_counter()
    return caller.run(chunk), time.perf_counter() - begun
