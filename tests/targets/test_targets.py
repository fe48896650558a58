"""The whole way, on the real engine and as a real process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from nbdeploy_ext.core.errors import (
    Cancelled,
    DeployFailed,
    DeployInProgress,
    DeployRefused,
    StartFailed,
    VersionNotFound,
)
from nbdeploy_ext.core.pipeline import DeployResult, deploy_notebook
from nbdeploy_ext.core.progress import Silent
from nbdeploy_ext.targets.registry import find_target, open_target
from tests.notebooks import LOAN, write_notebook
from tests.progress import CancelAt, Listening

if TYPE_CHECKING:
    from pathlib import Path

    from nbdeploy_ext.core.deployment import Target

GOOD = {"applicant": {"income": 100.0, "debt": 10.0}}


def deploy(path: Path, target: Target, name: str) -> DeployResult:
    return deploy_notebook(path, target, Silent(), name=name)


def test_a_deployed_notebook_answers_and_says_where_it_fails(
    tmp_path: Path, target: Target, name: str
) -> None:
    result = deploy(write_notebook(tmp_path, *LOAN), target, name)
    assert {t.outcome for t in result.verification.tests} == {"passed"}
    assert len(result.verification.tests) == 2
    url = result.deployment.url
    assert httpx.post(f"{url}/decide", json=GOOD).json() is True
    wrong = httpx.post(f"{url}/decide", json={"applicant": {"income": "much", "debt": 1.0}})
    assert wrong.status_code == 422
    assert wrong.headers["content-type"] == "application/problem+json"
    assert wrong.json()["errors"][0]["location"] == "applicant.income"
    broken = httpx.post(f"{url}/decide", json={"applicant": {"income": 0.0, "debt": 1.0}})
    assert broken.status_code == 500
    assert (broken.json()["cell"], broken.json()["line"]) == ("helpers", 2)
    assert httpx.get(f"{url}/readyz").status_code == 200
    version = httpx.get(f"{url}/version").json()
    assert version["version"] == 1
    assert version["cells"][0]["id"] == "types"
    assert "/decide" in httpx.get(f"{url}/openapi.json").json()["paths"]
    assert "nbdeploy_requests_total" in httpx.get(f"{url}/metrics").text
    assert [c["status"] for c in httpx.get(f"{url}/calls").json()] == [200, 422, 500]


def test_a_notebook_may_be_called_as_a_module_that_starts_python_and_import_what_lies_beside_it(
    tmp_path: Path, target: Target, name: str
) -> None:
    (tmp_path / "rates.py").write_text("rate = 2\n", encoding="utf-8")
    source = "import types, rates\ndef twice(x: int) -> int:\n    return rates.rate * x"
    test = "assert client.post('/twice', json={'x': 2}).json() == 4 and types.ModuleType"
    path = write_notebook(tmp_path, ("f", "production", source), ("t", "test", test))
    result = deploy(path.rename(tmp_path / "types.ipynb"), target, name)
    assert [t.outcome for t in result.verification.tests] == ["passed"]


def test_a_notebook_without_functions_is_deployed_as_one(
    tmp_path: Path, target: Target, name: str
) -> None:
    (tmp_path / "nbdeploy.toml").write_text("[parameters]\nrate = 0.25\n", encoding="utf-8")
    tests = """\
def test_service(client):
    assert client.post('/run', json={'amount': 8}).json() == {'tax': 2.0, 'seen': [8.0]}

def test_names():
    assert tax == 25.0
