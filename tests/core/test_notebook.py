"""Marks in the file."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import nbformat
import pytest

from nbdeploy_ext.core.errors import (
    CellNotFound,
    NotebookNotFound,
    NotebookUnreadable,
    UsageError,
)
from nbdeploy_ext.core.notebook import Role, read_notebook, write_marks
from tests.notebooks import write_notebook

if TYPE_CHECKING:
    from pathlib import Path


def test_marking_leaves_other_tags_and_metadata_alone(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, ("a", "production", "x = 1"), ("b", None, "y = 2"))
    raw = json.loads(path.read_text())
    raw["cells"][0]["metadata"] = {"tags": ["mine", "production"], "other": {"k": 1}}
    path.write_text(json.dumps(raw))
    after = write_marks(path, {"a": Role.TEST, "#1": Role.MONITOR})
    assert after.marks() == {"a": "test", "b": "monitor"}
    metadata = json.loads(path.read_text())["cells"][0]["metadata"]
    assert metadata == {"tags": ["mine", "test"], "other": {"k": 1}}
    assert write_marks(path, {"a": None}).marks() == {"b": "monitor"}


def test_an_unknown_cell_changes_nothing(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, ("a", None, "x = 1"))
    before = path.read_bytes()
    with pytest.raises(CellNotFound):
        write_marks(path, {"a": Role.TEST, "nowhere": Role.TEST})
    assert path.read_bytes() == before


def test_a_cell_without_code_gets_no_role_but_loses_one(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, ("a", "production", "x = 1"))
    raw = json.loads(path.read_text())
    raw["cells"][0] |= {"cell_type": "markdown"}
    path.write_text(json.dumps(raw))
    with pytest.raises(UsageError, match="markdown"):
        write_marks(path, {"a": Role.TEST})
    write_marks(path, {"a": None})
    assert "tags" not in json.loads(path.read_text())["cells"][0]["metadata"]


def test_a_link_to_a_notebook_stays_one(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, ("a", None, "x = 1"))
    link = tmp_path / "elsewhere" / "link.ipynb"
    link.parent.mkdir()
    link.symlink_to(path)
    assert write_marks(link, {"a": Role.TEST}).marks() == {"a": "test"}
    assert link.is_symlink()
    assert read_notebook(path).marks() == {"a": "test"}


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, ("a", None, "x = 1"))
    (tmp_path / ".loan.ipynb.nbdeploy").mkdir()  # a folder's permissions don't stop root
    with pytest.raises(UsageError, match=r"loan\.ipynb can't be written"):
        write_marks(path, {"a": Role.TEST})


@pytest.mark.parametrize(
    ("name", "text", "way_out"),
    [
        ("a.ipynb", "", "Restore"),
        ("a.ipynb", '{"cells": [', "Mend that line"),
        ("a.ipynb", '{\n<<<<<<< HEAD\n"cells": []', "merge conflict"),
        ("a.py", "x = 1", r"\.ipynb"),
    ],
)
def test_what_is_no_notebook_is_told_with_what_to_do(
    tmp_path: Path, name: str, text: str, way_out: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(NotebookUnreadable) as refused:
        read_notebook(path)
    assert re.search(way_out, refused.value.hint)


def test_a_folder_is_no_notebook(tmp_path: Path) -> None:
    with pytest.raises(NotebookNotFound, match="is a folder"):
        read_notebook(tmp_path)


def test_outputs_never_ship(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, ("a", "production", "x = 1"))
    raw = json.loads(path.read_text())
    output = {"output_type": "stream", "name": "stdout", "text": ["hidden-token"]}
    raw["cells"][0]["outputs"] = [output]
    path.write_text(json.dumps(raw))
    assert b"hidden-token" not in read_notebook(path).shipped


def test_tags_that_are_no_list_of_texts_are_no_marks(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, ("a", "production", "x = 1"), ("b", None, "y = 2"))
    content = json.loads(path.read_text())
    content["cells"][0]["metadata"] = {"tags": None}
    content["cells"][1]["metadata"] = {"tags": ["test", 7]}
    path.write_text(json.dumps(content))
    assert read_notebook(path).marks() == {"b": "test"}
    assert write_marks(path, {"a": Role.MONITOR}).marks() == {"a": "monitor", "b": "test"}


def test_an_old_notebook_has_cells_by_index_and_can_be_marked(tmp_path: Path) -> None:
    cells = [nbformat.v3.new_code_cell(input=source) for source in ("x = 1", "y = x")]
    old = nbformat.v3.new_notebook(worksheets=[nbformat.v3.new_worksheet(cells=cells)])
    path = tmp_path / "old.ipynb"
    path.write_text(nbformat.v3.writes_json(old))
    assert [cell.cell_id for cell in read_notebook(path).cells] == ["cell-0", "cell-1"]
    assert write_marks(path, {"#1": Role.PRODUCTION}).marks() == {"cell-1": "production"}
    nbformat.validate(nbformat.read(path, as_version=4))
