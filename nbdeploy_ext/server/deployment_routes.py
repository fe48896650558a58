"""`/deployments`: what runs, starting a deploy, rolling back, stopping."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.capture import LiveKernel, RunCells
from ..core.config import read_config
from ..core.errors import EngineUnreachable, NbdeployError, UsageError
from ..core.notebook import read_notebook
from ..core.pipeline import deploy_notebook
from ..core.secrets import read_secrets
from ..core.service import service_name
from ..core.values import ValueStore
from ..targets.registry import ask_targets, find_target, open_target
from ..targets.service_client import ask
from .base import DeployHandler, text_of
from .jobs import Job

if TYPE_CHECKING:
    import httpx

    from ..core.capture import ValueSource
    from ..core.deployment import Deployment, Target


def _list() -> list[dict[str, Any]]:
    answering, _ = ask_targets()
    return [found.as_json() for target in answering for found in target.deployments()]


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
        target = text_of(body, "target") or "docker"
        name, chosen = await self.in_thread(_prepare, path, text_of(body, "name"), target)
        values = await self._values(body)

        def work(progress: Any) -> dict[str, Any]:
            return deploy_notebook(path, chosen, progress, name=name, values=values).as_json()

        job = self.jobs.submit(Job("deploy", name, str(body["path"]), target, work))
        self.set_status(HTTPStatus.ACCEPTED)
        self.set_header("Location", f"{self.base_url}nbdeploy/api/jobs/{job.job_id}")
        self.answer(job.as_json())

    async def _values(self, body: dict[str, Any]) -> ValueSource:
        """Return where values come from: the notebook's own kernel, unless `run` is asked for."""
        wanted = text_of(body, "values") or "live"
        if wanted not in {"live", "run"}:
            raise UsageError("`values` is `live` or `run`.")
        if wanted == "run":
            return RunCells(ValueStore())
        sessions = await self.session_manager.list_sessions()
        path = str(body["path"]).split(":", 1)[-1]
        found = (s for s in sessions if str(s["path"]).split(":", 1)[-1] == path)
        kernel = next((s["kernel"]["id"] for s in found), None)
        manager = self.kernel_manager.get_kernel(kernel) if kernel is not None else None
        return LiveKernel(ValueStore(), Path(manager.connection_file) if manager else None)


class DeploymentHandler(DeployHandler):
    """One deployment."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Answer versions and URL, and what the service says of its health and monitors."""

        def look() -> dict[str, Any]:
            deployment = find_target(name).deployment(name)
            return {**deployment.as_json(), **_service_state(deployment)}

        self.answer(await self.in_thread(look))

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
        version = self.body().get("version") if self.request.body else None
        if version is not None and type(version) is not int:  # True is an int, too
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
        self.finish("\n".join(lines), set_content_type="text/plain; charset=utf-8")


class PassedOnHandler(DeployHandler):
    """What the service itself answers: its calls and its metrics."""

    @web.authenticated
    @authorized
    async def get(self, name: str, route: str) -> None:
        """Pass the service's answer on."""

        def pass_on() -> httpx.Response:
            return ask(find_target(name).deployment(name), route, **query)

        query: dict[str, Any] = {
            key: self.get_query_argument(key) for key in self.request.query_arguments
        }
        answer = await self.in_thread(pass_on)
        self.set_status(answer.status_code)
        kind = answer.headers.get("content-type", "text/plain")
        self.finish(answer.content, set_content_type=kind)


def _service_state(deployment: Deployment) -> dict[str, Any]:
    """Ask the service for health, monitors and calls; silence is an answer too."""
    if deployment.state != "running":
        detail = deployment.message or deployment.state
        return {"health": {"ready": False, "detail": detail}, "monitors": [], "errors": []}
    try:
        ready, monitors, calls = (
            ask(deployment, route, timeout=2) for route in ("readyz", "monitors", "calls")
        )
    except NbdeployError as fault:
        health = {"ready": False, "detail": fault.message}
        return {"health": health, "monitors": [], "errors": []}
    return {
        "health": {"ready": ready.is_success, "detail": ""},
        "monitors": monitors.json() if monitors.is_success else [],
        "errors": _errors_by_cell(calls.json() if calls.is_success else []),
    }


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
