"""Bodies of other types than JSON, over HTTP: tables, forms, files, the query."""

from __future__ import annotations

import io
import json

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

CELLS = """\
import datetime as dt
from dataclasses import dataclass
from typing import Literal, Optional
import numpy as np
import pandas as pd
from numpy.typing import NDArray

@dataclass
class Row:
    id: int
    name: str = ""
    score: Optional[float] = None

def describe(rows: pd.DataFrame, limit: float = 0.5, kind: Literal["a", "b"] = "a") -> dict:
    return {"columns": list(rows), "types": rows.dtypes.astype(str).to_dict(), "size": len(rows),
            "total": rows.select_dtypes("number").sum().sum(), "limit": limit, "kind": kind}

def names(rows: list[Row], *, prefix: str = "") -> list[str]:
    return [f"{prefix}{row.id}{row.name}{row.score}" for row in rows]

def free(rows: list[dict]) -> list:
    return rows

def shape(x: NDArray[np.float64]) -> dict:
    return {"shape": x.shape, "total": np.nansum(x)}

def size(raw: bytes, times: int = 1) -> int:
    return len(raw) * times

def shout(text: str) -> str:
    return text.upper()

def two(left: pd.DataFrame, right: pd.DataFrame) -> int:
    return len(left) + len(right)

def form(day: dt.date, amount: float, note: Optional[str], tags: list[str] = [], ok: bool = False,
         row: Optional[Row] = None, files: list[bytes] = []) -> dict:
    return {"day": day, "amount": amount, "note": note, "tags": tags, "ok": ok, "row": row,
            "files": [len(file) for file in files]}

def anything(**given: float) -> dict:
    return given

async def later(rows: pd.DataFrame) -> int:
    return len(rows)

def gaps(rows: pd.DataFrame) -> list:
    return [",".join(rows.columns[line]) for line in rows.isna().to_numpy()]
"""
NAMES = (
    "describe", "names", "free", "shape", "size", "shout", "two", "form", "anything", "later",
    "gaps",
)  # fmt: skip
FRAME = pd.DataFrame({"a": [1, 2], "b": [0.5, None], "c": ["x", "é"]})


@pytest.fixture(scope="module")
def running(start_once):
    return start_once(("cells", "production", CELLS), endpoints={name: [] for name in NAMES})


@pytest.fixture(scope="module")
def post(running):
    def send(path: str, body: bytes, kind: str, query: str = ""):
        headers = {"content-type": kind} if kind else {}
        return running.client.post(f"/{path}{query}", content=body, headers=headers)

    return send


def as_parquet(frame: pd.DataFrame) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_pandas(frame, preserve_index=False), sink)
    return sink.getvalue()


