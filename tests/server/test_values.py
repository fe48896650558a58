"""A deploy from JupyterLab takes values from the notebook's own kernel."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tornado.httpclient import HTTPClientError

from nbdeploy_ext.session.running_kernels import find_connection_file
from tests.notebooks import write_notebook

if TYPE_CHECKING:
    from pathlib import Path

CELLS = (
    ("train", None, "import random\nmodel = random.random()"),
    ("predict", "production", "def predict() -> float:\n    return model"),
)


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {"ServerApp": {"jpserver_extensions": {"nbdeploy_ext": True}}}


async def finished(jp_fetch: Any, job: dict[str, Any]) -> dict[str, Any]:
    while job["state"] in {"queued", "running"}:
        await asyncio.sleep(0.1)
        job = json.loads((await jp_fetch("nbdeploy", "api", "jobs", job["id"])).body)
    return job


async def test_the_service_answers_with_the_object_of_the_running_kernel(
    jp_fetch: Any, jp_serverapp: Any, jp_root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(jp_root_dir / "data"))
    path = write_notebook(jp_root_dir, *CELLS)
    content = json.loads(path.read_text())
    content["metadata"]["nbdeploy"] = {"values": ["model"]}
    path.write_text(json.dumps(content))
    name = f"live-{uuid.uuid4().hex[:8]}"
    body = json.dumps({"path": "loan.ipynb", "name": name, "target": "process"})

    async def deploy() -> dict[str, Any]:
        answer = await jp_fetch("nbdeploy", "api", "deployments", method="POST", body=body)
        return await finished(jp_fetch, json.loads(answer.body))

    refused = await deploy()
    assert refused["state"] == "failed"
    assert refused["result"]["diagnostics"][0]["code"] == "NBD505"

    opened = json.dumps(
        {"path": "loan.ipynb", "name": "", "type": "notebook", "kernel": {"name": "python3"}}
    )
    session = json.loads((await jp_fetch("api", "sessions", method="POST", body=opened)).body)
    kernel = jp_serverapp.kernel_manager.get_kernel(session["kernel"]["id"])
    client = kernel.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=60)
        shown = "train, model = None, None\n" + CELLS[0][2]
        await client.execute(shown, reply=True, timeout=30)
        stale = await deploy()
        assert stale["result"]["diagnostics"][0]["code"] == "NBD502"
        await client.execute(CELLS[0][2], reply=True, timeout=30)
        asked = await client.execute("", user_expressions={"m": "repr(model)"}, reply=True)
        model = asked["content"]["user_expressions"]["m"]["data"]["text/plain"].strip("'")
        jp_serverapp.write_server_info_file()
        found = await asyncio.to_thread(find_connection_file, path)
        assert str(found) == kernel.connection_file
        job = await deploy()
        assert job["error"] is None
        async with httpx.AsyncClient(base_url=job["result"]["url"]) as service:
            answer = await service.post("/predict", json={})
        assert repr(answer.json()) == model
    finally:
        client.stop_channels()
        await jp_fetch("api", "sessions", session["id"], method="DELETE")
        try:
            await jp_fetch("nbdeploy", "api", "deployments", name, method="DELETE")
        except HTTPClientError as missing:
            assert missing.code == 404  # noqa: PT017  (a failed deploy left nothing)
