"""An answer that is made while it is sent, as an ASGI application."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from .service import Streamed


class Streaming:
    """Sends lines with the caller's speed; a caller that goes ends what makes them, at once.

    Starlette's own answer leaves lines that it breaks off to the garbage collector, so that a
    notebook's generator stayed open for as long as that took.
    """

    def __init__(self, answer: Streamed, request_id: str) -> None:
        """Take the lines, and the id of their call."""
        self._lines = answer.lines
        kind = answer.media_type.encode("latin-1")
        self._headers = [(b"content-type", kind), (b"x-request-id", request_id.encode("latin-1"))]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all lines; raises what they raise, or `CancelledError` as the caller goes."""
        del scope  # every caller gets the same
        sender: Any = asyncio.current_task()
        watch = asyncio.ensure_future(_until_gone(receive))
        watch.add_done_callback(lambda gone: gone.cancelled() or sender.cancel())
        begin = {"type": "http.response.start", "status": 200, "headers": self._headers}
        try:
            await send(begin)
            async for line in self._lines:
                if watch.done():  # `wait_for` loses the end that comes together with a line
                    return
                await send({"type": "http.response.body", "body": line, "more_body": True})
            await send({"type": "http.response.body"})
        finally:
            watch.cancel()
            await self._lines.aclose()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
