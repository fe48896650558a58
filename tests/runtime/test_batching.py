"""Micro-batches: calls that wait go together, and nobody's answer is another's."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from nbdeploy_ext.runtime.batching import Batcher
from nbdeploy_ext.runtime.lane import Lane
from nbdeploy_ext.runtime.manifest import ManifestEndpoint, ServiceSettings
from nbdeploy_ext.runtime.operations import make_operation
from tests.runtime.apps import serve, wait_until, write_app

CELLS = """\
from __future__ import annotations
import logging, sys, threading
from dataclasses import dataclass
import numpy as np
import pandas as pd

free = threading.Event()

@dataclass
class Reading:
    count: int | None = None
sizes = []

def double(rows: list[float], by: float = 2.0) -> list[float]:
    free.wait(20)
    sizes.append(len(rows))
    if any(row < 0 for row in rows):
        raise ValueError("below zero")
    if 0.25 in rows:
        sys.exit(3)
    return [row * by for row in rows]

def total(rows: list[float]) -> list[float]:
    free.wait(20)
    return [sum(rows)]

def tagged(rows: list[int], tag: str) -> list[int]:
    free.wait(20)
    logging.getLogger("cells").warning("tag %s", tag)
    return rows

def scaled(array: np.ndarray) -> np.ndarray:
    free.wait(20)
    return array * 10

def labelled(frame: pd.DataFrame) -> pd.Series:
    free.wait(20)
    return frame["a"] + frame["b"]

def indexed(values: pd.Series) -> list[str]:
    free.wait(20)
    return [str(label) for label in values.index]

def coded(table: pd.DataFrame) -> list[int]:
    free.wait(20)
    return table["a"].cat.codes.tolist()

def completed(rows: list) -> list:
    free.wait(20)
    sizes.append(len(rows))
    return pd.DataFrame(rows).to_dict("records")

def filled(rows: list[Reading]) -> list[dict]:
    free.wait(20)
    return pd.DataFrame([vars(row) for row in rows]).fillna(0).to_dict("records")

async def release() -> None:
    free.set()

async def seen() -> list[int]:
    return sizes
