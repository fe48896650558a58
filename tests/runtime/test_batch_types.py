"""Values in a batch that formats have in different ways, or not at all."""

from __future__ import annotations

import csv
import gzip
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.runtime.apps import write_app
from tests.runtime.tables import batch, read_rows, write_lines

CELL = """\
from datetime import date, datetime
from decimal import Decimal

def same(x=None):
    return {"again": chr(0xD800) if x == "half" else x}


def paid(amount: float, count: int, exact: Decimal, at: datetime, day: date) -> dict:
    return {"said": [amount, count, str(exact), at.isoformat(), day.isoformat()]}
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("types") / "app"
    return write_app(folder, ("cell", "production", CELL), endpoints={"same": [], "paid": []})


@pytest.fixture
def same(app, tmp_path):
    def through(source, output, *more):
        return batch(app, source, tmp_path / output, "--endpoint", "same", *more)

    return through


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([2**60 + 1, 0.5], [str(2**60 + 1), "0.5"]),
        ([[2**60 + 1], [0.5]], [f"[{2**60 + 1}]", "[0.5]"]),
        ([1, 0.5], [1.0, 0.5]),
        ([{}, None], ["{}", None]),
        ([[{}], []], ["[{}]", "[]"]),
        ([{}, {"a": 1}], [{"a": None}, {"a": 1}]),
    ],
)
def test_a_parquet_file_has_text_where_no_type_has_all_values(same, tmp_path, values, found):
    source = write_lines(tmp_path / "in.jsonl", [{"x": value} for value in values])
    done = same(source, "out.parquet", "--rows-per-chunk", "1")
    assert done.status == 0, done.log
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["x"].to_pylist() == table["again"].to_pylist() == found


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_half_a_surrogate_pair_is_replaced_where_a_format_has_none(same, tmp_path, name):
    source = write_lines(tmp_path / "in.jsonl", [{"x": "half", "note": "a\udc00", "\udc00": 1}])
    assert same(source, name).status == 0
    first = read_rows(tmp_path / name)[0]
    assert (first["again"], first["note"], str(first["\ufffd"])) == ("\ufffd", "a\ufffd", "1")


@pytest.mark.parametrize("text", ["a\rb", "\n", "\r\n,", 'say "x"', " ", "a\x0bb"])
@pytest.mark.parametrize("late", [False, True])
def test_text_of_any_kind_is_one_cell_of_csv(same, tmp_path, text, late):
    rows = [{"x": n, "note": text} for n in range(200)]
    write_lines(tmp_path / "in.jsonl", rows + [{"x": 200, "late": 1}] * late)
    assert same(tmp_path / "in.jsonl", "out.csv").status == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["note"] for row in found] == [text] * 200 + [""] * late


def test_cells_that_are_longer_than_an_input_may_have_are_written_again(same, tmp_path):
    rows = [{"x": 1, "note": "x" * (2**24 + 1)}] + [{"x": 2}] * 199 + [{"x": 3, "late": 4}]
    write_lines(tmp_path / "in.jsonl", rows)
    assert same(tmp_path / "in.jsonl", "out.csv").status == 0
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert (lines[0], len(lines[1]), lines[-1]) == ("x,note,again,late", 2**24 + 1 + 5, "3,,3,4")


def test_what_is_infinite_stays_so_in_csv(same, tmp_path):
    values = [float("inf"), float("-inf"), float("nan"), 1.5]
    pq.write_table(pa.table({"x": [1, 2, 3, 4], "far": values}), tmp_path / "in.parquet")
    assert same(tmp_path / "in.parquet", "out.csv").status == 0
    assert [row["far"] for row in read_rows(tmp_path / "out.csv")] == ["inf", "-inf", "", "1.5"]


@pytest.mark.parametrize("amount", ["12.50", "3", "-0.07"])
def test_decimals_and_days_of_a_database_are_the_numbers_and_times_that_hints_ask_for(
    app, tmp_path, amount
):
    day = date(2026, 1, 2)
    row = {"amount": Decimal(amount), "count": Decimal(7), "exact": Decimal("0.10"), "at": day,
           "day": day}  # fmt: skip
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "in.parquet")
    done = batch(app, tmp_path / "in.parquet", tmp_path / "out.jsonl", "--endpoint", "paid")
    assert done.status == 0, (tmp_path / "out.jsonl.errors.jsonl").read_text()
    found = read_rows(tmp_path / "out.jsonl")[0]["said"]
    assert found == [float(amount), 7, "0.10", "2026-01-02T00:00:00", "2026-01-02"]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([0, 10**15, 0], pa.timestamp("s")), pa.array([0, 10**7, 0], pa.date32()),
        pa.Array.from_buffers(pa.string(), 3, [
            None, pa.py_buffer(np.array([0, 1, 2, 3], np.int32)), pa.py_buffer(b"a\xffb"),
        ]),
    ],
    ids=["time", "day", "text"],
)  # fmt: skip
def test_a_row_of_parquet_that_python_has_no_value_for_fails_alone(same, tmp_path, column):
    pq.write_table(pa.table({"x": [1, 2, 3], "column": column}), tmp_path / "in.parquet")
    done = same(tmp_path / "in.parquet", "out.parquet")
    assert (done.status, done.event["rows"], done.event["failed"]) == (1, 3, 1)
    assert pq.read_table(tmp_path / "out.parquet")["again"].to_pylist() == [1, 3]
    (failure,) = read_rows(tmp_path / "out.parquet.errors.jsonl")
    assert (failure["row"], failure["error"]) == (2, "RowUnreadable")
    assert "a value that Python has not" in failure["message"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("in.csv", "größe\n1\n".encode("cp1252"), "not UTF-8 text"),
        ("in.jsonl", '{"x": "größe"}\n'.encode("cp1252"), "not UTF-8 text"),
        ("in.jsonl.gz", gzip.compress(b'{"x": 1}\n' * 9)[:-9], "breaks off"),
        ("in.csv.gz", b"x\nprivate\n", "is not gzip, or not whole, behind row 0."),
        (
            "in.csv.gz",
            gzip.compress(b"x\n1\n") + b"private",
            "is not gzip, or not whole, behind row",
        ),
        ("in.csv.gz", gzip.compress(b"x\n1\n")[:10] + b"\xff" * 9, "breaks off"),
    ],
)
def test_an_input_that_is_no_text_is_said_in_a_sentence(same, tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    done = same(tmp_path / name, "out.csv")
    assert (done.status, done.event["status"]) == (1, 1)
    assert said in done.event["message"]
    assert "Traceback" not in done.log


def test_a_parquet_file_with_two_columns_of_one_name_is_refused(same, tmp_path):
    columns = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])
    pq.write_table(columns, tmp_path / "in.parquet")
    done = same(tmp_path / "in.parquet", "out.csv")
    assert done.status == 2
    assert "several columns x" in done.event["message"]
