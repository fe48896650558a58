"""Values: objects that exploration cells made and that ship as data, kept by their content."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from .notebook import Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .cell_flow import CellFlow
    from .dataflow import Dataflow
    from .notebook import Notebook


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A value that was saved once; `made_by` maps the cells that made it to their sha256 then.

    `size` is in bytes, `modules` are the top-level modules that it needs to be loaded.
    """

    sha256: str
    type: str
    size: int
    modules: tuple[str, ...]
    made_by: Mapping[str, str]
    python: str


@dataclass(frozen=True, slots=True)
class Value:
    """A value that production needs: the cell that defines it, and what is known of it.

    `index` is where it comes in: behind the last cell that made or changed it.
    """

    name: str
    cell: str
    index: int
    made_by: Mapping[str, str]
    stored: StoredValue | None = None

    @property
    def stale(self) -> bool:
        """Whether a cell that made the stored value has changed since."""
        return self.stored is not None and dict(self.stored.made_by) != dict(self.made_by)

    def as_json(self) -> dict[str, Any]:
        """Return the form that `check --json` and REST answer."""
        stored = self.stored
        return {
            "name": self.name,
            "cell": self.cell,
            "type": stored.type if stored else None,
            "bytes": stored.size if stored else None,
            "stale": self.stale,
        }


def find_values(
    notebook: Notebook, dataflow: Dataflow, store: ValueStore
) -> tuple[tuple[Value, ...], tuple[str, ...]]:
    """Return the values that the notebook chose to ship, and the names that no cell defines."""
    listed = notebook.choices.get("values")
    chosen = [str(name) for name in listed] if isinstance(listed, list) else []
    found = {name: _find(name, dataflow) for name in dict.fromkeys(chosen)}
    kept = store.read(notebook.path)
    values = [replace(v, stored=kept.get(name)) for name, v in found.items() if v is not None]
    return tuple(values), tuple(name for name, value in found.items() if value is None)


def _find(name: str, dataflow: Dataflow) -> Value | None:
    readers = [f for f in dataflow.marked if name in f.references]
    makers: Sequence[CellFlow] = dataflow.definers(name, readers[0]) if readers else ()
    if not makers:
        makers = [flow for flow in dataflow.flows if name in flow.defines][-1:]
    if not makers or makers[0].cell.role is Role.PRODUCTION:
        return None
    cells = {maker.cell.cell_id for maker in makers}
    for maker in makers:
        cells.update(dataflow.slice(maker.cell.cell_id))
    made_by = {f.cell.cell_id: f.cell.sha256 for f in dataflow.flows if f.cell.cell_id in cells}
    last = max(maker.cell.index for maker in makers)
    return Value(name, makers[0].cell.cell_id, last, made_by)


class ValueStore:
    """Saved values in the user's data folder: files by sha256, and an index for each notebook."""

    def __init__(self, folder: Path | None = None) -> None:
        """Use `folder`, or the user's own."""
        self.folder = folder or Path(platformdirs.user_data_dir("nbdeploy")) / "values"

    def path(self, sha256: str) -> Path:
        """Return where the value with that hash lies."""
        return self.folder / sha256

    def read(self, notebook: Path) -> dict[str, StoredValue]:
        """Return the notebook's values by name; those whose file is gone are left out."""
        index = self._index(notebook)
        if not index.exists():
            return {}
        found = {name: _stored(raw) for name, raw in json.loads(index.read_bytes()).items()}
        return {name: value for name, value in found.items() if self.path(value.sha256).exists()}

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Give a folder, beside the values, for files that are being written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            yield Path(folder)

    def keep(self, notebook: Path, name: str, value: StoredValue, file: Path) -> None:
        """Move a value's file in from the staging folder, and note it for the notebook."""
        if not self.path(value.sha256).exists():
            file.replace(self.path(value.sha256))
        known = {**self.read(notebook), name: value}
        index = self._index(notebook)
        staged = index.with_suffix(f".{os.getpid()}")
        staged.write_text(json.dumps({k: asdict(v) for k, v in known.items()}), encoding="utf-8")
        staged.replace(index)

    def _index(self, notebook: Path) -> Path:
        key = hashlib.sha256(str(notebook.resolve()).encode()).hexdigest()[:32]
        return self.folder / f"{key}.json"


def _stored(raw: dict[str, Any]) -> StoredValue:
    return StoredValue(**{**raw, "modules": tuple(raw["modules"])})
