"""The process: what stops its start, how it ends, and two versions on one port."""

from __future__ import annotations

import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from nbdeploy_ext.runtime.manifest import ServiceSettings
from tests.runtime.apps import refuses, serve, wait_until, write_app

CELLS = """\
import asyncio, pathlib, time
begun = 0

def work(x: int) -> int:
    global begun
    begun += 1
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    return x

def hang() -> None:
    time.sleep(60)

async def wait_begun() -> int:
    while not begun:
        await asyncio.sleep(0.01)
    return begun

def ratio(a: float, b: float = 0) -> float:
    return helper(a, b)

def helper(a, b):
    return a / b

async def later(b: float) -> float:
    await asyncio.sleep(0)
    return 1 / b

def stream(b: float):
    yield 1 / b

def leave() -> None:
    raise SystemExit(3)

def listed(value: list) -> int:
    return value
"""


def line_of(text: str) -> int:
    return next(n for n, line in enumerate(CELLS.splitlines(), 1) if text in line)


@pytest.mark.parametrize(
    ("name", "example", "line", "message"),
    [
        ("ratio", {"a": 1, "b": 0}, "return a / b", "ZeroDivisionError"),
        ("later", {"b": 0}, "return 1 / b", "ZeroDivisionError"),
        ("stream", {"b": 0}, "yield 1 / b", "ZeroDivisionError"),
        ("leave", {}, "raise SystemExit(3)", "SystemExit"),
        ("listed", {"value": [1]}, None, "the result is not as hinted"),
    ],
)
def test_an_example_that_fails_stops_the_start(tmp_path, name, example, line, message) -> None:
    folder = write_app(
        tmp_path / "app", ("calls", "production", CELLS), endpoints={name: [example]}
    )
    running = serve(folder)
    assert running.stop() == 1
    event = running.events[0]
    assert (event["event"], event["cell"]) == ("failed", "calls")
    assert event["line"] == (line and line_of(line))
    assert event["message"].startswith(f"an example call of {name}: ")
    assert message in event["message"]


def test_an_example_of_wrong_arguments_stops_nothing(start) -> None:
    running = start(("calls", "production", CELLS), endpoints={"ratio": [{"a": "no number"}]})
    assert running.events[0]["event"] == "ready"


def test_a_function_that_is_not_there_stops_the_start(tmp_path) -> None:
    folder = write_app(tmp_path / "a", ("calls", "production", CELLS), endpoints={"gone": []})
    running = serve(folder)
    assert running.stop() == 1
    assert "no function gone" in running.events[0]["message"]


def test_a_port_in_use_stops_the_start(tmp_path) -> None:
    folder = write_app(tmp_path / "a", ("calls", "production", CELLS), endpoints={"ratio": []})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        running = serve(folder, port=taken.getsockname()[1])
        assert running.stop() == 1
    assert "Address already in use" in running.events[0]["message"]


def begin(folder, **more: Any):
    names = ("work", "hang", "wait_begun", "ratio")
    return write_app(
        folder, ("calls", "production", CELLS), endpoints={n: [] for n in names}, **more
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_the_running_call_end(tmp_path, number) -> None:
    folder = begin(tmp_path / "app")
    with serve(folder) as running, ThreadPoolExecutor(1) as pool:
        call = pool.submit(running.client.post, "/work", json={"x": 7})
        running.client.post("/wait_begun", json={})
        running.process.send_signal(number)
        wait_until(lambda: refuses(running.events[0]["port"]))
        (folder / "go").touch()
        assert call.result().json() == 7
    assert running.stop() == 0


def test_a_call_over_its_time_does_not_delay_a_stop(tmp_path) -> None:
    with serve(begin(tmp_path / "app", service=ServiceSettings(timeout=0.2))) as running:
        assert running.client.post("/hang", json={}).status_code == 504
        begun = time.monotonic()
    assert running.process.returncode == 0
    assert time.monotonic() - begun < 8
    assert running.logged("still running and is dropped")["level"] == "warning"


def test_a_stop_without_calls_is_no_failure(tmp_path) -> None:
    running = serve(begin(tmp_path / "app"))
    assert running.stop() == 0
    assert running.log == []


def test_two_versions_share_a_port_while_one_takes_over(tmp_path) -> None:
    folder = begin(tmp_path / "app")
    with serve(folder, NBDEPLOY_VERSION="1") as old:
        port = old.events[0]["port"]
        with serve(folder, port, NBDEPLOY_VERSION="2") as new:
            assert (old.stop(), new.events[0]["port"]) == (0, port)
            assert {version_of(port) for _ in range(20)} == {2}
    assert new.process.returncode == 0


def version_of(port: int) -> int:
    # A connection of its own each time
    return int(httpx.get(f"http://127.0.0.1:{port}/version", trust_env=False).json()["version"])


LOADED = """\
def loaded() -> list[str]:
    import sys
    return list(sys.modules)
"""
NOT_AT_ONCE = {
    "apprise", "configparser", "csv", "email", "http", "httpx", "jinja2", "logging.config",
    "nbdeploy_runtime.answers", "nbdeploy_runtime.bodies", "numpy", "opentelemetry", "pandas",
    "pickle", "prometheus_client", "psycopg", "pyarrow", "pydantic", "sqlite3", "starlette",
    "tempfile", "unittest", "xml.etree.ElementTree",
}  # fmt: skip


def test_a_service_imports_nothing_that_its_first_call_does_not_need(start) -> None:
    running = start(("c", "production", LOADED), endpoints={"loaded": []})
    found = set(running.client.post("/loaded").json())
    assert found & NOT_AT_ONCE == set()
    assert {"nbdeploy_runtime.batch", "nbdeploy_runtime.gate"}.isdisjoint(found)


SLACK = """\
import pathlib

def slack() -> int:
    return int(pathlib.Path("/proc/self/timerslack_ns").read_text())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how late it may wake up")
@pytest.mark.parametrize("workers", [1, 2])
def test_the_loop_wakes_up_when_its_wait_is_over(start, workers) -> None:
    settings = ServiceSettings(workers=workers)
    running = start(("calls", "production", SLACK), endpoints={"slack": []}, service=settings)
    assert running.client.post("/slack").json() == 1