def as_arrow(frame: pd.DataFrame, *, is_file: bool = False) -> bytes:
    sink, table = io.BytesIO(), pa.Table.from_pandas(frame, preserve_index=False)
    with (pa.ipc.new_file if is_file else pa.ipc.new_stream)(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


LINES = b'{"a": 1, "b": 0.5, "c": "x"}\n\r\n{"a": 2, "b": null, "c": "\xc3\xa9"}\r\n'
TABLES = {
    "text/csv": FRAME.to_csv(index=False).encode(),
    "TEXT/CSV; Charset=utf-8": FRAME.to_csv(index=False).encode(),
    "text/csv; charset=latin-1": FRAME.to_csv(index=False).encode("latin-1"),
    "text/tab-separated-values": FRAME.to_csv(index=False, sep="\t").encode(),
    "application/x-ndjson": LINES,
    "application/jsonl": LINES,
    "application/jsonl; charset=latin-1": LINES.decode().encode("latin-1"),
    "application/vnd.apache.parquet": as_parquet(FRAME),
    "application/x-parquet": as_parquet(FRAME),
    "application/vnd.apache.arrow.stream": as_arrow(FRAME),
    "application/vnd.apache.arrow.file": as_arrow(FRAME, is_file=True),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_comes_as_a_frame_and_the_rest_from_the_query(post, kind) -> None:
    answer = post("describe", TABLES[kind], kind, "?limit=0.75&kind=b")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "columns": ["a", "b", "c"], "types": {"a": "int64", "b": "float64", "c": "str"},
        "size": 2, "total": 3.5, "limit": 0.75, "kind": "b",
    }  # fmt: skip


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_comes_as_rows_of_what_the_notebook_names(post, kind) -> None:
    frame = FRAME.rename(columns={"a": "id", "b": "score", "c": "name"})
    bodies = {
        "csv": frame.to_csv(index=False).encode("latin-1" if "latin" in kind else "utf-8"),
        "tab": frame.to_csv(index=False, sep="\t").encode(),
        "parquet": as_parquet(frame),
        "stream": as_arrow(frame),
        "file": as_arrow(frame, is_file=True),
        "json": frame.to_json(orient="records", lines=True, force_ascii=False).encode(
            "latin-1" if "latin" in kind else "utf-8"
        ),
    }
    body = next(body for word, body in bodies.items() if word in kind.lower())
    answer = post("names", body, kind, "?prefix=n")
    assert answer.json() == ["n1x0.5", "n2éNone"]


def test_words_for_missing_cells_are_those_of_pandas(post) -> None:
    lines = b"country,all,amount,whole,is_new\nNA,NA,1.5,NaN,True\nDE,NA,NA,2,NA\n,NA,2,3,False\n"
    answer = post("gaps", lines, "text/csv")
    assert answer.json() == ["country,all,whole", "all,amount,is_new", "country,all"]


def test_rows_without_a_hint_are_what_their_cells_say(post) -> None:
    answer = post("free", b"id,name,ok\n1,01x,true\n,2.5,\n", "text/csv")
    assert answer.json() == [
        {"id": 1, "name": "01x", "ok": True}, {"id": None, "name": 2.5, "ok": None},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "kind", "shape", "total"),
    [
        (b"1,2\n3,\n", "text/csv", [2, 2], 6),
        (b"x,y\n1,2\n", "text/csv", [1, 2], 3),
        (b"1\n2\n", "text/csv", [2], 3),
        (b"[1, 2]\n[3, 4]\n", "application/x-ndjson", [2, 2], 10),
        (b'{"a": 1, "b": 2}\n{"b": 4, "a": null}\n', "application/x-ndjson", [2, 2], 7),
        (b'{"a": 1}\n{"a": 2}\n', "application/x-ndjson", [2], 3),
        (as_parquet(FRAME[["a", "b"]]), "application/vnd.apache.parquet", [2, 2], 3.5),
        (as_arrow(FRAME[["a"]]), "application/vnd.apache.arrow.stream", [2], 3),
    ],
)
def test_a_table_of_numbers_comes_as_an_array(post, body, kind, shape, total) -> None:
    assert post("shape", body, kind).json() == {"shape": shape, "total": total}


@pytest.mark.parametrize("kind", ["application/octet-stream", "image/png", "application/pdf"])
def test_a_file_comes_as_bytes(post, kind) -> None:
    assert post("size", b"\x00\xff" * 10, kind, "?times=2").json() == 40


def test_text_comes_in_its_charset(post) -> None:
    assert post("shout", "é".encode("latin-1"), "text/plain; charset=iso-8859-1").json() == "É"


@pytest.mark.parametrize("path", ["describe", "later"])
def test_functions_on_the_loop_and_on_the_thread_read_the_same(post, path) -> None:
    assert post(path, TABLES["text/csv"], "text/csv").status_code == 200


def test_a_large_table_is_read(post) -> None:
    frame = pd.DataFrame({"a": range(50_000)})
    answer = post("describe", frame.to_csv(index=False).encode(), "text/csv")
    assert answer.json()["size"] == 50_000


def test_a_form_has_files_and_fields(running) -> None:
    answer = running.client.post(
        "/form",
        data={"day": "2026-01-02", "amount": "2.5", "note": "12", "tags": ["a", "1"], "ok": "on",
              "row": '{"id": 3}'},
        files=[("files", ("a.bin", b"12345", "application/octet-stream")),
               ("files", ("b.bin", b"\r\n--x\r\n", "application/octet-stream"))],
    )  # fmt: skip
    assert answer.json() == {
        "day": "2026-01-02", "amount": 2.5, "note": "12", "tags": ["a", "1"], "ok": True,
        "row": {"id": 3, "name": "", "score": None}, "files": [5, 7],
    }  # fmt: skip


