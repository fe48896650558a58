"""From a planned service to its bundle."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import cloudpickle

from ..runtime.manifest import (
    AlertSettings,
    CallSettings,
    Manifest,
    ManifestCell,
    ManifestCells,
    ManifestEndpoint,
    ManifestValue,
    ServiceSettings,
)
from .bundle import Bundle
from .checks import no_wheel
from .config import SecretRef
from .dockerfile import DOCKERIGNORE, render_dockerfile
from .errors import DeployRefused
from .header import render_header
from .requirements import image_platform, lock_requirements, runtime_requirements
from .values import ValueStore
from .wheel_files import NoWheel
from .wheels import make_wheel

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .cell_flow import CellFlow
    from .cells_function import CellsFunction
    from .config import Config
    from .interface import Endpoint
    from .progress import Progress
    from .requirements import Wheel
    from .service import ServiceSpec
    from .values import Value

_RUNTIME = Path(__file__).parent.parent / "runtime"


def make_bundle(spec: ServiceSpec, progress: Progress) -> Bundle:
    """Resolve the requirements and put everything together; writes nothing.

    Raises `RequirementsUnresolvable`, `DeployRefused`.
    """
    config = spec.config
    if spec.requirements:
        names = ", ".join(r.distribution for r in spec.requirements)
        progress.log(f"Resolving what the shipped cells import: {names}")
    lock = lock_requirements(
        [*spec.pins, *_serializer(spec)],
        spec.kernel,
        config.image,
        runtime=runtime_requirements(config),
        wheels=_wheels(spec, progress),
    )
    manifest = make_manifest(spec)
    labels = _labels(spec, manifest)
    files = {
        spec.notebook.filename: spec.notebook.shipped,
        f"{spec.notebook.stem}.py": render_header(spec).encode(),
        "manifest.json": manifest.as_bytes(),
        "requirements.lock": lock.bundled.encode(),
        ".dockerignore": DOCKERIGNORE.encode(),
        **_runtime_files(),
        **_beside(spec),
    }
    files["Dockerfile"] = render_dockerfile(
        name=spec.notebook.stem,
        base=base_image(config, lock.python),
        apt=config.image.apt,
        labels=labels,
        port=config.service.port,
        values=tuple(value.sha256 for value in manifest.values),
        has_files=any(path.startswith("files/") for path in files),
        has_wheels=bool(lock.wheels),
    ).encode()
    store = ValueStore()
    values = {value.sha256: store.path(value.sha256) for value in manifest.values}
    return Bundle(spec.name, files, manifest, lock, config, labels, values)


def base_image(config: Config, python: str) -> str:
    """Return the engineer's base image, or the official slim one of the kernel's Python."""
    return config.image.base or f"python:{python}-slim"


def make_manifest(spec: ServiceSpec) -> Manifest:
    """Return what the runtime has to know of the planned service."""
    config = spec.config
    return Manifest(
        name=spec.name,
        notebook=spec.notebook.filename,
        notebook_sha256=spec.notebook.sha256,
        cells=manifest_cells(spec.shipped),
        endpoints=manifest_endpoints(spec.endpoints),
        values=manifest_values(spec.values),
        git_commit=git_commit(spec.notebook.folder),
        imports=tuple(dict.fromkeys(p.name for p in spec.sources.imports if not p.optional)),
        parameters={name: _setting(value) for name, value in config.parameters.items()},
        env={name: _setting(value) for name, value in config.env.items()},
        service=ServiceSettings(
            port=config.service.port,
            workers=config.service.workers,
            timeout=config.service.timeout,
            auth=config.service.auth.secret if config.service.auth else None,
            batchable=config.service.batchable,
        ),
        calls=CallSettings(config.calls.keep, _setting(config.calls.store), config.calls.inputs),
        monitors_every=config.monitors.every,
        tests_timeout=config.tests.timeout,
        alerts=AlertSettings(
            channels=tuple(_setting(channel) for channel in config.alerts.channels),
            cooldown=config.alerts.cooldown,
        ),
    )  # fmt: skip


def manifest_cells(flows: Iterable[CellFlow]) -> tuple[ManifestCell, ...]:
    """Return the marked ones of these cells as the runtime knows them."""
    return tuple(
        ManifestCell(f.cell.cell_id, f.cell.index, f.cell.role.value, f.cell.sha256,
                     dict(f.plain.lines))
        for f in flows
        if f.cell.role is not None
    )  # fmt: skip


def manifest_endpoints(endpoints: Iterable[Endpoint]) -> tuple[ManifestEndpoint, ...]:
    """Return these endpoints as the runtime knows them."""
    return tuple(
        ManifestEndpoint(e.name, e.path, e.cell, e.examples, _cells(e.cells)) for e in endpoints
    )


def _cells(function: CellsFunction | None) -> ManifestCells | None:
    if function is None:
        return None
    names = tuple(parameter.name for parameter in function.parameters)
    bound = function.binding
    return ManifestCells(bound.per_call, names, bound.values, function.answer, bound.random)


def manifest_values(values: Iterable[Value]) -> tuple[ManifestValue, ...]:
    """Return the saved ones of these values in the order in which they come in."""
    return tuple(
        ManifestValue(v.name, v.cell, v.index, v.stored.sha256, v.stored.type)
        for v in sorted(values, key=lambda value: value.index)
        if v.stored is not None
    )


def git_commit(folder: Path) -> str | None:
    """Return the commit that the notebook's folder is at, or None outside a git checkout."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=folder, capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _wheels(spec: ServiceSpec, progress: Progress) -> list[Wheel]:
    """Make wheels of what no index has; `DeployRefused` names what none can be made of."""
    image = spec.config.image
    made = []
    name = ""
    try:
        for name in spec.wheels:
            made.append(make_wheel(name, spec.kernel, image_platform(image), image, progress))
    except NoWheel as reason:
        fault = no_wheel(spec, name, str(reason))
        raise DeployRefused(
            fault.message,
            hint=fault.fix.title if fault.fix else "",
            name=spec.name,
            diagnostics=[d.as_json() for d in (*spec.diagnostics, fault)],
        ) from reason
    return made


