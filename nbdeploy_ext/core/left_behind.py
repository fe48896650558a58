"""What unmarked cells do to names of production: in the notebook it counts, in the service not."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .cell_flow import BUILTINS
from .diagnostics import Diagnostic, Fix
from .notebook import SERVING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .cell_flow import CellFlow
    from .service import ServiceSpec


def left_behind(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Yield names that production defines, and that a cell without a mark sets or changes then.

    A production cell behind it reads them: in the service it finds what they were before.
    """
    spared = BUILTINS | {value.name for value in spec.values}
    for reader in spec.shipped:
        if reader.cell.role in SERVING:
            for name, place in {**reader.deferred, **reader.immediate}.items():
                last = None if name in spared else _last_change(spec, name, reader)
                if last is not None:
                    yield _told(spec, reader, name, place, last)


def _last_change(spec: ServiceSpec, name: str, reader: CellFlow) -> CellFlow | None:
    """Return the last unmarked cell that changes what production has defined before it."""
    seen = [f for f in spec.dataflow.definers(name, reader) if not f.cell.role]
    if not seen or seen[-1].cell.index > reader.cell.index or _imports(seen[-1], name):
        return None
    serving = [f for f in spec.dataflow.defining(name) if f.cell.role in SERVING]
    before = any(f.cell.index < seen[-1].cell.index for f in serving)
    anew = any(f.cell.index > reader.cell.index for f in serving)  # before a function is called
    return seen[-1] if before and (name in reader.immediate or not anew) else None


def _imports(flow: CellFlow, name: str) -> bool:
    """Say whether a cell only imports the name, most likely once more."""
    nodes = ast.walk(flow.tree) if flow.tree is not None else ()
    imports = (node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom)))
    names = {a.asname or a.name.partition(".")[0] for node in imports for a in node.names}
    return name in names and name not in flow.mutates


def _told(
    spec: ServiceSpec, reader: CellFlow, name: str, place: tuple[int, int], last: CellFlow
) -> Diagnostic:
    marks = spec.marks_for([last.cell.cell_id])
    count = "that cell" if len(marks) == 1 else f"that cell and what it needs, {len(marks)} cells,"
    done = "set again" if name in last.defines else "changed"
    return Diagnostic(
        "NBD208", f"{name} is {done} in a cell that does not ship: {last.cell.title}",
        reader.cell.cell_id, *place,
        Fix(f"Mark {count} as production, or use another name there", "mark", marks),
    )  # fmt: skip
