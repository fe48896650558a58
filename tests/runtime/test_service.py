"""Calls over HTTP: arguments, answers, errors, streams, and what happens at the time limit."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.runtime.apps import lines_until_cut

ENDPOINTS = """\
import asyncio, math, time, threading
from dataclasses import dataclass

@dataclass
class Applicant:
    income: float
    debt: float = 0.0

def ratio(applicant: Applicant, limit: float = 0.5) -> bool:
    return helper(applicant) < limit

def helper(applicant):
    assert applicant.debt >= 0, f"debt is {applicant.debt}"
    return applicant.debt / applicant.income

async def soon(x: int) -> int:
    await asyncio.sleep(0)
    return await inner(x)

async def inner(x):
    if x < 0:
        raise LookupError(f"{x} is private")
    return x + 1

def count(n: int, fail_at: int = -1):
    for k in range(n):
        if k == fail_at:
            raise RuntimeError(f"{k} is private")
        yield {"k": k, "bad": math.nan}

async def later(n: int):
    for k in range(n):
        await asyncio.sleep(0)
        yield k

def thing() -> list:
    return [object()]

def wrong() -> int:
    return "private"

def leave():
    raise SystemExit("private")

def stop():
    raise StopIteration

class Panic(BaseException):
    pass

async def panic():
    raise Panic("private")

async def interrupt():
    raise KeyboardInterrupt("private")

async def interrupt_stream():
    raise KeyboardInterrupt
    yield

def echo(*, value: list) -> list:
    time.sleep(0.001)
    return value

async def echo_later(value: list) -> list:
    await asyncio.sleep(0.001)
    return value
"""
NAMES = ("ratio", "soon", "count", "later", "thing", "wrong", "leave", "stop", "echo",
         "echo_later", "panic", "interrupt", "interrupt_stream")  # fmt: skip


@pytest.fixture(scope="module")
def running(start_once):
    return start_once(("calls", "production", ENDPOINTS), endpoints={name: [] for name in NAMES})


def line_of(text: str) -> int:
    return next(n for n, line in enumerate(ENDPOINTS.splitlines(), 1) if text in line)


def test_a_function_answers_with_defaults_filled_in(running) -> None:
    answer = running.client.post("/ratio", json={"applicant": {"income": 10, "debt": 3}})
    assert (answer.status_code, answer.json()) == (200, True)
    assert answer.headers["content-type"] == "application/json"


def test_no_body_means_no_arguments(running) -> None:
    assert running.client.post("/count", content=b"").status_code == 422
    assert running.client.post("/wrong", content=b"").status_code == 500


def test_a_coroutine_answers(running) -> None:
    assert running.client.post("/soon", json={"x": 1}).json() == 2


@pytest.mark.parametrize(("name", "lines"), [
    ("count", [{"k": 0, "bad": None}, {"k": 1, "bad": None}]), ("later", [0, 1]),
])  # fmt: skip
def test_a_generator_answers_a_line_of_json_an_item(running, name, lines) -> None:
    answer = running.client.post(f"/{name}", json={"n": 2})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in answer.text.splitlines()] == lines
    empty = running.client.post(f"/{name}", json={"n": 0})
    assert (empty.status_code, empty.text) == (200, "")


def test_a_generator_that_fails_at_once_is_a_problem(running) -> None:
    answer = running.client.post("/count", json={"n": 2, "fail_at": 0})
    assert (answer.status_code, answer.json()["line"]) == (500, line_of("{k} is private"))


def test_a_generator_that_fails_later_leaves_the_answer_without_an_end(running) -> None:
    lines = lines_until_cut(running.client, "/count", {"n": 3, "fail_at": 2})
    assert [json.loads(line)["k"] for line in lines] == [0, 1]
    assert running.logged("count failed")["line"] == line_of("{k} is private")


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({"applicant": {"income": "much", "debt": 3}}, "applicant.income"),
        ({"applicant": {"debt": 3}}, "applicant.income"),
        ({"applicant": {"income": 1}, "limit": "much"}, "limit"),
        ({"limit": 1}, "applicant"),
        ({"applicant": {"income": 1}, "much": "much"}, "much"),
    ],
)
def test_a_wrong_argument_is_named(running, body, location) -> None:
    answer = running.client.post("/ratio", json=body)
    document = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert document["errors"][0]["location"] == location
    assert document["detail"].startswith(f"Argument {location}: ")
    assert location == "much" or "much" not in answer.text


def test_a_body_that_is_no_object_is_told(running) -> None:
    answer = running.client.post("/ratio", json=[1])
    assert answer.status_code == 422
    assert answer.json()["detail"] == "The body should be an object of arguments"


def test_a_body_that_is_no_json_is_told(running) -> None:
    answer = running.client.post("/ratio", content=b"{'applicant': 'much'}")
    assert answer.status_code == 400
    assert "much" not in answer.text


@pytest.mark.parametrize(
    ("name", "body", "error", "line"),
    [
        ("ratio", {"applicant": {"income": 0, "debt": 7}}, "ZeroDivisionError", "applicant.income"),
        ("ratio", {"applicant": {"income": 1, "debt": -7}}, "AssertionError", "debt is"),
        ("soon", {"x": -7}, "LookupError", "{x} is private"),
        ("leave", {}, "RuntimeError", 'SystemExit("private")'),
        ("stop", {}, "RuntimeError", "raise StopIteration"),
        ("panic", {}, "RuntimeError", 'Panic("private")'),
        ("interrupt", {}, "RuntimeError", 'KeyboardInterrupt("private")'),
        ("interrupt_stream", {}, "RuntimeError", "raise KeyboardInterrupt\n"),
    ],
)
def test_an_exception_names_cell_and_line_and_no_value(running, name, body, error, line) -> None:
    answer = running.client.post(f"/{name}", json=body)
    document = answer.json()
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert (document["error"], document["cell"]) == (error, "calls")
    assert document["line"] == max(
        n for n, text in enumerate(ENDPOINTS.splitlines(keepends=True), 1) if line in text
    )
    assert "private" not in answer.text
    assert "debt is" not in answer.text
    logged = running.logged(document["error_id"])
    assert (logged["cell"], logged["line"]) == (document["cell"], document["line"])
    assert 'File "loan.ipynb[0]"' in logged["traceback"]


@pytest.mark.parametrize(("name", "said"), [
    ("thing", "the result can't be sent: a builtins.object is no JSON"),
    ("wrong", "the result is not as hinted"),
])  # fmt: skip
def test_a_result_that_can_not_be_sent_is_told(running, name, said) -> None:
    answer = running.client.post(f"/{name}", json={})
    assert answer.status_code == 500
    assert said in answer.json()["detail"]
    assert "private" not in answer.text


@pytest.mark.parametrize("name", ["echo", "echo_later"])
def test_many_callers_at_once_get_their_own_answers(running, name) -> None:
    def ask(n: int) -> bool:
        sent = [n, str(n) * (n % 50), {"n": n}]
        return bool(running.client.post(f"/{name}", json={"value": sent}).json() == sent)

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(ask, range(400)))
