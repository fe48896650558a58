"""Worker processes: loaded once, shared, replaced when they end, and counted as one service."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from nbdeploy_ext.runtime.manifest import AlertSettings, ServiceSettings
from tests.runtime.apps import Running, refuses, serve, wait_until, write_app
from tests.runtime.receivers import webhook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CELLS = """\
import os, pathlib, threading, time
with open("loaded", "a") as file:
    file.write("x")

def who() -> int:
    return os.getpid()

def double(x: int) -> int:
    return 2 * x

def wait() -> int:
    pathlib.Path("begun").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    return 7

def leave(status: int) -> None:
    os._exit(status)

def fall() -> None:
    import ctypes
    ctypes.string_at(0)

def fail() -> None:
    raise ValueError
"""
NAMES = ("who", "double", "wait", "leave", "fall", "fail")


def app(folder: Path, *more: tuple[str, str, str], cells: str = CELLS, **settings: Any) -> Path:
    names = settings.pop("names", NAMES)
    return write_app(
        folder, ("cells", "production", cells), *more, endpoints={name: [] for name in names},
        service=ServiceSettings(workers=settings.pop("workers", 2)), **settings,
    )  # fmt: skip


def url_of(running: Running) -> str:
    return f"http://127.0.0.1:{running.events[0]['port']}"


def post(running: Running, name: str, **arguments: Any) -> httpx.Response:
    """Ask on a connection of its own, so that any worker may take it."""
    return httpx.post(f"{url_of(running)}/{name}", json=arguments, trust_env=False, timeout=30)


def workers_of(running: Running, count: int = 2) -> set[int]:
    """Ask until all workers have answered."""
    found: set[int] = set()

    def ask() -> bool:
        found.add(post(running, "who").json())
        return len(found) >= count

    wait_until(ask)
    return found


def samples(running: Running) -> dict[str, float]:
    text = httpx.get(f"{url_of(running)}/metrics", trust_env=False).text
    families = text_string_to_metric_families(text)
    return {
        ",".join([sample.name, *sample.labels.values()]): sample.value
        for family in families
        for sample in family.samples
    }


def test_all_workers_answer_what_was_loaded_once(tmp_path) -> None:
    with serve(app(tmp_path / "app")) as running:
        found = workers_of(running)
        assert running.process.pid not in found
        assert (tmp_path / "app" / "loaded").read_text() == "x"
        assert samples(running)["nbdeploy_workers_ready"] == 2
        probes = [httpx.get(f"{url_of(running)}/readyz").status_code for _ in range(8)]
        assert set(probes) == {200}
    assert running.process.returncode == 0
    assert not any(map(psutil.pid_exists, found))


@pytest.mark.parametrize(
    ("name", "arguments", "how"),
    [("leave", {"status": 3}, 3), ("leave", {"status": 0}, 0), ("fall", {}, -signal.SIGSEGV)],
)
def test_a_worker_that_ends_is_replaced_and_told(tmp_path, name, arguments, how) -> None:
    with serve(app(tmp_path / "app")) as running:
        before = workers_of(running)
        with pytest.raises(httpx.RemoteProtocolError):
            post(running, name, **arguments)
        line = running.logged("is replaced")
        assert (line["exit_status"], line["worker"] in {0, 1}) == (how, True)
        wait_until(lambda: samples(running)["nbdeploy_workers_ready"] == 2)
        assert len(workers_of(running) - before) == 1
        assert samples(running)["nbdeploy_worker_restarts_total"] == 1
        assert (tmp_path / "app" / "loaded").read_text() == "x"


def kill_one(running: Running, nth: int, answered: Callable[[], int]) -> None:
    """Kill a worker between answers, and wait for the next one in its place."""
    # Asked over HTTP the one with more connections would hardly ever answer
    victim = psutil.Process(running.process.pid).children()[nth % 2].pid
    enough = answered() + 50
    wait_until(lambda: answered() > enough)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: samples(running)["nbdeploy_worker_restarts_total"] == nth)


def test_killed_workers_under_load_cost_no_answer_but_their_own(tmp_path) -> None:
    with serve(app(tmp_path / "app")) as running:
        ended = threading.Event()
        counts = {"right": 0, "wrong": 0, "lost": 0}
        lock = threading.Lock()

        def ask(first: int) -> None:
            with httpx.Client(base_url=url_of(running), trust_env=False, timeout=30) as client:
                x = first
                while not ended.is_set():
                    x += 1
                    try:
                        outcome = client.post("/double", json={"x": x}).json() == 2 * x
                        kind = "right" if outcome else "wrong"
                    except httpx.TransportError:
                        kind = "lost"
                    with lock:
                        counts[kind] += 1

        with ThreadPoolExecutor(4) as pool:
            for n in range(4):
                pool.submit(ask, n * 1_000_000)
            try:
                for killed in (1, 2, 3):
                    kill_one(running, killed, lambda: counts["right"])
            finally:
                ended.set()
        assert counts["wrong"] == 0
        # A worker takes one call of each connection at a time
        assert counts["lost"] <= 3 * 4
        booked = samples(running)["nbdeploy_requests_total,double,200"]
        assert counts["right"] <= booked <= counts["right"] + counts["lost"]
        found = samples(running)
        assert found["nbdeploy_request_duration_seconds_count,double"] == booked
        assert found["nbdeploy_requests_in_flight"] == 0


def test_numbers_are_sums_and_outlive_the_worker_that_counted(tmp_path) -> None:
    with serve(app(tmp_path / "app")) as running:
        workers = workers_of(running)
        asked = samples(running)["nbdeploy_requests_total,who,200"]
        for x in range(20):
            post(running, "double", x=x)
        post(running, "fail")
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: samples(running)["nbdeploy_worker_restarts_total"] == 2)
        found = samples(running)
        assert found["nbdeploy_requests_total,who,200"] == asked
        assert found["nbdeploy_requests_total,double,200"] == 20
        assert found["nbdeploy_request_duration_seconds_bucket,double,+Inf"] == 20
        assert found["nbdeploy_errors_total,cells"] == 1


def test_every_worker_tells_all_calls(tmp_path) -> None:
    with serve(app(tmp_path / "app")) as running:
        workers_of(running)
        for x in range(30):
            post(running, "double", x=x)
            # Whichever worker answers this has to know of the call that another one took
            (last,) = httpx.get(f"{url_of(running)}/calls?limit=1", trust_env=False).json()
            assert last["inputs"] == {"x": x}


def test_monitors_run_in_one_process_and_see_all_calls(tmp_path) -> None:
    watch = ("watch", "monitor", "{'calls': len(calls), 'pid': os.getpid()}")
    with serve(app(tmp_path / "app", watch, monitors_every=0.05)) as running:
        workers = workers_of(running)
        seen = len(httpx.get(f"{url_of(running)}/calls?limit=1000").json())

        def told() -> Any:
            return httpx.get(f"{url_of(running)}/monitors").json()[0]

        wait_until(lambda: told()["state"] == "ok" and told()["value"]["calls"] == seen)
        pid = told()["value"]["pid"]
        assert pid not in {*workers, running.process.pid}
        assert {told()["value"]["pid"] for _ in range(10)} == {pid}
        found = samples(running)
        assert found["nbdeploy_monitor_value,calls,watch"] == seen
        runs = told()["runs"]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: told()["value"]["pid"] != pid)
        assert told()["runs"] > runs


def test_a_failure_is_told_once_by_whatever_process_runs_the_monitors(tmp_path) -> None:
    watch = ("watch", "monitor", "assert False, 'pid %d' % os.getpid()")
    with webhook() as hook:
        alerts = AlertSettings(channels=(hook.url,), cooldown=0.01)
        with serve(app(tmp_path / "app", watch, monitors_every=0.05, alerts=alerts)) as running:

            def told() -> Any:
                return httpx.get(f"{url_of(running)}/monitors").json()[0]

            wait_until(lambda: hook.texts)
            runs = told()["runs"]
            wait_until(lambda: told()["runs"] > runs + 2)
            first = told()["message"]
            os.kill(int(first.split()[1]), signal.SIGKILL)
            wait_until(lambda: told()["message"] != first)
            runs = told()["runs"]
            wait_until(lambda: told()["runs"] > runs + 5)
        assert len(hook.texts) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_the_running_calls_end(tmp_path, number) -> None:
    with serve(app(tmp_path / "app")) as running, ThreadPoolExecutor(1) as pool:
        call = pool.submit(post, running, "wait")
        wait_until((tmp_path / "app" / "begun").exists)
        running.process.send_signal(number)
        wait_until(lambda: refuses(running.events[0]["port"]))
        (tmp_path / "app" / "go").touch()
        assert call.result().json() == 7
    assert running.process.returncode == 0


def test_workers_end_with_their_parent(tmp_path) -> None:
    with serve(app(tmp_path / "app")) as running:
        workers = workers_of(running)
        running.process.kill()
        wait_until(lambda: not any(map(psutil.pid_exists, workers)))


def test_an_example_that_fails_stops_the_start(tmp_path) -> None:
    folder = write_app(
        tmp_path / "app", ("cells", "production", CELLS), endpoints={"fail": [{}]},
        service=ServiceSettings(workers=2),
    )  # fmt: skip
    with serve(folder) as running:
        assert running.process.returncode == 1
    assert (running.events[0]["event"], running.events[0]["line"]) == ("failed", 25)


def test_a_worker_that_never_gets_ready_stops_the_start(tmp_path) -> None:
    cells = "import os\nos.register_at_fork(after_in_child=lambda: os._exit(9))\n" + CELLS
    with serve(app(tmp_path / "app", cells=cells)) as running:
        assert running.process.returncode == 1
    assert "ended before it was ready (status 9)" in running.events[0]["message"]


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


def test_workers_share_connections_evenly_while_they_last(tmp_path) -> None:
    with serve(app(tmp_path / "app")) as running, ExitStack() as stack:
        found: list[int] = []
        for _ in range(20):
            client = httpx.Client(base_url=url_of(running), trust_env=False, timeout=30)
            found.append(stack.enter_context(client).post("/who", json={}).json())
    counts = sorted(map(found.count, set(found)))
    # Two at once may still find the same worker the emptier one
    assert counts[0] >= 8
    assert sum(counts) == 20