def test_a_form_may_hold_several_tables_of_several_types(running) -> None:
    files = {
        "left": ("left.csv", TABLES["text/csv"]),
        "right": ("r.parquet", as_parquet(FRAME), "application/octet-stream"),
    }
    assert running.client.post("/two", files=files).json() == 4
    files = {
        "left": ("left", LINES, "application/x-ndjson"),
        "right": ("r.json", b'{"a": [1]}', "application/json"),
    }
    assert running.client.post("/two", files=files).json() == 3


def test_a_file_of_a_form_is_a_table_by_its_name_where_its_type_says_nothing(running) -> None:
    excel = {
        "left": ("left.csv", TABLES["text/csv"], "application/vnd.ms-excel"),
        "right": ("r.json", b'[{"a": 1}]', "text/plain"),
    }
    assert running.client.post("/two", files=excel).json() == 3
    book = {"left": ("l.xlsx", b"PK\x03\x04\xff"), "right": ("r", b"a;b\n1;2\n")}
    problems = running.client.post("/two", files=book).json()["errors"]
    assert [problem["argument"] for problem in problems] == ["left", "right"]
    assert all("a file of CSV" in problem["message"] for problem in problems)


def test_of_several_files_for_one_argument_none_is_dropped(running) -> None:
    right = ("right", ("r.csv", b"a\n1\n"))
    files = [("left", ("a.csv", b"a\n1\n")), ("left", ("b.csv", b"a\n2\n")), right]
    answer = running.client.post("/two", files=files)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "Argument left: Input should be one file"


def test_a_form_may_come_as_a_browser_sends_it(running) -> None:
    data = {"day": "2026-01-02", "amount": "1e3", "note": "", "tags": "a"}
    answer = running.client.post("/form", data=data).json()
    assert (answer["amount"], answer["note"], answer["tags"]) == (1000.0, "", ["a"])


def test_json_that_says_it_is_a_form_is_read_and_kept_as_json(post, running) -> None:
    # curl -d says so
    answer = post("shout", b'{"text": "a"}', "application/x-www-form-urlencoded")
    assert answer.json() == "A"
    (call,) = running.client.get("/calls?limit=1").json()
    assert call["inputs"] == {"text": "a"}


@pytest.mark.parametrize("body", [b'[{"text": "secret7"}]', b'"secret7"'])
def test_json_without_arguments_is_not_quoted_where_it_says_it_is_a_form(post, body) -> None:
    answer = post("shout", body, "application/x-www-form-urlencoded")
    assert answer.status_code == 422
    assert "object of arguments" in answer.json()["detail"]
    assert "secret7" not in answer.text


@pytest.mark.parametrize("body", [b"", b"{}", b'{"times": 3}'])
def test_what_json_lacks_may_stand_in_the_query(post, body) -> None:
    answer = post("size", body, "application/json", "?raw=AP8%3D&times=2&other=1")
    assert answer.json() == (6 if body == b'{"times": 3}' else 4)


def test_any_number_of_named_arguments_comes_from_fields_too(running) -> None:
    assert running.client.post("/anything", data={"a": "1", "b": "2.5"}).json() == {
        "a": 1.0, "b": 2.5,
    }  # fmt: skip


def test_json_may_be_of_another_charset(post) -> None:
    body = json.dumps({"text": "é"}, ensure_ascii=False).encode("latin-1")
    assert post("shout", body, "application/json; charset=latin-1").json() == "É"


UNKNOWN = [
    ("describe", "application/xml"), ("describe", "text/plain"), ("describe", "image/png"),
    ("shout", "text/csv"), ("two", "text/csv"), ("form", "application/vnd.apache.parquet"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "kind"), UNKNOWN)
