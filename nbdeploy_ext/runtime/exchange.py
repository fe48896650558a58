"""What is on its way through a connection: a call of an endpoint, or a probe."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from .request import Asked, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from .asgi import Cycle
    from .reply import Reply

_OF_NO_CALL: Any = Asked(None)  # type: ignore[arg-type]


class Exchange(Request):
    """A call on its way through a connection."""

    __slots__ = ("complete", "disconnected", "inner", "keep_alive", "response_complete")

    def __init__(self, asked: Asked) -> None:
        """Begin the clock, with nothing read and nothing sent."""
        # All that the base class has, too: a call of its own costs more than these lines
        self.begun = perf_counter()
        self.asked = asked
        self.operation = asked.operation
        self.query = self._id = ""
        self.keep_alive = True
        self.complete = self.disconnected = self.response_complete = False
        self.body = self.span = None
        self.inner: Cycle | None = None

    def hang_up(self) -> None:
        """Note that the caller has gone; the cycle that streams the answer is to know, too."""
        self.disconnected = True
        if self.inner is not None:
            self.inner.hang_up()


class Probing(Exchange):
    """A probe on its way: answered here, so that it waits for nothing but the loop."""

    __slots__ = ("ask",)

    def __init__(self, ask: Callable[[], Reply]) -> None:
        """Know what to ask when it is its turn."""
        super().__init__(_OF_NO_CALL)
        self.ask = ask
