"""Values in a batch that formats have in different ways, or not at all."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from tests.runtime.apps import write_app
from tests.runtime.tables import batch, read_rows, write_lines

CELL = """\
def same(x=None):
    return {"again": chr(0xD800) if x == "half" else x}
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("types") / "app"
    return write_app(folder, ("cell", "production", CELL), endpoints={"same": []})


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
def test_a_parquet_file_has_text_where_no_type_has_all_values(app, tmp_path, values, found):
    source = write_lines(tmp_path / "in.jsonl", [{"x": value} for value in values])
    done = batch(app, source, tmp_path / "out.parquet", "--rows-per-chunk", "1")
    assert done.status == 0, done.log
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["x"].to_pylist() == table["again"].to_pylist() == found


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_half_a_surrogate_pair_is_replaced_where_a_format_has_none(app, tmp_path, name):
    source = write_lines(tmp_path / "in.jsonl", [{"x": "half", "note": "a\udc00"}, {"x": "b"}])
    assert batch(app, source, tmp_path / name).status == 0
    first = read_rows(tmp_path / name)[0]
    assert (first["again"], first["note"]) == ("\ufffd", "a\ufffd")
