"""Every way in which a deploy is known to fail later, found before anything is built."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from . import endpoint_checks, hygiene, portability, proofs, supplies
from .cell_flow import BUILTINS
from .diagnostics import Diagnostic, Fix
from .left_behind import left_behind
from .notebook import SERVING, Role
from .requirement_files import disagreements
from .requirements import image_platform
from .wheels import why_no_wheel

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from .cell_flow import CellFlow
    from .service import ServiceSpec

_GIVEN: dict[Role | None, frozenset[str]] = {
    Role.TEST: BUILTINS | {"client", "calls"},
    Role.MONITOR: BUILTINS | {"client", "calls"},
}
_IPYTHON = frozenset("display get_ipython In Out _ __ ___ _ih _oh _dh _i".split())
_OWN = "{}.{}".format(*sys.version_info)
_LOOKING = ("globals()", "locals()", "vars()", "dir()", "eval()")
_MOVED = "Move the line to an unmarked cell"
_INSTEAD = {
    "%pylab": "Write import numpy as np, import matplotlib.pyplot as plt, or what the cells use",
    "%env": hygiene.SUPPLY.title,
}
"""What to write for magics that the service can do without."""
_NEUTRAL_MODULES = frozenset({"nbdeploy_ext", "nbdeploy_runtime"})


def check_service(spec: ServiceSpec, edited: Collection[str] = ()) -> ServiceSpec:
    """Return the plan with its diagnostics: errors first, then in notebook order.

    `edited` are the cells that were changed since they ran, which only an editor knows.
    """
    if not _is_python(spec):  # read as Python, every line of it would be a fault or a lie
        found = [*_language(spec), *hygiene.secrets(spec)]
        return replace(spec, diagnostics=tuple(found))
    found = [
        *_language(spec), *_cells(spec), *_names(spec), *left_behind(spec), *_values(spec),
        *endpoint_checks.endpoints(spec), *_packages(spec), *_settings(spec),
        *hygiene.unknowable(spec), *hygiene.run_order(spec), *hygiene.edited_since(spec, edited),
        *hygiene.secrets(spec), *hygiene.files(spec), *hygiene.parameters(spec),
        *portability.habits(spec), *portability.places(spec), *portability.environment(spec),
        *proofs.proofs(spec), *supplies.supplies(spec),
        *hygiene.binding(spec),
    ]  # fmt: skip
    index = {cell.cell_id: cell.index for cell in spec.notebook.cells}
    found.sort(key=lambda d: (d.severity != "error", index.get(d.cell or "", -1), d.line or 0))
    return replace(spec, diagnostics=tuple(found))


def _is_python(spec: ServiceSpec) -> bool:
    return spec.notebook.language in {"python", "ipython"}


def _language(spec: ServiceSpec) -> Iterator[Diagnostic]:
    if not _is_python(spec):
        yield Diagnostic(
            "NBD103",
            f"The notebook's kernel speaks {spec.notebook.language}; only Python can be deployed.",
            fix=Fix("Choose a Python kernel"),
        )
    elif spec.kernel_fault is not None:
        yield Diagnostic(
            "NBD106", f"{spec.kernel_fault} Its packages are not known.",
            fix=Fix(spec.kernel_fault.hint),
        )  # fmt: skip


def _cells(spec: ServiceSpec) -> Iterator[Diagnostic]:
    for cell in spec.notebook.cells:
        if cell.roles and cell.kind != "code":
            yield Diagnostic(
                "NBD105",
                f"A {cell.kind} cell is marked {cell.roles[0].value}, but holds no code.",
                cell.cell_id,
                fix=Fix("Clear its mark"),
            )
        elif len(cell.roles) > 1:
            roles = " and ".join(role.value for role in cell.roles)
            yield Diagnostic(
                "NBD104",
                f"The cell is marked {roles}; a cell has one role.",
                cell.cell_id,
                fix=Fix(f"Keep {cell.roles[0].value}", "mark", {cell.cell_id: cell.roles[0].value}),
            )
    for flow in spec.shipped:
        yield from _python(spec, flow)


def _python(spec: ServiceSpec, flow: CellFlow) -> Iterator[Diagnostic]:
    for line, text in flow.plain.refused:
        yield Diagnostic(
            "NBD102",
            f"`{text}` can't run in production.",
            flow.cell.cell_id,
            line,
            1,
            Fix(next((_INSTEAD[w] for w in text.split() if w in _INSTEAD), _MOVED)),
        )
    if flow.fault is not None:
        line = flow.fault.lineno or 1
        yield Diagnostic(
            "NBD101",
            f"The cell is not valid Python{_own_version(spec)}: {flow.fault.msg}.",
            flow.cell.cell_id,
            line,
            (flow.fault.offset or 1) + flow.plain.cut.get(line, 0),  # counts characters
            Fix(_syntax_fix(spec)),
        )


def _own_version(spec: ServiceSpec) -> str:
    return f" {_OWN}, which nbdeploy itself runs on" if _is_newer(spec) else ""


def _syntax_fix(spec: ServiceSpec) -> str:
    if not _is_newer(spec):
        return "Mend the syntax"
    newer = spec.kernel.minor
    return f"Mend it, or, if it is syntax of the kernel's Python {newer}, run nbdeploy on {newer}"


def _is_newer(spec: ServiceSpec) -> bool:
    """Say whether the kernel's Python may know syntax that this one does not."""
    return tuple(map(int, spec.kernel.minor.split("."))) > sys.version_info[:2]


