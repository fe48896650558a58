"""Workers and the call log where they are deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import docker
import httpx
import pytest

from nbdeploy_ext.core.pipeline import deploy_notebook
from nbdeploy_ext.core.progress import Silent
from tests.notebooks import write_notebook
from tests.runtime.apps import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from nbdeploy_ext.core.deployment import Target

CELLS = """\
import os

def who() -> int:
    return os.getpid()

def leave(status: int) -> None:
    os._exit(status)
"""
FILE = '[service]\nworkers = 2\n[monitors]\nevery = "200ms"\n'


def write(folder: Path, more: str = "") -> Path:
    (folder / "nbdeploy.toml").write_text(FILE)
    return write_notebook(
        folder, ("cells", "production", CELLS + more), ("watch", "monitor", "len(calls)")
    )


def test_workers_share_port_calls_and_numbers_wherever_they_run(
    tmp_path: Path, target: Target, name: str
) -> None:
    url = deploy_notebook(write(tmp_path), target, Silent(), name=name).deployment.url

    def workers() -> set[int]:
        return {httpx.post(f"{url}/who", json={}).json() for _ in range(30)}

    found = workers()
    assert len(found) == 2
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"{url}/leave", json={"status": 3})
    wait_until(lambda: len(workers()) == 2 and workers() != found)
    assert "nbdeploy_worker_restarts_total 1.0" in httpx.get(f"{url}/metrics").text
    calls = httpx.get(f"{url}/calls?limit=100000").json()
    wait_until(lambda: (httpx.get(f"{url}/monitors").json()[0]["value"] or 0) >= len(calls))

    # Another version goes on with the same call log
    again = deploy_notebook(write(tmp_path, "\nlimit = 3\n"), target, Silent(), name=name)
    assert (again.deployment.version, again.deployment.url) == (2, url)
    httpx.post(f"{url}/who", json={})
    after = httpx.get(f"{url}/calls?limit=100000").json()
    assert len(after) > len(calls)
    assert {call["version"] for call in after} == {1, 2}


@pytest.mark.docker
def test_the_call_log_goes_with_the_deployment(
    tmp_path: Path, docker_target: Target, name: str
) -> None:
    deploy_notebook(write(tmp_path), docker_target, Silent(), name=name)

    def volumes() -> list[str]:
        listed = docker.from_env().volumes.list(filters={"name": f"nbdeploy-{name}-"})
        return [str(volume.name) for volume in listed]

    assert volumes() == [f"nbdeploy-{name}-state"]
    docker_target.stop(name)
    assert volumes() == []
