"""Results in the form that their caller likes best, over HTTP."""

from __future__ import annotations

import csv
import io
import os
from contextlib import suppress

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from nbdeploy_ext.runtime.media import NotAcceptable, choose
from tests.runtime.apps import serve
from tests.runtime.cells_app import write_cells

STEADY = settings(deadline=None, derandomize="NBDEPLOY_SEEDS" not in os.environ)
CELLS = """\
import io
from dataclasses import dataclass
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
from PIL import Image

@dataclass
class Row:
    id: int
    tags: list

class Shown:
    def _repr_html_(self):
        return "<b>é</b>"
    def _repr_markdown_(self):
        return "**é**"

class Bundle:
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": "x", "image/png": "iVBORw0KGgo=", "text/html": "<i>1</i>"}, {}

class Counted:
    asked = 0
    def _repr_mimebundle_(self, include=None, exclude=None):
        self.asked += 1
        return {"text/html": f"asked {self.asked} times"}

class Nothing:
    _repr_html_ = None
    def _repr_png_(self):
        return None

def frame() -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2], "b": [0.1, None], "c": ["x", "é,"]})

def grouped():
    return pd.DataFrame({"k": ["a", "a"], "v": [1, 2]}).groupby("k").sum()

def series():
    return pd.Series([1.5, None], name="s")

def array():
    return np.array([[1.5, np.nan], [2, 3]])

def vector():
    return np.arange(3)

def rows() -> list[Row]:
    return [Row(1, ["a"]), Row(2, [])]

def mixed():
    return pd.DataFrame({"o": [1, "a"]})

def twice():
    return pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"])

def returned(as_frame: bool = True):
    rows = [{"a": "x\\ry", "b": 1}, {"a": "z", "b": 2}]
    return pd.DataFrame(rows) if as_frame else rows

def each():
    yield {"a": 1}
    yield twice()

def numbers():
    return [1, [2], None]

def one() -> dict:
    return {"a": 1}

def text():
    return "é"

def raw() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (2, 2)).save(file, "png")
    return file.getvalue()

def figure():
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    return figure

def axes():
    return plt.subplots()[1]

def grid():
    return plt.subplots(2, 2)[1]

def left() -> int:
    plt.plot([1, 2])
    plt.show()
    return len(plt.gca().lines)

def opened() -> int:
    return len(plt.get_fignums())

def lines():
    return plt.plot([1, 2])

def bars():
    return plt.hist([1, 2])

async def image():
    return Image.new("RGB", (2, 2))

def shown():
    return Shown()

def bundle():
    return Bundle()

def counted():
    return Counted()

def nothing():
    return Nothing()

def wrong() -> pd.DataFrame:
    return Shown()

def stream():
    yield {"a": 1}
"""
NAMES = tuple(line[4:].split("(")[0] for line in CELLS.replace("async ", "").splitlines()
              if line.startswith("def "))  # fmt: skip
FRAME = pd.DataFrame({"a": [1, 2], "b": [0.1, None], "c": ["x", "é,"]})
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def running(start_once):
    return start_once(("cells", "production", CELLS), endpoints={name: [] for name in NAMES})


@pytest.fixture(scope="module")
def ask(running):
    def send(path: str, accept: str = "*/*"):
        return running.client.post(f"/{path}", headers={"accept": accept})

    return send


def read(kind: str, content: bytes) -> pd.DataFrame:
    if kind.startswith("text/csv"):
        return pd.read_csv(io.BytesIO(content))
    if "ndjson" in kind:
        return pd.read_json(io.BytesIO(content), lines=True)
    if "parquet" in kind:
        return parquet.read_table(io.BytesIO(content)).to_pandas()
    opened = pa.ipc.open_stream if "stream" in kind else pa.ipc.open_file
    return opened(content).read_all().to_pandas()


TABLES = [
    "text/csv", "application/x-ndjson", "application/vnd.apache.parquet",
    "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file",
]  # fmt: skip


