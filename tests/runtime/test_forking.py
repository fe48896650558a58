"""What worker processes share, and what each has to have for itself."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from nbdeploy_ext.runtime.manifest import ServiceSettings
from tests.runtime.apps import serve, wait_until, write_app
from tests.runtime.workers_app import CELLS, app, post, workers_of

if TYPE_CHECKING:
    from pathlib import Path


THREAD = "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
CONNECTION = """\
import socket
server = socket.create_server(("127.0.0.1", 0))
line = socket.create_connection(server.getsockname())
"""
FILE = "file = open('table', 'w+')\n"
DATABASE = """\
import sqlite3
kept = sqlite3.connect("table")
kept.execute("create table if not exists t (n)")
"""
PROGRAM = "import subprocess\nprogram = subprocess.Popen(['cat'], stdin=-1, stdout=-1)\n"
SESSION = """\
import asyncio

class Session:
    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()

await asyncio.sleep(0)
session = Session()

async def ask() -> int:
    done = session.loop.create_future()
    session.loop.call_later(0.01, done.set_result, 7)
    return await done
"""
LOCK = """\
import asyncio
lock = asyncio.Lock()

async def ask() -> int:
    async def wait() -> int:
        async with lock:
            await asyncio.sleep(0.01)
            return 7
    return (await asyncio.gather(wait(), wait()))[0]
"""
TASK = "import asyncio\nawait asyncio.sleep(0)\ntask = asyncio.ensure_future(asyncio.sleep(600))\n"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (THREAD, "threads run"),
        (CONNECTION, "connections are open"),
        (TASK, "tasks run"),
        (FILE, "files are open (table)"),
        (DATABASE, "files are open (table)"),
        (PROGRAM, "connections are open"),
    ],
)
def test_what_processes_can_not_share_is_loaded_in_each(tmp_path, cell, reason) -> None:
    with serve(app(tmp_path / "app", cells=CELLS + cell)) as running:
        assert running.events[0]["event"] == "ready"
        assert reason in running.logged("loads the notebook for itself")["message"]
        workers_of(running)
        # Once to find out, and once in each worker
        assert (tmp_path / "app" / "loaded").read_text() == "xxx"
        victim = workers_of(running).pop()
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in workers_of(running))
    assert running.process.returncode == 0


def test_a_cell_that_fails_in_each_worker_stops_the_start(tmp_path) -> None:
    cells = CELLS + THREAD + "if os.path.getsize('loaded') > 1:\n    raise ValueError('no more')\n"
    with serve(app(tmp_path / "app", cells=cells)) as running:
        assert running.process.returncode == 1
    event = running.events[0]
    assert (event["event"], event["cell"], event["message"]) == (
        "failed", "cells", "ValueError: no more",
    )  # fmt: skip


@pytest.mark.parametrize(("cell", "kind"), [(SESSION, "Session"), (LOCK, "Lock")])
def test_what_belongs_to_the_event_loop_belongs_to_each_workers_own(tmp_path, cell, kind) -> None:
    folder = write_app(
        tmp_path / "app", ("cells", "production", CELLS + cell),
        endpoints={"ask": [{}], "who": []}, service=ServiceSettings(workers=2),
    )  # fmt: skip
    with serve(folder) as running:
        workers_of(running)
        assert [post(running, "ask").json() for _ in range(6)] == [7] * 6
        assert f"event loop ({kind})" in running.logged("loads the notebook for itself")["message"]


SHARED = """\
import asyncio, logging, mmap, multiprocessing
await asyncio.sleep(0)
lock = asyncio.Lock()
done = asyncio.ensure_future(asyncio.sleep(0))
await done
logging.getLogger("own").addHandler(logging.FileHandler("log"))
with open("table", "w") as file:
    file.write("0123")
with open("table", "rb") as file:
    table = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
counted = multiprocessing.Array("i", 3)
devices = open("/dev/null"), open("/dev/urandom", "rb")
"""


def test_files_that_processes_may_share_are_no_reason_to_load_in_each(tmp_path) -> None:
    with serve(app(tmp_path / "app", cells=CELLS + SHARED)) as running:
        workers_of(running)
        assert (tmp_path / "app" / "loaded").read_text() == "x"


LOOKUP = """import os, pathlib, time
pathlib.Path("table").write_bytes(b"".join(n.to_bytes(8, "little") for n in range(500)))
table = open("table", "rb")

def look(n: int) -> list:
    table.seek(8 * n)
    time.sleep(0.001)
    return [os.getpid(), int.from_bytes(table.read(8), "little")]
"""


def test_workers_read_an_open_file_each_at_their_own_place(tmp_path) -> None:
    with serve(app(tmp_path / "app", cells=LOOKUP, names=("look",))) as running:

        def look(number: int) -> tuple[int, bool]:
            worker, found = post(running, "look", n=number).json()
            return worker, found == number

        with ThreadPoolExecutor(8) as threads:
            found = set(threads.map(look, range(500)))
    assert len(found) == 2
    assert all(is_right for _, is_right in found)


RANDOM = """\
import os, random
import numpy as np
{seeds}
generator = np.random.default_rng({seed})
own = random.Random({seed})

def draw() -> list:
    return [os.getpid(), random.random(), float(np.random.rand()), float(generator.random()),
            own.random()]
"""


def drawn(folder: Path, cells: str) -> dict[int, tuple[float, ...]]:
    """Return the first numbers of each worker, in the order in which workers were begun."""
    with serve(app(folder, cells=cells, names=("draw",))) as running:
        found: dict[int, tuple[float, ...]] = {}

        def ask() -> bool:
            pid, *numbers = post(running, "draw").json()
            found.setdefault(pid, tuple(numbers))
            return len(found) == 2

        wait_until(ask)
    return dict(sorted(found.items()))


@pytest.mark.parametrize("more", ["", "import threading, time\n" + THREAD], ids=["shared", "each"])
def test_workers_draw_numbers_of_their_own_and_the_same_again_where_cells_seed(
    tmp_path, more
) -> None:
    seeded = more + RANDOM.format(seeds="random.seed(1)\nnp.random.seed(2)", seed=3)
    first, second = drawn(tmp_path / "a", seeded).values()
    assert all(a != b for a, b in zip(first, second, strict=True))
    assert list(drawn(tmp_path / "b", seeded).values()) == [first, second]
    free = drawn(tmp_path / "c", more + RANDOM.format(seeds="", seed="")).values()
    numbers = [number for worker in (first, second, *free) for number in worker]
    assert len(set(numbers)) == len(numbers)


ALGEBRA = """\
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
rows = np.random.default_rng(1).random((2000, 8))
matrix = rows[:500].T @ rows[:500]
model = HistGradientBoostingClassifier(max_iter=3).fit(rows, rows[:, 0] > 0.5)

def score() -> list:
    product = rows @ rows.T
    return [int(model.predict(rows).sum()), float(product.sum()) > 0]

async def score_on_loop() -> int:
    return int(model.predict(rows).sum())
"""


def test_linear_algebra_and_openmp_go_on_in_workers(tmp_path) -> None:
    folder = app(tmp_path / "app", cells=ALGEBRA, names=("score", "score_on_loop"))
    with serve(folder, OMP_NUM_THREADS="2", OPENBLAS_NUM_THREADS="2") as running:
        answers = [post(running, "score").json() for _ in range(6)]
        assert answers[0][0] in range(900, 1100)
        assert answers == [answers[0]] * 6
        assert post(running, "score_on_loop").json() == answers[0][0]
