"""`nbdeploy batch`: from a notebook, and in a deployment of each target."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any

import docker
import pytest

from nbdeploy_ext.core.pipeline import deploy_notebook
from nbdeploy_ext.core.progress import Silent
from nbdeploy_ext.targets.registry import open_target
from tests.notebooks import write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CELL = """\
import os

def ratio(income: float, debt: float = 0.0) -> dict:
    if debt < 0:
        raise ValueError("a negative debt")
    return {"ratio": debt / income, "key": os.environ["KEY"]}
"""
TOML = '[env]\nKEY = { secret = "BATCH_KEY" }\n'
KEY = "a-key-for-the-batch"
TABLE = "id,income,debt\na,100,10\nb,100,-1\nc,0,1\nd,50,\n"


@pytest.fixture
def notebook(tmp_path) -> Path:
    (tmp_path / "nbdeploy.toml").write_text(TOML)
    (tmp_path / "in.csv").write_text(TABLE)
    return write_notebook(tmp_path, ("ratio", "production", CELL))


def begin(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "nbdeploy_ext", "batch", *arguments, "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "BATCH_KEY": KEY},
    )  # fmt: skip


def run(*arguments: str) -> tuple[int, Any, str]:
    with begin(*arguments) as process:
        said, log = process.communicate(timeout=200)
    return process.returncode, json.loads(said) if said else None, log


def files(folder: Path) -> list[str]:
    return ["--input", str(folder / "in.csv"), "--output", str(folder / "out.csv")]


def check_result(status: int, document: Any, folder: Path) -> None:
    output = folder / "out.csv"
    seconds = document.pop("seconds")
    assert seconds > 0
    assert document == {"rows": 4, "failed": 2, "output": str(output),
                        "errors": f"{output}.errors.jsonl"}  # fmt: skip
    assert status == 1
    assert output.read_text() == (
        f"id,income,debt,ratio,key\na,100,10,0.1,{KEY}\nd,50,,0.0,{KEY}\n"
    )
    failures = [json.loads(x) for x in (folder / "out.csv.errors.jsonl").read_text().splitlines()]
    places = [(f["row"], f["error"], f["cell"], f["line"]) for f in failures]
    assert places == [(2, "ValueError", "ratio", 5), (3, "ZeroDivisionError", "ratio", 6)]
    assert output.stat().st_uid == os.getuid()


def test_a_notebook_runs_over_a_table(notebook, tmp_path):
    status, document, log = run(str(notebook), *files(tmp_path))
    check_result(status, document, tmp_path)
    assert KEY not in log


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def deployed(request, notebook, monkeypatch) -> Iterator[str]:
    monkeypatch.setenv("BATCH_KEY", KEY)
    name = f"test-{uuid.uuid4().hex[:8]}"
    target = open_target(request.param)
    deploy_notebook(notebook, target, Silent(), name=name)
    yield name
    image = target.deployment(name).versions[0].image
    target.stop(name)
    if request.param == "docker":
        target._engine.remove_image(image)  # type: ignore[attr-defined]


def test_a_deployment_runs_over_a_table_in_its_own_image(deployed, tmp_path):
    (tmp_path / "loan.ipynb").unlink()  # it is not needed any more
    status, document, log = run(deployed, *files(tmp_path))
    check_result(status, document, tmp_path)
    assert KEY not in log
    table = (tmp_path / "in.csv").rename(tmp_path / "other.csv")
    table.write_text("income,town\n1,Bonn\n")
    out = str(tmp_path / "new.jsonl")
    status, document, _ = run(deployed, "--input", str(table), "--output", out, "--workers", "2")
    assert (status, document["errors"]) == (0, None)
    (tmp_path / "other.csv").write_text("town\nBonn\n")
    status, document, _ = run(deployed, "--input", str(table), "--output", out)
    assert (status, document["code"]) == (2, "usage")
    assert "lacks the column income" in document["message"]


def test_a_file_url_is_a_path_of_this_machine(deployed, tmp_path):
    table, output = (tmp_path / name for name in ("in.csv", "out.csv"))
    status, document, _ = run(
        deployed, "--input", f"file://{table}", "--output", f"file://{output}"
    )
    check_result(status, document, tmp_path)


def test_an_input_may_be_a_link_to_another_folder(deployed, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    (tmp_path / "in.csv").rename(store / "2026-01.csv")
    (tmp_path / "in.csv").symlink_to(store / "2026-01.csv")
    status, document, _ = run(deployed, *files(tmp_path))
    check_result(status, document, tmp_path)


def test_a_deployment_that_is_told_to_stop_goes_on_later(notebook, tmp_path):
    cell = "import time\ndef slow(n: int) -> int:\n    time.sleep(0.01)\n    return n\n"
    write_notebook(tmp_path, ("slow", "production", cell))
    (tmp_path / "nbdeploy.toml").write_text("")
    (tmp_path / "in.csv").write_text("n\n" + "".join(f"{n}\n" for n in range(600)))
    process = begin(str(notebook), *files(tmp_path), "--rows-per-chunk", "20")
    progress = tmp_path / "out.csv.progress"
    until = time.monotonic() + 100
    while not progress.exists() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 130, log
    assert 0 < json.loads(progress.read_text())["rows"] < 600
    status, document, _ = run(str(notebook), *files(tmp_path))
    assert (status, document["rows"]) == (0, 600)
    rows = [f"{n},{n}" for n in range(600)]
    assert (tmp_path / "out.csv").read_text().splitlines() == ["n,slow", *rows]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["none.ipynb", "--input", "in.csv", "--output", "o.csv"], 2, "no notebook"),
        (["loan.ipynb", "--input", "none.csv", "--output", "o.csv"], 2, "no file none.csv"),
        (["loan.ipynb", "--input", "in.csv", "--output", "none/o.csv"], 2, "no folder"),
        (["loan.ipynb", "--input", "file:///none.csv", "--output", "o.csv"], 2, "no file file://"),
        (["loan.ipynb", "--input", "in.csv", "--output", "-", "--format", "csv"], 2, "not -."),
        (
            ["loan.ipynb", "--input", "/dev/stdin", "--output", "o.csv", "--format", "csv"],
            2,
            "not /dev/stdin",
        ),
        (["nobody", "--input", "in.csv", "--output", "o.csv"], 1, "no deployment nobody"),
    ],
)
def test_what_is_not_there_is_named(notebook, monkeypatch, arguments, status, said):
    monkeypatch.chdir(notebook.parent)
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    found, document, _ = run(*arguments)
    assert found == status
    assert said in document["message"]


@pytest.mark.docker
def test_anybody_runs_an_image_over_a_table(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv("BATCH_KEY", KEY)
    target = open_target("docker")
    name = f"test-{uuid.uuid4().hex[:8]}"
    deploy_notebook(notebook, target, Silent(), name=name)
    image = target.deployment(name).versions[0].image
    client = docker.from_env()
    words = ["batch", "--input", "/data/in.csv", "--output", "/data/out.csv", "--workers", "2"]
    try:
        container = client.containers.run(
            image, words, detach=True, read_only=True, cap_drop=["ALL"], pids_limit=64,
            security_opt=["no-new-privileges"], user=f"{os.getuid()}:{os.getgid()}",
            volumes={str(tmp_path): {"bind": "/data", "mode": "rw"}},
            environment={"BATCH_KEY": KEY},
        )  # fmt: skip
        status = container.wait(timeout=60)["StatusCode"]
        said = container.logs(stderr=False).decode().splitlines()
        container.remove()
    finally:
        client.close()
        target.stop(name)
        target._engine.remove_image(image)  # type: ignore[attr-defined]
    document = json.loads(said[-1])
    assert document.pop("event") == "done"
    assert document["output"] == "/data/out.csv"
    paths = {"output": f"{tmp_path}/out.csv", "errors": f"{tmp_path}/out.csv.errors.jsonl"}
    check_result(status, {**document, **paths}, tmp_path)
