"""`/status` and `/openapi.json`: what can be used now, and what the routes are."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..targets.registry import all_targets
from .base import DeployHandler
from .openapi import DOCUMENT


def _status() -> dict[str, Any]:
    targets = [target.availability() for target in all_targets()]
    engine = next(t for t in targets if t.name == "docker")
    return {
        "version": version("nbdeploy"),
        "engine": {
            "reachable": engine.available,
            "reason": engine.reason,
            "hint": engine.hint,
            "version": engine.version,
        },
        "targets": [target.as_json() for target in targets],
        "default_target": "docker",
    }


class StatusHandler(DeployHandler):
    """Whether a deploy could start now."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer version, engine and targets."""
        self.answer(await self.in_thread(_status))


class OpenApiHandler(DeployHandler):
    """The routes' own description."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer an OpenAPI 3.1 document."""
        self.answer(DOCUMENT)
