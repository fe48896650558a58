"""The wheel is complete: who installs it needs no Node and enables nothing by hand."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DATA = "nbdeploy-{version}.data/data"
LABEXTENSION = f"{DATA}/share/jupyter/labextensions/nbdeploy-ext"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build from a clean clone: a checkout may hold a development build, which would ship."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / "clone")], check=True)
    command = ["uv", "build", "--quiet", "--wheel", "--out-dir", str(folder), str(folder / "clone")]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (found,) = folder.glob("*.whl")
    with zipfile.ZipFile(found) as archive:
        yield archive


@pytest.fixture(scope="module")
def names(wheel):
    version = Path(wheel.filename).name.split("-")[1]
    return [name.replace(f"-{version}.data", "-{version}.data") for name in wheel.namelist()]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_carries_the_labextension_in_its_production_build(names):
    assert f"{LABEXTENSION}/package.json" in names
    assert f"{LABEXTENSION}/install.json" in names
    assert any(name.startswith(f"{LABEXTENSION}/static/remoteEntry.") for name in names)
    assert not [name for name in names if name.endswith(".js.map")]


def test_it_enables_the_server_extension(names):
    assert f"{DATA}/etc/jupyter/jupyter_server_config.d/nbdeploy_ext.json" in names


def test_it_carries_every_python_file_and_the_event_schemas(names):
    package = ROOT / "nbdeploy_ext"
    tracked = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", "HEAD", package.name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert set(tracked) <= set(names)
    assert not [name for name in names if name.startswith(f"{package.name}/labextension")]
