"""The service that a notebook and its `nbdeploy.toml` declare: planned, not yet built."""

from __future__ import annotations

import re
import sys
import unicodedata
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from .dataflow import Dataflow, read_dataflow
from .errors import KernelUnavailable
from .interface import Endpoint, find_endpoints
from .kernels import KernelEnvironment, kernel_executable, probe_kernel
from .notebook import Role
from .pins import asked_version, named, plan_pins
from .requirement_files import read_requirement_file
from .requirements import Requirement
from .sources import Place, Sources, find_sources
from .values import Value, ValueStore, find_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .cell_flow import CellFlow
    from .config import Config
    from .diagnostics import Diagnostic
    from .notebook import Notebook


@dataclass(frozen=True)
class ServiceSpec:
    """Everything that a bundle is made from; `diagnostics` says whether it can be."""

    notebook: Notebook
    config: Config
    name: str
    dataflow: Dataflow
    endpoints: tuple[Endpoint, ...]
    kernel: KernelEnvironment
    requirements: tuple[Requirement, ...]
    unknown_imports: tuple[Place, ...]
    sources: Sources
    slices: Mapping[str, tuple[str, ...]]
    values: tuple[Value, ...] = ()
    unknown_values: tuple[str, ...] = ()
    listed: tuple[str, ...] | None = None
    """What the engineer's own requirements file lists, where `nbdeploy.toml` names one."""
    kernel_fault: KernelUnavailable | None = None
    """Why the notebook's kernel can't be asked: `kernel` is this interpreter then."""
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def shipped(self) -> tuple[CellFlow, ...]:
        """Return the marked code cells, in notebook order."""
        return self.dataflow.marked

    def marks_for(self, cells: Iterable[str]) -> dict[str, str]:
        """Return the marks with which cells ship, and what they need; what ships has its own."""
        wanted = dict.fromkeys(cells)
        wanted.update((cell, None) for first in list(wanted) for cell in self.dataflow.slice(first))
        shipped = {flow.cell.cell_id for flow in self.shipped}
        return {cell: Role.PRODUCTION.value for cell in wanted if cell not in shipped}

    @property
    def extra_pins(self) -> tuple[str, ...]:
        """Return what `%pip install` lines in shipped cells ask for."""
        return tuple(r for flow in self.shipped for r in flow.plain.requirements)

    def installs(self) -> Iterator[dict[str, Any]]:
        """Yield as JSON what only `%pip install` lines ask for, each distribution once."""
        known = {canonicalize_name(r.distribution) for r in self.requirements}
        for flow in self.shipped:
            for line in flow.plain.requirements:
                asked = asked_version(named(line, self.kernel, self.notebook.folder), self.kernel)
                if asked is None or canonicalize_name(asked[0]) in known:
                    continue
                known.add(canonicalize_name(asked[0]))
                yield {"distribution": asked[0], "version": asked[1], "imports": [],
                       "cells": [flow.cell.cell_id]}  # fmt: skip

    @cached_property
    def pins(self) -> tuple[str, ...]:
        """Return what gets installed from an index (PEP 508); the engineer's own file wins."""
        return self._planned[0]

    @cached_property
    def wheels(self) -> tuple[str, ...]:
        """Return the distributions that no index has as they are installed: they are wheels."""
        return self._planned[1]

    @cached_property
    def _planned(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        asked = (*(r.pin for r in self.requirements), *self.extra_pins)
        return plan_pins(
            asked if self.listed is None else self.listed, self.kernel, self.notebook.folder
        )

    @property
    def deployable(self) -> bool:
        """Whether no diagnostic is an error."""
        return all(d.severity != "error" for d in self.diagnostics)

    def as_json(self) -> dict[str, Any]:
        """Return the document that `check --json` and `POST /analysis` answer."""
        return {
            "notebook": self.notebook.filename,
            "name": self.name,
            "sha256": self.notebook.sha256,
            "cells": [_cell_json(flow) for flow in self.dataflow.flows],
            "slices": {cell: list(needed) for cell, needed in self.slices.items()},
            "endpoints": [endpoint.as_json() for endpoint in self.endpoints],
            "values": [value.as_json() for value in self.values],
            "requirements": [*(r.as_json() for r in self.requirements), *self.installs()],
            "modules": list(self.sources.modules),
            "files": list(self.sources.files),
            "environment": list(dict.fromkeys(place.name for place in self.sources.environment)),
            "diagnostics": [diagnostic.as_json() for diagnostic in self.diagnostics],
        }


def plan_service(notebook: Notebook, config: Config, name: str | None = None) -> ServiceSpec:
    """Plan the service without diagnostics (`checks.check_service` adds them).

    Raises `ConfigInvalid` where the engineer's requirements file can't be read.

    `name` wins over the engineer's file, that over the notebook's own choice, that over the
    file name.
    """
    dataflow = read_dataflow(notebook)
    chosen = config.endpoints or notebook.choices.get("endpoints") or None
    kernel, kernel_fault = _kernel(notebook)
    values, unknown_values = find_values(notebook, dataflow, ValueStore())
    needed = _needed_by(values)
    sources = find_sources(notebook.folder, dataflow.marked, config.image.include, needed)
    requirements, unknown = _requirements(sources.imports, kernel)
    return ServiceSpec(
        notebook=notebook,
        config=config,
        name=service_name(notebook, config, name),
        dataflow=dataflow,
        endpoints=find_endpoints(dataflow, chosen, config.parameters, values),
        kernel=kernel,
        requirements=requirements,
        unknown_imports=unknown,
        sources=sources,
        values=values,
        unknown_values=unknown_values,
        listed=_listed(notebook, config, kernel),
        kernel_fault=kernel_fault,
        slices={flow.cell.cell_id: dataflow.slice(flow.cell.cell_id) for flow in dataflow.marked},
    )


def service_name(notebook: Notebook, config: Config, name: str | None) -> str:
    """Return the deployment's name."""
    return plain_name(str(name or config.name or notebook.choices.get("name") or notebook.stem))


def plain_name(said: str) -> str:
    """Return what a deployment is called that is given a name: lower case letters, digits, dashes.

    63 at most; what is such a name already stays.
    """
    plain = unicodedata.normalize("NFKD", said.lower())  # é becomes e and an accent
    unaccented = "".join(letter for letter in plain if not unicodedata.combining(letter))
    # No dash at the end: an image can't be called so
    return re.sub(r"[^a-z0-9]+", "-", unaccented).strip("-")[:63].strip("-") or "notebook"


def _kernel(notebook: Notebook) -> tuple[KernelEnvironment, KernelUnavailable | None]:
    """Ask the notebook's kernel, or this interpreter where that one can't be asked."""
    try:
        return probe_kernel(kernel_executable(notebook.kernel)), None
    except KernelUnavailable as fault:
        return probe_kernel(sys.executable), fault


def _listed(
    notebook: Notebook, config: Config, kernel: KernelEnvironment
) -> tuple[str, ...] | None:
    if not config.image.requirements:
        return None
    path = notebook.folder / config.image.requirements
    return read_requirement_file(path, lambda line, folder: named(line, kernel, folder))


def with_values(spec: ServiceSpec, values: tuple[Value, ...]) -> ServiceSpec:
    """Return the plan with its values saved, and with what they need to be loaded."""
    folder, include = spec.notebook.folder, spec.config.image.include
    sources = find_sources(folder, spec.shipped, include, _needed_by(values))
    requirements, _ = _requirements(sources.imports, spec.kernel)
    return replace(spec, values=values, sources=sources, requirements=requirements)


def _needed_by(values: tuple[Value, ...]) -> tuple[Place, ...]:
    # Optional: extension modules name some that nothing can import. The gate loads each value
    return tuple(
        Place(module, value.cell, 1, 1, optional=True)
        for value in values
        if value.stored is not None
        for module in value.stored.modules
    )


def _requirements(
    places: Sequence[Place], kernel: KernelEnvironment
) -> tuple[tuple[Requirement, ...], tuple[Place, ...]]:
    found: dict[str, list[Place]] = {}
    unknown: list[Place] = []
    for place in places:
        top = place.name.split(".")[0]
        if top in kernel.stdlib:
            continue
        asked = [f"{place.name}.{member}" for member in place.members] or [place.name]
        owners = dict.fromkeys(owner for name in asked for owner in kernel.owners(name))
        if not owners and not place.optional:
            unknown.append(place)
        for owner in owners:
            found.setdefault(owner, []).append(place)
    requirements = (
        Requirement(
            distribution=owner,
            version=kernel.versions[owner],
            imports=tuple(dict.fromkeys(p.name.split(".")[0] for p in places)),
            cells=tuple(dict.fromkeys(p.cell for p in places)),
        )
        for owner, places in sorted(found.items())
    )
    return tuple(requirements), tuple(unknown)


def _cell_json(flow: CellFlow) -> dict[str, Any]:
    cell = flow.cell
    role = cell.role.value if cell.role is not None else None
    return {"id": cell.cell_id, "index": cell.index, "role": role, **flow.described}
