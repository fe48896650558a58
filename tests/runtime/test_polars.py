"""polars' frames and series as arguments and results, over HTTP, joined calls and batches."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from nbdeploy_ext.runtime.manifest import ServiceSettings
from tests.runtime.apps import write_app
from tests.runtime.tables import batch, read_rows

CELLS = """\
import time
from datetime import date, timedelta
from typing import Optional
import polars as pl

sizes = []

def types(rows: pl.DataFrame, limit: float = 0.5) -> dict:
    return {"types": {name: str(kind) for name, kind in rows.schema.items()}, "size": rows.height,
            "rows": rows, "limit": limit}

def doubled(rows: pl.DataFrame) -> pl.DataFrame:
    sizes.append(rows.height)
    time.sleep(0.01)
    return rows.with_columns(pl.col("a") * 2)

def largest() -> int:
    return max(sizes)

def maybe(rows: Optional[pl.DataFrame] = None) -> int:
    return -1 if rows is None else rows.height

def total(values: pl.Series) -> float:
    return values.sum()

def shifted(values: pl.Series) -> pl.Series:
    return values + 1

def odd() -> pl.DataFrame:
    return pl.DataFrame({"nan": [float("nan"), 1.0], "day": [date(2026, 1, 2), None],
                         "span": [timedelta(hours=1), None], "list": [[1, 2], []],
                         "raw": [b"x", None], "kind": pl.Series(["x", "y"], dtype=pl.Categorical)})

def unhinted():
    return pl.DataFrame({"a": [1, 2]})

def wrong() -> pl.DataFrame:
    return 7
