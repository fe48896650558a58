"""An endpoint over a table: formats, how columns become arguments, results, rows that fail."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.runtime.apps import command, environment, write_app
from tests.runtime.cells_app import write_cells
from tests.runtime.tables import batch, read_rows, write_lines, write_rows

CELL = """\
from dataclasses import dataclass

@dataclass
class House:
    rooms: int
    area: float = 50.0

def price(rooms: int, area: float = 50.0, city: str = "Bonn") -> dict:
    if rooms < 0:
        raise ValueError(f"{rooms} rooms")
    return {"price": rooms * area, "city": city.upper()}

def rent(house: House) -> float:
    return house.rooms * house.area / 100

def records(houses: list[House]) -> list[float]:
    return [house.area for house in houses]

def short(houses: list[House]) -> list[float]:
    return [1.0]

async def soon(rooms: int) -> int:
    return rooms + 1

def steps(rooms: int):
    print("this is no event")
    yield from range(rooms)

def wrong(rooms: int) -> int:
    return "private"

def leave(rooms: int) -> int:
    raise SystemExit(rooms)

def secret(rooms: int) -> int:
    raise RuntimeError("the key is hunter2hunter2")
"""
FRAMES = """\
import numpy as np
import pandas as pd

def frame(houses: pd.DataFrame) -> pd.DataFrame:
    if (houses["rooms"] < 0).any():
        raise ValueError("less than nothing")
    return pd.DataFrame({"double": houses["rooms"] * 2, "count": len(houses)})

def matrix(x: np.ndarray) -> np.ndarray:
    return x.sum(axis=1)

def row(house: pd.Series) -> float:
    return house["rooms"] * house["area"]

def days(houses: pd.DataFrame) -> pd.Series:
    return houses["day"].dt.year
