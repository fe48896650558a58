"""Values are found, saved, and known to be old."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nbdeploy_ext.core.capture import LiveKernel, RunCells
from nbdeploy_ext.core.errors import CellRaised, DeployRefused
from nbdeploy_ext.core.kernel_session import start_kernel
from nbdeploy_ext.core.pipeline import analyse, capture
from nbdeploy_ext.core.progress import Silent
from nbdeploy_ext.core.values import ValueStore
from tests.notebooks import write_notebook
from tests.progress import Listening

SCALER = """\
class Scaler:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x: float) -> float:
        return x * self.factor
"""
CELLS = (
    ("scaler", "production", SCALER),
    ("rows", None, "rows = [1.0, 2.0, 6.0]"),
    ("train", None, "print('training')\nmodel = Scaler(sum(rows) / len(rows))"),
    ("predict", "production", "def predict(x: float) -> float:\n    return model(x)"),
)


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ValueStore:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return ValueStore()


def write(folder: Path, *cells: tuple[str, str | None, str], values: list[str]) -> Path:
    path = write_notebook(folder, *cells)
    content = json.loads(path.read_text())
    content["metadata"]["nbdeploy"] = {"values": values}
    path.write_text(json.dumps(content))
    return path


def codes(spec: Any) -> list[str]:
    return [d.code for d in spec.diagnostics]


def test_an_unmarked_name_can_ship_as_a_value(tmp_path: Path) -> None:
    (found,) = analyse(write(tmp_path, *CELLS, values=[])).diagnostics
    assert found.code == "NBD202"
    assert found.other_fix is not None
    assert (found.other_fix.kind, found.other_fix.values) == ("value", ("model",))
    spec = analyse(write(tmp_path, *CELLS, values=["model"]))
    assert codes(spec) == []
    assert spec.as_json()["values"] == [
        {"name": "model", "cell": "train", "type": None, "bytes": None, "stale": False}
    ]
    assert codes(analyse(write(tmp_path, *CELLS, values=["model", "gone"]))) == ["NBD506"]


def test_the_cells_that_make_a_value_are_run_once(tmp_path: Path, store: ValueStore) -> None:
    path = write(tmp_path, *CELLS, values=["model"])
    spec = analyse(path)
    said = Listening()
    (value,) = RunCells(store)(spec, spec.values, said)
    assert "training" in said.lines
    assert value.stored is not None
    assert (value.stored.type, value.stored.modules) == ("Scaler", ())
    assert set(value.made_by) == {"scaler", "rows", "train"}
    again = Listening()
    spec = analyse(path)
    assert spec.as_json()["values"][0]["bytes"] == value.stored.size
    assert RunCells(store)(spec, spec.values, again) == (value,)
    assert "training" not in again.lines


def test_a_value_is_stale_when_a_cell_that_made_it_changed(
    tmp_path: Path, store: ValueStore
) -> None:
    spec = analyse(write(tmp_path, *CELLS, values=["model"]))
    RunCells(store)(spec, spec.values, Silent())
    edited = [*CELLS[:1], ("rows", None, "rows = [5.0]"), *CELLS[2:]]
    spec = analyse(write(tmp_path, *edited, values=["model"]))
    assert codes(spec) == ["NBD501"]
    assert spec.as_json()["values"][0]["stale"] is True
    assert spec.deployable
    (value,) = RunCells(store)(spec, spec.values, Silent())
    assert not value.stale


def test_the_kernel_that_makes_values_says_nothing_of_itself(
    tmp_path: Path, store: ValueStore, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = analyse(write(tmp_path, *CELLS, values=["model"]))
    RunCells(store)(spec, spec.values, Silent())
    assert capfd.readouterr() == ("", "")


def test_the_running_kernel_gives_its_values_and_keeps_its_names(
    tmp_path: Path, store: ValueStore
) -> None:
    path = write(tmp_path, *CELLS, values=["model"])
    spec = analyse(path)
    with start_kernel(spec.notebook) as session:
        file = Path(session._client.connection_file)

        def run(code: str) -> None:
            client, loop = session._client, session._loop
            reply = loop.run_until_complete(client.execute(code, reply=True, timeout=30))
            assert reply["content"]["status"] == "ok"

        for cell in spec.notebook.code_cells():
            run(cell.source)
        live = LiveKernel(store, file)
        (value,) = live(spec, spec.values, Silent())
        assert value.stored is not None
        run("assert not {'capture', 'cloudpickle', 'place'} & set(globals())")
        edited = [*CELLS[:2], ("train", None, "model = Scaler(2.0)"), CELLS[3]]
        spec = analyse(write(tmp_path, *edited, values=["model"]))
        with pytest.raises(DeployRefused) as refused:
            live(spec, spec.values, Silent())
        assert refused.value.details["diagnostics"][0]["code"] == "NBD502"
        run("del model")
        spec = analyse(path)
        with pytest.raises(DeployRefused) as refused:
            live(spec, spec.values, Silent())
        assert refused.value.details["diagnostics"][0]["code"] == "NBD504"


def test_without_a_kernel_a_saved_value_is_taken_and_a_missing_one_refused(
    tmp_path: Path, store: ValueStore
) -> None:
    spec = analyse(write(tmp_path, *CELLS, values=["model"]))
    live = LiveKernel(store, None)
    with pytest.raises(DeployRefused) as refused:
        live(spec, spec.values, Silent())
    assert refused.value.details["diagnostics"][0]["code"] == "NBD505"
    RunCells(store)(spec, spec.values, Silent())
    spec = analyse(spec.notebook.path)
    assert live(spec, spec.values, Silent()) == spec.values


def test_what_can_not_be_saved_and_cells_that_raise_are_named(
    tmp_path: Path, store: ValueStore
) -> None:
    lock = ("train", None, "import threading\nmodel = threading.Lock()")
    spec = analyse(write(tmp_path, CELLS[0], lock, CELLS[3], values=["model"]))
    with pytest.raises(DeployRefused) as refused:
        RunCells(store)(spec, spec.values, Silent())
    (found,) = refused.value.details["diagnostics"]
    assert (found["code"], found["cell"]) == ("NBD503", "train")
    assert "lock" in found["message"]
    broken = ("train", None, "model = 1 / 0")
    spec = analyse(write(tmp_path, CELLS[0], broken, CELLS[3], values=["model"]))
    with pytest.raises(CellRaised, match=r"Cell train raised ZeroDivisionError"):
        RunCells(store)(spec, spec.values, Silent())


def test_a_module_beside_the_notebook_that_a_value_needs_ships(
    tmp_path: Path, store: ValueStore
) -> None:
    (tmp_path / "scalers.py").write_text("import yaml\nclass Scaler:\n    rate = 2\n")
    make = ("make", None, "from scalers import Scaler\nscaler = Scaler()")
    use = ("use", "production", "def f() -> int:\n    return scaler.rate")
    spec = analyse(write(tmp_path, make, use, values=["scaler"]))
    assert spec.sources.modules == ()
    saved = capture(spec, RunCells(store), Silent())
    assert saved.sources.modules == ("scalers.py",)
    assert {requirement.distribution for requirement in saved.requirements} == {"PyYAML"}
    assert analyse(spec.notebook.path).diagnostics == ()
