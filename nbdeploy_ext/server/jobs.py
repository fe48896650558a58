"""Jobs: long work with steps, a live log and a cancel, which outlives a browser tab."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
import uuid
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from ..core.errors import Cancelled, DeployInProgress, JobNotFound, NbdeployError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from ..core.progress import Progress

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
STEPS = {"deploy": ("check", "bundle", "build", "verify", "start"), "rollback": ("start",)}
KEPT_JOBS = 50
KEPT_LINES = 5000
_log = logging.getLogger(__name__)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


@dataclass
class Step:
    """One stage of a job; `done` of `total` (0 where unknown) `unit`s."""

    name: str
    state: str = "pending"
    seconds: float | None = None
    done: int = 0
    total: int = 0
    unit: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the form that REST answers."""
        return dict(vars(self))


@dataclass
class Job:
    """One piece of long work; everything but `work` is for reading."""

    kind: str
    name: str
    path: str
    target: str
    work: Callable[[Progress], Mapping[str, Any]] = field(repr=False)
    job_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    state: JobState = "queued"
    steps: list[Step] = field(default_factory=list)
    log: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    result: Mapping[str, Any] | None = None
    error: dict[str, Any] | None = None
    created: str = field(default_factory=_now)
    finished: str | None = None
    cancelled: threading.Event = field(default_factory=threading.Event, repr=False)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list, repr=False)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in {"succeeded", "failed", "cancelled"}

    def as_json(self, *, with_log: bool = True) -> dict[str, Any]:
        """Return the form that REST answers."""
        document = {
            "id": self.job_id,
            "kind": self.kind,
            "name": self.name,
            "path": self.path,
            "target": self.target,
            "state": self.state,
            "steps": [step.as_json() for step in self.steps],
            "result": self.result,
            "error": self.error,
            "created": self.created,
            "finished": self.finished,
        }
        return {**document, "log": list(self.log)} if with_log else document


class JobProgress:
    """Books a run's news on its job and wakes whoever watches; called from a worker thread."""

    def __init__(self, job: Job, changed: Callable[[Job], None]) -> None:
        """Book on `job`; `changed` is called after every step's change."""
        self._job = job
        self._changed = changed
        self._begun = time.perf_counter()

    def step(self, name: str) -> None:
        """End the step that runs and begin the next."""
        self.end("done")
        step = next((s for s in self._job.steps if s.name == name), None)
        if step is None:
            step = Step(name)
            self._job.steps.append(step)
        step.state = "running"
        self._begun = time.perf_counter()
        self._tell(step)

    def end(self, state: str) -> None:
        """Close the step that runs with `state`."""
        for step in self._job.steps:
            if step.state == "running":
                step.state = state
                step.seconds = round(time.perf_counter() - self._begun, 3)
                self._tell(step)

    def log(self, line: str) -> None:
        """Keep one line."""
        self._job.log.append(line)
        self._job.events.append(("log", {"line": line}))

    def measure(self, done: int, total: int, unit: str) -> None:
        """Say how far the step is."""
        for step in self._job.steps:
            if step.state == "running":
                step.done, step.total, step.unit = done, total, unit
                self._job.events.append(("step", step.as_json()))

    def check_cancelled(self) -> None:
        """Raise `Cancelled` once somebody asked for it."""
        if self._job.cancelled.is_set():
            raise Cancelled("The deploy was cancelled; what was live stays live.")

    def _tell(self, step: Step) -> None:
        self._job.events.append(("step", step.as_json()))
        self._changed(self._job)


class JobRunner:
    """Runs jobs on worker threads, one at a time for each deployment."""

    def __init__(self, changed: Callable[[Job], None]) -> None:
        """Call `changed`, from any thread, whenever a job's step or state changes."""
        self._jobs: dict[str, Job] = {}
        self._changed = changed
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="nbdeploy-job")
        self._lock = threading.Lock()

    def submit(self, job: Job) -> Job:
        """Start a job; `DeployInProgress` when its deployment has one that runs."""
        with self._lock:
            busy = (j for j in self._jobs.values() if not j.ended and j.name == job.name)
            other = next(busy, None)
            if other is not None:
                raise DeployInProgress(
                    f"{job.name} is being deployed already.",
                    hint="Watch that job, or cancel it first.",
                    job=other.job_id,
                )
            job.steps = [Step(name) for name in STEPS.get(job.kind, ())]
            self._jobs[job.job_id] = job
            ended = [key for key, kept in self._jobs.items() if kept.ended]
            for key in ended[: max(0, len(self._jobs) - KEPT_JOBS)]:
                del self._jobs[key]
        self._pool.submit(self._run, job)
        return job

    def jobs(self) -> list[Job]:
        """Return all jobs, the newest first."""
        return list(reversed(self._jobs.values()))

    def job(self, job_id: str) -> Job:
        """Return one job, or raise `JobNotFound`."""
        if job_id not in self._jobs:
            raise JobNotFound(f"There is no job {job_id}.", hint="The server may have restarted.")
        return self._jobs[job_id]

    def cancel(self, job_id: str) -> Job:
        """Ask a job to stop at its next safe place."""
        job = self.job(job_id)
        job.cancelled.set()
        return job

    def close(self) -> None:
        """Ask every job to stop and don't wait for them."""
        for job in self._jobs.values():
            job.cancelled.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, job: Job) -> None:
        job.state = "running"
        self._changed(job)
        progress = JobProgress(job, self._changed)
        try:
            job.result = job.work(progress)
        except NbdeployError as error:
            self._fail(job, progress, error)
        except Exception:  # noqa: BLE001  a fault of ours must end the job, not leave it running for ever
            _log.exception("Job %s broke", job.job_id)
            internal = NbdeployError("The job broke.", hint="The Jupyter server's log says where.")
            self._fail(job, progress, internal)
        else:
            progress.end("done")
            job.state = "succeeded"
        job.finished = _now()
        job.events.append(("state", job.as_json(with_log=False)))
        self._changed(job)

    @staticmethod
    def _fail(job: Job, progress: JobProgress, error: NbdeployError) -> None:
        stopped = isinstance(error, Cancelled)
        progress.end("cancelled" if stopped else "failed")
        job.error = error.as_json()
        if {"diagnostics", "tests"} & set(error.details):
            job.result = dict(error.details)
        job.state = "cancelled" if stopped else "failed"


async def watch(job: Job, after: int = 0) -> AsyncIterator[tuple[int, str, dict[str, Any]]]:
    """Yield a job's events with their numbers (from 1), after number `after`, until it ended."""
    for number in itertools.count(after + 1):
        while number > len(job.events):
            if job.ended and job.finished and number > len(job.events):
                return
            await asyncio.sleep(0.05)
        kind, content = job.events[number - 1]
        yield number, kind, content
