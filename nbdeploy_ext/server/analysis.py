"""`/analysis` and `/marks`: what a notebook would deploy, and its cells' roles."""

from __future__ import annotations

from functools import partial

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.errors import UsageError
from ..core.notebook import Role, write_marks
from ..core.pipeline import analyse
from .base import DeployHandler


class AnalysisHandler(DeployHandler):
    """Analyses a notebook, saved or as it stands in an editor."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Answer the same document as `nbdeploy check --json`."""
        body = self.body()
        path = self.notebook_path(body.get("path"))
        edited = body.get("edited") or ()
        if not isinstance(edited, (list, tuple)):
            raise UsageError("`edited` lists the ids of cells that were changed since they ran.")
        spec = await self.in_thread(
            partial(analyse, path, content=body.get("content"), edited=set(map(str, edited)))
        )
        self.answer(spec.as_json())


class MarksHandler(DeployHandler):
    """Writes cell roles into a notebook file."""

    @web.authenticated
    @authorized
    async def put(self) -> None:
        """Set or clear roles; answers all roles of the notebook after it."""
        body = self.body()
        path = self.notebook_path(body.get("path"))
        try:
            marks = {str(c): None if r is None else Role(r) for c, r in body["marks"].items()}
        except (KeyError, AttributeError, ValueError) as fault:
            roles = ", ".join(role.value for role in Role)
            raise UsageError(f"`marks` maps cell ids to null or one of {roles}.") from fault
        notebook = await self.in_thread(write_marks, path, marks)
        self.answer({"path": body["path"], "marks": notebook.marks()})