@pytest.mark.parametrize("kind", TABLES)
def test_a_frame_goes_as_the_table_that_its_caller_accepts(ask, kind) -> None:
    answer = ask("frame", kind)
    assert answer.headers["content-type"].split(";")[0] == kind
    pd.testing.assert_frame_equal(read(kind, answer.content), FRAME, check_dtype=False)


@pytest.mark.parametrize("kind", TABLES)
def test_rows_go_as_a_table(ask, kind) -> None:
    found = read(kind, ask("rows", kind).content)
    assert found["id"].tolist() == [1, 2]
    assert [str(tags).replace('"', "'") for tags in found["tags"]] == ["['a']", "[]"]


@pytest.mark.parametrize("kind", TABLES)
def test_an_index_that_has_a_name_is_a_column(ask, kind) -> None:
    assert read(kind, ask("grouped", kind).content).to_dict("list") == {"k": ["a"], "v": [3]}


@pytest.mark.parametrize("kind", TABLES)
def test_a_series_goes_as_one_column(ask, kind) -> None:
    assert read(kind, ask("series", kind).content)["s"].tolist()[0] == 1.5


def test_an_array_goes_as_a_table_without_names(ask) -> None:
    lines = list(csv.reader(io.StringIO(ask("array", "text/csv").text)))
    assert lines == [["1.5", ""], ["2.0", "3.0"]]
    assert ask("vector", "application/x-ndjson").text == "0\n1\n2\n"
    found = read("arrow.stream", ask("array", "application/vnd.apache.arrow.stream").content)
    np.testing.assert_array_equal(found.to_numpy(), [[1.5, np.nan], [2, 3]])


@pytest.mark.parametrize("as_frame", [True, False])
def test_a_carriage_return_within_a_cell_ends_no_row(running, as_frame) -> None:
    answer = running.client.post(
        "/returned", json={"as_frame": as_frame}, headers={"accept": "text/csv"}
    )
    assert answer.content == b'a,b\n"x\ry",1\nz,2\n'


def test_a_list_of_anything_goes_as_json_lines(ask) -> None:
    assert ask("numbers", "application/jsonl").text == "1\n[2]\nnull\n"


def test_text_and_bytes_go_as_they_are_to_those_who_ask(ask) -> None:
    assert ask("text").text == '"é"'
    assert ask("text", "text/plain").text == "é"
    assert ask("raw").headers["content-type"] == "application/json"
    for kind in ("application/octet-stream", "image/png", "image/*"):
        assert ask("raw", kind).content.startswith(PNG)


@pytest.mark.parametrize("path", ["figure", "axes", "grid", "lines", "bars", "image"])
@pytest.mark.parametrize("accept", ["*/*", "image/png", "image/*", "text/csv, image/png;q=0.1"])
def test_a_picture_goes_as_png(ask, path, accept) -> None:
    answer = ask(path, accept)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(PNG)


def test_a_figure_goes_as_svg_and_is_closed_afterwards(ask) -> None:
    before = ask("opened").json()
    answer = ask("figure", "image/svg+xml")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert b"<svg" in answer.content
    assert ask("figure", "application/json").status_code == 406
    assert ask("opened").json() == before


def test_no_call_draws_on_a_figure_that_another_left_open(ask) -> None:
    assert [ask("left").json() for _ in range(3)] == [1, 1, 1]
    assert ask("opened").json() == 0


