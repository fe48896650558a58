"""The REST API on a real Jupyter server."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from openapi_spec_validator import validate
from tornado.httpclient import HTTPClientError

from nbdeploy_ext.server.extension import ROUTES
from nbdeploy_ext.server.openapi import DOCUMENT
from tests.notebooks import LOAN, write_notebook

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {"ServerApp": {"jpserver_extensions": {"nbdeploy_ext": True}}}


async def test_status_says_what_can_be_used(jp_fetch: Any) -> None:
    answer = json.loads((await jp_fetch("nbdeploy", "api", "status")).body)
    assert {t["name"] for t in answer["targets"]} == {"docker", "process"}
    assert answer["engine"]["reachable"] or answer["engine"]["reason"]


async def test_analysis_takes_an_unsaved_notebook(jp_fetch: Any, jp_root_dir: Path) -> None:
    content = json.loads(write_notebook(jp_root_dir, *LOAN).read_text())
    content["cells"][1]["source"] = "def ratio(a):\n    return nowhere"
    body = json.dumps({"path": "loan.ipynb", "content": content})
    answer = await jp_fetch("nbdeploy", "api", "analysis", method="POST", body=body)
    found = json.loads(answer.body)["diagnostics"]
    assert [(d["code"], d["cell"], d["line"]) for d in found] == [("NBD201", "helpers", 2)]


async def test_analysis_takes_the_cells_that_were_changed_since_they_ran(
    jp_fetch: Any, jp_root_dir: Path
) -> None:
    write_notebook(jp_root_dir, *LOAN)
    body = {"path": "loan.ipynb", "edited": ["decide"]}
    answer = await jp_fetch("nbdeploy", "api", "analysis", method="POST", body=json.dumps(body))
    (told,) = json.loads(answer.body)["diagnostics"]
    assert (told["code"], told["severity"], told["cell"]) == ("NBD207", "warning", "decide")
    wrong = json.dumps({**body, "edited": "decide"})
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch("nbdeploy", "api", "analysis", method="POST", body=wrong)
    assert refused.value.code == 400


async def test_marks_are_written_and_answered(jp_fetch: Any, jp_root_dir: Path) -> None:
    write_notebook(jp_root_dir, ("a", None, "x = 1"), ("b", "test", "y = 1"))
    body = json.dumps({"path": "loan.ipynb", "marks": {"a": "production", "b": None}})
    answer = await jp_fetch("nbdeploy", "api", "marks", method="PUT", body=body)
    assert json.loads(answer.body)["marks"] == {"a": "production"}


async def test_a_missing_notebook_and_a_path_outside_answer_404(jp_fetch: Any) -> None:
    for path in ("nowhere.ipynb", "../../etc/passwd"):
        body = json.dumps({"path": path})
        with pytest.raises(HTTPClientError) as refused:
            await jp_fetch("nbdeploy", "api", "deployments", method="POST", body=body)
        assert refused.value.code == 404


async def test_without_an_engine_a_deploy_answers_503_with_one_sentence(
    jp_fetch: Any, jp_root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{jp_root_dir}/no.sock")
    write_notebook(jp_root_dir, *LOAN)
    body = json.dumps({"path": "loan.ipynb"})
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch("nbdeploy", "api", "deployments", method="POST", body=body)
    assert refused.value.code == 503
    assert refused.value.response is not None
    assert json.loads(refused.value.response.body)["code"] == "engine_unreachable"


async def test_a_deploy_is_a_job_with_steps_a_log_and_a_result(
    jp_fetch: Any, jp_root_dir: Path
) -> None:
    write_notebook(jp_root_dir, *LOAN)
    name = f"rest-{uuid.uuid4().hex[:8]}"
    body = json.dumps({"path": "loan.ipynb", "name": name, "target": "process"})
    answer = await jp_fetch("nbdeploy", "api", "deployments", method="POST", body=body)
    assert answer.code == 202
    job = json.loads(answer.body)
    with pytest.raises(HTTPClientError) as second:
        await jp_fetch("nbdeploy", "api", "deployments", method="POST", body=body)
    assert second.value.code == 409
    while job["state"] in {"queued", "running"}:
        await asyncio.sleep(0.1)
        job = json.loads((await jp_fetch("nbdeploy", "api", "jobs", job["id"])).body)
    assert job["error"] is None
    assert [s["state"] for s in job["steps"]] == ["done"] * 5
    stream = await jp_fetch("nbdeploy", "api", "jobs", job["id"], "events")
    assert b"event: state" in stream.body
    shown = json.loads((await jp_fetch("nbdeploy", "api", "deployments", name)).body)
    for route, kind in (
        ("logs", "text/plain"),
        ("metrics", "text/plain"),
        ("calls", "application/json"),
    ):
        passed_on = await jp_fetch("nbdeploy", "api", "deployments", name, route)
        assert passed_on.headers["Content-Type"].startswith(kind)
    assert shown["url"] == job["result"]["url"]
    assert shown["health"]["ready"] is True
    gone = await jp_fetch("nbdeploy", "api", "deployments", name, method="DELETE")
    assert gone.code == 204


@pytest.mark.parametrize(
    ("path", "code"),
    [("jobs/nope", "job_not_found"), ("jobs/nope/events", "job_not_found"), ("nope", None),
     ("deployments/No Name", None)],
)  # fmt: skip
async def test_what_is_not_there_answers_json(jp_fetch: Any, path: str, code: str | None) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch("nbdeploy", "api", *path.split("/"))
    assert refused.value.code == 404
    assert refused.value.response is not None
    answer = json.loads(refused.value.response.body)
    assert answer["message"]
    assert answer.get("code") == code


@pytest.mark.parametrize(
    ("route", "body", "status"),
    [
        ("deployments", {"path": "loan.ipynb", "target": ["docker"]}, 400),
        ("deployments", {"path": "loan.ipynb", "target": "process", "values": []}, 400),
        ("deployments", {"path": "loan.ipynb", "name": 5}, 400),
        ("deployments/loan/rollback", [1], 400),
        ("deployments/loan/rollback", {"version": True}, 400),
        ("analysis", {"path": "a\0b.ipynb"}, 404),
    ],
)
async def test_a_body_of_wrong_types_is_refused(
    jp_fetch: Any, jp_root_dir: Path, route: str, body: Any, status: int
) -> None:
    write_notebook(jp_root_dir, *LOAN)
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch("nbdeploy", "api", *route.split("/"), method="POST", body=json.dumps(body))
    assert refused.value.code == status


def test_the_openapi_document_lists_every_route_and_verb() -> None:
    table = {
        (re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", route).replace("\\", ""), verb)
        for route, handler in ROUTES
        for verb in ("get", "post", "put", "delete")
        if verb in vars(handler)
    }
    table = {
        (path.replace("{route}", passed).replace("{job_id}", "{id}"), verb)
        for path, verb in table
        for passed in (("calls", "metrics") if "{route}" in path else ("",))
    }
    listed = {
        (path.lstrip("/"), verb)
        for path, item in DOCUMENT["paths"].items()
        for verb in item
        if verb != "parameters"
    }
    assert table == listed


def test_the_openapi_document_is_one() -> None:
    validate(DOCUMENT)
