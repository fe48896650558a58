"""A notebook's document in, the file that ships out: no outputs, nothing that programs added."""

from __future__ import annotations

import json
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_METADATA = {
    "kernelspec": ("name", "display_name", "language"),
    "language_info": ("name", "version"),
    "nbdeploy": ("name", "endpoints", "values"),
}
_UNEXECUTED: dict[str, Any] = {"outputs": [], "execution_count": None}
_LINE = "\n"
_CELL_LINE = "\n  "
"""A cell's beginning: it stands in a list that stands in a table."""


def shipped_file(content: Mapping[str, Any]) -> bytes:
    """Return the file of an nbformat document: every cell as it is, no outputs, no widget state.

    It is what `json.dumps(indent=1, ensure_ascii=False, sort_keys=True)` gives, and a newline.
    """
    metadata = {
        part: {key: value for key, value in content["metadata"][part].items() if key in keys}
        for part, keys in _METADATA.items()
        if isinstance(content["metadata"].get(part), dict)
    }
    version = {key: content[key] for key in ("nbformat", "nbformat_minor") if key in content}
    rest = _written({"metadata": metadata, **version}, _LINE)  # the cells' key is the first
    try:
        cells = [_written_cell(raw) for raw in content["cells"]]
        if not cells:
            return f'{{{_LINE} "cells": [],{rest[1:]}\n'.encode()
        cells[0] = f'{{{_LINE} "cells": [{_CELL_LINE}'.encode() + cells[0]
        cells[-1] += f"{_LINE} ],{rest[1:]}\n".encode()
        return f",{_CELL_LINE}".encode().join(cells)  # megabytes are put together once
    except UnicodeEncodeError:  # half of a character, which JSON can escape and UTF-8 can't hold
        shipped = {**version, "metadata": metadata, "cells": [_kept(c) for c in content["cells"]]}
        return (json.dumps(shipped, indent=1, sort_keys=True) + "\n").encode()


def _kept(raw: Mapping[str, Any]) -> dict[str, Any]:
    # Nothing else: attachments hold pictures of outputs, and extensions keep outputs anywhere
    cell = {key: raw[key] for key in ("id", "cell_type", "source") if key in raw}
    told = raw.get("metadata")
    cell["metadata"] = {"tags": told["tags"]} if isinstance(told, dict) and "tags" in told else {}
    return {**cell, **_UNEXECUTED} if cell["cell_type"] == "code" else cell


def _written_cell(raw: Mapping[str, Any]) -> bytes:
    cell_id, kind, source = raw.get("id"), raw["cell_type"], raw.get("source")
    told = raw.get("metadata") or {}
    tags = _key(told["tags"]) if "tags" in told else None
    text = source if type(source) is str else _key(source)
    if type(cell_id) is type(kind) is str and text is not False and tags is not False:
        return _written_texts(cell_id, kind, text, tags)
    return _written(_kept(raw), _CELL_LINE).encode()


def _key(value: object) -> Sequence[str] | Literal[False]:
    """Return a list of texts as a key, false where it is anything else."""
    if not isinstance(value, list) or any(type(one) is not str for one in value):
        return False
    return tuple(value)


@lru_cache(maxsize=1 << 13)
def _written_texts(
    cell_id: str, kind: str, source: str | Sequence[str], tags: Sequence[str] | None
) -> bytes:
    """Return how a cell is written that is texts all through: no two that are equal differ.

    Every keystroke writes the whole notebook, in which all cells but one are what they were.
    """
    told = {} if tags is None else {"tags": tags}
    cell = {"id": cell_id, "cell_type": kind, "source": source, "metadata": told}
    return _written(_kept(cell), _CELL_LINE).encode()


def _written(value: Any, line: str) -> str:
    """Return what `json.dumps(indent=1, ensure_ascii=False, sort_keys=True)` gives, but sooner.

    With an indent the standard library has no C code; `line` is a line's beginning.
    """
    if type(value) is str:
        return _quoted(value)
    if value is None:
        return "null"
    inner = line + " "
    if isinstance(value, dict) and value:
        items = [f"{_quoted(key)}: {_written(value[key], inner)}" for key in sorted(value)]
        return f"{{{inner}{f',{inner}'.join(items)}{line}}}"
    if isinstance(value, (list, tuple)) and value:
        items = [_quoted(i) if type(i) is str else _written(i, inner) for i in value]
        return f"[{inner}{f',{inner}'.join(items)}{line}]"
    return json.dumps(value)