@pytest.mark.parametrize(
    ("path", "accept", "kind", "text"),
    [
        ("shown", "*/*", "text/html; charset=utf-8", "<b>é</b>"),
        ("shown", "text/markdown", "text/markdown; charset=utf-8", "**é**"),
        ("bundle", "*/*", "text/html; charset=utf-8", "<i>1</i>"),
        ("bundle", "image/png", "image/png", None),
        ("counted", "*/*", "text/html; charset=utf-8", "asked 1 times"),
        ("frame", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8", None),
        ("one", "text/html,*/*;q=0.8", "application/json", '{"a":1}'),
    ],
)
def test_an_object_goes_as_the_notebook_shows_it(ask, path, accept, kind, text) -> None:
    answer = ask(path, accept)
    assert answer.headers["content-type"] == kind
    assert text is None or answer.text == text


@pytest.mark.parametrize(
    ("path", "accept", "offered"),
    [
        ("one", "text/csv", ["application/json"]),
        ("one", "application/json;q=0", ["application/json"]),
        ("figure", "application/json", ["image/png", "image/svg+xml", "application/pdf"]),
        ("shown", "application/json", ["text/html", "text/markdown"]),
    ],
)
def test_a_form_that_a_result_lacks_answers_406_with_those_it_has(
    ask, path, accept, offered
) -> None:
    answer = ask(path, accept)
    assert answer.status_code == 406
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["offered"] == offered


@pytest.mark.parametrize("accept", ["*/*", "text/csv", "image/png"])
def test_a_result_that_is_not_as_hinted_is_no_answer_in_any_form(ask, accept) -> None:
    assert ask("wrong", accept).status_code == 500


def test_a_result_without_any_form_is_refused(ask) -> None:
    answer = ask("nothing")
    assert answer.status_code == 500
    assert "Nothing" in answer.json()["detail"]


def test_columns_that_arrow_can_not_hold_are_refused_without_their_values(ask) -> None:
    answer = ask("mixed", "application/vnd.apache.arrow.stream")
    assert answer.status_code == 500
    assert "vnd.apache.arrow.stream" in answer.json()["detail"]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/x-ndjson"])
def test_of_two_columns_with_one_name_none_is_lost_in_json(ask, accept) -> None:
    answer = ask("twice", accept)
    assert answer.status_code == 500
    said = 'the result can\'t be sent: a table has two columns named "a"'
    assert said in answer.json()["detail"]
    with pytest.raises(httpx.RemoteProtocolError):
        ask("each")


def test_two_columns_with_one_name_are_two_where_a_table_has_places_for_both(ask) -> None:
    assert ask("twice", "text/csv").text == "a,a\n1,2\n3,4\n"
    stored = ask("twice", "application/vnd.apache.arrow.stream").content
    assert pa.ipc.open_stream(stored).read_all().column_names == ["a", "a"]


def test_a_stream_is_json_lines_whatever_is_accepted(ask) -> None:
    assert ask("stream", "text/csv, */*;q=0.1").text == '{"a":1}\n'


def test_a_figure_that_a_notebook_ends_with_goes_as_it_shows_it(tmp_path) -> None:
    draw = "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\n"
    draw += "axes.plot([0, top])\nfigure"
    cells = (("p", "parameters", "top = 3"), ("draw", "production", draw))
    with serve(write_cells(tmp_path / "app", *cells)) as running:
        # curl, httpx and browsers each accept in a way of their own
        for accept in ("*/*", "text/html,image/avif,image/webp,*/*;q=0.8", "image/png"):
            answer = running.client.post("/run", json={"top": 5}, headers={"accept": accept})
            assert answer.content.startswith(PNG), answer.text


OFFERS = ("application/json", "text/csv", "image/png")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/*", "text/csv"),
        ("text/csv, application/json", "text/csv"),
        ("application/json, text/csv", "application/json"),
        ("application/json;q=0.5, text/csv;q=0.9", "text/csv"),
        ("*/*;q=0.1, image/png;q=0.2", "image/png"),
        ("*/*, application/json;q=0", "text/csv"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
        ("TEXT/CSV ; Q=1.0", "text/csv"),
        ("text/csv;q=nonsense, image/*", "image/png"),
        ("text/csv;header=present", "text/csv"),
    ],
)
def test_the_best_offer_is_chosen(accept, chosen) -> None:
    assert choose(accept, OFFERS) == chosen


@settings(STEADY)
@given(st.text())
def test_any_accept_has_an_offer_or_none(accept) -> None:
    with suppress(NotAcceptable):
        assert choose(accept, OFFERS) in OFFERS
