"""Calls that take their turn on the thread, and are told in time; none has a task of its own."""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .overload import Late, Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from contextvars import Context

    from .lane import Lane


class Waiter:
    """Who waits for an answer; `done` is None once the answer was told.

    `due` is when it will have taken too long, by the loop's clock.
    """

    __slots__ = ("context", "done", "due")

    def __init__(self, done: Callable[[Any], None], context: Context, due: float) -> None:
        """Wait, from now on."""
        # No dataclass, as it is made anew at each start, for more than the rest of this file
        self.done: Callable[[Any], None] | None = done
        self.context = context
        self.due = due

    def tell(self, answer: Any) -> None:
        """Tell the caller, unless it knows already."""
        done, self.done = self.done, None
        if done is not None:
            self.context.run(done, answer)


_W = TypeVar("_W", bound=Waiter)


class Deadlines(Generic[_W]):
    """Gives up who waited for too long; to be used on the loop on which it was made.

    All have the same limit, so that one timer does: one for each call would be a tenth of what the
    loop does for it.
    """

    def __init__(self, limit: float, give_up: Callable[[_W], None]) -> None:
        """Call `give_up` for whoever was not told after `limit` seconds."""
        self.limit = limit
        self._give_up = give_up
        self._loop = asyncio.get_running_loop()
        self._untold: deque[_W] = deque()
        self._is_watched = False

    def next(self) -> float:
        """Return when a call that comes now will have taken too long."""
        return self._loop.time() + self.limit

    def watch(self, waiter: _W) -> None:
        """Give it up in time; whoever comes later is due later."""
        self._untold.append(waiter)
        if not self._is_watched:
            self._look()

    def forget_told(self) -> None:
        """Let go of those that know their answer."""
        while self._untold and self._untold[0].done is None:
            self._untold.popleft()

    def _look(self) -> None:
        """Give up what took too long, and look again when the next one may have."""
        now = self._loop.time()
        self.forget_told()
        while self._untold and self._untold[0].due <= now:
            self._give_up(self._untold.popleft())
            self.forget_told()
        self._is_watched = bool(self._untold)
        if self._is_watched:
            self._loop.call_at(self._untold[0].due, self._look)


class _Turn(Waiter):
    """A call that waits for the thread, or is on it."""

    __slots__ = ("work",)

    work: Future[Any]


class Turns:
    """Runs calls on a lane, one after the other; to be used on the loop on which it was made."""

    def __init__(self, lane: Lane, limit: float) -> None:
        """Run on `lane`; a call may take `limit` seconds, with what it waits."""
        self._lane = lane
        self._loop = asyncio.get_running_loop()
        self._deadlines: Deadlines[_Turn] = Deadlines(limit, self._give_up)

    def put(
        self, work: Callable[..., Any], given: tuple[Any, ...], done: Callable[[Any], None]
    ) -> None:
        """Run `work` with what is given, in its turn.

        `done` is told the result, what was raised, `Late`, or `Overloaded` where its turn did not
        come in time: on the loop, in the context that this is called in, and never before this
        returns.
        """
        turn = _Turn(done, copy_context(), self._deadlines.next())
        turn.work = self._lane.submit(self._run, turn, work, given)
        self._deadlines.watch(turn)

    def _run(self, turn: _Turn, work: Callable[..., Any], given: tuple[Any, ...]) -> None:
        # In a copy of the context: the loop may tell the caller meanwhile
        told = turn.context.copy().run(outcome, work, given)
        self._loop.call_soon_threadsafe(self._end, turn, told)

    def _end(self, turn: _Turn, told: Any) -> None:
        turn.tell(told)
        self._deadlines.forget_told()

    def _give_up(self, turn: _Turn) -> None:
        self._lane.give_up(turn.work)
        # What had not begun was dropped: the caller may try again
        turn.tell(Overloaded(self._deadlines.limit / 2) if turn.work.cancelled() else Late())


def outcome(work: Callable[..., Any], given: tuple[Any, ...]) -> Any:
    """Return what some work returns, or what it raises."""
    try:
        return work(*given)
    except Exception as error:  # noqa: BLE001  it is the caller's answer
        return error
