"""What a request is answered with, before it is HTTP."""

from __future__ import annotations

from typing import NamedTuple

from starlette.responses import Response


class Reply(NamedTuple):
    """A whole answer; `headers` are those beside content type and length."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def as_response(self) -> Response:
        """Return it as Starlette's answer."""
        return Response(self.body, self.status, dict(self.headers), self.media_type)
