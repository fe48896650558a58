"""What works in the kernel and can't, or may not, in the image."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from .diagnostics import Diagnostic, Fix
from .notebook import Role
from .sources import local_module

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .cell_flow import CellFlow
    from .habits import Habit
    from .service import ServiceSpec
    from .sources import Place

_OLDEST = (3, 10)
# Wheels that look for a library which slim images lack
_DEBIAN: Mapping[str, str] = {
    "lightgbm": "libgomp1",
    "opencv-python": "libgl1 libglib2.0-0",
    "opencv-contrib-python": "libgl1 libglib2.0-0",
    "pyodbc": "unixodbc",
    "pytesseract": "tesseract-ocr",
    "pdf2image": "poppler-utils",
    "weasyprint": "libpango-1.0-0 libpangoft2-1.0-0",
    "python-magic": "libmagic1",
    "graphviz": "graphviz",
    "pyzbar": "libzbar0",
    "cairosvg": "libcairo2",
    "pydub": "ffmpeg",
    "ffmpeg-python": "ffmpeg",
}
_SAYS: Mapping[str, tuple[str, str]] = {
    "NBD111": ("{} waits for somebody who answers; in production there is nobody.",
               "Take the answer from a parameter"),
    "NBD108": ("The code below runs only where __name__ is {}, which it is not in production.",
               "Take the condition out, or call a function from a test cell"),
    "NBD109": ("A notebook is no package, so nothing can be imported from {}.",
               "Import the module by its name"),
    "NBD110": ("The service would never start: {}.", "Move the line to an unmarked cell"),
    "NBD411": ("{} is written, but in the image only /tmp can be written to.",
               "Write below /tmp, or move the line to an unmarked cell"),
    "NBD412": ("{} is run, which the image may not have.",
               "Name its Debian package in [image] apt of nbdeploy.toml"),
    "NBD413": ("{} is the container itself in production, not this machine.",
               "Make it a parameter, and set that in nbdeploy.toml"),
}  # fmt: skip


def habits(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Yield what shipped cells do that works only where somebody sits before the notebook."""
    for flow in spec.shipped:
        for habit in flow.mentions.habits:
            if not _is_harmless(spec, flow, habit):
                said, mend = _SAYS[habit.code]
                yield Diagnostic(
                    habit.code, said.format(habit.what), flow.cell.cell_id, habit.line,
                    habit.column, Fix(mend),
                )  # fmt: skip


def places(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Yield local modules that are broken, and pickled files that need the notebook's classes."""
    for place in spec.sources.broken:
        yield Diagnostic(
            "NBD410", f"{place.within}: the module is not valid Python.", place.cell, place.line,
            place.column, Fix("Mend the syntax"),
        )  # fmt: skip
    for place in spec.sources.pickled:
        if place.name == "__main__":
            yield Diagnostic(
                "NBD507",
                f"{place.within} holds an object of a class that was defined in a notebook; it can "
                "be loaded in a notebook only.",
                place.cell,
                fix=Fix("Define the class in a module beside the notebook, or ship the object as "
                        "a value"),
            )  # fmt: skip


def outside(spec: ServiceSpec, place: Place) -> Diagnostic | None:
    """Return what is wrong with an import that works in the kernel, from a folder of its own."""
    top = place.name.partition(".")[0]
    folder = spec.kernel.loose.get(top) or _added(spec, place)
    if folder is None:
        return None
    return Diagnostic(
        "NBD409",
        f"{top} is imported from {folder}, which does not ship.",
        place.cell,
        place.line,
        place.column,
        Fix("Put it beside the notebook, or make it a package and install that"),
    )


def environment(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Yield what the kernel's environment has and an image can't, or may not, have."""
    if tuple(map(int, spec.kernel.minor.split("."))) < _OLDEST:
        yield Diagnostic(
            "NBD414", f"The kernel has Python {spec.kernel.minor}; the service needs "
            f"{'.'.join(map(str, _OLDEST))} or later.",
            fix=Fix("Choose a kernel with a later Python"),
        )  # fmt: skip
    for requirement in spec.requirements:
        version, _, label = requirement.version.partition("+")
        if label and requirement.distribution in spec.kernel.versions:
            local = requirement.distribution in spec.kernel.local or spec.listed is not None
            if not local:
                yield Diagnostic(
                    "NBD415",
                    f"The kernel has {requirement.distribution} {requirement.version}; the image "
                    f"gets {version}, as no index tells builds apart.",
                    requirement.cells[0],
                    fix=Fix("Name the index that has this build as [image] index_url"),
                )
        wanted = _DEBIAN.get(canonicalize_name(requirement.distribution), "").split()
        missing = [package for package in wanted if package not in spec.config.image.apt]
        if missing and spec.config.image.base is None:
            listed = ", ".join(f'"{package}"' for package in missing)
            yield Diagnostic(
                "NBD416",
                f"{requirement.distribution} needs {' and '.join(missing)}, which the base image "
                "does not have.",
                requirement.cells[0],
                fix=Fix(f"Write apt = [{listed}] under [image] in nbdeploy.toml"),
            )


def _is_harmless(spec: ServiceSpec, flow: CellFlow, habit: Habit) -> bool:
    image = spec.config.image
    if habit.code == "NBD412":
        return bool(image.apt or image.base)
    if habit.code == "NBD413" and flow.cell.role is Role.PARAMETERS:
        return _parameter_at(flow, habit.line) in spec.config.parameters
    if habit.code == "NBD111":
        return any(True for _ in spec.dataflow.defining(habit.what))
    return False


def _parameter_at(flow: CellFlow, line: int) -> str:
    for node in flow.tree.body if flow.tree else ():
        if node.lineno <= line <= (node.end_lineno or node.lineno):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", 0)]
            return getattr(targets[0], "id", "")
    return ""


def _added(spec: ServiceSpec, place: Place) -> str | None:
    """Return the folder on `sys.path` that a cell put there and in which the module stands."""
    folder = spec.notebook.folder
    for flow in spec.dataflow.flows:
        if "sys.path" not in flow.cell.source:
            continue
        for added in flow.mentions.paths:
            if local_module(Path(folder / added.text), place.name, place.members):
                return added.text
    return None
