"""A model that exploration cells trained answers in production as it did in the kernel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from nbdeploy_ext.core.errors import DeployRefused
from nbdeploy_ext.core.pipeline import analyse, deploy_notebook
from nbdeploy_ext.core.progress import Silent
from nbdeploy_ext.core.values import ValueStore
from tests.notebooks import write_notebook
from tests.progress import Listening

if TYPE_CHECKING:
    from pathlib import Path

    from nbdeploy_ext.core.deployment import Target

MODEL = """\
import math
class Model:
    def __init__(self, weights):
        self.weights = weights

    def __call__(self, x: float) -> float:
        return sum(w * math.sin(x * n) for n, w in enumerate(self.weights))
"""
TRAIN = """\
import random
random.seed(7)
shift = lambda w: w + 1 / 3
model = Model([shift(random.random()) for _ in range(9)])
"""
PREDICT = "def predict(x: float) -> float:\n    return shift(model(x))"
CHECK = "def test_the_class_is_the_notebooks_own():\n    assert type(model) is Model"
CELLS = (
    ("model", "production", MODEL),
    ("train", None, TRAIN),
    ("predict", "production", PREDICT),
    ("check", "test", CHECK),
)


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ValueStore:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return ValueStore()


def write(folder: Path, *cells: tuple[str, str | None, str]) -> Path:
    path = write_notebook(folder, *cells)
    content = json.loads(path.read_text())
    content["metadata"]["nbdeploy"] = {"values": ["model", "shift"]}
    path.write_text(json.dumps(content))
    return path


def test_a_trained_model_ships_and_is_not_moved_again_when_code_changes(
    tmp_path: Path, target: Target, name: str
) -> None:
    namespace: dict[str, object] = {}
    exec("\n".join(source for _, _, source in CELLS[:3]), namespace)
    inputs = [0.1, 2.5, -7.0]
    expected = [namespace["predict"](x) for x in inputs]  # type: ignore[operator]
    path = write(tmp_path, *CELLS)
    url = deploy_notebook(path, target, Silent(), name=name).deployment.url
    assert [httpx.post(f"{url}/predict", json={"x": x}).json() for x in inputs] == expected
    assert [v["name"] for v in analyse(path).as_json()["values"]] == ["model", "shift"]

    said = Listening()
    edited = [*CELLS[:2], ("predict", "production", PREDICT.replace("model(x)", "-model(x)"))]
    second = deploy_notebook(write(tmp_path, *edited), target, said, name=name).deployment
    assert second.version == 2
    assert not any("MiB of values" in line or "training" in line for line in said.lines)
    answer = httpx.post(f"{second.url}/predict", json={"x": 2.5}).json()
    shift, model = namespace["shift"], namespace["model"]
    assert answer == shift(-model(2.5))  # type: ignore[operator]


def test_a_value_that_production_can_not_load_stops_the_deploy(
    tmp_path: Path, target: Target, name: str
) -> None:
    picky = f"{MODEL}\n    def __setstate__(self, state):\n        raise ValueError('no licence')"
    path = write(tmp_path, ("model", "production", picky), *CELLS[1:])
    with pytest.raises(DeployRefused) as refused:
        deploy_notebook(path, target, Silent(), name=name)
    (failed,) = refused.value.details["tests"]
    assert (failed["name"], failed["cell"]) == ("production cells", "train")
    assert "no licence" in failed["message"]
    assert name not in {d.name for d in target.deployments()}