def test_a_type_that_is_not_taken_answers_415_with_those_that_are(post, path, kind) -> None:
    answer = post(path, b"secret7", kind)
    assert answer.status_code == 415
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert "application/json" in said["accepted"]
    assert kind not in said["accepted"]
    assert answer.headers["accept"].split(", ") == said["accepted"]
    assert "secret7" not in answer.text


UNREADABLE = [
    ("describe", "text/csv", b'a,b\n"secret7', 400),
    ("describe", "text/csv", b"a\n\xff\xfe", 400),
    ("describe", "text/csv; charset=nonsense", b"a\n1", 400),
    ("describe", "text/csv", b"a,b\nsecret7,1,2\n", 400),
    ("describe", "text/tab-separated-values", b"a\tb\n0\t1\t\n1\t2\t\n", 400),
    ("describe", "application/x-ndjson", b"secret7\n", 400),
    ("describe", "application/x-ndjson", b"1\n2\n", 422),
    ("describe", "application/vnd.apache.parquet", b"secret7", 400),
    ("describe", "application/vnd.apache.arrow.stream", b"secret7", 400),
    ("describe", "application/vnd.apache.arrow.file", b"", 400),
    ("names", "text/csv", b"id\nsecret7\n", 422),
    ("names", "text/csv", b"id,name\n1\n", 400),
    ("shape", "text/csv", b"1,2\nsecret7,3\n", 422),
    ("shape", "text/csv", b"1,2\n3\n", 422),
    ("shape", "application/x-ndjson", b'{"a": 1}\n{"b": 1}\n', 422),
    ("form", "multipart/form-data", b"secret7", 400),
    ("form", "multipart/form-data; boundary=x", b"--x\r\nsecret7", 400),
    ("form", "multipart/form-data; boundary=x", b"--x\r\n\r\nsecret7\r\n--x--", 400),
    ("shout", "text/plain", b"\xff", 400),
]


@pytest.mark.parametrize(("path", "kind", "body", "status"), UNREADABLE)
def test_a_body_that_is_not_of_its_type_is_refused_and_not_quoted(
    post, path, kind, body, status
) -> None:
    answer = post(path, body, kind)
    assert answer.status_code == status, answer.text
    assert "secret7" not in answer.text
    if status == 422:
        assert answer.json()["errors"][0]["argument"] in {"rows", "x"}


def test_every_field_that_is_wrong_is_named(post) -> None:
    answer = post("form", b"day=secret7&amount=secret7&what=1", "application/x-www-form-urlencoded")
    assert answer.status_code == 422
    assert [e["argument"] for e in answer.json()["errors"]] == ["day", "amount", "note", "what"]
    assert "secret7" not in answer.text


def test_bodies_that_are_no_json_are_not_in_the_call_log(post, running) -> None:
    post("size", b"secret8", "application/octet-stream")
    calls = running.client.get("/calls?limit=1").json()
    assert (calls[0]["endpoint"], calls[0]["inputs"]) == ("size", None)


def test_an_image_without_pyarrow_says_what_is_missing(start) -> None:
    cell = """\
import sys
sys.modules["pyarrow"] = None  # as where it is not installed
import pandas as pd

def describe(rows: pd.DataFrame) -> pd.DataFrame:
    return rows
"""
    running = start(("c", "production", cell), endpoints={"describe": []})
    kind = "application/vnd.apache.parquet"
    headers = {"content-type": kind}
    answer = running.client.post("/describe", content=TABLES[kind], headers=headers)
    assert answer.status_code == 415
    assert "pyarrow" in answer.json()["detail"]
    assert answer.json()["accepted"][:2] == ["application/json", "text/csv"]
    assert kind not in answer.json()["accepted"]
    file = {"rows": ("rows.parquet", TABLES[kind])}
    assert running.client.post("/describe", files=file).status_code == 415
    rows = {"rows": [{"a": 1}]}
    answer = running.client.post("/describe", json=rows, headers={"accept": kind})
    assert answer.status_code == 406
    operation = running.client.get("/openapi.json").json()["paths"]["/describe"]["post"]
    assert kind not in operation["requestBody"]["content"]
    assert kind not in operation["responses"]["200"]["content"]
