"""The log: a JSON line an event, with every known secret masked."""

from __future__ import annotations

import json

import pytest

CALLS = """\
import logging, os

def tell(text: str) -> None:
    logging.getLogger("loan").warning("told %s and %s", text, os.environ["KEY"])

def fail() -> None:
    raise ValueError(f"key {os.environ['KEY']}")
"""


@pytest.fixture
def running(start):
    return start(
        ("calls", "production", CALLS), endpoints={"tell": [], "fail": []},
        env={"API_KEY": "v3ry-secret"}, manifest_env={"KEY": {"secret": "API_KEY"}},
    )  # fmt: skip


def test_the_notebooks_own_logging_is_json_lines(running) -> None:
    running.client.post("/tell", json={"text": "a \n line"})
    line = running.logged("told")
    assert (line["level"], line["logger"]) == ("warning", "loan")
    assert line["message"] == "told a \n line and ***"
    assert line["time"].endswith("+00:00")


def test_a_failure_is_logged_with_its_place_and_its_secrets_masked(running) -> None:
    answer = running.client.post("/fail", json={}).json()
    line = running.logged("fail failed")
    assert line["error_id"] == answer["error_id"]
    assert (line["endpoint"], line["cell"], line["line"]) == ("fail", "calls", 7)
    assert "ValueError: key ***" in line["traceback"]
    assert "v3ry-secret" not in "".join(running.log)


def test_every_line_is_json(running) -> None:
    running.client.post("/fail", json={})
    running.logged("fail failed")
    assert all(isinstance(json.loads(line), dict) for line in list(running.log))
