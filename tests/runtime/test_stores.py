"""Where calls are kept: what outlives a process, what is forgotten, and what a store may do."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from nbdeploy_ext.runtime.calls import WAITING, Call, CallLog, Kept, StoreFailed
from nbdeploy_ext.runtime.manifest import CallSettings, ServiceSettings
from nbdeploy_ext.runtime.postgres_store import PostgresStore
from nbdeploy_ext.runtime.shared import Numbers
from nbdeploy_ext.runtime.sqlite_store import SqliteStore
from tests.runtime.apps import Running, serve, wait_until, write_app
from tests.runtime.databases import PASSWORD, Server, postgres

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CELLS = """\
def double(x: int) -> int:
    return 2 * x

def echo(text: str) -> str:
    return text
"""
COUNTED = {"logged": 1, "written": 1, "dropped": 1}


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    with postgres() as server:
        yield server


def app(folder: Path, workers: int = 1, name: str = "loan", **settings: Any) -> Path:
    return write_app(
        folder, ("cells", "production", CELLS), endpoints={"double": [], "echo": []}, name=name,
        service=ServiceSettings(workers=workers), calls=CallSettings(**settings),
    )  # fmt: skip


def calls_of(running: Running, limit: int = 1000) -> list[dict[str, Any]]:
    answer = running.client.get(f"/calls?limit={limit}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def inputs_of(running: Running) -> list[Any]:
    return [call["inputs"]["x"] for call in calls_of(running)]


def double(running: Running, *numbers: int) -> None:
    for x in numbers:
        assert running.client.post("/double", json={"x": x}).json() == 2 * x


def test_calls_in_a_file_outlive_service_and_version(tmp_path) -> None:
    folder, state = app(tmp_path / "app"), str(tmp_path / "state")
    with serve(folder, NBDEPLOY_STATE=state, NBDEPLOY_VERSION="1") as first:
        double(first, 1, 2)
    with serve(folder, NBDEPLOY_STATE=state, NBDEPLOY_VERSION="2") as second:
        double(second, 3)
        calls = calls_of(second)
    assert [(call["inputs"]["x"], call["output"], call["version"]) for call in calls] == [
        (1, 2, 1), (2, 4, 1), (3, 6, 2),
    ]  # fmt: skip
    with closing(sqlite3.connect(f"{state}/calls.sqlite")) as connection, connection:
        rows = connection.execute("SELECT endpoint, status, inputs FROM calls").fetchall()
    assert rows[0] == ("double", 200, '{"x":1}')


def test_a_file_forgets_the_oldest_calls(tmp_path) -> None:
    with serve(app(tmp_path / "app", keep=3), NBDEPLOY_STATE=str(tmp_path / "state")) as running:
        double(running, 1, 2, 3, 4, 5)
        assert inputs_of(running) == [3, 4, 5]


def test_two_versions_write_one_file_at_a_time(tmp_path) -> None:
    folder, state = app(tmp_path / "app"), str(tmp_path / "state")
    with (
        serve(folder, NBDEPLOY_STATE=state, NBDEPLOY_VERSION="1") as first,
        serve(folder, NBDEPLOY_STATE=state, NBDEPLOY_VERSION="2") as second,
    ):
        for x in range(20):
            double(first, x)
            double(second, x + 100)
        calls_of(first)  # waits for what it wrote itself
        assert len(calls_of(second)) == 40


def test_a_folder_that_can_not_be_written_keeps_no_service_from_starting(tmp_path) -> None:
    (tmp_path / "state").write_text("a file, no folder")
    with serve(app(tmp_path / "app"), NBDEPLOY_STATE=str(tmp_path / "state")) as running:
        assert running.logged("Calls are kept in memory")["level"] == "warning"
        double(running, 1)
        assert inputs_of(running) == [1]


def test_a_broken_file_is_put_aside(tmp_path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "calls.sqlite").write_bytes(b"no database at all" * 1000)
    with serve(app(tmp_path / "app"), NBDEPLOY_STATE=str(tmp_path / "state")) as running:
        assert running.logged("is broken")["level"] == "warning"
        double(running, 1)
        assert inputs_of(running) == [1]
    assert (tmp_path / "state" / "calls.broken").exists()


def test_a_file_that_others_lock_delays_no_call_and_loses_none(tmp_path) -> None:
    state = tmp_path / "state"
    with serve(app(tmp_path / "app"), NBDEPLOY_STATE=str(state)) as running:
        double(running, 1)
        calls_of(running)
        other = sqlite3.connect(state / "calls.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        double(running, *range(2, 50))
        other.execute("ROLLBACK")
        other.close()
        wait_until(lambda: inputs_of(running) == list(range(1, 50)))


def test_nothing_is_left_of_a_log_in_memory(tmp_path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    with serve(app(tmp_path / "app", workers=2, store="memory"), TMPDIR=str(folder)) as running:
        double(running, 1)
        assert inputs_of(running) == [1]
    assert list(folder.iterdir()) == []


def test_inputs_reach_no_store_where_the_engineer_says_so(tmp_path) -> None:
    state = tmp_path / "state"
    with serve(app(tmp_path / "app", inputs=False), NBDEPLOY_STATE=str(state)) as running:
        running.client.post("/echo", json={"text": 5, "token": "pr1vate"})
        assert calls_of(running)[0]["inputs"] is None
    assert b"pr1vate" not in b"".join(path.read_bytes() for path in state.iterdir())


def test_calls_that_wait_are_written_at_a_stop(tmp_path) -> None:
    folder, state = app(tmp_path / "app"), str(tmp_path / "state")
    with serve(folder, NBDEPLOY_STATE=state) as running:
        double(running, *range(30))
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0
    with serve(folder, NBDEPLOY_STATE=state) as again:
        assert inputs_of(again) == list(range(30))


def test_a_file_holds_no_more_bytes_than_it_may(tmp_path) -> None:
    store = SqliteStore(tmp_path / "calls.sqlite", 10_000, 2**20)
    body = b'"' + b"x" * 20_000 + b'"'
    for n in range(200):
        store.write([Kept(Call(str(n), n, 0, 200, body), None)])
    store.close()
    kept = store.read(None)
    assert kept[-1].call.endpoint == "199"
    assert 10 < len(kept) < 60
    assert (tmp_path / "calls.sqlite").stat().st_size < 2 * 2**20


def test_a_body_that_is_no_text_is_not_kept_and_breaks_nothing(tmp_path) -> None:
    store = SqliteStore(tmp_path / "calls.sqlite", 10, 2**20)
    store.write([Kept(Call("a", 0, 0, 200, b"\xff\xfe", b"\x00"), 1)])
    assert [(k.call.inputs, k.call.output) for k in store.read(None)] == [(None, b"\x00")]
    store.close()


class Slow:
    """A store that takes nothing until it is let."""

    is_instant = False
    keep = 10 * WAITING

    def __init__(self) -> None:
        self.may_go = threading.Event()
        self.kept: list[Kept] = []
        self.asked = threading.Event()

    def write(self, calls: Sequence[Kept]) -> None:
        self.asked.set()
        if not self.may_go.wait(0):
            raise StoreFailed("it is down")
        self.kept += calls

    def read(self, limit: int | None) -> list[Kept]:
        return self.kept

    def close(self) -> None:
        pass

    def discard(self) -> None:
        pass


def test_a_store_that_is_down_costs_the_oldest_calls_and_counts_them() -> None:
    store, numbers = Slow(), Numbers(COUNTED)
    log = CallLog(store, numbers, None, inputs=True)
    for n in range(WAITING + 500):
        log.add(Call(str(n), 0, 0, 200))
    assert store.asked.wait(10)
    wait_until(lambda: numbers.sum("dropped") == 500)
    store.may_go.set()
    log.close(10)
    assert [kept.call.endpoint for kept in store.kept] == [
        str(n) for n in range(500, WAITING + 500)
    ]


def test_a_call_that_the_store_would_have_forgotten_is_not_missing() -> None:
    store, numbers = Slow(), Numbers(COUNTED)
    store.keep = WAITING
    log = CallLog(store, numbers, None, inputs=True)
    for n in range(3 * WAITING):
        log.add(Call(str(n), 0, 0, 200))
    assert store.asked.wait(10)
    store.may_go.set()
    log.close(30)
    assert numbers.sum("dropped") == 0
    assert numbers.sum("written") == numbers.sum("logged") == 3 * WAITING
    told = [int(kept.call.endpoint) for kept in store.kept]
    assert told == list(range(2 * WAITING, 3 * WAITING))


def test_calls_that_wait_are_few_when_they_are_large() -> None:
    store, numbers = Slow(), Numbers(COUNTED)
    log = CallLog(store, numbers, None, inputs=True)
    for n in range(10):
        log.add(Call(str(n), 0, 0, 200, b"x" * 10 * 2**20))
    wait_until(lambda: numbers.sum("dropped") == 4)
    store.may_go.set()
    log.close(10)
    assert [kept.call.endpoint for kept in store.kept] == ["4", "5", "6", "7", "8", "9"]


SECRET: dict[str, Any] = {"store": {"secret": "CALLS_URL"}}


def test_calls_in_a_database_are_of_all_workers_and_outlive_them(tmp_path, database) -> None:
    folder = app(tmp_path / "app", workers=2, name="fraud", keep=30, **SECRET)
    with serve(folder, CALLS_URL=database.url, NBDEPLOY_VERSION="4") as running:
        double(running, *range(40))
        assert inputs_of(running) == list(range(10, 40))
        last = calls_of(running, 1)[0]
        assert (last["endpoint"], last["output"], last["version"]) == ("double", 78, 4)
        told = datetime.fromisoformat(last["time"])
        assert abs((datetime.now(timezone.utc) - told).total_seconds()) < 600
    with serve(folder, CALLS_URL=database.url) as again:
        assert inputs_of(again) == list(range(10, 40))
        # Whatever a caller sends that PostgreSQL has no text for
        assert again.client.post("/echo", json={"text": "a\0b"}).json() == "a\0b"
        assert calls_of(again, 1)[0]["output"] == "a\0b"
    rows = database.ask("SELECT count(*), max(version) FROM nbdeploy_calls WHERE service = 'fraud'")
    assert rows == [(30, 4)]


def test_services_in_one_database_see_their_own_calls(tmp_path, database) -> None:
    first = app(tmp_path / "a", name="one", keep=2, **SECRET)
    second = app(tmp_path / "b", name="two", keep=2, **SECRET)
    with (
        serve(first, CALLS_URL=database.url) as one,
        serve(second, CALLS_URL=database.url) as two,
    ):
        double(one, 1, 2, 3)
        double(two, 7)
        assert (inputs_of(one), inputs_of(two)) == ([2, 3], [7])


def test_a_database_that_goes_and_comes_back_loses_no_call(tmp_path) -> None:
    with postgres() as server:
        folder = app(tmp_path / "app", name="gone", **SECRET)
        with serve(folder, CALLS_URL=server.url) as running:
            double(running, 1)
            assert inputs_of(running) == [1]
            server.stop()
            double(running, *range(2, 20))
            assert running.client.get("/calls").status_code == 503
            server.start()
            wait_until(lambda: running.client.get("/calls").status_code == 200)
            wait_until(lambda: inputs_of(running) == list(range(1, 20)))
            seen = "".join(running.log) + running.client.get("/metrics").text
    assert "The call log can't be written" in seen
    assert "nbdeploy_calls_dropped_total 0.0" in seen
    for secret in (PASSWORD, "writer", str(server.port)):
        assert secret not in "".join(running.log)


def test_a_service_starts_without_its_database(tmp_path) -> None:
    folder = app(tmp_path / "app", **SECRET)
    nowhere = "postgresql://writer:s3cret@127.0.0.1:1/calls"
    with serve(folder, CALLS_URL=nowhere) as running:
        double(running, 1)
        answer = running.client.get("/calls")
        assert answer.status_code == 503
        assert "s3cret" not in answer.text + "".join(running.log)
    assert running.process.returncode == 0


def test_a_store_of_another_kind_stops_the_start_and_is_not_told(tmp_path) -> None:
    with serve(app(tmp_path / "app", **SECRET), CALLS_URL="mysql://me:s3cret@there/x") as running:
        assert running.process.returncode == 1
    assert "PostgreSQL URL" in running.events[0]["message"]
    assert "s3cret" not in running.events[0]["message"] + "".join(running.log)


def test_two_processes_make_the_table_once(database) -> None:
    name = f"race{os.getpid()}"
    stores = [PostgresStore(database.url, name, 100) for _ in range(8)]
    faults: list[Exception] = []

    def write(store: PostgresStore) -> None:
        try:
            store.write([Kept(Call("a", 0, 0, 200), None)])
        except StoreFailed as fault:
            faults.append(fault)
        store.close()

    with psycopg.connect(database.url) as connection:
        connection.execute("DROP TABLE IF EXISTS nbdeploy_calls")
    threads = [threading.Thread(target=write, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(stores[0].read(None)) == 8
