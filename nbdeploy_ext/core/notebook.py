"""A notebook file as frozen values; the only place that reads or writes cell metadata."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from .documents import current_document, load_document, source_text
from .errors import CellNotFound, UsageError
from .shipped import shipped_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TITLE = 50
_KEPT = 1 << 14


class Role(str, Enum):
    """What a marked cell is; the value is the cell tag that says so."""

    PRODUCTION = "production"
    TEST = "test"
    MONITOR = "monitor"
    PARAMETERS = "parameters"


ROLE_TAGS = frozenset(role.value for role in Role)
SERVING = frozenset({Role.PRODUCTION, Role.PARAMETERS})
"""Roles of the cells that run in the service, whose names its calls find."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: `index` counts all cells from 0, `roles` are its role tags in tag order."""

    cell_id: str
    index: int
    kind: str
    source: str
    roles: tuple[Role, ...]
    execution_count: int | None = None
    role: Role | None = field(init=False, compare=False)
    """The cell's role, or None for exploration."""

    def __post_init__(self) -> None:
        """Tell the role once: it is asked for a dozen times at every check of every cell."""
        role = self.roles[0] if self.roles and self.kind == "code" else None
        object.__setattr__(self, "role", role)

    @property
    def title(self) -> str:
        """Return the first line that says something, as people know the cell: ids are random."""
        lines = (line.strip() for line in self.source.splitlines())
        first = next((line for line in lines if line and line[0] not in "#%!@"), "")
        return f"{first[:_TITLE]}…" if len(first) > _TITLE else first

    @property
    def sha256(self) -> str:
        """Return the hash of the source's UTF-8 bytes."""
        # JSON can hold halves of a character, which UTF-8 can't: such a cell has an answer too
        return hashlib.sha256(self.source.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Notebook:
    """A notebook: its name, language and cells; `content` is the nbformat document itself."""

    filename: str
    folder: Path
    language: str
    kernel: str | None
    cells: tuple[Cell, ...]
    content: Mapping[str, Any]

    @property
    def stem(self) -> str:
        """Return the file name without `.ipynb`."""
        return self.filename.removesuffix(".ipynb")

    @property
    def path(self) -> Path:
        """Return where the notebook stands."""
        return self.folder / self.filename

    @property
    def choices(self) -> Mapping[str, Any]:
        """Return `metadata.nbdeploy`: name, endpoints, values."""
        found: Mapping[str, Any] = self.content["metadata"].get("nbdeploy", {})
        return found

    @cached_property
    def shipped(self) -> bytes:
        """Return the file that ships: every cell as it is, no outputs, no widget state."""
        return shipped_file(self.content)

    @cached_property
    def sha256(self) -> str:
        """Return the hash of the shipped file, which outputs don't change."""
        return hashlib.sha256(self.shipped).hexdigest()

    def code_cells(self) -> tuple[Cell, ...]:
        """Return the code cells in notebook order."""
        return tuple(cell for cell in self.cells if cell.kind == "code")

    def cells_of(self, *roles: Role) -> tuple[Cell, ...]:
        """Return the cells with one of `roles`, in notebook order."""
        return tuple(cell for cell in self.cells if cell.role in roles)

    def cell(self, name: str) -> Cell:
        """Return the cell with that id, or at `#index`; raises `CellNotFound`."""
        for cell in self.cells:
            if name in {cell.cell_id, f"#{cell.index}"}:
                return cell
        raise CellNotFound(
            f"{self.filename} has no cell {name!r}.",
            hint="Name a cell by its id or by #index, counting all cells from 0.",
            cell=name,
        )

    def marks(self) -> dict[str, str]:
        """Return the role of every marked cell, by cell id, in notebook order."""
        return {cell.cell_id: cell.role.value for cell in self.cells if cell.role is not None}


def read_notebook(path: Path) -> Notebook:
    """Read a notebook file of any nbformat version; `NotebookNotFound`, `NotebookUnreadable`."""
    return parse_notebook(load_document(path), path)


def parse_notebook(content: Mapping[str, Any], path: Path) -> Notebook:
    """Take an nbformat document, saved or not, that stands or would stand at `path`."""
    document = current_document(content, path)
    cells = tuple(_cell(index, raw) for index, raw in enumerate(document["cells"]))
    metadata = document["metadata"]
    return Notebook(
        filename=path.name,
        folder=path.parent,
        language=_language(metadata),
        kernel=_kernel(metadata),
        cells=cells,
        content=document,
    )


def write_marks(path: Path, marks: Mapping[str, Role | None]) -> Notebook:
    """Set or clear roles in the file and return the notebook after it; other tags stay.

    `marks` maps cell ids or `#index` to roles. Raises `CellNotFound`, or `UsageError` for a cell
    without code, before anything is written, and `UsageError` where nothing can be.
    """
    content = current_document(load_document(path), path)
    marked = apply_marks(content, parse_notebook(content, path), marks)
    text = json.dumps(marked, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    place = path.resolve()  # a link stays a link
    staged = place.with_name(f".{place.name}.nbdeploy")
    try:
        staged.write_text(text, encoding="utf-8")
        staged.chmod(place.stat().st_mode)
        staged.replace(place)
    except OSError as fault:
        raise UsageError(
            f"{path.name} can't be written: {fault.strerror}.",
            hint="Check the permissions of its folder, and the space on its disk.",
        ) from fault
    return read_notebook(path)


def apply_marks(
    content: dict[str, Any], notebook: Notebook, marks: Mapping[str, Role | None]
) -> dict[str, Any]:
    """Return the nbformat document with those roles; `content` is changed in place."""
    chosen = {notebook.cell(name).index: role for name, role in marks.items()}
    for index, role in chosen.items():
        if role is not None and notebook.cells[index].kind != "code":
            raise UsageError(
                f"{notebook.cells[index].cell_id} is a {notebook.cells[index].kind} cell.",
                hint="Only code cells can have a role.",
            )
        metadata = content["cells"][index].setdefault("metadata", {})
        tags = [tag for tag in _tags(content["cells"][index]) if tag not in ROLE_TAGS]
        if role is not None:
            tags.append(role.value)
        if tags:
            metadata["tags"] = tags
        else:
            metadata.pop("tags", None)
    return content


def _cell(index: int, raw: Mapping[str, Any]) -> Cell:
    count, tags = raw.get("execution_count"), _tags(raw)
    return _known_cell(
        str(raw.get("id") or f"cell-{index}"),
        index,
        str(raw["cell_type"]),
        source_text(raw),
        tuple(dict.fromkeys(Role(tag) for tag in tags if tag in ROLE_TAGS)) if tags else (),
        count if isinstance(count, int) else None,
    )


_known_cell = lru_cache(maxsize=_KEPT)(Cell)
"""Every keystroke posts the whole notebook, in which all cells but one are what they were."""


def _tags(raw: Mapping[str, Any]) -> list[str]:
    # Any program may have written the notebook: tags need not be a list of texts
    tags = (raw.get("metadata") or {}).get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _language(metadata: Mapping[str, Any]) -> str:
    return str(
        metadata.get("language_info", {}).get("name")
        or metadata.get("kernelspec", {}).get("language")
        or "python"
    ).lower()


def _kernel(metadata: Mapping[str, Any]) -> str | None:
    name = metadata.get("kernelspec", {}).get("name")
    return str(name) if name else None
