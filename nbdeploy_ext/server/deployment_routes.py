"""`/deployments`: what runs, starting a deploy, rolling back, stopping."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.config import read_config
from ..core.errors import EngineUnreachable, Unreachable, UsageError
from ..core.notebook import read_notebook
from ..core.pipeline import deploy_notebook
from ..core.secrets import read_secrets
from ..core.service import service_name
from ..targets.registry import all_targets, find_target, open_target
from .base import DeployHandler
from .jobs import Job

if TYPE_CHECKING:
    from pathlib import Path

    from ..core.deployment import Deployment, Target


def _list() -> list[dict[str, Any]]:
    reachable = [target for target in all_targets() if target.availability().available]
    return [found.as_json() for target in reachable for found in target.deployments()]


def _prepare(path: Path, name: str | None, target: str) -> tuple[str, Target]:
    """Refuse at once what can be refused at once: notebook, name, target, engine."""
    notebook = read_notebook(path)
    chosen = open_target(target)
    found = chosen.availability()
    if not found.available:
        raise EngineUnreachable(found.reason, hint=found.hint)
    return service_name(notebook, read_config(path.parent), name), chosen


class DeploymentsHandler(DeployHandler):
    """All deployments."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer the deployments of every target that can be reached."""
        self.answer(await self.in_thread(_list))

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Start a deploy and answer its job with 202."""
        body = self.body()
        path = self.notebook_path(body.get("path"))
        target = body.get("target") or "docker"
        name, chosen = await self.in_thread(_prepare, path, body.get("name"), target)

        def work(progress: Any) -> dict[str, Any]:
            return deploy_notebook(path, chosen, progress, name=name).as_json()

        job = self.jobs.submit(Job("deploy", name, str(body["path"]), target, work))
        self.set_status(HTTPStatus.ACCEPTED)
        self.set_header("Location", f"{self.base_url}nbdeploy/api/jobs/{job.job_id}")
        self.answer(job.as_json())


class DeploymentHandler(DeployHandler):
    """One deployment."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Answer versions and URL, and what the service says of its health and monitors."""
        deployment = await self.in_thread(lambda: find_target(name).deployment(name))
        document = deployment.as_json()
        document.update(await _service_state(deployment))
        self.answer(document)

    @web.authenticated
    @authorized
    async def delete(self, name: str) -> None:
        """Stop the deployment; its versions stay."""
        await self.in_thread(lambda: find_target(name).stop(name))
        self.set_status(HTTPStatus.NO_CONTENT)
        self.finish()


class RollbackHandler(DeployHandler):
    """Rolling one deployment back."""

    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Start a rollback to `version`, or to the one before, and answer its job with 202."""
        version = (self.get_json_body() or {}).get("version")
        if version is not None and not isinstance(version, int):
            raise UsageError("`version` is a number.")
        target = await self.in_thread(find_target, name)

        def work(progress: Any) -> dict[str, Any]:
            progress.step("start")
            return target.rollback(name, version, read_secrets, progress).as_json()

        job = self.jobs.submit(Job("rollback", name, "", target.name, work))
        self.set_status(HTTPStatus.ACCEPTED)
        self.answer(job.as_json())


class LogsHandler(DeployHandler):
    """A service's log."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Answer the last lines as plain text."""
        lines = await self.in_thread(lambda: list(find_target(name).logs(name)))
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("\n".join(lines))


class PassedOnHandler(DeployHandler):
    """What the service itself answers: its calls and its metrics."""

    @web.authenticated
    @authorized
    async def get(self, name: str, route: str) -> None:
        """Pass the service's answer on."""
        deployment = await self.in_thread(lambda: find_target(name).deployment(name))
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            try:
                answer = await client.get(f"{deployment.url}/{route}")
            except httpx.HTTPError as fault:
                raise Unreachable(f"{name} does not answer.", hint="See its log.") from fault
        self.set_status(answer.status_code)
        self.set_header("Content-Type", answer.headers.get("content-type", "text/plain"))
        self.finish(answer.content)


async def _service_state(deployment: Deployment) -> dict[str, Any]:
    """Ask the service for health, monitors and calls; silence is an answer too."""
    health: dict[str, Any] = {"ready": False, "detail": deployment.message or deployment.state}
    monitors: list[Any] = []
    calls: list[dict[str, Any]] = []
    if deployment.state == "running":
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            get = partial(_get, client, deployment.url)
            ready = await get("readyz")
            health = {"ready": ready is not None and ready.is_success, "detail": ""}
            answers = [await get("monitors"), await get("calls")]
        monitors, calls = (a.json() if a is not None and a.is_success else [] for a in answers)
    return {"health": health, "monitors": monitors, "errors": _errors_by_cell(calls)}


async def _get(client: httpx.AsyncClient, url: str, route: str) -> httpx.Response | None:
    try:
        return await client.get(f"{url}/{route}")
    except httpx.HTTPError:
        return None


def _errors_by_cell(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[tuple[Any, Any, Any], dict[str, Any]] = {}
    for call in calls:
        if call.get("cell") is None or call.get("error") is None:
            continue
        key = (call["cell"], call.get("line"), call["error"])
        entry = found.setdefault(
            key, {"cell": key[0], "line": key[1], "type": key[2], "count": 0, "last": ""}
        )
        entry["count"] += 1
        entry["last"] = call.get("time", "")
    return list(found.values())
