"""A deployment's whole life from a terminal, and serving without one."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.notebooks import LOAN, write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOOD = {"applicant": {"income": 100.0, "debt": 10.0}}
TOKEN = "a-token-for-the-loans"


def nbdeploy(*arguments: str) -> Any:
    """Run a command that has to succeed; returns its JSON document."""
    done = subprocess.run(
        [sys.executable, "-m", "nbdeploy_ext", *arguments, "--json"],
        capture_output=True, text=True, check=False,
        env={**os.environ, "LOAN_TOKEN": TOKEN},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def name() -> Iterator[str]:
    chosen = f"cli-{uuid.uuid4().hex[:8]}"
    yield chosen
    command = [sys.executable, "-m", "nbdeploy_ext", "stop", chosen]
    subprocess.run(command, check=False, capture_output=True)


def test_a_deployment_is_listed_watched_rolled_back_and_stopped(tmp_path: Path, name: str) -> None:
    (tmp_path / "nbdeploy.toml").write_text('[service]\nauth = { secret = "LOAN_TOKEN" }\n')
    path = str(write_notebook(tmp_path, *LOAN[:4]))
    first = nbdeploy("deploy", path, "--target", "process", "--name", name)
    assert first["name"] == name
    assert set(first["seconds"]) == {"check", "bundle", "build", "verify", "start", "total"}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx.post(f"{first['url']}/decide", json=GOOD).status_code == 401
    assert httpx.post(f"{first['url']}/decide", json=GOOD, headers=headers).json() is True
    assert [c["endpoint"] for c in nbdeploy("calls", name)] == ["decide"]
    write_notebook(tmp_path, *LOAN[:2], (*LOAN[2][:2], LOAN[2][2].replace("0.5", "0.4")))
    assert nbdeploy("deploy", path, "--target", "process", "--name", name)["version"] == 2
    assert name in {d["name"] for d in nbdeploy("list")}
    assert nbdeploy("rollback", name)["version"] == 1
    as_said = name.upper().replace("-", " ")  # as it may have been given to `deploy`
    assert nbdeploy("status", as_said)["state"] == "running"
    assert any('"ready"' in line for line in nbdeploy("logs", name)["lines"])
    nbdeploy("stop", name)
    stopped = nbdeploy("status", name)
    assert (stopped["state"], stopped["url"]) == ("stopped", "")
    assert f"{name}:1" in nbdeploy("prune", "--keep", "1")["removed"]
    assert [v["version"] for v in nbdeploy("status", name)["versions"]] == [2]


@pytest.mark.parametrize("end", ["interrupted by the terminal", "told to end"])
def test_run_serves_in_the_foreground_until_it_is(end: str, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = str(write_notebook(tmp_path, *LOAN))
    command = [sys.executable, "-m", "nbdeploy_ext", "run", path, "--port", str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = next(line for line in process.stdout if re.match(r'\{"event": "ready"', line))
        assert json.loads(ready)["port"] == port
        answer = httpx.post(f"http://127.0.0.1:{port}/decide", json=GOOD)
        assert answer.json() is True
        if end == "told to end":
            process.terminate()
        else:
            os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{port}/healthz")
        assert f"http://127.0.0.1:{port}" in process.stderr.read()