def _names(spec: ServiceSpec) -> Iterator[Diagnostic]:
    for flow in spec.shipped:
        given = _GIVEN.get(flow.cell.role, BUILTINS)
        for name, place in {**flow.deferred, **flow.immediate}.items():
            if name not in given:
                yield from _name(spec, flow, name, place)


def _name(
    spec: ServiceSpec, reader: CellFlow, name: str, place: tuple[int, int]
) -> Iterator[Diagnostic]:
    """Check one name that a shipped cell reads, in the order in which production runs."""
    runs_late = reader.cell.role in {Role.TEST, Role.MONITOR} or name not in reader.immediate
    others = (f for f in spec.dataflow.defining(name) if f is not reader)
    if any(
        f.cell.role in SERVING and (runs_late or f.cell.index < reader.cell.index) for f in others
    ):
        return  # nearly always at the first, where thousands of cells define the name
    definers = [f for f in spec.dataflow.defining(name) if f is not reader]
    serving = [f for f in definers if f.cell.role in SERVING]
    alike = [f for f in definers if f.cell.role is reader.cell.role]
    made = next((value for value in spec.values if value.name == name), None)
    if made is not None and (runs_late or made.index < reader.cell.index):
        return
    if reader.cell.role is Role.TEST and alike:
        return
    before = [f for f in definers if _precedes(f, reader) and not f.cell.role]
    unmade = bool(definers) and not serving and name not in reader.defines
    if unmade or (before and not runs_late):
        yield _unmarked(spec, reader, name, place, definers)
    elif (not definers and name in reader.names_of_the_round_before) or _is_tried(reader, name):
        return
    elif serving or name in reader.defines:
        yield Diagnostic(
            "NBD203", f"{name} is used before it is defined.", reader.cell.cell_id, *place,
            _moved_up(spec, reader, serving),
        )  # fmt: skip
    else:
        yield from _unknown(spec, reader, name, place, runs_late=runs_late)


def _is_tried(reader: CellFlow, name: str) -> bool:
    """Whether a cell asks by `try: name` and `except NameError` for what may not be defined."""
    nodes = list(ast.walk(reader.tree)) if reader.tree is not None else []
    tried = {
        inner for node in nodes if isinstance(node, ast.Try)
        if any("NameError" in ast.unparse(h.type) for h in node.handlers if h.type is not None)
        for statement in node.body for inner in ast.walk(statement)
    }  # fmt: skip
    reads = [n for n in nodes if isinstance(n, ast.Name) and n.id == name]
    reads = [n for n in reads if isinstance(n.ctx, ast.Load)]
    return not tried.isdisjoint(reads) and (name in reader.defines or tried.issuperset(reads))


def _unknown(
    spec: ServiceSpec, reader: CellFlow, name: str, place: tuple[int, int], *, runs_late: bool
) -> Iterator[Diagnostic]:
    """Say of a name that no cell is known to define who may; of code that may, NBD204 tells."""
    opaque = spec.dataflow.opaque_flows
    wild = [f for f in opaque if (runs_late or _precedes(f, reader)) and _is_wild(f)]
    if name in _IPYTHON:
        yield Diagnostic(
            "NBD107", f"{name} is there in a notebook only.", reader.cell.cell_id, *place,
            Fix("Take it out, or move the line to an unmarked cell"),
        )  # fmt: skip
    elif _is_wild(reader) or any(f.cell.role in SERVING for f in wild):
        return
    elif wild:
        yield _unmarked(spec, reader, name, place, wild)
    else:
        yield Diagnostic(
            "NBD201", f"{name} is not defined in the notebook.", reader.cell.cell_id, *place,
            Fix(f"Define or import {name} in a production cell"),
        )  # fmt: skip


def _is_wild(flow: CellFlow) -> bool:
    """Whether a cell may define any name: a star import, `exec`, `%run`; most others look."""
    return any(not found.reason.startswith(_LOOKING) for found in flow.opaque)


def _precedes(flow: CellFlow, reader: CellFlow) -> bool:
    return flow.cell.index < reader.cell.index


def _moved_up(spec: ServiceSpec, reader: CellFlow, definers: list[CellFlow]) -> Fix:
    """Return the fix that moves the first of these cells, and what it needs, before the reader."""
    title = "Move the cell that defines it up"
    if not definers:
        return Fix("Move the line that defines it up, within the cell")
    first = definers[0].cell.cell_id
    needed = {first, *spec.dataflow.slice(first)}
    if reader.cell.cell_id in needed:  # they need each other: no order will do
        return Fix(title)
    later = [f.cell for f in spec.dataflow.flows if f.cell.index > reader.cell.index]
    moves = tuple(cell.cell_id for cell in later if cell.cell_id in needed)
    if len(moves) > 1:
        title = f"Move the {len(moves)} cells that define it up"
    return Fix(title, "move", moves=moves, before=reader.cell.cell_id)


