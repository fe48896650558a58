"""A lane: one thread on which the notebook's code runs, replaced where it runs over its time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from .switching import eagerly

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_OVERDUE = 8
"""With this many calls over their time no other thread is begun: they may never end."""
LONG = 0.001
"""Seconds of work after which other threads get their turn before the next work."""
TURN = 0.00001
"""Seconds that the thread sleeps then: enough for the loop to take the interpreter's lock.

It has an answer to send and bodies to read, and would else interrupt the next work for each of
them: an eighth of what a call with a large body costs. The system makes 0.06 ms of it.
"""


class Lane:
    """Runs one thing at a time, in order; Python can't end a thread, so an overdue one is left."""

    def __init__(self, name: str, most_overdue: int = MOST_OVERDUE) -> None:
        """Start no thread before the first work."""
        self._name = name
        self._most = most_overdue
        self._waiting: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0  # those that take work: one, or none where all are overdue
        self._thread: threading.Thread | None = None
        self._running: Future[Any] | None = None
        self._overdue: set[Future[Any]] = set()

    @property
    def overdue(self) -> int:
        """Return how much work goes on though nobody waits for it any more."""
        return len(self._overdue)

    @property
    def running(self) -> Future[Any] | None:
        """Return the work that runs now and is not over its time."""
        return self._running

    @property
    def is_stuck(self) -> bool:
        """Whether all threads are overdue, so that work waits until one ends."""
        return len(self._overdue) >= self._most

    @property
    def is_busy(self) -> bool:
        """Whether a thread is inside a function."""
        return self._running is not None or bool(self._overdue)

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Queue work; returns its future."""
        future: Future[Any] = Future()
        with self._lock:
            if not self._threads and not self.is_stuck:
                self._start()
        self._waiting.put((future, lambda: work(*arguments)))
        return future

    def give_up(self, future: Future[Any]) -> bool:
        """Drop work that waits; leave work that runs to its thread, and say so."""
        if future.cancel() or future.cancelled():
            return False
        with self._lock:
            if self._running is not future:
                return False
            self._overdue.add(future)
            self._running = None
            self._threads -= 1
            if not self.is_stuck:
                self._start()
        return True

    def close(self, *, wait: bool = False) -> None:
        """Take no more work, and drop what waits; `wait` for the thread to end."""
        while not self._waiting.empty():
            item = self._waiting.get()
            if item is not None:
                item[0].cancel()
        self._waiting.put(None)
        if wait and self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        self._threads += 1
        self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            future, work = item
            if future.set_running_or_notify_cancel():
                with self._lock:
                    self._running = future
                begun = time.perf_counter()
                with eagerly():
                    _settle(future, work)
                if not self._goes_on(future):
                    return
                if time.perf_counter() - begun > LONG:
                    time.sleep(TURN)

    def _goes_on(self, future: Future[Any]) -> bool:
        """Say whether this thread is still the one, or is so again."""
        with self._lock:
            if future not in self._overdue:
                self._running = None
                return True
            self._overdue.discard(future)
            if self._threads:
                return False
            self._threads = 1
            return True


def _settle(future: Future[Any], work: Callable[[], Any]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001  whoever waits gets it, and the thread lives on
        future.set_exception(error)
    else:
        future.set_result(result)
