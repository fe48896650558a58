"""Tables of Arrow as frames: what is quick must be what pyarrow itself makes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nbdeploy_ext.runtime.arrow import frame_of, read_arrow, write_arrow, write_arrow_frame
from nbdeploy_ext.runtime.codec import compile_codec
from nbdeploy_ext.runtime.media import ARROW_FILE, ARROW_STREAM, PARQUET

NUMBERS = pd.DataFrame({"a": [1.5, 2.5, 3.5], "b": [4.0, 5.0, 6.0]})
FRAMES: dict[str, Any] = {
    "floats": NUMBERS,
    "short floats": NUMBERS.astype("float32"),
    "half floats": NUMBERS.astype("float16"),
    "integers": NUMBERS.astype("int64"),
    "small integers": NUMBERS.astype("uint8"),
    "several kinds": NUMBERS.assign(b=[1, 2, 3]),
    "text": NUMBERS.assign(b=["x", "y", "z"]),
    "truths": pd.DataFrame({"a": [True, False]}),
    "times": pd.DataFrame({"a": pd.to_datetime(["2020-01-01", "2021-01-01"])}),
    "gaps": pd.DataFrame({"a": [1.0, None], "b": [2.0, 3.0]}),
    "gaps in integers": pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
    "nullable integers": pd.DataFrame({"a": pd.array([1, 2], dtype="Int64")}),
    "category": pd.DataFrame({"a": pd.Categorical(["x", "y"])}),
    "rows with names": NUMBERS.set_index("a"),
    "rows from five": NUMBERS.set_axis(range(5, 8)),
    "rows in steps": NUMBERS.set_axis(range(0, 6, 2)),
    "a name of the rows": NUMBERS.rename_axis("row"),
    "a name of the columns": NUMBERS.rename_axis("column", axis=1),
    "numbers as names": pd.DataFrame(np.ones((2, 2))),
    "levels of names": pd.DataFrame(np.ones((2, 2)), columns=[["x", "x"], ["y", "z"]]),
    "no rows": NUMBERS[:0],
    "no columns": pd.DataFrame(index=range(3)),
    "nothing": pd.DataFrame(),
}  # fmt: skip


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
@pytest.mark.parametrize("kind", [ARROW_STREAM, ARROW_FILE, PARQUET])
def test_a_frame_is_the_one_that_pyarrow_makes(frame: pd.DataFrame, kind: str) -> None:
    table = read_arrow(kind, write_arrow(kind, pa.Table.from_pandas(frame)))
    pd.testing.assert_frame_equal(frame_of(table), table.to_pandas())


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"a": [1.0, 2.0], "b": [3.0, 4.0]}),
        pa.table({"a": pa.array([1.0, None])}),
        pa.table([pa.array([1.0]), pa.array([2.0])], names=["same", "other"]),
        pa.table({"a": pa.chunked_array([[1.0], [2.0, 3.0]])}),
        pa.table({"a": pa.array([1, 2], pa.decimal128(5, 2))}),
        pa.table({"a": [1.0, 2.0, 3.0]}).slice(1),
        pa.table({"a": [1.0]}).replace_schema_metadata({"pandas": "no JSON"}),
        pa.table({"a": [1.0]}).replace_schema_metadata({"pandas": json.dumps({"columns": 1})}),
        pa.table({"a": [1.0]}).replace_schema_metadata({"other": "word"}),
    ],
    ids=["plain", "a gap", "two", "chunks", "decimals", "a slice", "broken", "odd", "other"],
)
def test_tables_that_pandas_did_not_write(table: Any) -> None:
    expected = table.replace_schema_metadata(None).to_pandas()
    assert frame_of(table).equals(expected)


def test_two_columns_of_one_name_are_both_there() -> None:
    table = pa.table([pa.array([1.0]), pa.array([2.0])], names=["a", "a"])
    assert frame_of(table).to_numpy().tolist() == [[1.0, 2.0]]


def test_a_frame_can_be_changed_and_the_next_one_does_not_know() -> None:
    content = write_arrow_frame(ARROW_STREAM, NUMBERS)
    frame = frame_of(read_arrow(ARROW_STREAM, content))
    frame.loc[0, "a"] = -1.0
    frame.columns.name = "mine"
    frame["c"] = 0.0
    pd.testing.assert_frame_equal(frame_of(read_arrow(ARROW_STREAM, content)), NUMBERS)


def test_a_frame_of_json_does_not_know_what_a_call_before_did_to_its_names() -> None:
    def keep(frame: pd.DataFrame) -> pd.DataFrame:
        return frame

    codec = compile_codec(keep)
    body = json.dumps({"frame": NUMBERS.to_dict("records")}).encode()
    first = codec.decode(body)["frame"]
    first.columns.name = "mine"
    first["c"] = 0.5
    again = codec.decode(body)["frame"]
    assert again.columns.name is None
    pd.testing.assert_frame_equal(again, NUMBERS)


def test_a_stream_knows_nothing_of_the_numbers_and_types_of_one_with_the_same_names() -> None:
    numbers: list[Any] = [
        [[0, 0], [0, 0]], [[1, -1], [2, 3]], [[-1, -1], [-1, -1]], [[0.0, -0.0], [0.0, 0.0]],
        [[1.5, float("nan")], [2.5, 3.5]], [[1.5, float("inf")], [2.5, 3.5]],
        [[True, False], [False, False]], [[0.0, 1.0]], [[0.5, 1.5]], np.ones((0, 2)),
    ]  # fmt: skip
    for kind in (None, "float32", "int8", "uint64"):
        for rows in numbers * 2:
            values = np.array(rows)
            if kind is not None and values.dtype.kind != "f":
                values = values.astype(kind)
            for names in (["a", "b"], ["b", "a"]):
                frame = pd.DataFrame(values, columns=names)
                table = pa.Table.from_pandas(frame, preserve_index=False)
                content = write_arrow_frame(ARROW_STREAM, frame)
                assert read_arrow(ARROW_STREAM, content).equals(table)


@pytest.mark.parametrize("kind", [ARROW_STREAM, ARROW_FILE, PARQUET])
def test_gaps_are_written_as_gaps(kind: str) -> None:
    frame = pd.DataFrame({"a": [1.5, float("nan")], "b": [2.5, float("inf")]})
    table = read_arrow(kind, write_arrow_frame(kind, frame))
    assert table.to_pydict() == {"a": [1.5, None], "b": [2.5, float("inf")]}
