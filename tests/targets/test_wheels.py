"""A package that is installed from a folder works in the image, and in one that Docker builds."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import docker
import httpx
import pytest
from click.testing import CliRunner

from nbdeploy_ext.cli.main import main
from nbdeploy_ext.core.pipeline import deploy_notebook
from nbdeploy_ext.core.progress import Silent
from tests.kernels import install, make_environment, write_kernel, write_project
from tests.notebooks import write_notebook
from tests.progress import Listening
from tests.targets.test_docker_image import ask

if TYPE_CHECKING:
    from pathlib import Path

    from nbdeploy_ext.core.deployment import Target

pytestmark = pytest.mark.docker
CELL = """\
import team_pkg.rates
def decide(applicant: dict) -> float:
    return team_pkg.rates.RATE
"""
TEST = """\
def test_rate(client):
    assert client.post('/decide', json={'applicant': {}}).json() == 3
"""


def test_an_editable_package_ships_and_only_its_layer_is_made_anew_when_it_changes(
    tmp_path: Path, docker_target: Target, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"team_pkg/__init__.py": "", "team_pkg/rates.py": "RATE = 3.0\n"}
    project = write_project(tmp_path / "team", "team-dist", files)
    python = make_environment(tmp_path / "venv")
    install(python, "-e", str(project))
    write_kernel(tmp_path / "jupyter", "team", python)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    (tmp_path / "nb").mkdir()
    cells = [("rate", "production", CELL), ("check", "test", TEST)]
    path = write_notebook(tmp_path / "nb", *cells, kernel="team")

    result = deploy_notebook(path, docker_target, Silent(), name=name)
    assert ask(result.deployment.url).json() == 3.0
    done = CliRunner().invoke(main, ["export", str(path), str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.stderr
    tag = f"nbdeploy-test/{name}"
    subprocess.run(["docker", "build", "-q", "-t", tag, str(tmp_path / "out")], check=True)
    client = docker.from_env()
    try:
        script = "import team_pkg.rates as r; print(r.RATE, r.__file__)"
        said = client.containers.run(tag, ["-c", script], entrypoint=["python3"], remove=True)
        assert said.decode().split() == ["3.0", "/opt/nbdeploy/lib/team_pkg/rates.py"]
    finally:
        client.images.remove(tag, force=True)
        client.close()

    (project / "team_pkg" / "rates.py").write_text("RATE = 4.0\n")
    write_notebook(tmp_path / "nb", cells[0], kernel="team")
    listening = Listening()
    second = deploy_notebook(path, docker_target, listening, name=name)
    assert httpx.post(f"{second.deployment.url}/decide", json={"applicant": {}}).json() == 4.0
    loaded = [line for line in listening.lines if "MiB of requirements" in line]
    assert [float(line.split()[1]) < 1 for line in loaded] == [True]