"""
JOINED = (
    "double",
    "total",
    "tagged",
    "scaled",
    "labelled",
    "indexed",
    "coded",
    "completed",
    "filled",
)


@pytest.fixture
def running(start):
    return start(
        ("calls", "production", CELLS),
        endpoints={name: [] for name in (*JOINED, "release", "seen")},
        service=ServiceSettings(batchable=JOINED),
    )


def wait_for_calls(running, count):
    """Wait until so many calls have begun and not ended."""
    in_flight = f"nbdeploy_requests_in_flight {count}.0"
    wait_until(lambda: in_flight in running.client.get("/metrics").text)


def answers(running, path, bodies, post=None):
    """Send all while the first one holds the thread, then let it go."""
    post = post or (lambda body: running.client.post(path, json=body))
    with ThreadPoolExecutor(len(bodies)) as pool:
        sent = [pool.submit(post, body) for body in bodies]
        wait_for_calls(running, len(bodies))
        running.client.post("/release", json={})
        return [call.result() for call in sent]


def test_calls_that_wait_are_joined_and_each_gets_its_own_rows(running) -> None:
    bodies = [{"rows": [float(n), n + 0.5]} for n in range(12)]
    found = answers(running, "/double", bodies)
    assert [answer.json() for answer in found] == [[2.0 * n, 2.0 * n + 1] for n in range(12)]
    sizes = running.client.post("/seen", json={}).json()
    assert len(sizes) < 12
    assert sum(sizes) == 24


def ask_eight(operation, ask, all_ask) -> None:
    """Let eight callers ask a batcher; none is answered before all do."""

    async def ask_all() -> None:
        batcher = Batcher(operation, lane, 30)
        callers = [asyncio.create_task(ask(batcher, number)) for number in range(8)]
        await asyncio.sleep(0)
        all_ask.set()
        await asyncio.gather(*callers)

    lane = Lane("test")
    asyncio.run(ask_all())
    lane.close(wait=True)


def test_a_batch_takes_those_who_ask_again_while_calls_keep_coming() -> None:
    sizes = []
    all_ask = threading.Event()

    def same(rows: list[int]) -> list[int]:
        all_ask.wait(20)
        sizes.append(len(rows))
        return rows

    endpoint = ManifestEndpoint(name="same", path="/same", cell="calls")
    operation = make_operation(endpoint, {"same": same}, is_batchable=True)

    async def ask(batcher: Batcher, number: int) -> None:
        for _ in range(3):
            assert await batcher.answer({"rows": [number]}) == b"[%d]" % number
            for _ in range(number):  # each a turn of the loop after the one before
                await asyncio.sleep(0)

    ask_eight(operation, ask, all_ask)
    assert sizes[1:3] == [8, 8]
    assert sum(sizes) == 24


def test_a_batch_waits_for_the_next_caller_while_others_ask_again() -> None:
    sizes = []
    all_ask = threading.Event()

    def same(rows: list[int]) -> list[int]:
        all_ask.wait(20)
        sizes.append(len(rows))
        time.sleep(0.4)
        return rows

    endpoint = ManifestEndpoint(name="same", path="/same", cell="calls")
    operation = make_operation(endpoint, {"same": same}, is_batchable=True)

    async def ask(batcher: Batcher, number: int) -> None:
        for _ in range(3):
            await batcher.answer({"rows": [number]})
            await asyncio.sleep(number / 50)  # the last one later than after an eighth

    ask_eight(operation, ask, all_ask)
    assert sizes[1:3] == [8, 8]


def test_calls_with_other_arguments_are_not_joined(running) -> None:
    bodies = [{"rows": [1.0], "by": float(n)} for n in range(6)]
    found = answers(running, "/double", bodies)
    assert [answer.json() for answer in found] == [[float(n)] for n in range(6)]
    assert set(running.client.post("/seen", json={}).json()) == {1}


def test_rows_with_labels_keep_them(running) -> None:
    bodies = [{"values": [1.0]}, *({"values": {label: 1.0}} for label in "abc"), {"values": [2.0]}]
    found = answers(running, "/indexed", bodies)
    assert [answer.json() for answer in found][1:4] == [["a"], ["b"], ["c"]]


def test_rows_of_other_fields_and_types_are_not_joined(running) -> None:
    large = 2**60 + 1  # no float holds it
    rows = [[{"a": large}], [{"a": 0.5}], [{"a": large, "b": 1}], [{"b": 1, "a": large}],
            [{"a": None}], [{"a": 1}, {"a": 2.5}], [{"a": 3}, {"a": 4.5}],
            [{"a": 7}], []]  # fmt: skip
    found = answers(running, "/completed", [{"rows": given} for given in rows])
    alone = [*rows[:5], [{"a": 1.0}, {"a": 2.5}], [{"a": 3.0}, {"a": 4.5}], *rows[7:]]
    assert [answer.text for answer in found] == [
        json.dumps(r, separators=(",", ":")) for r in alone
    ]
    assert len(running.client.post("/seen", json={}).json()) < len(rows)  # some were


def test_objects_of_other_types_within_are_not_joined(running) -> None:
    bodies = [{"rows": [{"count": count}]} for count in (1, None, 2, None)]
    found = [answer.text for answer in answers(running, "/filled", bodies)]
    assert (found[0], found[2]) == ('[{"count":1}]', '[{"count":2}]')


def test_a_callers_categories_are_nobody_elses(running) -> None:
    def post(text):
        kept = pd.Categorical(list(text), categories=list(text))
        parquet = pd.DataFrame({"a": kept}).to_parquet()
        headers = {"content-type": "application/vnd.apache.parquet"}
        return running.client.post("/coded", content=parquet, headers=headers)

    found = answers(running, "", ["ab", "ab", "ba", "ab", "ba"], post)
    assert [answer.json() for answer in found] == [[0, 1]] * 5


def test_a_bad_row_is_the_error_of_its_own_call_alone(running) -> None:
    found = answers(running, "/double", [{"rows": [float(n)]} for n in (1, -1, 2, 3)])
    assert [answer.status_code for answer in found] == [200, 500, 200, 200]
    assert found[1].json()["error"] == "ValueError"
    assert found[3].json() == [6.0]


def test_a_row_that_ends_python_is_the_error_of_its_own_call_alone(running) -> None:
    found = answers(running, "/double", [{"rows": [n]} for n in (1.0, 0.25, 2.0, 3.0)])
    assert [answer.status_code for answer in found] == [200, 500, 200, 200]
    assert "SystemExit was raised" in running.logged("SystemExit was raised")["traceback"]
    assert running.client.post("/double", json={"rows": [4.0]}).json() == [8.0]


def test_calls_in_chunks_are_joined_with_those_of_a_known_length(running) -> None:
    def post(row):
        content = json.dumps({"rows": [row]}).encode()
        return running.client.post("/double", content=iter([content]) if row % 2 else content)

    found = answers(running, "/double", range(12), post)
    assert [answer.json() for answer in found] == [[2.0 * n] for n in range(12)]
    assert len(running.client.post("/seen", json={}).json()) < 12


def test_what_a_waiting_call_logs_has_its_own_id(running) -> None:
    def post(tag):
        body, headers = {"rows": [1], "tag": tag}, {"x-request-id": f"call-{tag}"}
        return running.client.post("/tagged", json=body, headers=headers)

    assert {answer.status_code for answer in answers(running, "", "abcd", post)} == {200}
    for tag in "abcd":
        assert running.logged(f"tag {tag}")["request_id"] == f"call-{tag}"


def test_a_caller_who_leaves_takes_no_answer_from_others(running) -> None:
    body = b'{"rows": [1.0]}'
    head = b"POST /double HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % len(body)
    address = ("127.0.0.1", running.client.base_url.port)

    def leave(_):
        with socket.create_connection(address) as leaving:
            leaving.sendall(head + body)

    def post(row):
        leave(row)
        return running.client.post("/double", json={"rows": [row]})

    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(post, float(n)) for n in range(4)]
        wait_for_calls(running, 8)
        running.client.post("/release", json={})
        assert [call.result().json() for call in sent] == [[2.0 * n] for n in range(4)]
    wait_for_calls(running, 0)


def test_a_function_that_gives_no_result_a_row_is_called_alone(running) -> None:
    found = answers(running, "/total", [{"rows": [1.0, n]} for n in range(4)])
    assert [answer.json() for answer in found] == [[1.0 + n] for n in range(4)]
    assert "not batched" in running.logged("total is not batched")["message"]


def test_arrays_are_joined(running) -> None:
    found = answers(running, "/scaled", [{"array": [[n, n + 1.0]]} for n in range(5)])
    assert [answer.json() for answer in found] == [[[10.0 * n, 10 * n + 10]] for n in range(5)]


def test_frames_are_joined(running) -> None:
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


def test_a_call_that_no_batch_took_in_time_may_be_made_again(start) -> None:
    source = """\
