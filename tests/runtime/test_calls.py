"""The call log: what was asked and answered, how much of it is kept, and what never is."""

from __future__ import annotations

import json

import pytest

from nbdeploy_ext.runtime.calls import Call, CallLog
from nbdeploy_ext.runtime.manifest import CallSettings
from nbdeploy_ext.runtime.shared import Numbers
from nbdeploy_ext.runtime.stores import MemoryStore

CALLS = """\
def invert(x: float) -> float:
    return 1 / x

def count(n: int):
    yield from range(n)
"""


@pytest.fixture
def log_of(start):
    def begin(**settings):
        return start(
            ("calls", "production", CALLS), endpoints={"invert": [], "count": []},
            calls=CallSettings(**settings), env={"NBDEPLOY_VERSION": "3"},
        )  # fmt: skip

    return begin


def test_a_call_is_kept_with_its_input_output_and_version(log_of) -> None:
    running = log_of()
    running.client.post("/invert", json={"x": 4})
    (call,) = running.client.get("/calls").json()
    kept = (call["endpoint"], call["inputs"], call["output"], call["status"], call["version"])
    assert kept == ("invert", {"x": 4}, 0.25, 200, 3)
    assert call["latency_ms"] > 0
    assert call["time"].endswith("+00:00")


def test_a_failed_call_is_kept_with_its_error_cell_and_line(log_of) -> None:
    running = log_of()
    running.client.post("/invert", json={"x": 0})
    running.client.post("/invert", json={"x": "text"})
    running.client.post("/invert", content=b"{")
    calls = running.client.get("/calls").json()
    assert [call["status"] for call in calls] == [500, 422, 400]
    first = calls[0]
    assert (first["error"], first["cell"], first["line"]) == ("ZeroDivisionError", "calls", 2)


def test_a_stream_is_one_call(log_of) -> None:
    running = log_of()
    running.client.post("/count", json={"n": 3})
    assert [call["status"] for call in running.client.get("/calls").json()] == [200]


def test_the_newest_calls_are_told_up_to_a_limit(log_of) -> None:
    running = log_of(keep=3)
    for x in range(1, 6):
        running.client.post("/invert", json={"x": x})
    told = [call["inputs"]["x"] for call in running.client.get("/calls").json()]
    assert told == [3, 4, 5]
    limited = running.client.get("/calls?limit=2").json()
    assert [call["inputs"]["x"] for call in limited] == [4, 5]
    assert running.client.get("/calls?limit=0").json() == []


@pytest.mark.parametrize("limit", ["-1", "x", "", "1.5", "9" * 30])
def test_a_wrong_limit_is_told(log_of, limit) -> None:
    assert log_of().client.get(f"/calls?limit={limit}").status_code == 422


def test_inputs_are_not_kept_where_the_engineer_says_so(log_of) -> None:
    running = log_of(inputs=False)
    running.client.post("/invert", json={"x": 4321})
    assert running.client.get("/calls").json()[0]["inputs"] is None
    assert "4321" not in running.client.get("/calls").text


def test_a_body_that_is_too_deep_does_not_break_the_log(log_of) -> None:
    running = log_of()
    running.client.post("/invert", content=b"[" * 100_000)
    answer = running.client.get("/calls")
    assert (answer.status_code, answer.json()[0]["inputs"]) == (200, None)


def test_half_a_surrogate_pair_does_not_break_the_log(log_of) -> None:
    running = log_of()
    running.client.post("/invert", content=rb'{"x": "\ud800 \ud83d\ude00"}')
    answer = running.client.get("/calls")
    assert (answer.status_code, answer.json()[0]["inputs"]) == (200, {"x": "? \U0001f600"})


def in_memory(keep: int) -> CallLog:
    return CallLog(MemoryStore(keep), Numbers({}), None, inputs=True)


def test_large_calls_push_out_the_oldest_by_their_bytes() -> None:
    log = in_memory(100)
    body = json.dumps("x" * 20 * 2**20).encode()
    for n in range(5):
        log.add(Call(str(n), 0, 0, 200, body))
    assert [call["endpoint"] for call in log.records()] == ["2", "3", "4"]


def test_a_log_may_keep_nothing() -> None:
    log = in_memory(0)
    log.add(Call("a", 0, 0, 200, b"1"))
    assert log.records() == []
