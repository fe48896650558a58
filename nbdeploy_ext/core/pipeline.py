"""Notebook in, service out: the stages in the order in which they run."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .capture import RunCells
from .checks import check_service
from .config import read_config, secret_names
from .dataflow import read_dataflow
from .deployment import StartRequest
from .errors import DeployRefused, NbdeployError
from .notebook import Role, parse_notebook, read_notebook
from .packing import make_bundle
from .secrets import read_secrets
from .service import plan_service, with_values
from .values import ValueStore

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from .bundle import Bundle
    from .capture import ValueSource
    from .deployment import Deployment, Target
    from .image import Image
    from .notebook import Notebook
    from .progress import Progress
    from .service import ServiceSpec
    from .verification import Verification


@dataclass
class Stopwatch:
    """Seconds that each stage took, rounded to milliseconds, and the total."""

    seconds: dict[str, float] = field(default_factory=dict)
    _begun: float = field(default_factory=time.perf_counter)
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str) -> None:
        """Book the time since the last lap on `stage`."""
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._last, 3)
        self._last = now
        self.seconds["total"] = round(now - self._begun, 3)


@dataclass(frozen=True, slots=True)
class DeployResult:
    """What a deploy made: a running deployment, its image, its tests, and where the time went."""

    deployment: Deployment
    image: Image
    verification: Verification
    seconds: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        """Return the document that `deploy --json` and a finished job answer."""
        live = next((v for v in self.deployment.versions if v.live), None)
        return {
            "name": self.deployment.name,
            "version": self.deployment.version,
            "url": self.deployment.url,
            "image": live.image if live else self.image.reference,
            "digest": self.image.digest,
            "target": self.deployment.target,
            "tests": [test.as_json() for test in self.verification.tests],
            "seconds": dict(self.seconds),
        }


def analyse(
    path: Path,
    *,
    content: Mapping[str, Any] | None = None,
    name: str | None = None,
    edited: Collection[str] = (),
) -> ServiceSpec:
    """Read a notebook (or its unsaved `content`) and the engineer's file, plan, and check.

    `edited` are the cells that an editor knows to be changed since they ran.
    """
    notebook = read_notebook(path) if content is None else parse_notebook(content, path)
    return check_service(plan_service(notebook, read_config(path.parent), name), edited)


def marks_of_slices(notebook: Notebook, cells: Iterable[str]) -> dict[str, Role | None]:
    """Return the marks that let cells (ids or `#index`) run: production for what they need.

    Cells that have a role keep it. Raises `CellNotFound`.
    """
    dataflow = read_dataflow(notebook)
    chosen = [notebook.cell(name).cell_id for name in cells]
    needed = {found for cell in chosen for found in dataflow.slice(cell)} - set(chosen)
    return {
        flow.cell.cell_id: Role.PRODUCTION
        for flow in dataflow.flows
        if flow.cell.cell_id in needed and flow.cell.role is None
    }


def bundle_notebook(
    path: Path, progress: Progress, *, name: str | None = None, values: ValueSource | None = None
) -> Bundle:
    """Check a notebook and make its bundle; `DeployRefused` carries the diagnostics."""
    progress.step("check")
    spec = analyse(path, name=name)
    require_deployable(spec)
    progress.check_cancelled()
    progress.step("bundle")
    return make_bundle(capture(spec, values, progress), progress)


def capture(spec: ServiceSpec, values: ValueSource | None, progress: Progress) -> ServiceSpec:
    """Return the plan with the values that the notebook ships, saved from `values`.

    The cells that make them are run where no source is given. Raises `DeployRefused`.
    """
    if not spec.values:
        return spec
    source = values or RunCells(ValueStore())
    return with_values(spec, source(spec, spec.values, progress))


def require_deployable(spec: ServiceSpec) -> None:
    """Raise `DeployRefused`, with all diagnostics, when one of them is an error."""
    if spec.deployable:
        return
    errors = [d for d in spec.diagnostics if d.severity == "error"]
    first = f"{errors[0].cell}, line {errors[0].line}: " if errors[0].cell else ""
    raise DeployRefused(
        f"{len(errors)} {'problem stops' if len(errors) == 1 else 'problems stop'} the deploy. "
        f"{first}{errors[0].message}",
        hint=errors[0].fix.title if errors[0].fix else "",
        name=spec.name,
        diagnostics=[d.as_json() for d in spec.diagnostics],
    )


def build_notebook(
    path: Path,
    target: Target,
    progress: Progress,
    *,
    name: str | None = None,
    values: ValueSource | None = None,
) -> tuple[Bundle, Image]:
    """Check, bundle and build."""
    bundle = bundle_notebook(path, progress, name=name, values=values)
    progress.check_cancelled()
    progress.step("build")
    return bundle, target.build(bundle, progress)


def require_passed(bundle: Bundle, verification: Verification) -> None:
    """Raise `DeployRefused`, with all tests, when one of them failed."""
    failed = [test for test in verification.tests if test.outcome == "failed"]
    if failed:
        line = f", line {failed[0].line}" if failed[0].line else ""
        raise DeployRefused(
            f"{len(failed)} of {len(verification.tests)} tests failed. {failed[0].name} "
            f"(cell {failed[0].cell}{line}): {failed[0].message.splitlines()[0]}"
            if failed[0].message
            else f"{failed[0].name} (cell {failed[0].cell}{line}) failed.",
            hint="Nothing was started; mend the cell or its test and deploy again.",
            name=bundle.name,
            tests=[test.as_json() for test in verification.tests],
        )


def deploy_notebook(
    path: Path,
    target: Target,
    progress: Progress,
    *,
    name: str | None = None,
    values: ValueSource | None = None,
) -> DeployResult:
    """Run every stage: check, bundle, build, verify, start. Raises a class of `core.errors`.

    A version that is live goes on answering until the new one is ready, whatever happens.
    """
    watch = Stopwatch()
    progress.step("check")
    spec = analyse(path, name=name)
    require_deployable(spec)
    secrets = read_secrets(secret_names(spec.config))  # before anything that takes long
    _tell_of_another(spec.name, path, target, progress)
    watch.lap("check")
    progress.check_cancelled()
    progress.step("bundle")
    bundle = make_bundle(capture(spec, values, progress), progress)
    watch.lap("bundle")
    progress.check_cancelled()
    progress.step("build")
    image = target.build(bundle, progress)
    watch.lap("build")
    progress.check_cancelled()
    progress.step("verify")
    verification = target.verify(image, bundle, secrets, progress)
    require_passed(bundle, verification)
    watch.lap("verify")
    progress.check_cancelled()
    progress.step("start")
    request = StartRequest(bundle.name, image, bundle, str(path.resolve()), secrets)
    deployment = target.start(request, progress)
    watch.lap("start")
    return DeployResult(deployment, image, verification, watch.seconds)


def _tell_of_another(name: str, path: Path, target: Target, progress: Progress) -> None:
    """Say that the deployment of that name is another notebook's: it may be a mistake."""
    try:
        there = target.deployment(name).notebook
    except NbdeployError:  # there is none; an engine that is not there is told by the next steps
        return
    if there and there != str(path.resolve()):
        progress.log(
            f"{name} is deployed from {there}; this notebook takes over. Set name in "
            "nbdeploy.toml, or --name, to keep both; nbdeploy rollback brings the other one back."
        )
