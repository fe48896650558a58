"""`%load_ext nbdeploy_ext` in a real kernel."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import httpx
import nbformat
import pytest
from nbclient import NotebookClient

from nbdeploy_ext.core.pipeline import deploy_notebook
from nbdeploy_ext.core.progress import Silent
from nbdeploy_ext.session.calls import as_table
from nbdeploy_ext.targets.registry import open_target
from tests.notebooks import LOAN, write_notebook

if TYPE_CHECKING:
    from pathlib import Path

SHOW = """\
rows = calls if isinstance(calls, list) else calls.to_dict("records")
print([(r["endpoint"], r["inputs"], r["output"], r["status"]) for r in rows])
"""


def run(path: Path, *more: str) -> list[str]:
    """Run `more` after the notebook's own cells, in their own kernel; returns what they print."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [c for c in notebook.cells if "monitor" not in c.metadata["tags"]]
    first = len(notebook.cells)
    notebook.cells += [nbformat.v4.new_code_cell(source) for source in more]
    client = NotebookClient(notebook, resources={"metadata": {"path": str(path.parent)}})
    client.execute(env=_environment(path))
    return ["".join(o.get("text", "") for o in c.outputs) for c in notebook.cells[first:]]


def _environment(path: Path) -> dict[str, Any]:
    import os  # noqa: PLC0415

    # What Jupyter Server tells the kernels that it starts
    return {**os.environ, "JPY_SESSION_NAME": str(path)}


def test_calls_are_a_sample_of_the_test_cells_when_nothing_is_live(tmp_path: Path) -> None:
    said = run(write_notebook(tmp_path, *LOAN), "%load_ext nbdeploy_ext", SHOW)
    assert "a sample" in said[0]
    inputs = {"applicant": {"income": 100.0, "debt": 60.0}}
    assert said[1] == f"{[('decide', inputs, False, 200)]}\n"


def test_columns_of_no_calls_have_the_types_that_they_have_in_a_service() -> None:
    empty = as_table([])
    assert len(empty) == 0
    assert [str(empty[name].dtype) for name in ("latency_ms", "status")] == ["float64", "int64"]


@pytest.fixture
def name() -> str:
    return f"session-{uuid.uuid4().hex[:8]}"


def test_calls_and_client_are_those_of_the_live_deployment(tmp_path: Path, name: str) -> None:
    path = write_notebook(tmp_path, *LOAN)
    target = open_target("process")
    live = deploy_notebook(path, target, Silent(), name=name).deployment
    try:
        body = {"applicant": {"income": 100.0, "debt": 10.0}}
        httpx.post(f"{live.url}/decide", json=body)
        asked = "print(client.get('/version').json()['name'])"
        said = run(path, "%load_ext nbdeploy_ext", SHOW, asked)
        assert live.url in said[0]
        assert said[1] == f"{[('decide', body, True, 200)]}\n"
        assert said[2] == f"{name}\n"
    finally:
        target.stop(name)
