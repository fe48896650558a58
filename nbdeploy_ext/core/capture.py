"""Saving values: out of the notebook's running kernel, or by running the cells that make them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cloudpickle

from .dataflow import read_cell
from .diagnostics import Diagnostic, Fix
from .errors import DeployRefused
from .notebook import SERVING, Cell
from .values import StoredValue, Value, ValueStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .kernel_session import KernelSession
    from .progress import Progress
    from .service import ServiceSpec


class ValueSource(Protocol):
    """Where values come from."""

    def __call__(
        self, spec: ServiceSpec, values: Sequence[Value], progress: Progress
    ) -> tuple[Value, ...]:
        """Return the values with what was stored of them; `DeployRefused` has diagnostics."""
        ...


@dataclass(frozen=True, slots=True)
class RunCells:
    """Runs the cells that make the values in their own kernel; what is fresh is not made again."""

    store: ValueStore

    def __call__(
        self, spec: ServiceSpec, values: Sequence[Value], progress: Progress
    ) -> tuple[Value, ...]:
        """Run them in notebook order, with a bar."""
        made = {cell for value in values if _is_lacking(value) for cell in value.made_by}
        wanted = [value for value in values if _is_lacking(value)]
        if not wanted:
            progress.log("The values are as they were made last time")
            return tuple(values)
        from .kernel_session import start_kernel  # noqa: PLC0415  (slow, for values only)

        cells = [cell for cell in spec.notebook.code_cells() if cell.cell_id in made]
        with start_kernel(spec.notebook) as session:
            for number, cell in enumerate(cells):
                progress.measure(number, len(cells), "cells")
                progress.log(f"Running cell #{cell.index} ({cell.cell_id})")
                session.execute(cell.source, progress, cell=cell.cell_id)
            progress.measure(len(cells), len(cells), "cells")
            kept = _keep(self.store, spec, wanted, session, progress)
        return tuple(kept.get(value.name, value) for value in values)


@dataclass(frozen=True, slots=True)
class LiveKernel:
    """Takes the values as the notebook's running kernel has them; without one, as stored."""

    store: ValueStore
    connection_file: Path | None

    def __call__(
        self, spec: ServiceSpec, values: Sequence[Value], progress: Progress
    ) -> tuple[Value, ...]:
        """Ask the kernel, which may have to finish what it runs first."""
        if self.connection_file is None:
            _refuse(spec, [_not_running(value) for value in values if _is_lacking(value)])
            return tuple(values)
        from .kernel_session import join_kernel  # noqa: PLC0415  (slow, for values only)

        progress.log("Asking the notebook's kernel for its values")
        with join_kernel(self.connection_file) as session:
            kept = _keep(self.store, spec, values, session, progress, check_made=True)
        return tuple(kept[value.name] for value in values)


def _capture(
    session: KernelSession,
    spec: ServiceSpec,
    values: Sequence[Value],
    folder: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Have the kernel write the values into `folder`, and return what it says of them."""
    shipped = {
        name for flow in spec.dataflow.flows if flow.cell.role in SERVING for name in flow.defines
    }
    request = {
        "names": [value.name for value in values],
        "shipped": sorted(shipped),
        "folder": str(folder),
        "cloudpickle": str(Path(cloudpickle.__file__).parents[1]),
    }
    script = resources.files(__package__).joinpath("capture_script.py").read_text("utf-8")
    # In a namespace of its own: the notebook's stays as it is
    code = (
        f"(lambda place: (exec({script!r}, place), place['capture'](globals(), {request!r})))"
        "({'__name__': 'nbdeploy_capture'})"
    )
    session.execute(code, progress)
    answer: dict[str, Any] = json.loads((folder / "answer.json").read_bytes())
    return answer


def _keep(  # noqa: PLR0913  (who asks whom for what)
    store: ValueStore,
    spec: ServiceSpec,
    values: Sequence[Value],
    session: KernelSession,
    progress: Progress,
    *,
    check_made: bool = False,
) -> dict[str, Value]:
    """Take the values from a kernel and store them; `DeployRefused` names what could not be."""
    kept = {}
    with store.staging() as folder:
        found = _capture(session, spec, values, folder, progress)
        answers = found["values"]
        faults = [d for value in values for d in _faults(value, answers[value.name])]
        _refuse(spec, [*faults, *(_changed(spec, values, found["ran"]) if check_made else ())])
        for value in values:
            said = answers[value.name]
            stored = StoredValue(
                said["sha256"], said["type"], said["bytes"], tuple(said["modules"]),
                dict(value.made_by), found["python"],
            )  # fmt: skip
            store.keep(spec.notebook.path, value.name, stored, folder / value.name)
            progress.log(f"{value.name}: {stored.type}, {stored.size} bytes")
            kept[value.name] = replace(value, stored=stored)
    return kept


def _faults(value: Value, said: Mapping[str, Any]) -> Iterator[Diagnostic]:
    if said.get("missing"):
        yield Diagnostic(
            "NBD504", f"{value.name} is not in the kernel.", value.cell,
            fix=Fix("Run the cell, then deploy again"),
        )  # fmt: skip
    elif "error" in said:
        yield Diagnostic(
            "NBD503", f"{value.name} (a {said['type']}) can't be saved: {said['error']}",
            value.cell, fix=Fix("Mark the cell that makes it as production, so that it runs there"),
        )  # fmt: skip


def _changed(
    spec: ServiceSpec, values: Sequence[Value], ran: Sequence[str]
) -> Iterator[Diagnostic]:
    """Compare what the kernel ran last for each value with the notebook's cells of now."""
    sources = {cell.source.strip() for cell in spec.notebook.code_cells()}
    for value in values:
        makers = (source for source in reversed(ran) if value.name in _defined_in(source))
        last = next(makers, None)
        if last is not None and last.strip() not in sources:
            yield Diagnostic(
                "NBD502",
                f"{value.name} was made by another text of its cell than the notebook has now.",
                value.cell,
                fix=Fix("Run the cell again, then deploy"),
            )


def _defined_in(source: str) -> frozenset[str]:
    return read_cell(Cell("ran", 0, "code", source, ())).defines


def _not_running(value: Value) -> Diagnostic:
    return Diagnostic(
        "NBD505", f"The notebook's kernel does not run, and {value.name} was not saved since its "
        "cells changed.", value.cell, fix=Fix("Start the kernel and run the cell"),
    )  # fmt: skip


def _is_lacking(value: Value) -> bool:
    return value.stored is None or value.stale


def _refuse(spec: ServiceSpec, found: list[Diagnostic]) -> None:
    if not found:
        return
    raise DeployRefused(
        found[0].message,
        hint=found[0].fix.title if found[0].fix else "",
        name=spec.name,
        diagnostics=[*(d.as_json() for d in found), *(d.as_json() for d in spec.diagnostics)],
    )
