"""Runs that are stopped go on; memory stays bounded; tables at URLs; several processes."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.runtime.apps import command, environment, wait_until, write_app
from tests.runtime.tables import batch, begin_batch, read_rows, write_lines

if TYPE_CHECKING:
    from pathlib import Path

SLOW = """\
import os, time

def work(n: int, seconds: float = 0.0) -> dict:
    time.sleep(seconds)
    if n % 7 == 0:
        raise ValueError("a seventh")
    return {"square": n * n, "process": os.getpid()}
"""
STUBBORN = """\
import time

def stubborn(n: int) -> int:
    try:
        time.sleep(0.02)
    except:
        return -1
    return n
"""
SWALLOWED = """\
import os, signal, time

try:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(1)
except BaseException:
    pass

def same(n: int) -> int:
    return n
"""
ROWS = 400


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resume") / "app"
    return write_app(folder, ("cell", "production", SLOW), endpoints={"work": []})


@pytest.fixture
def table(tmp_path) -> Path:
    rows = [{"n": n, "seconds": 0.005} for n in range(ROWS)]
    return write_lines(tmp_path / "in.jsonl", rows)


def rows_done(output: Path) -> int:
    progress = output.with_name(f"{output.name}.progress")
    return int(json.loads(progress.read_text())["rows"]) if progress.exists() else 0


def stop_behind(process: subprocess.Popen[str], output: Path, rows: int, number: int) -> int:
    """Send a signal once so many rows are done; returns how many really were, and waits."""
    wait_until(lambda: rows_done(output) >= rows, 60)
    process.send_signal(number)
    said, _ = process.communicate(timeout=30)
    assert process.returncode != 0, said
    return rows_done(output)


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    (runner,) = psutil.Process(process.pid).children()
    return runner.children()


def without_process(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "process"} for row in rows]


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl.gz", "out.parquet"])
def test_a_run_that_was_killed_goes_on_and_ends_as_one_that_was_not(app, table, tmp_path, name):
    whole, output = tmp_path / f"whole-{name}", tmp_path / name
    assert batch(app, table, whole).status == 1
    first = begin_batch(app, table, output, "--rows-per-chunk", "20")
    done = stop_behind(first, output, 40, signal.SIGKILL)
    assert 40 <= done < ROWS
    assert not output.exists()
    last = batch(app, table, output, "--rows-per-chunk", "20")
    assert (last.status, last.event["rows"], last.event["failed"]) == (1, ROWS, 58)
    assert without_process(read_rows(output)) == without_process(read_rows(whole))
    by_process = [int(row["process"]) for row in read_rows(output)]
    # The first process made all that it had noted down, and nothing was made twice
    assert by_process.count(by_process[0]) == len([n for n in range(done) if n % 7])
    assert read_rows(tmp_path / f"{name}.errors.jsonl") == read_rows(
        tmp_path / f"whole-{name}.errors.jsonl"
    )
    left = sorted(path.name for path in tmp_path.iterdir())
    assert not [n for n in left if n.endswith((".part", ".progress", ".done"))]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_a_run_that_can_go_on(app, table, tmp_path, number, status):
    output = tmp_path / "out.csv"
    process = begin_batch(app, table, output, "--rows-per-chunk", "20", "--workers", "2")
    wait_until(lambda: rows_done(output) >= 40, 60)
    children = workers_of(process)
    assert len(children) == 2
    process.send_signal(number)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == status
    assert json.loads(said.splitlines()[-1])["event"] == "stopped"
    assert not psutil.wait_procs(children, timeout=10)[1]
    last = batch(app, table, output)
    assert (last.event["rows"], last.event["failed"]) == (ROWS, 58)
    assert [int(row["n"]) for row in read_rows(output)] == [n for n in range(ROWS) if n % 7]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_function_that_swallows_the_signal_stops_too(table, tmp_path, number):
    cell = ("cell", "production", STUBBORN)
    app = write_app(tmp_path / "app", cell, endpoints={"stubborn": []})
    output = tmp_path / "out.csv"
    process = begin_batch(app, table, output, "--rows-per-chunk", "10")
    assert stop_behind(process, output, 20, number) < ROWS
    assert process.returncode == 128 + number
    assert batch(app, table, output).status == 0
    assert [int(row["stubborn"]) for row in read_rows(output)] == list(range(ROWS))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_that_a_cell_swallows_while_it_is_loaded_stops_the_run(table, tmp_path, workers):
    app = write_app(tmp_path / "app", ("cell", "production", SWALLOWED), endpoints={"same": []})
    done = batch(app, table, tmp_path / "out.csv", "--workers", workers)
    assert (done.status, done.event["event"]) == (143, "stopped")
    assert not (tmp_path / "out.csv").exists()


def test_workers_share_the_rows_and_keep_their_order(app, table, tmp_path):
    output = tmp_path / "out.jsonl"
    done = batch(app, table, output, "--workers", "3", "--rows-per-chunk", "10")
    assert (done.status, done.event["failed"]) == (1, 58)
    rows = read_rows(output)
    assert [row["n"] for row in rows] == [n for n in range(ROWS) if n % 7]
    assert len({row["process"] for row in rows}) > 1


def test_a_worker_that_is_killed_ends_the_run_which_can_go_on(app, table, tmp_path):
    output = tmp_path / "out.jsonl"
    process = begin_batch(app, table, output, "--workers", "2", "--rows-per-chunk", "10")
    wait_until(lambda: rows_done(output) >= 20, 60)
    workers_of(process)[0].kill()
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "worker process was ended" in json.loads(said.splitlines()[-1])["message"]
    assert batch(app, table, output).event["rows"] == ROWS
    assert len(read_rows(output)) == ROWS - 58


def test_workers_end_with_a_run_that_was_killed(app, table, tmp_path):
    output = tmp_path / "out.jsonl"
    process = begin_batch(app, table, output, "--workers", "2", "--rows-per-chunk", "10")
    wait_until(lambda: rows_done(output) >= 20, 60)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    assert not psutil.wait_procs(children, timeout=10)[1]


def stopped(app: Path, table: Path, output: Path) -> None:
    process = begin_batch(app, table, output, "--rows-per-chunk", "20")
    stop_behind(process, output, 40, signal.SIGKILL)


def test_a_run_refuses_to_go_on_with_another_input(app, table, tmp_path):
    output = tmp_path / "out.csv"
    stopped(app, table, output)
    text = table.read_text().replace('{"n": 5,', '{"n": 6,')
    table.write_text(text)
    refused = batch(app, table, output)
    assert refused.status == 1
    assert "the input changed. --restart begins anew" in refused.event["message"]
    again = batch(app, table, output, "--restart")
    assert (again.event["rows"], len(read_rows(output))) == (ROWS, ROWS - 58)


def test_a_run_refuses_to_go_on_with_another_notebook(app, table, tmp_path):
    output = tmp_path / "out.csv"
    stopped(app, table, output)
    other = write_app(tmp_path / "other", ("cell", "production", SLOW.replace("n * n", "n")),
                      endpoints={"work": []})  # fmt: skip
    refused = batch(other, table, output, "--resume")
    assert refused.status == 1
    assert "the notebook, its values or parameters changed" in refused.event["message"]


def test_a_run_refuses_to_go_on_without_what_it_had_written(app, table, tmp_path):
    output = tmp_path / "out.csv"
    stopped(app, table, output)
    (tmp_path / "out.csv.part").unlink()
    refused = batch(app, table, output)
    assert refused.status == 1
    assert "is not as it was left; --restart" in refused.event["message"]
    (tmp_path / "out.csv.progress").write_text("{")
    assert "can't be read; --restart" in batch(app, table, output).event["message"]


def test_two_runs_do_not_write_the_same_output(app, table, tmp_path):
    output = tmp_path / "out.csv"
    process = begin_batch(app, table, output, "--rows-per-chunk", "20")
    wait_until(lambda: rows_done(output) >= 20, 60)
    assert "Another run writes" in batch(app, table, output).event["message"]
    said, _ = process.communicate(timeout=60)
    assert json.loads(said.splitlines()[-1])["rows"] == ROWS


def test_a_run_that_ended_behind_its_last_row_is_only_published(app, table, tmp_path):
    output, kept = tmp_path / "out.csv", tmp_path / "kept"
    stopped(app, table, output)
    journal = json.loads((tmp_path / "out.csv.progress").read_text())
    batch(app, table, output)
    whole = output.read_bytes()
    output.rename(tmp_path / "out.csv.part")
    kept.write_text(json.dumps({**journal, "rows": ROWS, "output": len(whole), "complete": True}))
    kept.rename(tmp_path / "out.csv.progress")
    assert batch(app, table, output).event["rows"] == ROWS
    assert output.read_bytes() == whole


def test_an_old_output_gives_way_to_an_empty_one_that_was_not_published_yet(app, tmp_path):
    rows = [{"n": 7 * n, "seconds": 0.005} for n in range(ROWS)]
    table, output = write_lines(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    stopped(app, table, output)
    progress = tmp_path / "out.jsonl.progress"
    journal = json.loads(progress.read_text())
    progress.write_text(json.dumps({**journal, "rows": ROWS, "failed": ROWS, "complete": True}))
    output.write_text("of another day\n")
    assert batch(app, table, output).event["failed"] == ROWS
    assert output.read_bytes() == b""


def test_a_complete_output_of_which_less_is_left_is_not_published(app, table, tmp_path):
    output = tmp_path / "out.csv"
    stopped(app, table, output)
    progress = tmp_path / "out.csv.progress"
    journal = json.loads(progress.read_text())
    progress.write_text(json.dumps({**journal, "rows": ROWS, "complete": True}))
    os.truncate(tmp_path / "out.csv.part", 10)
    assert "not as it was left; --restart" in batch(app, table, output).event["message"]
    assert not output.exists()


PEAK = """\
import atexit, sys
from pathlib import Path
def tell():
    lines = Path("/proc/self/status").read_text().splitlines()
    print(next(line for line in lines if line.startswith("VmHWM")), file=sys.__stderr__)
