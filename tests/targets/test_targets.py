"""The whole way, on the real engine and as a real process."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import httpx
import pytest

from nbdeploy_ext.core.errors import DeployRefused, StartFailed
from nbdeploy_ext.core.pipeline import DeployResult, deploy_notebook
from nbdeploy_ext.core.progress import Silent
from nbdeploy_ext.targets.registry import open_target
from tests.notebooks import LOAN, write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nbdeploy_ext.core.deployment import Target

GOOD = {"applicant": {"income": 100.0, "debt": 10.0}}


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def target(request: pytest.FixtureRequest) -> Target:
    return open_target(request.param)


@pytest.fixture
def name(target: Target) -> Iterator[str]:
    chosen = f"test-{uuid.uuid4().hex[:8]}"
    yield chosen
    if any(d.name == chosen for d in target.deployments()):
        target.stop(chosen)
        for version in target.deployment(chosen).versions:
            if target.name == "docker":
                target._engine.remove_image(version.image)  # type: ignore[attr-defined]


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
