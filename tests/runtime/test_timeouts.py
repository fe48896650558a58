"""The time limit: a 504 for the one call, answers for the others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from nbdeploy_ext.runtime.manifest import ServiceSettings
from tests.runtime.apps import lines_until_cut

SLOW = """\
import asyncio, threading, time
gate = threading.Event()
ended = threading.Event()
calls_seen = []

def hang(tag: str = "") -> str:
    calls_seen.append(tag)
    gate.wait(30)
    ended.set()
    return tag

async def begun() -> None:
    while not calls_seen:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.25)

async def hang_async() -> None:
    await asyncio.sleep(30)

def drip():
    yield 1
    gate.wait(30)
    yield 2

async def leave() -> None:
    raise GeneratorExit

def quick() -> list:
    return calls_seen

async def release() -> None:
    gate.set()
"""
SLOW_NAMES = ("hang", "begun", "hang_async", "drip", "leave", "quick", "release")


@pytest.fixture
def slow(start):
    return start(
        ("slow", "production", SLOW),
        endpoints={name: [] for name in SLOW_NAMES},
        service=ServiceSettings(timeout=0.5),
    )


@pytest.mark.parametrize("name", ["hang", "hang_async"])
def test_a_call_over_its_time_is_a_504(slow, name) -> None:
    answer = slow.client.post(f"/{name}", json={})
    assert answer.status_code == 504
    assert answer.json()["detail"] == f"{name} took over 0.5 s."


def test_a_call_after_one_over_its_time_is_answered(slow) -> None:
    assert slow.client.post("/hang", json={"tag": "a"}).status_code == 504
    assert slow.client.post("/quick", json={}).json() == ["a"]
    assert slow.logged("hang took over 0.5 s; it runs on")["level"] == "warning"
    metrics = slow.client.get("/metrics").text
    assert 'nbdeploy_timeouts_total{endpoint="hang"} 1.0' in metrics
    assert "nbdeploy_overdue_calls 1.0" in metrics


def test_calls_that_wait_for_one_over_its_time_are_answered(slow) -> None:
    with ThreadPoolExecutor(6) as pool:
        hanging = pool.submit(slow.client.post, "/hang", json={"tag": "a"})
        # Half of its time is left: those that come now wait for less than their own
        slow.client.post("/begun", json={})
        waiting = [pool.submit(slow.client.post, "/quick", json={}) for _ in range(5)]
        assert hanging.result().status_code == 504
        assert {answer.result().status_code for answer in waiting} == {200}


def test_threads_of_overdue_calls_are_few(slow) -> None:
    for _ in range(8):
        assert slow.client.post("/hang", json={}).status_code == 504
    # No more threads: the service says that it can't take calls, and recovers
    waited = slow.client.post("/quick", json={})
    assert (waited.status_code, waited.headers["retry-after"]) == (503, "1")
    assert slow.client.get("/readyz").status_code == 503
    assert slow.client.get("/healthz").status_code == 200
    slow.client.post("/release", json={})
    assert slow.client.post("/quick", json={}).json() == [""] * 8
    assert slow.client.get("/readyz").status_code == 200
    assert "nbdeploy_overdue_calls 0.0" in slow.client.get("/metrics").text


def test_a_stream_that_stalls_is_cut_and_leaves_the_thread_to_others(slow) -> None:
    assert lines_until_cut(slow.client, "/drip", {}) == ["1"]
    assert slow.client.post("/quick", json={}).json() == []
    assert slow.client.get("/calls").json()[0]["status"] == 504


def test_a_start_says_which_example_it_waits_for(start) -> None:
    source = (
        "import time\ndef warm(seconds: float) -> float:\n    time.sleep(seconds)\n    return 1"
    )
    running = start(
        ("slow", "production", source),
        endpoints={"warm": [{"seconds": 0.5}]},
        service=ServiceSettings(timeout=0.1),
    )
    said = running.logged("An example call of warm takes over 0.1 s")
    assert (said["level"], said["endpoint"]) == ("warning", "warm")


def test_a_coroutine_that_leaves_like_a_generator_is_answered(slow) -> None:
    answer = slow.client.post("/leave", json={})
    assert answer.status_code == 500
    assert answer.json()["line"] == SLOW.splitlines().index("    raise GeneratorExit") + 1