import threading
never = threading.Event()

def hold() -> None:
    never.wait(20)

def rows(given: list[int]) -> list[int]:
    return given
"""
    running = start(
        ("calls", "production", source),
        endpoints={"hold": [], "rows": []},
        service=ServiceSettings(batchable=("rows",), timeout=0.5),
    )
    for _ in range(8):  # no thread is left
        assert running.client.post("/hold", json={}).status_code == 504
    waited = running.client.post("/rows", json={"given": [1]})
    assert (waited.status_code, waited.headers["retry-after"]) == (503, "1")


def test_all_calls_of_a_batch_over_its_time_are_told_so(start) -> None:
    source = """\
import threading
free = threading.Event()
never = threading.Event()

def hold() -> None:
    free.wait(20)

def rows(given: list[int]) -> list[int]:
    if len(given) > 1:
        never.wait(20)
    return given

async def release() -> None:
    free.set()
"""
    running = start(
        ("calls", "production", source),
        endpoints={"hold": [], "rows": [], "release": []},
        service=ServiceSettings(batchable=("rows",), timeout=3),
    )
    with ThreadPoolExecutor(4) as pool:
        pool.submit(running.client.post, "/hold", json={})
        wait_for_calls(running, 1)
        sent = [pool.submit(running.client.post, "/rows", json={"given": [n]}) for n in range(3)]
        wait_for_calls(running, 4)
        running.client.post("/release", json={})
        assert [call.result().status_code for call in sent] == [504] * 3
    assert running.client.post("/rows", json={"given": [7]}).json() == [7]
    metrics = running.client.get("/metrics").text
    assert 'nbdeploy_timeouts_total{endpoint="rows"} 3.0' in metrics
    assert "nbdeploy_overdue_calls 1.0" in metrics
