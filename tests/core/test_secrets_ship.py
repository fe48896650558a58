"""A secret in an output ships nowhere; a secret in what ships stops the deploy with its place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nbdeploy_ext.core.errors import DeployRefused
from nbdeploy_ext.core.pipeline import analyse, bundle_notebook
from nbdeploy_ext.core.progress import Silent
from tests.leaky import FORMS, SECRET, write_leaky
from tests.notebooks import write_notebook

if TYPE_CHECKING:
    from pathlib import Path

F = ("f", "production", "def f(x: int) -> int:\n    return x")


def test_no_secret_of_an_output_is_in_the_bundle_or_in_what_is_said(tmp_path: Path) -> None:
    path = write_leaky(tmp_path)
    assert path.read_text().count(SECRET) > 20
    spec = analyse(path)
    told = {(d.code, d.cell) for d in spec.diagnostics}
    assert ("NBD407", "look") in told
    assert SECRET not in json.dumps(spec.as_json())
    bundle = bundle_notebook(path, Silent())
    for place, content in bundle.files.items():
        assert not any(form in content for form in FORMS), place
    assert SECRET not in json.dumps(bundle.labels)
    bundle.write(tmp_path / "out")
    for file in (tmp_path / "out").rglob("*"):
        assert file.is_dir() or not any(form in file.read_bytes() for form in FORMS), file


@pytest.mark.parametrize(
    ("cell", "place"),
    [
        (("s", "production", f"x = 1\nkey = '{SECRET}'"), ("s", 2)),
        (("s", "test", f"x = 1\nkey = '{SECRET}'"), ("s", 2)),
        (("s", "parameters", "PASSWORD = 'hunter2-and-more'"), ("s", 1)),
        (("s", None, f"x = 1\n\nkey = '{SECRET}'"), ("s", 3)),
    ],
)
def test_a_secret_in_any_cell_stops_the_deploy_with_its_place(
    cell: tuple[str, str | None, str], place: tuple[str, int], tmp_path: Path
) -> None:
    with pytest.raises(DeployRefused) as refused:
        bundle_notebook(write_notebook(tmp_path, cell, F), Silent())
    told = [d for d in refused.value.details["diagnostics"] if d["severity"] == "error"]
    assert [(d["code"], d["cell"], d["line"]) for d in told] == [("NBD406", *place)]
    assert SECRET not in json.dumps(refused.value.as_json())


def test_a_secret_in_a_text_cell_stops_the_deploy(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, F)
    content = json.loads(path.read_text())
    text = f"# How to sign in\nuse {SECRET}"
    content["cells"].append({"id": "t", "cell_type": "markdown", "source": text, "metadata": {}})
    path.write_text(json.dumps(content))
    (told,) = analyse(path).diagnostics
    assert (told.code, told.cell, told.line, told.severity) == ("NBD406", "t", 2, "error")


def test_a_secret_in_a_file_that_ships_stops_the_deploy_and_in_one_that_does_not_it_does_not(
    tmp_path: Path,
) -> None:
    (tmp_path / "tools.py").write_text(f"x = 1\nKEY = '{SECRET}'\n")
    (tmp_path / "access.json").write_text(json.dumps({"a": 1, "key": SECRET}))
    (tmp_path / "other.json").write_text(json.dumps({"key": SECRET}))
    reads = ("r", "production", "import tools\ntext = open('access.json').read()")
    told = analyse(write_notebook(tmp_path, reads, F)).diagnostics
    assert {d.code for d in told} == {"NBD406"}
    assert {d.message.split(",")[0] for d in told} == {"tools.py", "access.json"}
    assert analyse(write_notebook(tmp_path, F)).diagnostics == ()


@pytest.mark.parametrize("section", ["env", "parameters"])
def test_a_secret_in_the_engineers_file_stops_the_deploy(section: str, tmp_path: Path) -> None:
    (tmp_path / "nbdeploy.toml").write_text(f'[{section}]\nDB_TOKEN = "{SECRET}"\n')
    parameters = ("p", "parameters", "DB_TOKEN = ''")
    told = analyse(write_notebook(tmp_path, parameters, F)).diagnostics
    assert {d.code for d in told} == {"NBD406"}
    assert f"{section}.DB_TOKEN" in told[0].message
    assert SECRET not in told[0].message
    (tmp_path / "nbdeploy.toml").write_text(f'[{section}]\nDB_TOKEN = {{ secret = "PATH" }}\n')
    assert analyse(write_notebook(tmp_path, parameters, F)).diagnostics == ()
