"""Error answers as problem details (RFC 9457); they never hold what the caller sent."""

from __future__ import annotations

import json
from typing import Any

from .reply import Reply, phrase


def problem(
    status: int, detail: str, *, headers: tuple[tuple[str, str], ...] = (), **more: Any
) -> Reply:
    """Return a problem document; `more` are its extension members."""
    document = {
        "type": "about:blank",
        "title": phrase(status),
        "status": status,
        "detail": detail,
        **more,
    }
    return Reply(status, json.dumps(document).encode(), "application/problem+json", headers)