"""
NAMES = (
    "price", "rent", "records", "short", "soon", "steps", "wrong", "leave", "secret",
)  # fmt: skip
HOUSES: list[dict] = [{"id": f"{n:02}", "rooms": n, "area": n * 10.5} for n in range(1, 5)]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("batch") / "app"
    endpoints: dict = {name: [] for name in NAMES}
    return write_app(folder, ("cell", "production", CELL), endpoints=endpoints,
                     env={"KEY": {"secret": "KEY"}})  # fmt: skip


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames") / "app"
    endpoints: dict = {name: [] for name in ("frame", "matrix", "days", "row")}
    return write_app(folder, ("cell", "production", FRAMES), endpoints=endpoints)


@pytest.fixture
def run(app, tmp_path):
    def through(source, output, endpoint, *more):
        return batch(app, source, tmp_path / output, "--endpoint", endpoint, *more,
                     KEY="hunter2hunter2")  # fmt: skip

    return through


@pytest.fixture
def run_frames(frames, tmp_path):
    def through(source, output, endpoint, *more):
        return batch(frames, source, tmp_path / output, "--endpoint", endpoint, *more)

    return through


def line_of(text: str, cell: str = CELL) -> int:
    return next(n for n, line in enumerate(cell.splitlines(), 1) if text in line)


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("in.csv", "out.csv.gz"), ("in.csv.gz", "out.jsonl"), ("in.jsonl", "out.csv"),
        ("in.jsonl.gz", "out.ndjson.gz"), ("in.parquet", "out.csv"), ("in.parquet", "out.jsonl"),
    ],
)  # fmt: skip
def test_every_format_is_read_and_written(run, tmp_path, source, output):
    path = tmp_path / source
    if source.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(HOUSES), path)
    else:
        (write_rows if ".csv" in source else write_lines)(path, HOUSES)
    done = run(path, output, "price")
    assert done.status == 0, done
    assert (done.event["rows"], done.event["failed"], done.event["errors"]) == (4, 0, None)
    expected = [{**h, "price": h["rooms"] * h["area"], "city": "BONN"} for h in HOUSES]
    found = read_rows(tmp_path / output)
    if ".csv" in output:
        expected = [{name: str(value) for name, value in row.items()} for row in expected]
    assert found == expected
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([source, output])


def test_parquet_keeps_the_types_of_its_columns(run, tmp_path):
    day = dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc)
    table = pa.table({
        "rooms": pa.array([1, 2], pa.int16()),
        "day": pa.array([day, None], pa.timestamp("ns", "UTC")),
        "kind": pa.array(["a", "b"]).dictionary_encode(),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "in.parquet")
    assert run(tmp_path / "in.parquet", "out.parquet", "price").status == 0
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.schema.field("rooms").type == pa.int16()
    assert found.schema.field("day").type == pa.timestamp("ns", "UTC")
    assert found.column_names == ["rooms", "day", "kind", "price", "city"]
    assert found["price"].to_pylist() == [50.0, 100.0]


def test_parquet_columns_whose_type_changes_on_the_way_get_one_that_fits(run, tmp_path):
    rows = [{"rooms": 1, "x": None}, {"rooms": 2, "x": 1}, {"rooms": 3, "x": 1.5}]
    rows += [{"rooms": 4, "x": "text", "y": [1]}]
    write_lines(tmp_path / "in.jsonl", rows)
    assert run(tmp_path / "in.jsonl", "out.parquet", "price", "--rows-per-chunk", "1").status == 0
    found = pq.read_table(tmp_path / "out.parquet")
    assert found["x"].to_pylist() == [None, "1", "1.5", "text"]
    assert found["y"].to_pylist() == [None, None, None, [1]]


def test_json_lines_are_as_strict_as_a_call_over_http(run, tmp_path):
    write_lines(tmp_path / "in.jsonl", [{"rooms": "2"}, {"rooms": 2, "other": [1]}, {"rooms": 2.0}])
    done = run(tmp_path / "in.jsonl", "out.jsonl", "price")
    assert (done.status, done.event["failed"]) == (1, 2)
    rows = read_rows(tmp_path / "out.jsonl")
    assert rows == [{"rooms": 2, "other": [1], "price": 100.0, "city": "BONN"}]


def test_a_row_fills_the_record_that_a_function_takes(run, tmp_path):
    write_rows(tmp_path / "in.csv", HOUSES)
    assert run(tmp_path / "in.csv", "out.csv", "rent").status == 0
    assert [float(r["rent"]) for r in read_rows(tmp_path / "out.csv")] == [0.105, 0.42, 0.945, 1.68]


@pytest.mark.parametrize("source", ["in.csv", "in.jsonl", "in.parquet"])
def test_a_function_of_a_frame_gets_chunks_and_a_bad_row_alone_fails(run_frames, tmp_path, source):
    rows = [{"id": f"{n:02}", "rooms": n if n != 5 else -1} for n in range(8)]
    if source == "in.parquet":
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / source)
    else:
        (write_rows if source == "in.csv" else write_lines)(tmp_path / source, rows)
    done = run_frames(tmp_path / source, "out.csv", "frame", "--rows-per-chunk", "4")
    assert (done.status, done.event["failed"]) == (1, 1)
    found = read_rows(tmp_path / "out.csv")
    assert [row["id"] for row in found] == ["00", "01", "02", "03", "04", "06", "07"]
    assert [row["double"] for row in found] == ["0", "2", "4", "6", "8", "12", "14"]
    assert [row["count"] for row in found] == ["4", "4", "4", "4", "1", "2", "2"]
    (failure,) = read_rows(tmp_path / "out.csv.errors.jsonl")
    assert (failure["row"], failure["cell"], failure["line"]) == (
        6,
        "cell",
        line_of("less than", FRAMES),
    )


def test_a_frame_from_parquet_has_its_dates(run_frames, tmp_path):
    day = dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc)
    pq.write_table(pa.table({"day": [day, day]}), tmp_path / "in.parquet")
    assert run_frames(tmp_path / "in.parquet", "out.jsonl", "days").status == 0
    assert [row["days"] for row in read_rows(tmp_path / "out.jsonl")] == [2026, 2026]


def test_a_function_of_a_list_of_records_gets_chunks(run, tmp_path):
    write_rows(tmp_path / "in.csv", HOUSES)
    assert run(tmp_path / "in.csv", "out.csv", "records").status == 0
    assert [row["records"] for row in read_rows(tmp_path / "out.csv")] == [
        "10.5",
        "21.0",
        "31.5",
        "42.0",
    ]


def test_a_function_of_a_series_gets_a_row(run_frames, tmp_path):
    write_rows(tmp_path / "in.csv", HOUSES)
    assert run_frames(tmp_path / "in.csv", "out.csv", "row").status == 0
    found = [float(row["row"]) for row in read_rows(tmp_path / "out.csv")]
    assert found == [10.5, 42.0, 94.5, 168.0]


def test_an_array_takes_all_columns_in_their_order(run_frames, tmp_path):
    write_rows(tmp_path / "in.csv", [{"a": 1, "b": 2.5}, {"a": 3, "b": 4}])
    assert run_frames(tmp_path / "in.csv", "out.csv", "matrix").status == 0
    assert [row["matrix"] for row in read_rows(tmp_path / "out.csv")] == ["3.5", "7.0"]


def test_a_chunk_with_too_few_results_fails(run, tmp_path):
    write_rows(tmp_path / "in.csv", HOUSES)
    done = run(tmp_path / "in.csv", "out.csv", "short")
    # Halved down to one row, one result is right
    assert (done.status, done.event["failed"]) == (0, 0)


def test_coroutines_and_generators_work(run, tmp_path):
    write_rows(tmp_path / "in.csv", HOUSES)
    assert run(tmp_path / "in.csv", "soon.jsonl", "soon", "--workers", "2").status == 0
    assert [row["soon"] for row in read_rows(tmp_path / "soon.jsonl")] == [2, 3, 4, 5]
    done = run(tmp_path / "in.csv", "steps.jsonl", "steps")
    assert done.status == 0
    assert read_rows(tmp_path / "steps.jsonl")[2]["steps"] == [0, 1, 2]
    assert "this is no event" in done.log


def test_cells_as_a_function_run_for_every_row(tmp_path):
    app = write_cells(
        tmp_path / "app",
        ("start", "production", "rates = {'DE': 0.5}"),
        ("params", "parameters", "amount: float = 3.0\ncountry = 'DE'"),
        ("show", "production", "tax = amount * rates[country]\n{'tax': tax}"),
    )
    (tmp_path / "in.csv").write_text("amount,country\n4,\n1,FR\n")
    done = batch(app, tmp_path / "in.csv", tmp_path / "out.csv", "--workers", "2")
    assert (done.status, done.event["failed"]) == (1, 1)
    assert (tmp_path / "out.csv").read_text() == "amount,country,tax\n4,,2.0\n"
    (failure,) = read_rows(tmp_path / "out.csv.errors.jsonl")
    assert (failure["error"], failure["cell"], failure["line"]) == ("KeyError", "show", 1)


def test_failures_name_row_cell_and_line(run, tmp_path):
    (tmp_path / "in.csv").write_text("rooms,city\n1,a\n-2,b\nmany,c\n4\n5,e\n")
    done = run(tmp_path / "in.csv", "out.csv", "price")
    assert done.status == 1
    assert done.event["errors"] == f"{tmp_path / 'out.csv'}.errors.jsonl"
    assert [row["rooms"] for row in read_rows(tmp_path / "out.csv")] == ["1", "5"]
    raised, invalid, unreadable = read_rows(tmp_path / "out.csv.errors.jsonl")
    assert raised == {"row": 2, "error": "ValueError", "message": "-2 rooms", "cell": "cell",
                      "line": line_of("raise ValueError(f"),
                      "inputs": {"rooms": "-2", "city": "b"}}  # fmt: skip
    assert (invalid["row"], invalid["error"], invalid["cell"]) == (3, "ArgumentsInvalid", None)
    assert "many" not in invalid["message"]
    assert (unreadable["row"], unreadable["error"]) == (4, "RowUnreadable")


@pytest.mark.parametrize("endpoint", ["wrong", "leave"])
def test_a_wrong_result_or_an_exit_fails_the_row_only(run, tmp_path, endpoint):
    write_rows(tmp_path / "in.csv", HOUSES)
    done = run(tmp_path / "in.csv", "out.csv", endpoint)
    assert (done.status, done.event["rows"], done.event["failed"]) == (1, 4, 4)
    assert read_rows(tmp_path / "out.csv.errors.jsonl")[0]["cell"] == "cell"
    assert (tmp_path / "out.csv").read_text() == "id,rooms,area\n"


def test_lines_that_are_no_json_fail_alone(run, tmp_path):
    write_lines(tmp_path / "in.jsonl", ['{"rooms": 1}', "{nonsense", "", "[1]", '{"rooms": 2}'])
    done = run(tmp_path / "in.jsonl", "out.jsonl", "price")
    assert (done.status, done.event["rows"], done.event["failed"]) == (1, 4, 2)
    assert [row["rooms"] for row in read_rows(tmp_path / "out.jsonl")] == [1, 2]
    failures = read_rows(tmp_path / "out.jsonl.errors.jsonl")
    assert [failure["row"] for failure in failures] == [2, 3]


def test_secrets_are_in_no_failure(run, tmp_path):
    write_rows(tmp_path / "in.csv", HOUSES[:1])
    run(tmp_path / "in.csv", "out.csv", "secret")
    (failure,) = read_rows(tmp_path / "out.csv.errors.jsonl")
    assert failure["message"] == "the key is ***"


def test_where_inputs_are_not_kept_no_failure_quotes_them(tmp_path):
    app = write_app(tmp_path / "app", ("cell", "production", CELL), endpoints={"price": []},
                    calls={"keep": 10, "store": "memory", "inputs": False})  # fmt: skip
    (tmp_path / "in.csv").write_text("rooms\n-77\n")
    done = batch(app, tmp_path / "in.csv", tmp_path / "out.csv")
    written = (tmp_path / "out.csv.errors.jsonl").read_text()
    assert done.status == 1
    assert "77" not in written
    assert json.loads(written)["line"] == line_of("raise ValueError(f")


def test_a_column_that_lacks_is_named_before_the_first_row(run, tmp_path):
    for name, write in (("in.csv", write_rows), ("in.jsonl", write_lines)):
        write(tmp_path / name, [{"area": 1.0, "town": "Bonn"}])
        done = run(tmp_path / name, "out.csv", "price")
        assert done.status == 2
        assert "lacks the column rooms" in done.event["message"]
        assert not (tmp_path / "out.csv.part").exists()


def test_results_whose_names_are_taken_get_the_endpoints_name_before_theirs(run, tmp_path):
    write_lines(tmp_path / "in.jsonl", [{"rooms": 1, "city": "a", "soon": 1}])
    run(tmp_path / "in.jsonl", "out.jsonl", "price")
    (row,) = read_rows(tmp_path / "out.jsonl")
    assert (row["city"], row["price_city"]) == ("a", "A")
    run(tmp_path / "in.jsonl", "out.jsonl", "soon")
    (row,) = read_rows(tmp_path / "out.jsonl")
    assert (row["soon"], row["soon_soon"]) == (1, 2)


def test_a_csv_file_gets_the_columns_that_come_up_late(run, tmp_path):
    rows = [{"rooms": 1}, {"rooms": 2, "late": "x, y"}]
    write_lines(tmp_path / "in.jsonl", [*rows[:1] * 200, *rows[1:]])
    for name in ("out.csv", "out.csv.gz"):
        assert run(tmp_path / "in.jsonl", name, "soon").status == 0
        found = read_rows(tmp_path / name)
        assert (found[0], found[-1]) == (
            {"rooms": "1", "soon": "2", "late": ""}, {"rooms": "2", "soon": "3", "late": "x, y"},
        )  # fmt: skip


@pytest.mark.parametrize(("name", "content"), [("in.csv", "rooms,area\n"), ("in.jsonl", "")])
@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
def test_an_empty_table_gives_an_empty_table(run, tmp_path, name, content, output):
    (tmp_path / name).write_text(content)
    done = run(tmp_path / name, output, "price")
    assert (done.status, done.event["rows"]) == (0, 0)
    assert read_rows(tmp_path / output) == []


@pytest.mark.parametrize(
    ("source", "output", "said"),
    [
        ("none.csv", "out.csv", "No such file or directory"),
        ("in.csv", "none/out.csv", "No such file or directory"),
        ("in.csv", "out.xlsx", "Say --format"),
        ("in.csv", "out.parquet.gz", "take the .gz away"),
        ("in.csv", "in.csv", "would be overwritten"),
        ("twice.csv", "out.csv", "several columns rooms"),
        ("nameless.csv", "out.csv", "several columns without a name"),
        ("semicolons.csv", "out.csv", "one column, 'rooms;area'"),
        ("tabs.csv", "out.csv", "commas have to separate the cells"),
        ("in.parquet", "out.csv", "no Parquet file"),
        ("nowhere://x/in.csv", "out.csv", "knows no nowhere:// URLs"),
        ("memory://none.csv", "out.csv", "No such file or directory: memory://none.csv"),
    ],
)
def test_wrong_usage_is_said_in_a_sentence(run, tmp_path, source, output, said):
    write_rows(tmp_path / "in.csv", HOUSES)
    (tmp_path / "twice.csv").write_text("rooms,rooms\n1,2\n")
    (tmp_path / "nameless.csv").write_text("rooms,,\n1,2,3\n")
    (tmp_path / "semicolons.csv").write_text("rooms;area\n1;2,5\n")
    (tmp_path / "tabs.csv").write_text("rooms\tarea\n1\t2\n")
    (tmp_path / "in.parquet").write_text("rooms\n1\n")
    done = run(source if "://" in source else tmp_path / source, output, "price")
    assert done.status == 2
    assert said in done.event["message"]


def test_an_endpoint_has_to_be_named_where_there_are_several(app, run, tmp_path):
    write_rows(tmp_path / "in.csv", HOUSES)
    done = run(tmp_path / "in.csv", "out.csv", "nothing")
    assert (done.status, done.event["message"][:29]) == (2, "There is no endpoint nothing;")
    done = batch(app, tmp_path / "in.csv", tmp_path / "out.csv")
    assert (done.status, done.event["message"][:19]) == (2, "Say --endpoint NAME")


def test_the_format_can_be_said(run, tmp_path):
    write_rows(tmp_path / "in.txt", HOUSES)
    assert run(tmp_path / "in.txt", "out.txt", "price", "--format", "csv").status == 0
    assert (tmp_path / "out.txt").read_text().startswith("id,rooms,area,price,city\n")


def test_a_cell_that_fails_at_the_start_is_told(tmp_path):
    app = write_app(tmp_path / "app", ("broken", "production", "x = 1\ny = 1 / 0\ndef f(x): ..."),
                    endpoints={"f": []})  # fmt: skip
    write_rows(tmp_path / "in.csv", [{"x": 1}])
    done = batch(app, tmp_path / "in.csv", tmp_path / "out.csv")
    assert (done.status, done.event["event"]) == (1, "failed")
    assert (done.event["cell"], done.event["line"]) == ("broken", 2)


@pytest.mark.parametrize(
    ("module", "source"), [("pyarrow", "in.parquet"), ("fsspec", "s3://b/in.csv")]
)
def test_what_an_image_lacks_is_said_with_the_line_to_add(app, tmp_path, module, source):
    (tmp_path / "in.parquet").write_bytes(b"PAR1")
    found = source if "://" in source else str(tmp_path / source)
    start = f"import sys\nsys.modules[{module!r}] = None\n"
    options = [
        "batch",
        "--input",
        found,
        "--output",
        str(tmp_path / "o.csv"),
        "--endpoint",
        "price",
    ]
    done = subprocess.run(
        [sys.executable, "-c", start + command()[2], *options], cwd=app, check=False,
        env=environment(app, KEY="k"), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert f"`%pip install {module}`" in json.loads(done.stdout)["message"]


@pytest.mark.parametrize("given", ["--rows-per-chunk=0", "--workers=many", "--workers=-1"])
def test_a_number_that_is_none_is_said_in_words(app, given):
    words = command("batch", "--input", "in.csv", "--output", "out.csv", given)
    done = subprocess.run(words, cwd=app, env=environment(app), capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 2
    assert "is no whole number from 1 on" in done.stderr


def test_help_says_what_there_is(app):
    done = subprocess.run(command("batch", "--help"), cwd=app, env=environment(app),
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert "--rows-per-chunk" in done.stdout
