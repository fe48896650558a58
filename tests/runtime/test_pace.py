"""Where functions run: what only computes may leave the thread, and does so when it is quick."""

from __future__ import annotations

import functools
import json
import math
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nbdeploy_ext.runtime.pace import QUICK, SLOW, Pace
from nbdeploy_ext.runtime.purity import only_computes

TABLE: dict[str, Any] = {"a": 1.0, "b": [2, (3, "x")]}
LOCK = threading.Lock()
WEIGHTS = np.ones(3)
counter = 0


@dataclass
class Row:
    a: float

    def doubled(self) -> float:
        return self.a * 2


class Store:
    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")


STORE = Store()
ROW = Row(1.0)


def helper(x):
    return math.sqrt(x) + TABLE["a"]


def computes(x):
    return [helper(k) for k in range(x)] + [float(WEIGHTS.sum()), ROW.doubled(), Row(x).a]


@functools.lru_cache
def cached(x):
    return helper(x)


def reads(path):
    return Path(path).read_text()


def opens(path):
    with open(path) as file:  # noqa: PTH123
        return file.read()


def asks():
    return STORE.connection.execute("select 1").fetchone()


def locks():
    with LOCK:
        return 1


def counts():
    global counter  # noqa: PLW0603
    counter += 1
    return counter


def sleeps():
    time.sleep(1)


def imports():
    import socket  # noqa: PLC0415

    return socket.gethostname()


def deep():
    def inner():
        return asks()

    return [inner() for _ in range(2)]


def closes_over(connection):
    return lambda: connection.execute("select 1")


def dumps(x):
    return json.dumps({"x": x, "on": cached(x), "no": unknown})  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize("function", [helper, computes, cached, dumps, functools.partial(helper)])
def test_what_reaches_only_computation_may_run_anywhere(function) -> None:
    assert only_computes(function)


@pytest.mark.parametrize(
    "function",
    [reads, opens, asks, locks, counts, sleeps, imports, deep, closes_over(STORE.connection),
     functools.partial(helper, STORE), STORE.connection.execute],
)  # fmt: skip
def test_what_reaches_more_stays_on_its_thread(function) -> None:
    assert not only_computes(function)


def test_a_function_is_quick_after_sixteen_quick_calls() -> None:
    pace = Pace(may_be_quick=True)
    for _ in range(15):
        pace.note(QUICK / 10)
    assert not pace.is_quick
    pace.note(QUICK / 10)
    assert pace.is_quick


def test_one_call_that_is_not_quick_starts_the_count_again() -> None:
    pace = Pace(may_be_quick=True)
    for _ in range(15):
        pace.note(QUICK / 10)
    pace.note(QUICK * 2)
    pace.note(QUICK / 10)
    assert not pace.is_quick


def test_a_function_that_may_not_never_is_quick() -> None:
    pace = Pace(may_be_quick=False)
    for _ in range(1000):
        pace.note(0.0)
    assert not pace.is_quick


@pytest.mark.parametrize("times", [[SLOW * 1.1], [QUICK * 5] * 60])
def test_a_function_that_is_slow_again_leaves_the_loop_for_longer(times) -> None:
    pace = Pace(may_be_quick=True)
    for _ in range(16):
        pace.note(0.00001)
    for seconds in times:
        pace.note(seconds)
    assert not pace.is_quick
    for _ in range(63):
        pace.note(0.00001)
    assert not pace.is_quick
    pace.note(0.00001)
    assert pace.is_quick
