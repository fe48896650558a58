"""`/jobs`: what runs, its steps and its live log, and cancelling it."""

from __future__ import annotations

import json

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from .base import DeployHandler
from .jobs import watch


class JobsHandler(DeployHandler):
    """All jobs that the server remembers."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer the jobs without their logs, the newest first."""
        self.answer([job.as_json(with_log=False) for job in self.jobs.jobs()])


class JobHandler(DeployHandler):
    """One job."""

    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Answer the job with its log."""
        self.answer(self.jobs.job(job_id).as_json())

    @web.authenticated
    @authorized
    async def delete(self, job_id: str) -> None:
        """Ask the job to stop; it ends at its next safe place."""
        job = self.jobs.cancel(job_id)
        self.set_status(202)
        self.answer(job.as_json())


class JobEventsHandler(DeployHandler):
    """One job's news as an event stream (HTML Living Standard, 9.2)."""

    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Stream steps, log lines and the end; `Last-Event-ID` goes on where it broke off."""
        job = self.jobs.job(job_id)
        after = self.request.headers.get("Last-Event-ID", "0")
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache")
        try:
            async for number, kind, content in watch(job, int(after) if after.isdigit() else 0):
                self.write(f"id: {number}\nevent: {kind}\ndata: {json.dumps(content)}\n\n")
                await self.flush()
        except StreamClosedError:
            return
        self.finish()
