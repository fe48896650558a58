"""The command line as a user runs it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.notebooks import LOAN, write_notebook

if TYPE_CHECKING:
    from pathlib import Path


def nbdeploy(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nbdeploy_ext", *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_check_answers_one_json_document(tmp_path: Path) -> None:
    done = nbdeploy("check", str(write_notebook(tmp_path, *LOAN)), "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["name"] == "loan"


def test_a_problem_exits_1_wrong_usage_2_and_a_missing_engine_3(tmp_path: Path) -> None:
    bad = write_notebook(tmp_path, ("f", "production", "def f() -> int:\n    return nowhere"))
    assert nbdeploy("check", str(bad)).returncode == 1
    assert nbdeploy("check", str(tmp_path / "none.ipynb")).returncode == 2
    assert nbdeploy("check").returncode == 2
    good = write_notebook(tmp_path, *LOAN)
    no_engine = f"unix://{tmp_path}/none.sock"
    done = nbdeploy("deploy", str(good), DOCKER_HOST=no_engine)
    assert done.returncode == 3
    assert "Docker" in done.stderr


def test_a_refused_deploy_tells_every_problem_and_each_way_to_mend_it(tmp_path: Path) -> None:
    cells = (("a", None, "model = 1\ntable = 2"),
             ("f", "production", "def f() -> int:\n    return model + table"))  # fmt: skip
    notebook = str(write_notebook(tmp_path, *cells))
    told = nbdeploy("deploy", notebook, "--target", "process").stderr
    assert "2 problems stop the deploy" in told
    for name in ("model", "table"):
        assert f"{name} is defined only in a cell that does not ship" in told
        assert f'→ or: Ship {name} as it is in the kernel: "values": ["{name}"] in' in told
    assert f"nbdeploy mark {notebook} a --role production" in told
    assert nbdeploy("mark", notebook, "a", "--role", "production").returncode == 0
    assert nbdeploy("check", notebook).returncode == 0


@pytest.mark.parametrize(
    "wrong",
    [["check"], ["nope"], ["mark", "a.ipynb", "b", "--role", "x"], ["mark", "a.ipynb", "b"]],
)
def test_wrong_usage_is_a_document_too(wrong: list[str]) -> None:
    done = nbdeploy(*wrong, "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["code"] == "usage"
    assert "Usage: " in done.stderr


def test_a_problem_of_a_whole_cell_has_no_line(tmp_path: Path) -> None:
    source = "import click\ndef f() -> int:\n    return 1"
    bad = write_notebook(tmp_path, ("f", "production", source))
    (tmp_path / "nbdeploy.toml").write_text('[image]\nrequirements = "r.txt"\n')
    (tmp_path / "r.txt").touch()
    assert "warning NBD408 f  The kernel has click" in nbdeploy("check", str(bad)).stdout


def test_a_refused_deploy_answers_its_diagnostics(tmp_path: Path) -> None:
    bad = write_notebook(tmp_path, ("f", "production", "def f() -> int:\n    return nowhere"))
    done = nbdeploy("deploy", str(bad), "--target", "process", "--json")
    assert done.returncode == 1
    assert [d["code"] for d in json.loads(done.stdout)["diagnostics"]] == ["NBD201"]


def test_a_folder_that_cannot_hold_a_bundle_is_refused_before_any_work(tmp_path: Path) -> None:
    notebook = str(write_notebook(tmp_path, *LOAN))
    full = tmp_path / "full"
    full.mkdir()
    (full / "file").touch()
    for place in (notebook, f"{notebook}/below", str(full), "/proc/nbdeploy/bundle"):
        done = nbdeploy("export", notebook, place, "--json")
        assert done.returncode == 2, done.stderr
        assert json.loads(done.stdout)["code"] == "usage"
        assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told_before_any_work(tmp_path: Path) -> None:
    notebook = str(write_notebook(tmp_path, *LOAN))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = nbdeploy("run", notebook, "--port", str(taken.getsockname()[1]), "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "port_in_use"
    assert "Checking" not in done.stderr
    assert nbdeploy("run", notebook, "--port", "99999").returncode == 2


def test_a_notebook_that_can_not_be_served_is_an_error_with_its_cell(tmp_path: Path) -> None:
    broken = ("load", "production", "x = 1\nrate = {}['none']")
    notebook = str(write_notebook(tmp_path, broken, *LOAN))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    plain, as_json = (
        nbdeploy("run", notebook, "--port", port, *more) for more in ((), ("--json",))
    )
    assert (plain.returncode, as_json.returncode) == (1, 1)
    said = "The notebook did not start. Cell load, line 2: KeyError: 'none'"
    assert f"Error: {said}" in plain.stderr
    assert "Serving" not in plain.stderr
    assert plain.stdout == ""
    error = json.loads(as_json.stdout)
    assert (error["code"], error["message"]) == ("start_failed", said)


@pytest.mark.parametrize(
    ("call", "how"), [("_exit(0)", "exit status 0"), ("kill(os.getpid(), 9)", "SIGKILL")]
)
def test_a_notebook_that_ends_its_process_did_not_start(
    tmp_path: Path, call: str, how: str
) -> None:
    ending = ("end", "production", f"import os\nif not os.environ.get('NONE'):\n    os.{call}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    notebook = str(write_notebook(tmp_path, ending, *LOAN))
    done = nbdeploy("run", notebook, "--port", port)
    assert done.returncode == 1
    assert f"The notebook did not start. It ended its process ({how})." in done.stderr


def test_a_number_below_nothing_is_wrong_usage() -> None:
    assert nbdeploy("calls", "loan", "--limit", "-1").returncode == 2
    assert nbdeploy("prune", "--keep", "-1").returncode == 2


def test_a_folder_of_ours_that_cannot_be_made_is_told_in_one_sentence(tmp_path: Path) -> None:
    notebook = str(write_notebook(tmp_path, *LOAN))
    done = nbdeploy("deploy", notebook, "--target", "process", "--json", XDG_STATE_HOME="/proc/no")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["code"] == "file_unusable"
    assert told["message"].startswith("/proc/no")
    assert "Traceback" not in done.stderr


def test_whether_a_deployment_is_there_is_unknown_without_its_engine(tmp_path: Path) -> None:
    done = nbdeploy("status", "nowhere", "--json", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert done.returncode == 3
    assert json.loads(done.stdout)["code"] == "engine_unreachable"


@pytest.mark.parametrize("command", [["list"], ["prune", "--keep", "1000"]])
def test_what_a_silent_engine_holds_is_not_just_missing(tmp_path: Path, command: list[str]) -> None:
    done = nbdeploy(*command, "--json", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert done.returncode == 0
    json.loads(done.stdout)
    assert "The docker target was left out:" in done.stderr
    assert "→" in done.stderr