"""
    cells = (
        ("start", "production", "seen = []"),
        ("params", "parameters", "amount: float = 100.0\nrate = 0.5"),
        ("calc", "production", "tax = amount * rate\nseen.append(float(amount))"),
        ("show", "production", "{'tax': tax, 'seen': seen}"),
        ("tests", "test", tests),
    )
    result = deploy(write_notebook(tmp_path, *cells), target, name)
    assert [t.outcome for t in result.verification.tests] == ["passed", "passed"]
    url = result.deployment.url
    for _ in range(2):
        assert httpx.post(f"{url}/run", json={"amount": 4}).json() == {"tax": 1.0, "seen": [4.0]}
    assert httpx.post(f"{url}/run").json() == {"tax": 25.0, "seen": [100.0]}
    assert httpx.post(f"{url}/run", json={"amount": "a"}).status_code == 422


def test_a_new_version_takes_over_on_the_same_url_and_rolls_back(
    tmp_path: Path, target: Target, name: str
) -> None:
    first = deploy(write_notebook(tmp_path, *LOAN), target, name).deployment
    cells = [*LOAN[:2], (*LOAN[2][:2], LOAN[2][2].replace("0.5", "0.05")), LOAN[4]]
    second = deploy(write_notebook(tmp_path, *cells), target, name).deployment
    assert (second.version, second.url) == (2, first.url)
    assert httpx.post(f"{second.url}/decide", json=GOOD).json() is False
    back = target.rollback(name, None, lambda _: {}, Silent())
    assert (back.version, back.url) == (1, first.url)
    assert httpx.post(f"{back.url}/decide", json=GOOD).json() is True


def test_a_failing_test_stops_the_deploy_and_nothing_runs(
    tmp_path: Path, target: Target, name: str
) -> None:
    bad = (
        "bad",
        "test",
        "def test_never():\n    x = ratio(Applicant(1.0, 2.0))\n    assert x == 3",
    )
    with pytest.raises(DeployRefused) as refused:
        deploy(write_notebook(tmp_path, *LOAN, bad), target, name)
    (failed,) = [t for t in refused.value.details["tests"] if t["outcome"] == "failed"]
    assert (failed["name"], failed["cell"], failed["line"]) == ("test_never", "bad", 3)
    assert "2.0 == 3" in failed["message"]
    assert name not in {d.name for d in target.deployments()}


def test_a_version_that_can_not_start_leaves_the_live_one_alone(
    tmp_path: Path, target: Target, name: str
) -> None:
    url = deploy(write_notebook(tmp_path, *LOAN), target, name).deployment.url
    # Passes the gate, which sees no version number, and fails where it is started as a version
    source = "import os\nif os.environ.get('NBDEPLOY_VERSION'):\n    raise OSError('no disk')"
    broken = ("broken", "production", source)
    with pytest.raises(StartFailed, match="broken, line 3"):
        deploy(write_notebook(tmp_path, *LOAN, broken), target, name)
    assert httpx.post(f"{url}/decide", json=GOOD).json() is True
    assert target.deployment(name).version == 1


def with_limit(limit: str) -> list[tuple[str, str, str]]:
    return [*LOAN[:2], (*LOAN[2][:2], LOAN[2][2].replace("0.5", limit)), LOAN[4]]


def test_what_was_deployed_before_is_a_new_version_and_what_is_live_is_none(
    tmp_path: Path, target: Target, name: str
) -> None:
    first = write_notebook(tmp_path, *with_limit("0.5"))
    assert deploy(first, target, name).deployment.version == 1
    again = deploy(first, target, name).deployment
    assert (again.version, len(again.versions)) == (1, 1)
    assert (
        deploy(write_notebook(tmp_path, *with_limit("0.05")), target, name).deployment.version == 2
    )
    third = deploy(write_notebook(tmp_path, *with_limit("0.5")), target, name).deployment
    assert third.version == 3
    assert [v.live for v in third.versions] == [False, False, True]
    assert third.versions[0].digest == third.versions[2].digest
    assert httpx.get(f"{third.url}/version").json()["version"] == 3


def test_rolling_back_to_the_live_version_changes_nothing(
    tmp_path: Path, target: Target, name: str
) -> None:
    deploy(write_notebook(tmp_path, *with_limit("0.5")), target, name)
    found = deploy(write_notebook(tmp_path, *with_limit("0.05")), target, name).deployment
    assert target.rollback(name, 2, lambda _: {}, Silent()) == found
    with pytest.raises(VersionNotFound, match="no version 7"):
        target.rollback(name, 7, lambda _: {}, Silent())


def test_a_stopped_deployment_is_gone_with_its_last_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    target = open_target("process")
    deploy(write_notebook(tmp_path, *LOAN), target, "loan")
    target.stop("loan")
    assert target.prune(0) == ["loan:1"]
    assert target.deployments() == []


def test_a_stopped_deployment_starts_again_where_it_was(
    tmp_path: Path, target: Target, name: str
) -> None:
    deploy(write_notebook(tmp_path, *with_limit("0.5")), target, name)
    deploy(write_notebook(tmp_path, *with_limit("0.05")), target, name)
    target.stop(name)
    stopped = target.deployment(name)
    assert (stopped.state, stopped.url, stopped.version) == ("stopped", "", None)
    back = target.rollback(name, None, lambda _: {}, Silent())
    assert (back.state, back.version) == ("running", 2)
    assert httpx.post(f"{back.url}/decide", json=GOOD).json() is False


def test_a_deploy_that_is_taken_back_while_it_starts_leaves_nothing(
    tmp_path: Path, target: Target, name: str
) -> None:
    source = "import os\nif os.environ.get('NBDEPLOY_VERSION'):\n    print('loading', flush=True)"
    slow = ("slow", "production", f"{source}\n    import time\n    time.sleep(600)")
    with pytest.raises(Cancelled):
        deploy_notebook(
            write_notebook(tmp_path, *LOAN, slow), target, CancelAt("loading"), name=name
        )
    assert name not in {d.name for d in target.deployments()}


def test_a_gate_that_is_taken_back_ends_at_once(tmp_path: Path, target: Target, name: str) -> None:
    slow = ("slow", "test", "import time\nprint('waiting', flush=True)\ntime.sleep(600)")
    with pytest.raises(Cancelled):
        deploy_notebook(
            write_notebook(tmp_path, *LOAN, slow), target, CancelAt("waiting"), name=name
        )
    assert name not in {d.name for d in target.deployments()}


def test_a_gate_over_its_time_is_ended_and_says_which_key_to_raise(
    tmp_path: Path, target: Target, name: str
) -> None:
    (tmp_path / "nbdeploy.toml").write_text('[tests]\ntimeout = "3s"\n')
    slow = ("slow", "test", "import time\ntime.sleep(600)")
    with pytest.raises(DeployFailed, match="over 3 s") as failed:
        deploy(write_notebook(tmp_path, *LOAN, slow), target, name)
    assert "[tests] timeout" in failed.value.hint


def test_a_second_change_at_the_same_time_is_refused(
    tmp_path: Path, target: Target, name: str
) -> None:
    starting, go_on = threading.Event(), threading.Event()

    class Slow(Silent):
        def log(self, line: str) -> None:
            if "loading" in line:
                starting.set()
                go_on.wait(30)

    source = "import os\nif os.environ.get('NBDEPLOY_VERSION'):\n    print('loading', flush=True)"
    said = ("said", "production", source)
    path = write_notebook(tmp_path, *LOAN, said)
    first = threading.Thread(target=deploy_notebook, args=(path, target, Slow()),
                             kwargs={"name": name})  # fmt: skip
    first.start()
    try:
        assert starting.wait(60)
        with pytest.raises(DeployInProgress, match=name):
            deploy(path, target, name)
    finally:
        go_on.set()
        first.join(60)
    assert target.deployment(name).version == 1


def test_a_secret_reaches_the_service_and_nothing_else(
    tmp_path: Path, target: Target, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nbdeploy.toml").write_text('[env]\nTOKEN = { secret = "LOAN_TOKEN" }\n')
    source = "import os\nprint('token', os.environ['TOKEN'])\n"
    size = "def size() -> int:\n    return len(os.environ['TOKEN'])"
    cell = ("token", "production", source + size)
    path = write_notebook(tmp_path, *LOAN, cell)
    monkeypatch.setenv("LOAN_TOKEN", "s3cr3t-one")
    said = Listening()
    first = deploy_notebook(path, target, said, name=name)
    assert "s3cr3t" not in "\n".join(said.lines)
    assert "s3cr3t" not in repr(first)
    assert httpx.post(f"{first.deployment.url}/size", json={}).json() == 10
    monkeypatch.setenv("LOAN_TOKEN", "another-secret")
    second = deploy(path, target, name).deployment
    assert httpx.post(f"{second.url}/size", json={}).json() == 14
    assert len(second.versions) == 1


def test_a_notebook_that_takes_over_anothers_deployment_says_so(
    tmp_path: Path, target: Target, name: str
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    said = Listening()
    for folder in (first, second):
        folder.mkdir()
        write_notebook(folder, *LOAN)
    path = next(first.glob("*.ipynb"))
    deploy_notebook(path, target, said, name=name)
    deploy_notebook(path, target, said, name=name)
    assert not [line for line in said.lines if "takes over" in line]
    deploy_notebook(next(second.glob("*.ipynb")), target, said, name=name)
    assert [line for line in said.lines if f"{name} is deployed from {path}" in line]


def test_two_deployments_never_share_a_port(tmp_path: Path, target: Target, name: str) -> None:
    other = f"{name}-other"
    try:
        path = write_notebook(tmp_path, *LOAN)
        done: list[DeployResult] = []
        work = [
            threading.Thread(target=lambda n=n: done.append(deploy(path, target, n)))
            for n in (name, other)
        ]
        for thread in work:
            thread.start()
        for thread in work:
            thread.join(120)
        assert len({result.deployment.url for result in done}) == 2
    finally:
        target.stop(other)
        if target.name == "docker":
            target._engine.remove_image(f"nbdeploy/{other}:1")  # type: ignore[attr-defined]


@pytest.mark.docker
def test_a_name_that_two_targets_have_is_the_one_that_runs(
    tmp_path: Path, docker_target: Target, name: str
) -> None:
    notebook = write_notebook(tmp_path, *LOAN)
    deploy(notebook, docker_target, name)
    docker_target.stop(name)
    assert find_target(name).name == "docker"
    deploy(notebook, open_target("process"), name)
    assert find_target(name).name == "process"
