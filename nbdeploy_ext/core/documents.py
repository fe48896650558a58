"""A notebook's file in, an nbformat document out that has the shape it should have.

Any program may have written the file: what is no table where a table belongs counts as empty.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .errors import NotebookNotFound, NotebookUnreadable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FORMAT = 4
_TABLES = ("kernelspec", "language_info", "nbdeploy")
_LISTS = ("endpoints", "values")


def load_document(path: Path) -> dict[str, Any]:
    """Read a notebook's file; raises `NotebookNotFound`, `NotebookUnreadable`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except IsADirectoryError as fault:
        raise NotebookNotFound(
            f"{path} is a folder, not a notebook.", hint="Name an .ipynb file in it."
        ) from fault
    except (FileNotFoundError, NotADirectoryError) as fault:
        raise NotebookNotFound(
            f"There is no notebook at {path}.", hint="Check the path and its spelling."
        ) from fault
    except UnicodeDecodeError as fault:
        raise NotebookUnreadable(
            f"{path.name} is not UTF-8 text.", hint="Open it in JupyterLab and save it again."
        ) from fault
    except OSError as fault:
        raise NotebookUnreadable(
            f"{path.name} can't be read: {fault.strerror}.", hint="Check the file's permissions."
        ) from fault
    return _parsed(text, path)


def _parsed(text: str, path: Path) -> dict[str, Any]:
    if not text.strip():
        raise NotebookUnreadable(f"{path.name} is empty.", hint="Restore it, or save it again.")
    try:
        content = json.loads(text)
    except json.JSONDecodeError as fault:
        raise NotebookUnreadable(
            f"{path.name} is not JSON (line {fault.lineno}).", hint=_way_out(text, path)
        ) from fault
    except (ValueError, RecursionError) as fault:  # a number of 5,000 digits, 10,000 brackets
        raise NotebookUnreadable(
            f"{path.name} is no JSON that Python can read.", hint="Mend or restore the file."
        ) from fault
    if not isinstance(content, dict):
        raise NotebookUnreadable(f"{path.name} is not a notebook.", hint="Give an .ipynb file.")
    return content


def _way_out(text: str, path: Path) -> str:
    if path.suffix != ".ipynb":
        return "Give an .ipynb file."
    if "<<<<<<<" in text:
        return "Git left a merge conflict in the file: settle it."
    return "Mend that line in a text editor, or restore the file."


def current_document(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return a document of today's format; cells of older ones have no ids of their own.

    `content` stays as it is; what is all right in it is shared. Raises `NotebookUnreadable`.
    """
    try:
        return _tidied(_converted(content))
    except Exception as fault:  # nbformat raises anything from KeyError to AttributeError here
        raise NotebookUnreadable(
            f"{path.name} is not a notebook that nbformat can read.",
            hint="Open it in JupyterLab and save it again.",
        ) from fault


def _converted(content: Mapping[str, Any]) -> dict[str, Any]:
    if content.get("nbformat") == _FORMAT:
        return dict(content)
    import nbformat  # noqa: PLC0415  (a second and more, and only old notebooks need it)

    # Read from text, as only that joins the lists of lines that version 3 keeps sources in
    text = json.dumps({"metadata": {}, "nbformat_minor": 0, **content})
    converted: dict[str, Any] = nbformat.reads(text, _FORMAT)
    for cell in converted["cells"]:
        cell.pop("id", None)  # new ones at each reading
    converted["nbformat_minor"] = 4  # the last one without ids
    return converted


def _tidied(document: dict[str, Any]) -> dict[str, Any]:
    metadata = dict(_table(document.get("metadata")))
    for name in _TABLES:
        if name in metadata:
            metadata[name] = _table(metadata[name])
    if "nbdeploy" in metadata:
        metadata["nbdeploy"] = _choices(metadata["nbdeploy"])
    document["metadata"] = metadata
    document["cells"] = _told_apart([_cell(raw) for raw in document["cells"]])
    return document


def _told_apart(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give a cell whose id another has one by its index: nbformat wants ids to be unique."""
    ids = [raw.get("id") for raw in cells]
    if all(ids) and len(set(map(str, ids))) == len(ids):
        return cells
    seen: set[str] = set()
    for index, raw in enumerate(cells):
        plain = f"cell-{index}"
        cell_id = own = str(raw.get("id") or plain)
        while cell_id in seen:
            cell_id = plain if cell_id == own != plain else f"{cell_id}-{index}"
        if cell_id != own:
            cells[index] = {**raw, "id": cell_id}
        seen.add(cell_id)
    return cells


def _choices(found: dict[str, Any]) -> dict[str, Any]:
    """Keep texts where lists of names belong."""
    lists = {name: found[name] for name in _LISTS if isinstance(found.get(name), list)}
    kept = {k: [n for n in several if isinstance(n, str)] for k, several in lists.items()}
    return {**{k: v for k, v in found.items() if k not in _LISTS}, **kept}


def _cell(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a cell whose parts are what they should be: mostly the very one."""
    fixed: dict[str, Any] = {}
    if not isinstance(raw.get("metadata"), dict):
        fixed["metadata"] = {}
    if not isinstance(raw.get("source"), (str, list)):
        fixed["source"] = ""
    if raw["cell_type"] == "code":
        outputs = raw.get("outputs")
        if not isinstance(outputs, list) or not all(isinstance(o, dict) for o in outputs):
            listed = outputs if isinstance(outputs, list) else []
            fixed["outputs"] = [o for o in listed if isinstance(o, dict)]
    return {**raw, **fixed} if fixed else raw


def source_text(raw: Mapping[str, Any]) -> str:
    """Return a cell's source, which may be a text or a list of lines."""
    source = raw["source"]
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return str(source)


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