atexit.register(tell)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out.csv", "out.jsonl.gz"])
def test_memory_does_not_grow_with_the_table(app, tmp_path, name):
    peaks = []
    for count in (3_000, 300_000):
        table = tmp_path / f"{count}.csv"
        with table.open("w") as file:
            file.write("n,text\n")
            file.writelines(f"{7 * n + 1},{'x' * 100}\n" for n in range(count))
        files = ["--input", str(table), "--output", str(tmp_path / f"{count}-{name}")]
        done = subprocess.run(
            [sys.executable, "-c", PEAK + command()[2], "batch", *files], cwd=app, check=True,
            env=environment(app), capture_output=True, text=True, timeout=200,
        )  # fmt: skip
        assert json.loads(done.stdout.splitlines()[-1])["rows"] == count
        said = [line.split() for line in done.stderr.splitlines() if line.startswith("VmHWM")]
        peaks.append(max(int(kilobytes) for _, kilobytes, _ in said))
    assert peaks[1] < peaks[0] + 16 * 1024  # KiB; the table has 33 MB


@pytest.fixture
def remote(tmp_path) -> str:
    # fsspec's local files: a file system that is reached through fsspec alone
    (tmp_path / "bucket").mkdir()
    return f"local://{tmp_path / 'bucket'}"


