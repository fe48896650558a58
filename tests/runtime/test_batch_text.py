"""Text of CSV files becomes arguments: by their hints, by their defaults, by columns."""

from __future__ import annotations

import pytest

from tests.runtime.apps import write_app
from tests.runtime.tables import batch, read_rows

CELL = """\
from datetime import datetime
import pandas as pd

def price(rooms: int, area: float = 50.0) -> dict:
    return {"price": rooms * area}

def kinds(flag: bool, day: datetime, name: str | None, tags: list[int], any=None) -> dict:
    return {"flag_is": flag, "year": day.year, "name_is": name, "sum": sum(tags), "any_is": any}

def gaps(rows: pd.DataFrame) -> list:
    return [",".join(rows.columns[line]) for line in rows.isna().to_numpy()]
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text") / "app"
    endpoints: dict = {name: [] for name in ("price", "kinds", "gaps")}
    return write_app(folder, ("cell", "production", CELL), endpoints=endpoints)


@pytest.fixture
def run(app, tmp_path):
    def through(output, endpoint):
        return batch(app, tmp_path / "in.csv", tmp_path / output, "--endpoint", endpoint)

    return through


def test_text_is_read_as_the_hints_say(run, tmp_path):
    (tmp_path / "in.csv").write_text(
        "flag,day,name,tags,any\n"
        'TRUE,2026-01-02,,"[1, 2]",007\n'
        "0,2026-01-02T10:00:00Z,null,[],7.5\n"
        "maybe,2026-01-02,x,[],\n"
        "true,today,x,[],\n"
    )
    done = run("out.jsonl", "kinds")
    assert (done.status, done.event["failed"]) == (1, 2)
    first, second = read_rows(tmp_path / "out.jsonl")
    result = {"flag_is": True, "year": 2026, "name_is": None, "sum": 3, "any_is": "007"}
    assert {name: first[name] for name in result} == result
    assert (first["flag"], first["tags"], first["any"]) == (True, [1, 2], "007")
    assert (second["flag_is"], second["name_is"], second["any_is"]) == (False, "null", 7.5)
    failures = read_rows(tmp_path / "out.jsonl.errors.jsonl")
    assert [(f["row"], f["error"]) for f in failures] == [
        (3, "ArgumentsInvalid"),
        (4, "ArgumentsInvalid"),
    ]
    assert failures[0]["message"].startswith("Argument flag: ")


def test_an_empty_cell_leaves_an_argument_to_its_default(run, tmp_path):
    (tmp_path / "in.csv").write_text("rooms,area\n2,\n3.0,1\n")
    assert run("out.csv", "price").status == 0
    assert [row["price"] for row in read_rows(tmp_path / "out.csv")] == ["100.0", "3.0"]


def test_words_for_missing_cells_are_those_of_pandas(run, tmp_path):
    lines = "country,all,amount,whole,is_new\nNA,NA,1.5,NaN,True\nDE,NA,NA,2,NA\n,NA,2,3,False\n"
    (tmp_path / "in.csv").write_text(lines)
    assert run("out.csv", "gaps").status == 0
    found = [row["gaps"] for row in read_rows(tmp_path / "out.csv")]
    assert found == ["country,all,whole", "all,amount,is_new", "country,all"]