def _unmarked(
    spec: ServiceSpec,
    reader: CellFlow,
    name: str,
    place: tuple[int, int],
    definers: list[CellFlow],
) -> Diagnostic:
    seen = spec.dataflow.definers(name, reader) or tuple(definers[:1])
    marks = spec.marks_for(flow.cell.cell_id for flow in seen)
    may = "is" if name in seen[0].defines else "may be"
    count = "the cell" if len(marks) == 1 else f"the {len(marks)} cells"
    return Diagnostic(
        "NBD202",
        f"{name} {may} defined only in a cell that does not ship: {seen[0].cell.title}",
        reader.cell.cell_id,
        *place,
        Fix(f"Mark {count} that this needs as production", "mark", marks) if marks else None,
        Fix(f"Ship {name} as it is in the kernel", "value", values=(name,)),
    )


def _values(spec: ServiceSpec) -> Iterator[Diagnostic]:
    for name in spec.unknown_values:
        yield Diagnostic(
            "NBD506", f"metadata.nbdeploy.values names {name}, which no unmarked cell defines.",
            fix=Fix("Take it off the list"),
        )  # fmt: skip
    for value in spec.values:
        if value.stale:
            yield Diagnostic(
                "NBD501", f"{value.name} was saved before its cells changed.", value.cell,
                fix=Fix("Run the cell again; the next deploy saves it anew"),
            )  # fmt: skip


def _packages(spec: ServiceSpec) -> Iterator[Diagnostic]:
    asked = {pin.split("=")[0].split("[")[0].lower() for pin in spec.extra_pins}
    for place in spec.unknown_imports:
        top = place.name.split(".")[0]
        if top in _NEUTRAL_MODULES or top.lower() in asked:
            continue
        within = f" ({place.within} imports it)" if place.within else ""
        elsewhere = portability.outside(spec, place)
        if elsewhere is not None:
            yield elsewhere
        elif spec.kernel_fault is None:  # else it was looked for elsewhere than in the kernel
            yield Diagnostic(
                "NBD401", f"{top} is not installed in the notebook's kernel{within}.", place.cell,
                place.line, place.column, Fix(f"Install it: %pip install {top}"),
            )  # fmt: skip
    used = [(requirement.distribution, requirement.version) for requirement in spec.requirements]
    cells = {requirement.distribution: requirement.cells[0] for requirement in spec.requirements}
    for name, how in disagreements(spec.listed or (), used) if spec.listed is not None else ():
        yield Diagnostic(
            "NBD408",
            f"The kernel has {name} {dict(used)[name]}; {spec.config.image.requirements} {how}.",
            cells[name], fix=Fix("Bring the file and the kernel together, then run all cells"),
        )  # fmt: skip
    for name in spec.wheels:
        reason = why_no_wheel(spec.kernel.local[name], image_platform(spec.config.image))
        if reason is not None:
            yield no_wheel(spec, name, reason)


def no_wheel(spec: ServiceSpec, name: str, reason: str) -> Diagnostic:
    """Return what stops a deploy when a distribution of this machine can't go along."""
    cells = [r.cells[0] for r in spec.requirements if r.distribution == name]
    return Diagnostic(
        "NBD402", f"No index has {name} as it is installed, and no wheel can be made: {reason}.",
        cells[0] if cells else None,
        fix=Fix("Install a released version, or put its modules beside the notebook"),
    )  # fmt: skip


def _settings(spec: ServiceSpec) -> Iterator[Diagnostic]:
    config = spec.config
    defined = {
        name for flow in spec.shipped if flow.cell.role is Role.PARAMETERS for name in flow.defines
    }
    for name in config.parameters:
        if name not in defined:
            yield Diagnostic(
                "NBD306", f"nbdeploy.toml sets {name}, which no parameters cell defines.",
                fix=Fix("Define it in the parameters cell, or take it from nbdeploy.toml"),
            )  # fmt: skip
    seen = set(config.env)
    for place in spec.sources.environment:
        if place.name not in seen:
            seen.add(place.name)
            within = f", which {place.within}, reads" if place.within else ""
            yield Diagnostic(
                "NBD405", f"Nothing supplies the environment variable {place.name}{within}.",
                place.cell,
                place.line, place.column, Fix(f"Set {place.name} under [env] in nbdeploy.toml"),
            )  # fmt: skip
    yield from _batchable(spec)


def _batchable(spec: ServiceSpec) -> Iterator[Diagnostic]:
    served = {endpoint.name for endpoint in spec.endpoints}
    for name in spec.config.service.batchable:
        if name not in served:
            yield Diagnostic(
                "NBD602", f"service.batchable names {name}, which is no endpoint.",
                fix=Fix("Name an endpoint, or take it from nbdeploy.toml"),
            )  # fmt: skip