def test_tables_at_urls_are_read_and_written(app, table, tmp_path, remote):
    bucket = tmp_path / "bucket"
    table.rename(bucket / "in.jsonl")
    for name in ("out.csv", "out.parquet"):
        done = batch(app, f"{remote}/in.jsonl", f"{remote}/{name}")
        assert (done.event["rows"], done.event["failed"]) == (ROWS, 58)
        assert done.event["output"] == f"{remote}/{name}"
        assert len(read_rows(bucket / name)) == ROWS - 58
        assert len(read_rows(bucket / f"{name}.errors.jsonl")) == 58
    assert len(list(bucket.iterdir())) == 5


def test_a_file_url_is_a_path(app, table, tmp_path):
    done = batch(app, f"file://{table}", f"file://{tmp_path}/out.csv")
    assert done.event["rows"] == ROWS
    assert len(read_rows(tmp_path / "out.csv")) == ROWS - 58


MEMORY = """\
import sys
from pathlib import Path
sys.path.pop(0)
import fsspec
from fsspec.implementations.memory import MemoryFileSystem
from nbdeploy_runtime.batch import writer
from nbdeploy_runtime.batch.command import _read_options, _run_told
from nbdeploy_runtime.batch.news import News
writer._OBJECT_BYTES = 1  # an object a chunk
class Store(MemoryFileSystem):
    protocol = "store"
    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("store://", "memory://"))
fsspec.register_implementation("store", Store)
files = fsspec.filesystem("store")
files.pipe_file("/in.jsonl", b"".join(b'{"n": %d}\\n' % n for n in range(100)))
options = ["--input", "store://in.jsonl", "--output", "store://out.csv"]
import nbdeploy_runtime.batch.run as run
calls = []
def failing(caller, chunks, workers):
    for n, done in enumerate(whole(caller, chunks, workers)):
        yield done
        if n == 4 and not calls:
            calls.append(n)
            raise OSError("the network is gone")
whole, run.run_chunks = run.run_chunks, failing
def run_here():  # a process of its own would have a memory of its own
    return _run_told(Path.cwd(), _read_options([*options, "--rows-per-chunk", "10"]), News())
first = run_here()
between = sorted(files.find("/"))
second = run_here()
print(first, second, between, sorted(files.find("/")), file=sys.__stderr__)
print(files.cat_file("/out.csv").decode(), file=sys.__stderr__)
"""


