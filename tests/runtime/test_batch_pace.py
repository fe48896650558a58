"""How many rows a run takes at a time: few where a call takes long, but all that wait together."""

from __future__ import annotations

import json

import pytest

from tests.runtime.apps import write_app
from tests.runtime.tables import batch, begin_batch, read_rows, write_lines

CELL = """\
import asyncio, time

waiting = 0

def slow(n: int) -> int:
    time.sleep(0.05)
    return n

async def remote(n: int) -> int:
    global waiting
    waiting += 1
    await asyncio.sleep(1.1)
    waiting -= 1
    return waiting + 1
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pace") / "app"
    return write_app(folder, ("cell", "production", CELL), endpoints={"slow": [], "remote": []})


def test_a_slow_function_is_heard_of_after_its_first_row(app, tmp_path):
    table = write_lines(tmp_path / "in.jsonl", [{"n": n} for n in range(50)])
    with begin_batch(app, table, tmp_path / "out.csv", "--endpoint", "slow") as process:
        said, _ = process.communicate(timeout=60)
    first, *_, last = (json.loads(line) for line in said.splitlines())
    assert (first["rows"], last["rows"]) == (1, 50)


def test_coroutines_that_take_long_go_on_waiting_together(app, tmp_path):
    table = write_lines(tmp_path / "in.jsonl", [{"n": n} for n in range(4 * 32)])
    assert batch(app, table, tmp_path / "out.jsonl", "--endpoint", "remote").status == 0
    together = [row["remote"] for row in read_rows(tmp_path / "out.jsonl")]
    assert together.count(32) == 4
