"""Micro-batches: calls that wait go together, and nobody's answer is another's."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from nbdeploy_ext.runtime.manifest import ServiceSettings
from tests.runtime.apps import serve, write_app

CELLS = """\
import threading, time
import numpy as np
import pandas as pd

free = threading.Event()
sizes = []

def double(rows: list[float], by: float = 2.0) -> list[float]:
    free.wait(20)
    sizes.append(len(rows))
    if any(row < 0 for row in rows):
        raise ValueError("below zero")
    return [row * by for row in rows]

def total(rows: list[float]) -> list[float]:
    free.wait(20)
    return [sum(rows)]

def scaled(array: np.ndarray) -> np.ndarray:
    free.wait(20)
    return array * 10

def labelled(frame: pd.DataFrame) -> pd.Series:
    free.wait(20)
    return frame["a"] + frame["b"]

async def release() -> None:
    free.set()

async def seen() -> list[int]:
    return sizes
"""
JOINED = ("double", "total", "scaled", "labelled")


@pytest.fixture
def running(start):
    return start(
        ("calls", "production", CELLS),
        endpoints={name: [] for name in (*JOINED, "release", "seen")},
        service=ServiceSettings(batchable=JOINED),
    )


def answers(running, path, bodies):
    """Send all while the first one holds the thread, then let it go."""
    with ThreadPoolExecutor(len(bodies)) as pool:
        sent = [pool.submit(running.client.post, path, json=body) for body in bodies]
        in_flight = f"nbdeploy_requests_in_flight {len(bodies)}.0"
        until = threading.Event()
        for _ in range(500):
            if in_flight in running.client.get("/metrics").text:
                break
            until.wait(0.02)
        running.client.post("/release", json={})
        return [call.result() for call in sent]


def test_calls_that_wait_are_joined_and_each_gets_its_own_rows(running) -> None:
    bodies = [{"rows": [float(n), n + 0.5]} for n in range(12)]
    found = answers(running, "/double", bodies)
    assert [answer.json() for answer in found] == [[2.0 * n, 2.0 * n + 1] for n in range(12)]
    sizes = running.client.post("/seen", json={}).json()
    assert len(sizes) < 12
    assert sum(sizes) == 24


def test_calls_with_other_arguments_are_not_joined(running) -> None:
    bodies = [{"rows": [1.0], "by": float(n)} for n in range(6)]
    found = answers(running, "/double", bodies)
    assert [answer.json() for answer in found] == [[float(n)] for n in range(6)]
    assert set(running.client.post("/seen", json={}).json()) == {1}


def test_a_bad_row_is_the_error_of_its_own_call_alone(running) -> None:
    found = answers(running, "/double", [{"rows": [float(n)]} for n in (1, -1, 2, 3)])
    assert [answer.status_code for answer in found] == [200, 500, 200, 200]
    assert found[1].json()["error"] == "ValueError"
    assert found[3].json() == [6.0]


def test_a_function_that_gives_no_result_a_row_is_called_alone(running) -> None:
    found = answers(running, "/total", [{"rows": [1.0, n]} for n in range(4)])
    assert [answer.json() for answer in found] == [[1.0 + n] for n in range(4)]
    assert "not batched" in running.logged("total is not batched")["message"]


def test_arrays_and_frames_are_joined(running) -> None:
    found = answers(running, "/scaled", [{"array": [[n, n + 1.0]]} for n in range(5)])
    assert [answer.json() for answer in found] == [[[10.0 * n, 10 * n + 10]] for n in range(5)]
    frames = [{"frame": [{"a": n, "b": 1}, {"a": n, "b": 2}]} for n in range(5)]
    found = answers(running, "/labelled", frames)
    assert [answer.json() for answer in found] == [[n + 1, n + 2] for n in range(5)]


def test_an_endpoint_that_cannot_be_joined_stops_the_start(tmp_path) -> None:
    folder = write_app(
        tmp_path / "app",
        ("calls", "production", "def total(rows: list[float]) -> list[float]:\n    return [1.0]"),
        endpoints={"total": [{"rows": [1.0, 2.0]}]},
        service=ServiceSettings(batchable=("total",)),
    )
    running = serve(folder)
    assert running.stop() == 1
    assert "made 1 results of 4 rows" in running.events[0]["message"]


def test_calls_after_a_batch_over_its_time_are_answered(start) -> None:
    source = """\
import time
slow = True

def rows(given: list[int]) -> list[int]:
    global slow
    if slow:
        slow = False
        time.sleep(3)
    return given
"""
    running = start(
        ("calls", "production", source),
        endpoints={"rows": []},
        service=ServiceSettings(batchable=("rows",), timeout=0.5),
    )
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(running.client.post, "/rows", json={"given": [1]})
        assert first.result().status_code == 504
    assert running.client.post("/rows", json={"given": [2]}).json() == [2]