def test_a_run_on_an_object_store_goes_on(app):
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], cwd=app, env=environment(app), capture_output=True,
        text=True, check=True, timeout=60,
    )  # fmt: skip
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    head = next(n for n, line in enumerate(lines) if line.startswith("1 1 ["))
    assert "/out.csv.part/00000002" in lines[head]
    assert lines[head].endswith("['/in.jsonl', '/out.csv', '/out.csv.errors.jsonl']")
    assert lines[head + 1] == "n,square,process"
    assert [int(line.split(",")[0]) for line in lines[head + 2 :]] == [
        n for n in range(100) if n % 7
    ]


def test_a_bar_shows_on_a_terminal(app, table, tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("batch", "--input", str(table), "--output", str(tmp_path / "o.csv")), cwd=app,
        env=environment(app, TERM="xterm"), stdout=theirs, stderr=theirs, stdin=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += (read := os.read(ours, 4096))
        except OSError:
            break
        if not read:
            break
    os.close(ours)
    assert process.wait(30) == 1
    assert b"100%" in shown
    assert b"400 rows, 58 failed" in shown
    assert shown.rstrip().splitlines()[-1].startswith(b"400 rows in ")


def test_progress_is_events_where_there_is_no_terminal(app, table, tmp_path):
    with begin_batch(app, table, tmp_path / "out.csv", "--rows-per-chunk", "50") as process:
        said, _ = process.communicate(timeout=60)
    events = [json.loads(line) for line in said.splitlines()]
    assert {event["event"] for event in events[:-1]} == {"progress"}
    # Of a file that is read at once, only what has been worked off counts
    assert 0 < events[0]["share"] < 0.5
    assert events[0].keys() > {"rows", "failed", "share", "rows_per_second", "seconds_left"}
    assert events[-1]["event"] == "done"
