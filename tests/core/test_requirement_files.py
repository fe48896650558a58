"""The engineer's own requirements file wins, and what it has otherwise is told."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from nbdeploy_ext.core.errors import ConfigInvalid
from nbdeploy_ext.core.pipeline import analyse, bundle_notebook
from nbdeploy_ext.core.progress import Silent
from nbdeploy_ext.core.requirement_files import read_requirement_file
from tests.notebooks import write_notebook

if TYPE_CHECKING:
    from pathlib import Path

CELL = ("f", "production", "import packaging\ndef f() -> str:\n    return packaging.__version__")


def write(folder: Path, name: str, text: str) -> Path:
    (folder / "nbdeploy.toml").write_text(f'[image]\nrequirements = "{name}"\n')
    (folder / name).write_text(text)
    return write_notebook(folder, CELL)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "requirements.txt",
            "# pins\npackaging == 24.1 \\\n  --hash=sha256:0\n-i https://x\nidna>3",
        ),
        ("pyproject.toml", '[project]\ndependencies = ["packaging==24.1", "idna>3"]\n'),
        (
            "environment.yml",
            "dependencies:\n- python=3.11\n- conda::packaging=24.1=py_0\n- pip:\n  - idna>3\n",
        ),
    ],
)
def test_each_format_lists_its_requirements(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert read_requirement_file(tmp_path / name) == ("packaging==24.1", "idna>3")


def test_a_package_in_another_version_or_not_listed_is_a_warning(tmp_path: Path) -> None:
    (other,) = analyse(write(tmp_path, "requirements.txt", "packaging==20.0\n")).diagnostics
    assert (other.code, other.severity, other.cell) == ("NBD408", "warning", "f")
    assert "wants ==20.0" in other.message
    (absent,) = analyse(write(tmp_path, "requirements.txt", "idna\n")).diagnostics
    assert "does not list it" in absent.message
    same = f"packaging=={version('packaging')}\n"
    assert analyse(write(tmp_path, "requirements.txt", same)).diagnostics == ()


def test_the_file_decides_what_is_installed(tmp_path: Path) -> None:
    bundle = bundle_notebook(write(tmp_path, "requirements.txt", "packaging==24.1\n"), Silent())
    assert "packaging==24.1" in bundle.lock.text


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "requirements.txt", "not a requirement at all!\n")
    with pytest.raises(ConfigInvalid, match=r"requirements\.txt"):
        analyse(path)
    (tmp_path / "requirements.txt").unlink()
    with pytest.raises(ConfigInvalid, match="No such file"):
        analyse(path)


def test_files_that_a_file_names_are_read_and_paths_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "base.txt").write_text("idna==3.7\n-e ./team  # ours\n")
    (tmp_path / "requirements.txt").write_text("-r base.txt\n--requirement=more.txt\npackaging\n")
    (tmp_path / "more.txt").write_text("six\n")
    asked: list[str] = []

    def named(line: str, folder: Path) -> str:
        asked.append(line)
        return "team" if "./team" in line else line

    found = read_requirement_file(tmp_path / "requirements.txt", named)
    assert found == ("idna==3.7", "team", "six", "packaging")
    assert "-e ./team" in asked


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("environment.yml", "dependencies: 5\n", "dependencies is no list"),
        ("environment.yml", "- numpy\n", "dependencies is no list"),
        ("environment.yml", "dependencies: [pip: numpy]\n", "pip is no list"),
        ("pyproject.toml", "project = 5\n", "project is no table"),
        ("pyproject.toml", '[project]\ndependencies = "numpy"\n', "dependencies is no list"),
        ("requirements.txt", "numpy\n-e ./nowhere\n", "-e ./nowhere is no requirement"),
        ("requirements.txt", "git+https://me:s3cret@host/x\n", "a URL without the name"),
        ("requirements.txt", "-r other.txt\n", r"other\.txt: No such file"),
    ],
)
def test_a_file_of_another_shape_is_told(name: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigInvalid, match=said) as refused:
        read_requirement_file(tmp_path / name)
    assert "s3cret" not in refused.value.message
