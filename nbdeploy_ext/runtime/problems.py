"""Error answers as problem details (RFC 9457); they never hold what the caller sent."""

from __future__ import annotations

import http
import json
from typing import Any

from starlette.responses import Response


def problem(status: int, detail: str, **more: Any) -> Response:
    """Return a problem document; `more` are its extension members."""
    document = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **more,
    }
    return Response(json.dumps(document), status, media_type="application/problem+json")
