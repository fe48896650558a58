"""The ASGI application, made when something first asks for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from .service import Service


class Pages:
    """Is the application of `app`; calls of endpoints seldom need it, so no start waits for it."""

    def __init__(self, service: Service) -> None:
        """Make nothing yet."""
        self._service = service
        self._application: ASGIApp | None = None
        self._making: asyncio.Task[ASGIApp] | None = None

    def make(self) -> ASGIApp:
        """Make it here and now, unless it is made."""
        # Half as much code as all the rest: routing, the document of all schemas, its page
        from .app import make_app  # noqa: PLC0415

        if self._application is None:
            self._application = make_app(self._service)
        return self._application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, after it is made; on a thread, as calls go on meanwhile."""
        application = self._application
        if application is None:
            if self._making is None or self._making.done():
                self._making = asyncio.create_task(asyncio.to_thread(self.make))
            application = await asyncio.shield(self._making)
        await application(scope, receive, send)
