"""Imports the header, and what lies beside the notebook, without hiding modules of other names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import BuiltinImporter, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec

    from .loader import App


def import_header(app: App) -> dict[str, Any]:
    """Import the header module, which runs the production cells; returns its namespace.

    Raises what `run_cells` raises.
    """
    reach_folder(app.folder, app.module)
    name = _module_name(app)
    # By path: a notebook's name may hold dots, or be that of a module that its cells import
    spec = importlib.util.spec_from_file_location(name, app.folder / f"{app.module}.py")
    if spec is None or spec.loader is None:
        raise ValueError(f"{app.module}.py can't be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return vars(module)


def failed_imports(app: App) -> Iterator[tuple[str, Exception]]:
    """Import what the shipped cells import; yields what fails, with its error.

    Monitor cells run for the first time in production: this proves their packages before.
    """
    for name in app.manifest.imports:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001, PERF203  an import may raise anything
            yield name, error


def reach_folder(folder: Path, header: str) -> None:
    """Let cells import what lies in `folder`, but the header only where nothing else has its name.

    `pandas.ipynb` has a header `pandas.py`, and its cells import pandas.
    """
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    sys.meta_path.insert(0, _Elsewhere(folder, header))


class _Elsewhere:
    """Finds the module that bears the header's name outside the app folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Return that module's spec; None for any other module, or where there is none."""
        return find_elsewhere(name, self._folder) if name == self._name else None


def find_elsewhere(name: str, folder: Path) -> ModuleSpec | None:
    """Return the spec of a top-level module that is not in `folder`, or None."""
    places = [place for place in sys.path if Path(place).resolve() != folder]
    return BuiltinImporter.find_spec(name) or PathFinder.find_spec(name, places)


def _module_name(app: App) -> str:
    # Dots would make it a package's: pickle asks for the package first
    name = app.module.replace(".", "_")
    is_taken = name in sys.modules or find_elsewhere(name, app.folder) is not None
    return f"{name}_notebook" if is_taken else name