def _serializer(spec: ServiceSpec) -> list[str]:
    """Return the pin of cloudpickle where a value takes code along: its kernel may not have it."""
    stored = [value.stored for value in spec.values if value.stored is not None]
    needs = any("cloudpickle" in value.modules for value in stored)
    has = any(r.distribution == "cloudpickle" for r in spec.requirements)
    return [f"cloudpickle=={cloudpickle.__version__}"] if needs and not has else []


def _setting(value: Any) -> Any:
    return {"secret": value.secret} if isinstance(value, SecretRef) else value


def _labels(spec: ServiceSpec, manifest: Manifest) -> dict[str, str]:
    service = spec.config.service
    run = {
        "port": service.port,
        "memory": service.memory,
        "cpus": service.cpus,
        "secrets": list(manifest.secret_names()),
        "publish": spec.config.target.docker.publish,
        "state": spec.config.calls.store == "sqlite",
    }
    labels = {
        "org.opencontainers.image.title": spec.name,
        "org.opencontainers.image.description": f"{spec.notebook.filename}, deployed by nbdeploy",
        "org.opencontainers.image.base.name": base_image(spec.config, spec.kernel.minor),
        "org.nbdeploy.name": spec.name,
        "org.nbdeploy.notebook": spec.notebook.filename,
        "org.nbdeploy.notebook.sha256": spec.notebook.sha256,
        "org.nbdeploy.run": json.dumps(run, sort_keys=True),
    }
    if manifest.git_commit:
        labels["org.opencontainers.image.revision"] = manifest.git_commit
    return labels


def _runtime_files() -> dict[str, bytes]:
    found = (path for path in sorted(_RUNTIME.rglob("*")) if path.is_file())
    return {
        f"nbdeploy_runtime/{path.relative_to(_RUNTIME).as_posix()}": path.read_bytes()
        for path in found
        if "__pycache__" not in path.parts
    }


def _beside(spec: ServiceSpec) -> dict[str, bytes]:
    paths = [*spec.sources.modules, *spec.sources.files]
    return {f"files/{path}": (spec.notebook.folder / path).read_bytes() for path in paths}
