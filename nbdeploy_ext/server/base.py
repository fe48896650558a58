"""What all routes share: who may use them, JSON in and out, errors to statuses."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import ApiPath, to_os_path
from tornado import web

from ..core import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from .jobs import JobRunner

Answer = TypeVar("Answer")

STATUS: dict[type[errors.NbdeployError], HTTPStatus] = {
    errors.NotebookNotFound: HTTPStatus.NOT_FOUND,
    errors.DeploymentNotFound: HTTPStatus.NOT_FOUND,
    errors.VersionNotFound: HTTPStatus.NOT_FOUND,
    errors.JobNotFound: HTTPStatus.NOT_FOUND,
    errors.CellNotFound: HTTPStatus.NOT_FOUND,
    errors.NotebookUnreadable: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ConfigInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.DeployRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.DeployInProgress: HTTPStatus.CONFLICT,
    errors.Unreachable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.UsageError: HTTPStatus.BAD_REQUEST,
    errors.NbdeployError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Looked up along an error's MRO."""


def status_of(error: errors.NbdeployError) -> HTTPStatus:
    """Return the HTTP status that an error answers with."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def text_of(body: dict[str, Any], key: str) -> str | None:
    """Return what a request's JSON object has as `key`, a text or nothing; `UsageError`."""
    value = body.get(key)
    if value is not None and not isinstance(value, str):
        raise errors.UsageError(f"`{key}` is a text.")
    return value


class DeployHandler(APIHandler):
    """Base of every route: resource `nbdeploy`, errors of ours as JSON."""

    auth_resource: ClassVar[str] = "nbdeploy"

    def initialize(self, jobs: JobRunner) -> None:
        """Take what the URL table hands to every route."""
        self.jobs = jobs

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer an error of ours in our shape, and any other as the server does."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, errors.NbdeployError):
            self.set_status(status_of(error))
            self.answer(error.as_json())
        else:
            super().write_error(status_code, **kwargs)

    def log_exception(self, kind: Any, value: Any, trace: Any) -> None:
        """Keep tracebacks for faults of ours; what the caller can mend is one line."""
        if isinstance(value, errors.NbdeployError):
            self.log.warning("%s: %s", value.code, value.message)
        else:
            super().log_exception(kind, value, trace)

    def answer(self, document: Any) -> None:
        """Finish with a JSON document."""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(document))

    def body(self) -> dict[str, Any]:
        """Return the request's JSON object; `UsageError` when it is none."""
        document = self.get_json_body()
        if not isinstance(document, dict):
            raise errors.UsageError("The body has to be a JSON object.")
        return document

    def notebook_path(self, path: Any) -> Path:
        """Return the file behind a contents-manager path, which can't leave the root."""
        if not isinstance(path, str) or not path:
            raise errors.UsageError("The body lacks `path`, the notebook's path.")
        if "\0" in path:  # no file has such a name, and asking the system for it raises
            raise errors.NotebookNotFound("There is no notebook at a path with a NUL in it.")
        root = Path(self.contents_manager.root_dir).resolve()
        place = Path(to_os_path(ApiPath(path.split(":", 1)[-1]), str(root)))
        if not place.resolve().is_relative_to(root):
            raise errors.NotebookNotFound(f"There is no notebook at {path}.")
        return place

    async def in_thread(self, work: Callable[..., Answer], *arguments: Any) -> Answer:
        """Run blocking work beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(None, work, *arguments)


class UnknownRouteHandler(DeployHandler):
    """Any other path below ours: the server's own answer to it would be a page for people."""

    @web.authenticated
    @authorized
    async def get(self, path: str) -> None:
        """Answer 404 as JSON."""
        raise web.HTTPError(
            HTTPStatus.NOT_FOUND, f"There is no {path}; see /nbdeploy/api/openapi.json."
        )

    post = put = patch = delete = get