"""
NAMES = ("types", "doubled", "largest", "maybe", "total", "shifted", "odd", "unhinted", "wrong")
STREAM = "application/vnd.apache.arrow.stream"
FILE = "application/vnd.apache.arrow.file"
PARQUET = "application/vnd.apache.parquet"
FRAME = pl.DataFrame({"a": [1, 2], "b": [0.5, None], "c": ["x", "é"]})


@pytest.fixture(scope="module")
def running(start_once):
    service = ServiceSettings(batchable=("doubled",))
    endpoints: dict = {name: [] for name in NAMES}
    return start_once(("cells", "production", CELLS), endpoints=endpoints, service=service)


def written(write: str, *arguments, **named) -> bytes:
    sink = io.BytesIO()
    getattr(FRAME, write)(sink, *arguments, **named)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (
            "application/json",
            b'{"rows": [{"a": 1, "b": 0.5, "c": "x"},{"a": 2, "c": "\xc3\xa9"}]}',
        ),
        ("application/json", b'{"rows": {"a": [1, 2], "b": [0.5, null], "c": ["x", "\xc3\xa9"]}}'),
        ("text/csv", written("write_csv")),
        ("text/csv; charset=latin-1", written("write_csv").decode().encode("latin-1")),
        ("text/tab-separated-values", written("write_csv", separator="\t")),
        ("application/x-ndjson", written("write_ndjson")),
        (PARQUET, written("write_parquet")),
        (STREAM, written("write_ipc_stream")),
        (FILE, written("write_ipc")),
    ],
)
def test_a_frame_is_the_same_in_every_type(running, kind, body) -> None:
    answer = running.client.post("/types", content=body, headers={"content-type": kind})
    assert answer.json() == {
        "types": {"a": "Int64", "b": "Float64", "c": "String"}, "size": 2, "limit": 0.5,
        "rows": FRAME.to_dicts(),
    }  # fmt: skip


def test_numbers_of_json_that_are_whole_are_floats_beside_others(running) -> None:
    for rows in ({"a": [1, 2.5]}, [{"a": 1}, {"a": 2.5}]):
        assert running.client.post("/types", json={"rows": rows}).json()["types"] == {
            "a": "Float64"
        }
    assert running.client.post("/total", json={"values": [1, 2.5, None]}).json() == 3.5


@pytest.mark.parametrize(
    "rows", [7, "a", [1], {"a": 1}, {"a": [1], "b": [1, 2]}, {"a": [1, "x"]}, {"a": {"0": 1}}]
)
def test_what_is_no_frame_is_refused_by_name(running, rows) -> None:
    answer = running.client.post("/types", json={"rows": rows})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "rows"


@pytest.mark.parametrize(
    ("kind", "body"),
    [("text/csv", b"a,b\n1,2,3\n"), ("text/csv", b"a\n\xff"), (PARQUET, b"PAR1"), (STREAM, b""),
     (FILE, b"ARROW1")],
)  # fmt: skip
def test_a_body_that_is_not_of_its_type_is_refused(running, kind, body) -> None:
    answer = running.client.post("/types", content=body, headers={"content-type": kind})
    assert answer.status_code == 400
    assert "The body is not" in answer.json()["detail"]


def test_no_rows_and_no_frame_are_taken(running) -> None:
    nothing: list = [[], {}]
    for rows in nothing:
        assert running.client.post("/maybe", json={"rows": rows}).json() == 0
    assert running.client.post("/maybe", json={}).json() == -1
    assert running.client.post("/maybe", json={"rows": None}).json() == -1


@pytest.mark.parametrize(
    ("accept", "read"),
    [("text/csv", pl.read_csv), ("application/x-ndjson", pl.read_ndjson),
     (PARQUET, pl.read_parquet), (STREAM, pl.read_ipc_stream), (FILE, pl.read_ipc)],
)  # fmt: skip
def test_a_result_is_a_table_of_the_type_that_the_caller_likes(running, accept, read) -> None:
    for path, body in (("doubled", {"rows": {"a": [1, 2]}}), ("shifted", {"values": [1, 3]})):
        answer = running.client.post(f"/{path}", json=body, headers={"accept": accept})
        assert answer.headers["content-type"].startswith(accept)
        assert read(io.BytesIO(answer.content)).to_series().to_list() == [2, 4]


def test_results_are_records_and_lists_in_json(running) -> None:
    assert running.client.post("/unhinted", json={}).json() == [{"a": 1}, {"a": 2}]
    assert running.client.post("/shifted", json={"values": [1]}).json() == [2]
    assert running.client.post("/odd", json={}).json() == [
        {
            "nan": None,
            "day": "2026-01-02",
            "span": "PT1H",
            "list": [1, 2],
            "raw": "eA==",
            "kind": "x",
        },
        {"nan": 1.0, "day": None, "span": None, "list": [], "raw": None, "kind": "y"},
    ]


def test_what_a_type_has_no_place_for_is_told(running) -> None:
    answer = running.client.post("/odd", json={}, headers={"accept": "text/csv"})
    assert answer.status_code == 500
    assert "can't be sent as text/csv" in answer.json()["detail"]
    assert running.client.post("/wrong", json={}).json()["error"] == "ResultInvalid"


def test_the_document_says_what_is_taken_and_given(running) -> None:
    document = running.client.get("/openapi.json").json()
    operation = document["paths"]["/doubled"]["post"]
    assert {"text/csv", PARQUET, STREAM, FILE} <= set(operation["requestBody"]["content"])
    assert {"text/csv", PARQUET, STREAM, FILE} <= set(operation["responses"]["200"]["content"])
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    kinds = {part["type"] for part in schema["properties"]["rows"]["anyOf"]}
    assert kinds == {"array", "object"}


def test_waiting_calls_are_joined(running) -> None:
    def ask(number: int):
        return running.client.post("/doubled", json={"rows": [{"a": number}]}).json()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(40))) == [[{"a": 2 * n}] for n in range(40)]
    assert running.client.post("/largest", json={}).json() > 1


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_batch_is_called_with_frames(tmp_path, ending) -> None:
    endpoints: dict = {"doubled": []}
    app = write_app(tmp_path / "app", ("cells", "production", CELLS), endpoints=endpoints)
    source, table = tmp_path / f"in.{ending}", pl.DataFrame({"a": range(1, 6), "t": ["NA"] * 5})
    write = {"csv": "write_csv", "jsonl": "write_ndjson", "parquet": "write_parquet"}[ending]
    getattr(table, write)(source)
    assert batch(app, source, tmp_path / "out.jsonl", "--endpoint", "doubled").status == 0
    found = read_rows(tmp_path / "out.jsonl")
    given = [(row["doubled_a"], row["doubled_t"]) for row in found]
    assert given == [(2 * n, "NA") for n in range(1, 6)]
