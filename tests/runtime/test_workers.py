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

from nbdeploy_ext.runtime.manifest import AlertSettings, ServiceSettings
from tests.runtime.apps import Running, refuses, serve, wait_until, write_app
from tests.runtime.receivers import webhook
from tests.runtime.workers_app import CELLS, app, post, samples, url_of, workers_of

if TYPE_CHECKING:
    from collections.abc import Callable


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
