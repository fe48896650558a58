"""What a request is answered with, before it is HTTP."""

from __future__ import annotations

from typing import NamedTuple


class Reply(NamedTuple):
    """A whole answer; `headers` are those beside content type and length."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
