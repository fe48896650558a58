"""Ends of a run that nobody asked for: of its processes, of who reads what it says."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.runtime.apps import command, environment, wait_until, write_app
from tests.runtime.tables import batch, begin_batch, read_rows, write_lines

CELL = """\
import os, time

def leave(n: int) -> int:
    if n == 150 and not os.environ.get("STAY"):
        os._exit(0)
    return n

def crash(n: int) -> int:
    if n == 150:
        os.abort()
    return n

def slow(n: int, word: str = "") -> int:
    time.sleep(0.01)
    return n
"""
ROWS = 300


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ends") / "app"
    endpoints: dict = {name: [] for name in ("leave", "crash", "slow")}
    return write_app(folder, ("cell", "production", CELL), endpoints=endpoints)


@pytest.fixture
def table(tmp_path) -> Path:
    return write_lines(tmp_path / "in.jsonl", [{"n": n} for n in range(1, ROWS + 1)])


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_function_that_ends_its_process_does_not_end_the_run_well(app, table, tmp_path, workers):
    options = ("--endpoint", "leave", "--workers", workers)
    done = batch(app, table, tmp_path / "out.csv", *options)
    assert (done.status, done.event["event"]) == (1, "failed")
    assert 0 < int(re.findall("behind row ([0-9]+)", done.event["message"])[0]) < 150
    assert "by the notebook or a library" in done.event["message"]
    assert not (tmp_path / "out.csv").exists()
    assert batch(app, table, tmp_path / "out.csv", *options, STAY="1").status == 0
    assert [int(row["leave"]) for row in read_rows(tmp_path / "out.csv")] == [*range(1, ROWS + 1)]


@pytest.mark.parametrize(("endpoint", "how"), [("leave", "status 0"), ("crash", "SIGABRT")])
def test_the_row_that_ends_the_process_is_found(app, table, tmp_path, endpoint, how):
    done = batch(app, table, tmp_path / "out.csv", "--endpoint", endpoint,
                 "--rows-per-chunk", "1")  # fmt: skip
    assert done.status == 1
    assert how in done.event["message"]
    assert "behind row 149" in done.event["message"]


def test_a_process_that_is_killed_is_missed(app, table, tmp_path):
    process = begin_batch(app, table, tmp_path / "out.csv", "--endpoint", "slow")
    wait_until((tmp_path / "out.csv.progress").exists)
    psutil.Process(process.pid).children()[0].kill()
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "was killed, for its memory perhaps, behind row 1" in said.splitlines()[-1]


def test_a_notebook_that_leaves_while_it_is_loaded_is_told(table, tmp_path):
    cell = ("cell", "production", "import os\nos._exit(0)\ndef f(n: int) -> int: ...")
    app = write_app(tmp_path / "app", cell, endpoints={"f": []})
    done = batch(app, table, tmp_path / "out.csv")
    assert (done.status, done.event["event"]) == (1, "failed")
    assert "before the first row" in done.event["message"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_whose_reader_is_gone_ends_quietly_and_can_go_on(app, table, tmp_path, workers):
    output = tmp_path / "out.jsonl"
    process = begin_batch(app, table, output, "--endpoint", "slow", "--rows-per-chunk", "5",
                          "--workers", workers)  # fmt: skip
    process.stdout.readline()  # type: ignore[union-attr]
    process.stdout.close()  # type: ignore[union-attr]
    children = psutil.Process(process.pid).children(recursive=True)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGPIPE
    assert "nobody reads it any more" in log
    assert "Traceback" not in log
    assert "BrokenPipe" not in log
    assert not psutil.wait_procs(children, timeout=10)[1]
    assert batch(app, table, output, "--endpoint", "slow").event["rows"] == ROWS
    assert [row["slow"] for row in read_rows(output)] == list(range(1, ROWS + 1))


def test_a_terminal_stops_all_processes_of_a_run(app, tmp_path):
    # More than a pipe holds, so that chunks wait to be taken by a process
    rows = [{"n": n, "word": "w" * 100_000} for n in range(ROWS)]
    table = write_lines(tmp_path / "in.jsonl", rows)
    words = command("batch", "--input", str(table), "--output", str(tmp_path / "out.csv"),
                    "--endpoint", "slow", "--workers", "2")  # fmt: skip
    process = subprocess.Popen(
        words, cwd=app, env=environment(app), text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_until((tmp_path / "out.csv.progress").exists)
    children = psutil.Process(process.pid).children(recursive=True)
    for _ in range(3):  # whoever is impatient
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.002)
    said, log = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(said.splitlines()[-1])["event"] == "stopped"
    assert "Traceback" not in log
    assert not psutil.wait_procs(children, timeout=10)[1]


def test_a_terminal_has_its_cursor_back_when_a_process_ends_within_its_bar(app, table, tmp_path):
    ours, theirs = pty.openpty()
    words = command("batch", "--input", str(table), "--output", str(tmp_path / "out.csv"),
                    "--endpoint", "leave")  # fmt: skip
    process = subprocess.Popen(words, cwd=app, env=environment(app, TERM="xterm"),
                               stdin=theirs, stdout=theirs, stderr=theirs)  # fmt: skip
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # its end
        while read := os.read(ours, 4096):
            shown += read
    os.close(ours)
    assert process.wait(30) == 1
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")
    assert shown.splitlines()[-1].startswith(b"Error: The process that runs the notebook was ended")


LATE = """\
import os, signal, subprocess
from nbdeploy_runtime.batch.stops import pass_stops_on
ended = subprocess.Popen(["true"])
ended.wait()
pass_stops_on(ended.pid)
os.kill(os.getpid(), signal.SIGTERM)
print("well")
"""


def test_a_stop_that_comes_when_the_notebooks_process_has_just_ended_is_none(app):
    done = subprocess.run([sys.executable, "-c", LATE], env=environment(app), text=True,
                          capture_output=True, check=False, timeout=60)  # fmt: skip
    assert (done.stdout, done.stderr) == ("well\n", "")


def test_a_run_whose_news_find_no_room_says_so(app, table, tmp_path):
    words = command("batch", "--input", str(table), "--output", str(tmp_path / "out.csv"),
                    "--endpoint", "slow")  # fmt: skip
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(words, cwd=app, env=environment(app), stdout=full, text=True,
                              stderr=subprocess.PIPE, check=False, timeout=60)  # fmt: skip
    assert done.returncode == 1
    assert "No space left on device" in json.loads(done.stderr.splitlines()[-1])["message"]
    assert "Traceback" not in done.stderr
