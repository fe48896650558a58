"""A notebook that works in its kernel and fails on a clean run is caught, and its fix mends it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import nbclient
import nbformat
import pytest

from tests.notebooks import write_notebook

if TYPE_CHECKING:
    from pathlib import Path

# The kernel has `scale`: its cell ran, and was not marked with the others
CELLS = (
    ("rates", None, "rates = {'a': 2.0, 'b': 3.0}"),
    ("scale", None, "def scale(kind: str, x: float) -> float:\n    return rates[kind] * x"),
    ("look", None, "scale('a', 1.0)"),
    ("serve", "production", "def serve(kind: str, x: float) -> float:\n    return scale(kind, x)"),
    ("check", "test", "def test_it():\n    assert serve('b', 2.0) == 6.0"),
)


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {"ServerApp": {"jpserver_extensions": {"nbdeploy_ext": True}}}


async def ask(jp_fetch: Any, method: str, *path: str, **body: Any) -> dict[str, Any]:
    content = {"body": json.dumps(body)} if body else {}
    answer = await jp_fetch("nbdeploy", "api", *path, method=method, **content)
    return json.loads(answer.body) if answer.body else {}


async def test_the_fix_makes_the_notebook_deployable(jp_fetch: Any, jp_root_dir: Path) -> None:
    path = write_notebook(jp_root_dir, *CELLS)
    content = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbclient.NotebookClient(content, timeout=60, kernel_name="python3").execute()  # it works there
    marked = [cell.source for cell in content.cells if cell.metadata["tags"]]
    with pytest.raises(NameError):  # and not on a clean run of what is marked
        exec("\n".join([*marked, "test_it()"]), {})

    analysis = await ask(jp_fetch, "POST", "analysis", path="loan.ipynb")
    (problem,) = analysis["diagnostics"]
    assert (problem["code"], problem["severity"], problem["cell"]) == ("NBD202", "error", "serve")
    assert (problem["line"], problem["column"]) == (2, 12)
    assert "scale" in problem["message"]
    name = f"hidden-{uuid.uuid4().hex[:8]}"
    job = await ask(jp_fetch, "POST", "deployments", path="loan.ipynb", name=name, target="process")
    refused = await finished(jp_fetch, job)
    assert refused["error"]["details"]["diagnostics"][0]["cell"] == "serve"

    fix = problem["fix"]
    assert fix["kind"] == "mark"
    assert fix["marks"] == {"rates": "production", "scale": "production"}
    await ask(jp_fetch, "PUT", "marks", path="loan.ipynb", marks=fix["marks"])
    assert (await ask(jp_fetch, "POST", "analysis", path="loan.ipynb"))["diagnostics"] == []
    job = await ask(jp_fetch, "POST", "deployments", path="loan.ipynb", name=name, target="process")
    done = await finished(jp_fetch, job)
    try:
        assert done["error"] is None
        url = f"{done['result']['url']}/serve"
        async with httpx.AsyncClient() as client:
            answer = await client.post(url, json={"kind": "a", "x": 4})
        assert answer.json() == 8.0
    finally:
        await ask(jp_fetch, "DELETE", "deployments", name)


async def finished(jp_fetch: Any, job: dict[str, Any]) -> dict[str, Any]:
    while job["state"] in {"queued", "running"}:
        await asyncio.sleep(0.1)
        job = await ask(jp_fetch, "GET", "jobs", job["id"])
    return job


def test_the_command_line_says_the_same_and_mends_it_with_one_command(tmp_path: Path) -> None:
    def nbdeploy(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "nbdeploy_ext", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    path = str(write_notebook(tmp_path, *CELLS))
    checked = nbdeploy("check", path, "--json")
    assert checked.returncode == 1
    (problem,) = json.loads(checked.stdout)["diagnostics"]
    assert (problem["code"], problem["cell"], problem["line"]) == ("NBD202", "serve", 2)
    said = nbdeploy("check", path).stdout
    assert "serve:2" in said
    assert "scale" in said
    marked = nbdeploy("mark", path, "serve", "--role", "production", "--with-slice")
    assert marked.returncode == 0
    assert nbdeploy("check", path).returncode == 0
    name = f"hidden-{uuid.uuid4().hex[:8]}"
    done = nbdeploy("deploy", path, "--target", "process", "--name", name, "--json")
    try:
        assert done.returncode == 0, done.stderr
        url = f"{json.loads(done.stdout)['url']}/serve"
        assert httpx.post(url, json={"kind": "b", "x": 4}).json() == 12.0
    finally:
        nbdeploy("stop", name)
