"""What an orchestrator asks: is it alive, is it ready."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .reply import Reply

if TYPE_CHECKING:
    from .service import Service

_ALIVE = Reply(200, b'{"status":"alive"}')


def healthz(_: Service) -> Reply:
    """Answer that the loop runs."""
    return _ALIVE


def readyz(service: Service) -> Reply:
    """Answer 200 while calls are taken, 503 before that and while every thread is stuck."""
    status = "ready" if service.is_ready else "stuck" if service.ready else "starting"
    return Reply(200 if service.is_ready else 503, json.dumps({"status": status}).encode())


PROBES = {"/healthz": healthz, "/readyz": readyz}
