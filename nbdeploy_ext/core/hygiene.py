"""What a notebook's file gives away: runs out of order, secrets, files that aren't there."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .diagnostics import Diagnostic, Fix
from .leaks import find_leaks
from .notebook import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .service import ServiceSpec

_EVERYWHERE = ("/dev/", "/proc/", "/sys/", "/etc/", "/tmp/")  # noqa: S108  (in any image)


def unknowable(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Yield what in marked cells, or in cells that they need, can't be known before it runs."""
    seen = set()
    for flow in spec.shipped:
        for found in spec.dataflow.uncertain(flow.cell.cell_id):
            place = (found.cell_id, found.line, found.column)
            if place not in seen:
                seen.add(place)
                yield Diagnostic(
                    "NBD204", f"What this changes can't be known before it runs: {found.reason}.",
                    *place, Fix("Write the names out, or mark every cell that it needs"),
                )  # fmt: skip


def run_order(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Compare the saved execution counts with the order in which cells need each other."""
    counts = {f.cell.cell_id: f.cell.execution_count for f in spec.dataflow.flows}
    if not any(counts.values()):
        return
    for flow in spec.shipped:
        here = counts[flow.cell.cell_id]
        if here is None and flow.cell.role in {Role.PRODUCTION, Role.PARAMETERS}:
            yield Diagnostic(
                "NBD206", "The cell has not been run, or was cleared, while others were.",
                flow.cell.cell_id, fix=Fix("Run all cells, from the first to the last"),
            )  # fmt: skip
        needed = spec.dataflow.needs(flow.cell.cell_id) if here is not None else ()
        later = [cell for cell in needed if (counts[cell] or 0) > (here or 0)]
        if later:
            first = spec.dataflow.by_id[later[0]].cell
            yield Diagnostic(
                "NBD205",
                f"The cell ran before one that it needs: {first.title}",
                flow.cell.cell_id, fix=Fix("Restart the kernel and run all cells"),
            )  # fmt: skip


def secrets(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Yield places that look like secrets: in sources that ship, and in saved outputs."""
    for flow in spec.shipped:
        for leak in find_leaks(flow.cell.source, named=True):
            yield Diagnostic(
                "NBD406", f"This looks like {leak.kind}, and the cell ships.", flow.cell.cell_id,
                leak.line, leak.column,
                Fix("Read it from os.environ, and supply it under [env] in nbdeploy.toml"),
            )  # fmt: skip
    for cell, raw in zip(spec.notebook.cells, spec.notebook.content["cells"], strict=True):
        shown = "\n".join(_texts(raw.get("outputs")))
        for kind in sorted({leak.kind for leak in find_leaks(shown, named=False)}):
            yield Diagnostic(
                "NBD407", f"An output of the cell shows what looks like {kind}.", cell.cell_id,
                fix=Fix("Clear the output; it never ships, but the notebook file is shared"),
            )  # fmt: skip


def files(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Yield literal paths that shipped cells read and that are missing, or can't ship."""
    folder = spec.notebook.folder
    for flow in spec.shipped:
        for opened in flow.mentions.opened:
            text = opened.text
            place = (flow.cell.cell_id, opened.line, opened.column)
            path = Path(text)
            if text.startswith(_EVERYWHERE):
                continue
            if path.is_absolute() or ".." in path.parts:
                yield Diagnostic(
                    "NBD404", f"{text} lies outside of the notebook's folder and does not ship.",
                    *place, Fix("Put the file beside the notebook, or name it in a parameter"),
                )  # fmt: skip
            elif not os.path.exists(folder / path):  # noqa: PTH110  (it never raises)
                yield Diagnostic(
                    "NBD403", f"{text} is not there, so it does not ship.", *place,
                    Fix("Mend the path, or put the file beside the notebook"),
                )  # fmt: skip


def parameters(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Yield parameters whose default is computed: nobody can see it without running the cell."""
    for flow in spec.dataflow.flows:
        body = flow.tree.body if flow.cell.role is Role.PARAMETERS and flow.tree else ()
        for node in body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and not _is_literal(node.value):
                yield Diagnostic(
                    "NBD307", "The default of this parameter is no literal.", flow.cell.cell_id,
                    node.lineno, node.col_offset + 1, Fix("Give it a number, a text or a list"),
                )  # fmt: skip


def _is_literal(node: ast.expr | None) -> bool:
    try:
        if node is not None:
            ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _texts(outputs: Any) -> Iterator[str]:
    """Yield the texts of outputs; pictures and other base64 hold no readable secret."""
    for output in outputs or ():
        parts = [output.get("text"), output.get("evalue")]
        traceback, shown = output.get("traceback"), output.get("data")
        parts += traceback if isinstance(traceback, list) else []
        for kind, content in shown.items() if isinstance(shown, dict) else ():
            parts += [content] if kind.startswith("text/") else []
        for part in parts:
            if isinstance(part, (str, list)):
                yield part if isinstance(part, str) else "".join(map(str, part))
