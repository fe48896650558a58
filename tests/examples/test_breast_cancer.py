"""The example is what newcomers see first: it runs from top to bottom, and it is clean."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "breast-cancer"
ROLES = {"production", "test", "monitor", "parameters"}


@pytest.fixture
def notebook():
    return nbformat.read(FOLDER / "breast_cancer.ipynb", as_version=nbformat.NO_CONVERT)


def roles(notebook):
    return {
        cell["id"]: ROLES.intersection(cell.metadata.get("tags", [])) for cell in notebook.cells
    }


def test_it_is_a_valid_notebook_of_more_than_twenty_cells(notebook):
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert len(notebook.cells) > 20


def test_it_is_committed_without_outputs(notebook):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)


def test_it_is_mostly_exploration_with_cells_of_every_role(notebook):
    found = roles(notebook)
    counted = Counter(role for marked in found.values() for role in marked)
    assert set(counted) == ROLES
    assert sum(1 for marked in found.values() if not marked) > sum(counted.values())
    assert all(len(marked) <= 1 for marked in found.values())


@pytest.mark.slow
def test_it_runs_from_top_to_bottom(notebook):
    executed = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    monitor = next(cell for cell in executed.cells if cell["id"] == "monitor")
    assert "'error_rate': 0.0" in monitor.outputs[0].data["text/plain"]


def test_its_shipped_cells_need_no_other_cell(notebook):
    """Production, parameters and test cells run in a namespace without the exploration."""
    marked = roles(notebook)
    namespace: dict[str, Any] = {"__name__": "breast_cancer"}
    for cell in notebook.cells:
        if marked[cell["id"]] & {"production", "parameters", "test"}:
            exec(compile(cell.source, cell["id"], "exec", dont_inherit=True), namespace)
    answer = namespace["diagnose"](17.5, 28.0, 0.14, 0.16)
    assert answer.verdict == "malignant"
    assert 0.5 < answer.probability < 1
