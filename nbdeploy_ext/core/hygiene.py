"""What a notebook's file gives away: runs out of order, secrets, files that aren't there."""

from __future__ import annotations

import ast
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .diagnostics import Diagnostic, Fix
from .habits import called_name
from .leaks import Leak, find_leaks, leaked_kinds, shipped_leaks
from .notebook import SERVING, Role

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from .cell_flow import CellFlow
    from .service import ServiceSpec

SUPPLY = Fix("Read it from os.environ, and supply it under [env] in nbdeploy.toml")
_TEXTS = frozenset(".py .json .yaml .yml .toml .ini .cfg .conf .env .pem .key .sh .sql".split())
_LARGE = 2**20
_SOON_MADE = frozenset("default_rng RandomState Random Generator SeedSequence PCG64 seed".split())
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
        if here is None and flow.cell.role in SERVING:
            yield Diagnostic(
                "NBD206", "The cell has not been run, or was cleared, while others were.",
                flow.cell.cell_id, fix=Fix("Run all cells, from the first to the last"),
            )  # fmt: skip
        needed = spec.dataflow.needs(flow.cell.cell_id) if here is not None else ()
        later = [cell for cell in needed if (counts[cell] or 0) > (here or 0)]
        if later:
            first = spec.dataflow.flow(later[0]).cell
            yield Diagnostic(
                "NBD205",
                f"The cell ran before one that it needs: {first.title}",
                flow.cell.cell_id, fix=Fix("Restart the kernel and run all cells"),
            )  # fmt: skip


def edited_since(spec: ServiceSpec, edited: Collection[str]) -> Iterator[Diagnostic]:
    """Yield shipped cells that were changed since they ran: results and values are of the old."""
    for flow in spec.shipped:
        if flow.cell.cell_id in edited:
            yield Diagnostic(
                "NBD207", "The cell was changed since it ran.", flow.cell.cell_id,
                fix=Fix("Run the cell again"),
            )  # fmt: skip


def secrets(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Yield places that look like secrets: in all that ships, and in saved outputs.

    Exploration and text ship too, as they are in the notebook that goes into the image.
    """
    for cell in spec.notebook.cells:
        is_code = cell.kind == "code"
        for leak in shipped_leaks(cell.source) if is_code else find_leaks(cell.source, named=False):
            ships = "the cell ships" if cell.role else "the notebook ships with the cell in it"
            yield Diagnostic(
                "NBD406", f"This looks like {leak.kind}, and {ships}.", cell.cell_id,
                leak.line, leak.column, SUPPLY if is_code else Fix("Take it out of the text"),
            )  # fmt: skip
    yield from _secrets_beside(spec)
    for cell, raw in zip(spec.notebook.cells, spec.notebook.content["cells"], strict=True):
        outputs = raw.get("outputs")
        for kind in leaked_kinds("\n".join(_texts(outputs))) if outputs else ():
            yield Diagnostic(
                "NBD407", f"An output of the cell shows what looks like {kind}.", cell.cell_id,
                fix=Fix("Clear the output; it never ships, but the notebook file is shared"),
            )  # fmt: skip


def _secrets_beside(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Yield what looks like a secret in files that ship, and in the engineer's file."""
    config = spec.config
    for section, settings in (("env", config.env), ("parameters", config.parameters)):
        for name, value in settings.items():
            written = f'{name} = "{value}"' if isinstance(value, str) else ""
            for leak in shipped_leaks(written):
                yield Diagnostic(
                    "NBD406", f"nbdeploy.toml gives {section}.{name} what looks like {leak.kind}.",
                    fix=Fix(f'Write {name} = {{ secret = "{name}" }}'),
                )  # fmt: skip
    for path in (*spec.sources.modules, *spec.sources.files):
        for leak in _leaks_in(spec.notebook.folder / path):
            yield Diagnostic(
                "NBD406",
                f"{path}, line {leak.line}, holds what looks like {leak.kind}, and the file ships.",
                fix=SUPPLY,
            )


def _leaks_in(path: Path) -> tuple[Leak, ...]:
    if path.suffix.lower() not in _TEXTS and not path.name.startswith(".env"):
        return ()
    found = path.stat()
    return _leaks_of(str(path), found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=256)
def _leaks_of(path: str, size: int, _changed: int) -> tuple[Leak, ...]:
    if size > _LARGE:
        return ()
    return shipped_leaks(Path(path).read_text(encoding="utf-8", errors="replace"))


def files(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Yield literal paths that shipped cells read and that are missing, or can't ship."""
    folder = spec.notebook.folder
    written: set[str] = set()
    for flow in spec.shipped:
        written.update(habit.what for habit in flow.mentions.habits if habit.code == "NBD411")
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
            elif text not in written and not os.path.exists(folder / path):  # noqa: PTH110  (it never raises)
                yield Diagnostic(
                    "NBD403", f"{text} is not there, so it does not ship.", *place,
                    Fix("Mend the path, or put the file beside the notebook"),
                )  # fmt: skip


def parameters(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Yield parameters whose default is computed: nobody can see it without running the cell."""
    for flow in spec.shipped:
        body = flow.tree.body if flow.cell.role is Role.PARAMETERS and flow.tree else ()
        for node in body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and not _is_literal(node.value):
                yield Diagnostic(
                    "NBD307", "The default of this parameter is no literal.", flow.cell.cell_id,
                    *flow.plain.places.of(node), Fix("Give it a number, a text or a list"),
                )  # fmt: skip


def binding(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Yield what cells as a function make anew at each call, and what their calls share."""
    for function in filter(None, (endpoint.cells for endpoint in spec.endpoints)):
        for changed in function.binding.changed:
            by = spec.dataflow.flow(changed.by).cell.title
            made = spec.dataflow.flow(changed.cell) if changed.cell else None
            if made is None or _is_costly(made):
                yield Diagnostic(
                    "NBD308",
                    f"{changed.name} is made anew at every call, as another cell changes it: {by}",
                    changed.cell or changed.by,
                    fix=Fix(f"Change a copy of {changed.name}, and it is made once"),
                )
        for shared in function.binding.shared:
            yield Diagnostic(
                "NBD309",
                f"All calls share {' and '.join(shared.names)}, and nobody knows whether the "
                "library that this cell calls changes it.",
                shared.cell,
                fix=Fix("Nothing, if it keeps nothing of a call; else make it in this cell"),
            )


def _is_costly(flow: CellFlow) -> bool:
    """Whether making what a cell makes calls something: nothing, or a generator, is made soon."""
    if flow.cell.role is Role.PARAMETERS or flow.tree is None:
        return False
    values = [n for n in flow.tree.body if isinstance(n, (ast.Assign, ast.AnnAssign, ast.Expr))]
    calls = (n for value in values for n in ast.walk(value) if isinstance(n, ast.Call))
    return any(called_name(call.func).rpartition(".")[2] not in _SOON_MADE for call in calls)


def _is_literal(node: ast.expr | None) -> bool:
    try:
        if node is not None:
            ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _texts(outputs: Any) -> Iterator[str]:
    """Yield the texts of outputs; pictures and other base64 hold no readable secret."""
    for output in outputs:
        parts = [output.get("text"), output.get("evalue")]
        traceback, shown = output.get("traceback"), output.get("data")
        parts += traceback if isinstance(traceback, list) else []
        for kind, content in shown.items() if isinstance(shown, dict) else ():
            parts += [content] if kind.startswith("text/") else []
            parts += [json.dumps(content)] if kind.endswith("json") else []
        for part in parts:
            if isinstance(part, (str, list)):
                yield part if isinstance(part, str) else "".join(map(str, part))
