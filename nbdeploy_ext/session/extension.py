"""`%load_ext nbdeploy_ext`: monitor and test cells run in the notebook as they do in production."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from ..core.errors import NbdeployError
from ..targets.service_client import connect
from .calls import as_table, find_notebook, live_calls, live_deployment, sample_calls

if TYPE_CHECKING:
    from pathlib import Path

_GIVEN = frozenset({"calls", "client"})


def load(shell: Any) -> None:
    """Give cells `calls` and `client` from now on, fresh for each cell that reads them."""
    unload(shell)
    shell.events.register("pre_run_cell", Session(shell).before_cell)
    notebook = find_notebook()
    live = live_deployment(notebook) if notebook else None
    if live is not None:
        print(f"calls and client: from {live.name}, version {live.version}, at {live.url}")  # noqa: T201
    else:
        print("calls: a sample, from the calls in the test cells; nothing is live")  # noqa: T201


def unload(shell: Any) -> None:
    """Give nothing any more; what was given stays as it is."""
    for callback in list(shell.events.callbacks["pre_run_cell"]):
        if isinstance(getattr(callback, "__self__", None), Session):
            shell.events.unregister("pre_run_cell", callback)


class Session:
    """One loaded extension."""

    def __init__(self, shell: Any) -> None:
        """Look nothing up before a cell asks."""
        self._shell = shell

    def before_cell(self, info: Any) -> None:
        """Put what the cell reads into the namespace."""
        wanted = _names_read(info.raw_cell) & _GIVEN
        notebook = find_notebook() if wanted else None
        if notebook is None:
            return
        try:
            self._give(notebook, wanted)
        except NbdeployError as fault:
            print(f"nbdeploy: {fault.message} {fault.hint}")  # noqa: T201

    def _give(self, notebook: Path, wanted: frozenset[str]) -> None:
        namespace = self._shell.user_ns
        live = live_deployment(notebook)
        if "calls" in wanted:
            records = live_calls(live) if live else sample_calls(notebook, namespace)
            namespace["calls"] = as_table(records)
        if "client" in wanted and live:
            namespace["client"] = connect(live)


def _names_read(source: str) -> frozenset[str]:
    """Return the names that a cell reads and doesn't set itself; none where it is no Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # magics: what they read is theirs
        return frozenset(name for name in _GIVEN if name in source)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    stored = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    return frozenset({node.id for node in names} - stored)
