"""A model that took long to train is deployed from the kernel that trained it, bit for bit."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import nbformat
import pytest

from nbdeploy_ext.core.capture import LiveKernel
from nbdeploy_ext.core.kernel_session import start_kernel
from nbdeploy_ext.core.notebook import read_notebook
from nbdeploy_ext.core.pipeline import analyse, deploy_notebook
from nbdeploy_ext.core.values import ValueStore
from nbdeploy_ext.targets.docker_engine import Engine
from tests.progress import Listening
from tests.targets.conftest import name, target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbdeploy_ext.core.deployment import Target

__all__ = ["name", "target"]
EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"
ASK = """\
import json, pathlib
pictures = [p.reshape(8, 8).tolist() for p in test_pixels[:20]]
answers = [asdict(read_digit(picture)) for picture in pictures]
pathlib.Path(FILE).write_text(json.dumps([pictures, answers]))
"""
OWN_CLASS = """\
def test_the_step_is_of_the_class():
    assert type(model.steps[0][1]) is Centre


def test_a_zero_is_read():"""


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the example that trains for a second."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("DIGITS_ROUNDS", "3")
    shutil.copytree(EXAMPLE, tmp_path / "digits")
    return tmp_path / "digits" / "digits.ipynb"


@contextmanager
def worked_in(notebook: Path) -> Iterator[tuple[Callable[[str], None], LiveKernel]]:
    """Run all cells as a scientist does; gives what runs more, and what takes values from there."""
    with start_kernel(read_notebook(notebook)) as session:
        client, loop = session._client, session._loop

        def run(code: str) -> None:
            reply = loop.run_until_complete(client.execute(code, reply=True, timeout=120))
            assert reply["content"]["status"] == "ok", reply["content"]

        for cell in read_notebook(notebook).code_cells():
            run(cell.source)
        yield run, LiveKernel(ValueStore(), Path(client.connection_file))


def edit(notebook: Path, cell_id: str, old: str, new: str) -> None:
    content = json.loads(notebook.read_text())
    (cell,) = [cell for cell in content["cells"] if cell["id"] == cell_id]
    source = "".join(cell["source"])
    assert old in source
    cell["source"] = source.replace(old, new)
    notebook.write_text(json.dumps(content))


def test_it_is_a_valid_notebook_without_outputs_and_without_problems() -> None:
    content = nbformat.read(EXAMPLE / "digits.ipynb", as_version=nbformat.NO_CONVERT)
    nbformat.validate(content)
    code = [cell for cell in content.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    spec = analyse(EXAMPLE / "digits.ipynb")
    assert spec.diagnostics == ()
    assert [value.name for value in spec.values] == ["model"]
    assert spec.values[0].cell == "train"


def test_the_service_answers_as_the_kernel_does_and_nothing_is_trained_again(
    notebook: Path, target: Target, name: str, tmp_path: Path
) -> None:
    edit(notebook, "tests", "def test_a_zero_is_read():", OWN_CLASS)
    with worked_in(notebook) as (run, live):
        run(f"FILE = {str(tmp_path / 'answers.json')!r}\n{ASK}")
        pictures, expected = json.loads((tmp_path / "answers.json").read_text())
        run("train_pixels = train_labels = None")  # whoever trained again would fail
        said = Listening()
        result = deploy_notebook(notebook, target, said, name=name, values=live)
        outcomes = {test.name: test.outcome for test in result.verification.tests}
        assert set(outcomes.values()) == {"passed"}
        assert "test_the_step_is_of_the_class" in outcomes
        assert not any("Running cell" in line for line in said.lines)
        url = f"{result.deployment.url}/read_digit"
        answers = [httpx.post(url, json={"picture": picture}).json() for picture in pictures]
        assert answers == expected

        # Whoever edits the code moves the code only
        edit(notebook, "read-digit", "float(probabilities[best])", "round(probabilities[best], 2)")
        again = Listening()
        second = deploy_notebook(notebook, target, again, name=name, values=live)
    answer = httpx.post(f"{second.deployment.url}/read_digit", json={"picture": pictures[0]}).json()
    assert answer["sure"] == round(expected[0]["sure"], 2)
    assert answer["probabilities"] == expected[0]["probabilities"]
    if target.name == "docker":
        assert [line for line in again.lines if line.startswith("Loading")] == [
            line for line in again.lines if "of notebook and runtime" in line
        ]
        below = [layers(result.image.digest)[:-1], layers(second.image.digest)[:-1]]
        assert below[0] == below[1]


def layers(digest: str) -> tuple[Any, ...]:
    return Engine().foundation(digest).layers
