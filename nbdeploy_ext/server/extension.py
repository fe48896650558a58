"""The Jupyter server extension: the URL table, the job runner and the event schemas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join
from tornado.ioloop import IOLoop

from .analysis import AnalysisHandler, MarksHandler
from .base import UnknownRouteHandler
from .deployment_routes import (
    DeploymentHandler,
    DeploymentsHandler,
    LogsHandler,
    PassedOnHandler,
    RollbackHandler,
)
from .job_routes import JobEventsHandler, JobHandler, JobsHandler
from .jobs import Job, JobRunner
from .status_routes import OpenApiHandler, StatusHandler

if TYPE_CHECKING:
    from jupyter_events import EventLogger

API = "nbdeploy/api"
JOB_EVENT = "https://events.nbdeploy.org/job/v1"
DEPLOYMENTS_EVENT = "https://events.nbdeploy.org/deployments/v1"
_NAME = r"(?P<name>[a-z0-9][a-z0-9-]*)"
_JOB = r"(?P<job_id>[^/]+)"

ROUTES: tuple[tuple[str, type], ...] = (
    (r"status", StatusHandler),
    (r"openapi\.json", OpenApiHandler),
    (r"analysis", AnalysisHandler),
    (r"marks", MarksHandler),
    (r"deployments", DeploymentsHandler),
    (rf"deployments/{_NAME}", DeploymentHandler),
    (rf"deployments/{_NAME}/rollback", RollbackHandler),
    (rf"deployments/{_NAME}/logs", LogsHandler),
    (rf"deployments/{_NAME}/(?P<route>calls|metrics)", PassedOnHandler),
    (r"jobs", JobsHandler),
    (rf"jobs/{_JOB}", JobHandler),
    (rf"jobs/{_JOB}/events", JobEventsHandler),
)


class DeployExtension(ExtensionApp):
    """nbdeploy in the Jupyter server."""

    name = "nbdeploy_ext"
    extension_url = "/lab"
    load_other_extensions = True

    def initialize_settings(self) -> None:
        """Register the event schemas and make the job runner."""
        for schema in sorted((Path(__file__).parent / "events").glob("*.yaml")):
            self._events.register_event_schema(schema)
        self._loop: IOLoop | None = None
        self._jobs = JobRunner(self._job_changed)

    def initialize_handlers(self) -> None:
        """Fill the URL table."""
        base = url_path_join("/", API)
        options = {"jobs": self._jobs}
        self.handlers.extend(
            (url_path_join(base, route) + "/?", kind, options) for route, kind in ROUTES
        )
        self.handlers.append((url_path_join(base, "(.*)"), UnknownRouteHandler, options))

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        del serverapp
        self._loop = IOLoop.current()

    async def stop_extension(self) -> None:
        """Ask running jobs to stop when the server does."""
        self._jobs.close()

    def _job_changed(self, job: Job) -> None:
        """Tell browsers, on the event loop: worker threads call this."""
        if self._loop is not None:
            step = next((s.name for s in job.steps if s.state == "running"), "")
            news = {"job": job.job_id, "name": job.name, "state": job.state, "step": step}
            self._loop.add_callback(self._emit, JOB_EVENT, news)
            if job.ended:
                ended = {"name": job.name, "state": job.state}
                self._loop.add_callback(self._emit, DEPLOYMENTS_EVENT, ended)

    def _emit(self, schema: str, data: dict[str, str]) -> None:
        self._events.emit(schema_id=schema, data=data)

    @property
    def _events(self) -> EventLogger:
        """Return the server's event logger, which is there once the server loads us."""
        if self.serverapp is None or self.serverapp.event_logger is None:
            raise RuntimeError("the Jupyter server has no event logger")
        return self.serverapp.event_logger
