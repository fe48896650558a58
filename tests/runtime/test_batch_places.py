"""Where tables may lie: a run writes over nothing that is not its own."""

from __future__ import annotations

import json
import os

import pytest

from tests.runtime.apps import write_app
from tests.runtime.tables import batch, write_rows

CELL = "def double(n: int) -> int:\n    return 2 * n\n"
ROWS = [{"n": n} for n in range(5)]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("places") / "app"
    return write_app(folder, ("cell", "production", CELL), endpoints={"double": []})


def test_what_a_url_hides_is_not_said(app, tmp_path):
    done = batch(app, "local://user:hunter3@/none/in.csv?sig=hunter3", tmp_path / "out.csv")
    assert done.status == 2
    assert "hunter3" not in json.dumps(done.event) + done.log


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
@pytest.mark.parametrize("option", ["--output", "--errors"])
def test_an_input_that_a_link_names_is_not_overwritten(app, tmp_path, link, option):
    source = write_rows(tmp_path / "in.csv", ROWS)
    before = source.read_bytes()
    linked = tmp_path / "linked.csv"
    getattr(linked, link)(source)
    done = batch(app, linked, tmp_path / "out.csv", option, str(source))
    assert done.status == 2
    assert "would be overwritten" in done.event["message"]
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("source", "output", "errors"),
    [
        ("out.csv.part", "out.csv", "errors.jsonl"), ("out.csv.progress", "out.csv", "e.jsonl"),
        ("in.csv", "out.csv", "in.csv"), ("local://in.csv", "in.csv", "e.jsonl"),
        ("in.csv", "local://in.csv", "e.jsonl"),
    ],
)  # fmt: skip
def test_an_input_with_the_name_of_what_a_run_writes_is_kept(app, tmp_path, source, output, errors):
    table = write_rows(tmp_path / source.removeprefix("local://"), ROWS)
    before = table.read_bytes()
    found, written, failed = (
        name.replace("local://", f"local://{tmp_path}/") if "://" in name else str(tmp_path / name)
        for name in (source, output, errors)
    )
    done = batch(app, found, written, "--errors", failed, "--format", "csv")
    assert done.status == 2
    assert "would be overwritten" in done.event["message"]
    assert table.read_bytes() == before


@pytest.mark.parametrize("errors", ["out.csv", "out.csv.part", "out.csv.progress"])
def test_failures_are_not_written_over_other_files_of_the_run(app, tmp_path, errors):
    write_rows(tmp_path / "in.csv", ROWS)
    done = batch(app, tmp_path / "in.csv", tmp_path / "out.csv", "--errors", str(tmp_path / errors))
    assert (done.status, list(tmp_path.iterdir())) == (2, [tmp_path / "in.csv"])
    assert "name another --errors" in done.event["message"]


@pytest.mark.parametrize("output", ["device", "pipe", "-", "", "memory://out.csv"])
def test_an_output_that_is_no_file_is_refused(app, tmp_path, output):
    write_rows(tmp_path / "in.csv", ROWS)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/null")
    name = str(tmp_path / output) if output in {"device", "pipe"} else output
    done = batch(app, tmp_path / "in.csv", name, "--format", "csv")
    assert (done.status, done.event["event"]) == (2, "failed")
    assert len(list(tmp_path.iterdir())) == 3
    assert (tmp_path / "device").is_char_device()
