"""Notebooks as modules: any Python program uses what a notebook's marked cells define."""

from __future__ import annotations

import sys
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ..core.dataflow import read_dataflow
from ..core.interface import find_endpoints
from ..core.notebook import Role, read_notebook
from ..core.packing import manifest_cells, manifest_endpoints, manifest_values
from ..core.values import ValueStore, find_values
from ..runtime.loader import App
from ..runtime.manifest import Manifest
from ..runtime.start import run_app

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from ..core.notebook import Notebook

_RUN = (Role.PARAMETERS, Role.PRODUCTION)


def import_notebook(path: str | os.PathLike[str]) -> ModuleType:
    """Return a notebook's parameters and production cells as a module, run once a program.

    Tracebacks, `inspect.getsource` and debuggers show the notebook's cell and the line in it.
    Values that the notebook ships are loaded as they were saved last. Raises `NotebookNotFound`,
    `NotebookUnreadable`, or `CellFailed` with the exception of a cell as its cause.
    """
    place = Path(path).resolve()
    name = place.stem.replace(".", "_")
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(place):
        return known
    module = ModuleType(name)
    is_free = known is None
    if is_free:
        sys.modules[name] = module
    try:
        _run(place, module)
    except BaseException:
        if is_free:
            del sys.modules[name]
        raise
    return module


def install_import_hook() -> None:
    """Let `import fraud` find `fraud.ipynb` where Python looks for modules, in this program.

    Modules of that name win; notebooks without a production cell are not found. Installing it
    again does nothing.
    """
    if not any(isinstance(finder, NotebookFinder) for finder in sys.meta_path):
        sys.meta_path.append(NotebookFinder())


class NotebookFinder:
    """Finds notebooks with marked cells on `sys.path`."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a top-level module that is a notebook, or None."""
        del target
        if path is not None or "." in name:
            return None
        for folder in sys.path:
            place = (Path(folder or ".") / f"{name}.ipynb").resolve()
            if place.is_file() and read_notebook(place).cells_of(Role.PRODUCTION):
                return ModuleSpec(name, _Loader(place), origin=str(place))
        return None


class _Loader(Loader):
    def __init__(self, place: Path) -> None:
        self._place = place

    def exec_module(self, module: ModuleType) -> None:
        _run(self._place, module)


def _run(place: Path, module: ModuleType) -> None:
    notebook = read_notebook(place)
    app = _app(notebook)
    module.__doc__ = f"The marked cells of {place.name}."
    chosen = [cell for cell in app.manifest.cells if cell.role in {role.value for role in _RUN}]
    if str(place.parent) not in sys.path:  # what lies beside the notebook is imported from there
        sys.path.append(str(place.parent))
    run_app(app, vars(module), chosen)


def _app(notebook: Notebook) -> App:
    """Return what the runtime needs to run the cells where the notebook stands."""
    dataflow = read_dataflow(notebook)
    store = ValueStore()
    values = find_values(notebook, dataflow, store)[0]
    chosen = notebook.choices.get("endpoints") or None
    manifest = Manifest(
        notebook.stem,
        notebook.filename,
        notebook.sha256,
        manifest_cells(dataflow.flows),
        manifest_endpoints(find_endpoints(dataflow, chosen, values=values)),
        manifest_values(values),
    )
    sources = {flow.cell.cell_id: flow.cell.source for flow in dataflow.flows}
    return App(notebook.folder, manifest, sources, store.folder)
