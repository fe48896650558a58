"""Whatever goes through the codec and the tables comes back as it was, or is refused unquoted."""

from __future__ import annotations

import io
import json
import math
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from nbdeploy_ext.runtime.answers import write_answer
from nbdeploy_ext.runtime.bodies import read_body
from nbdeploy_ext.runtime.codec import compile_codec
from nbdeploy_ext.runtime.faults import ArgumentsInvalid, BodyUnreadable
from nbdeploy_ext.runtime.media import (
    ARROW_FILE,
    ARROW_STREAM,
    CSV,
    NDJSON,
    PARQUET,
    TSV,
    MediaTypeUnknown,
)
from tests.runtime.codec_types import Colour, Form, Line, Pair, Point, Row, codec_of

STEADY = settings(deadline=None, derandomize="NBDEPLOY_SEEDS" not in os.environ)

WORDS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)
LONG = st.integers(-(2**80), 2**80)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | LONG | FINITE | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
# ISO 8601 knows no zones but offsets of whole minutes
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
VALUES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, LONG),
    (float, FINITE),
    (str, WORDS),
    (bytes, st.binary()),
    (list[float | None], st.lists(FINITE | st.none())),
    (dict[int, str], st.dictionaries(LONG, WORDS)),
    (set[int], st.sets(LONG)),
    (tuple[int, ...], st.lists(LONG).map(tuple)),
    (datetime, st.datetimes(timezones=ZONES)),
    (date, st.dates()),
    (time, st.times()),
    (timedelta, st.timedeltas()),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    (UUID, st.uuids()),
    (Colour, st.sampled_from(Colour)),
    (Point, st.builds(Point, FINITE, FINITE)),
    (Pair, st.builds(Pair, LONG, WORDS)),
    (Line, st.builds(Line, st.lists(st.builds(Point, FINITE, FINITE)), WORDS, st.sets(WORDS))),
]


@pytest.mark.parametrize(("hint", "values"), VALUES, ids=[str(row[0]) for row in VALUES])
@settings(STEADY, max_examples=60)
@given(data=st.data())
def test_a_value_comes_back_as_it_went(hint, values, data) -> None:
    value = data.draw(values)
    codec = codec_of(hint)
    for written in (codec.encode(value), codec_of(Any).encode(value)):
        assert codec.decode(b'{"x": %b}' % written)["x"] == value


@settings(STEADY)
@given(JSON)
def test_any_json_goes_through_unchanged(value) -> None:
    codec = codec_of(Any)
    got = codec.decode(json.dumps({"x": value}).encode())["x"]
    assert got == value
    assert json.loads(codec.encode(got)) == value


DTYPES = (
    arrays.floating_dtypes(sizes=(32, 64), endianness="=")
    | arrays.integer_dtypes(endianness="=")
    | arrays.boolean_dtypes()
)


@settings(STEADY)
@given(arrays.arrays(DTYPES, arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)))
def test_an_array_comes_back_to_the_bit_but_for_what_is_no_number(value) -> None:
    codec = codec_of(NDArray[value.dtype.type])
    sent = codec.encode(value)
    assert b"NaN" not in sent
    got = codec.decode(b'{"x": %b}' % sent)["x"]
    assert got.dtype == value.dtype
    expected = np.where(np.isfinite(value), value, np.nan) if value.dtype.kind == "f" else value
    # No array of JSON says how wide a row is of which there is none
    np.testing.assert_array_equal(got, expected.reshape(got.shape))


CELLS: list[st.SearchStrategy[Any]] = [
    LONG, st.floats(), WORDS, st.booleans(), FINITE | st.none(), WORDS | st.none(),
    st.integers(-(2**53), 2**53) | st.none(),
]  # fmt: skip


@st.composite
def tables(draw) -> list[dict[str, Any]]:
    kinds = draw(st.dictionaries(WORDS, st.sampled_from(CELLS), min_size=1, max_size=4))
    count = draw(st.integers(1, 5))
    return [{name: draw(kind) for name, kind in kinds.items()} for _ in range(count)]


def is_same(got: Any, sent: Any) -> bool:
    is_gap = sent is None or (isinstance(sent, float) and not math.isfinite(sent))
    return bool(pd.isna(got)) if is_gap else bool(got == sent)


@settings(STEADY)
@given(tables(), st.booleans())
def test_every_cell_of_a_frame_comes_and_goes_as_it_was(rows, by_column) -> None:
    codec = codec_of(pd.DataFrame)
    plain = json.loads(codec_of(Any).encode(rows))
    sent = {name: [row[name] for row in plain] for name in plain[0]} if by_column else plain
    got = codec.decode(json.dumps({"x": sent}).encode())["x"]
    assert list(got.columns) == list(rows[0])
    for place, row in enumerate(rows):
        assert all(is_same(got[name].iloc[place], cell) for name, cell in row.items())
    back = json.loads(codec.encode(got))
    assert all(
        is_same(back[place][name], cell)
        for place, row in enumerate(rows) for name, cell in row.items()
    )  # fmt: skip


@dataclass
class Record:
    number: int
    ratio: float | None
    word: str
    sure: bool
    day: date | None = None


def rows_of(rows: list[Record]) -> list[Record]:
    return rows


def frame_of(rows: pd.DataFrame) -> pd.DataFrame:
    return rows


TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=8)
RECORDS = st.lists(
    st.builds(
        Record, st.integers(-(2**63), 2**63 - 1), FINITE | st.none(), TEXT, st.booleans(),
        st.dates() | st.none(),
    ),
    min_size=1,
    max_size=5,
)  # fmt: skip


@pytest.mark.parametrize("kind", [CSV, TSV, NDJSON, PARQUET, ARROW_STREAM, ARROW_FILE])
@settings(STEADY, max_examples=40)
@given(rows=RECORDS)
def test_rows_come_back_from_every_kind_of_table(kind, rows) -> None:
    codec = compile_codec(rows_of)
    answer = write_answer(codec, rows, kind)
    assert read_body(codec, answer.body, answer.media_type, "") == {"rows": rows}


@pytest.mark.parametrize("kind", [CSV, TSV, NDJSON, PARQUET, ARROW_STREAM, ARROW_FILE])
@settings(STEADY, max_examples=40)
@given(st.lists(FINITE, min_size=1), st.data())
def test_a_frame_of_numbers_comes_back_from_every_kind_of_table(kind, floats, data) -> None:
    integers = st.integers(-(2**63), 2**63 - 1)
    whole = data.draw(st.lists(integers, min_size=len(floats), max_size=len(floats)))
    frame = pd.DataFrame({"a": floats, "b": np.array(whole, dtype=np.int64)})
    codec = compile_codec(frame_of)
    answer = write_answer(codec, frame, kind)
    got = read_body(codec, answer.body, answer.media_type, "")["rows"]
    assert got["b"].tolist() == whole
    # To the bit; a column of whole numbers may come as integers
    assert got["a"].astype(float).tolist() == floats


@settings(STEADY, max_examples=150)
@given(
    arrays.arrays(
        st.sampled_from([np.float64, np.float32, np.float16, np.int8, np.uint64, np.bool_]),
        arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=4),
    ),
    st.sampled_from([CSV, TSV]),
)
def test_numbers_are_in_csv_what_pandas_writes(value, kind) -> None:
    frame = pd.DataFrame(value, columns=[f'a,"{n}' for n in range(value.shape[1])])
    sep = "," if kind == CSV else "\t"
    sent = write_answer(compile_codec(frame_of), frame, kind).body
    got, expected = (
        pd.read_csv(io.BytesIO(text), sep=sep).astype(value.dtype)
        for text in (sent, frame.to_csv(index=False, sep=sep).encode())
    )
    pd.testing.assert_frame_equal(got, expected)


MARK = "secret7"
TAKEN = [int, float, bool, list[int], dict[str, float], datetime, date, timedelta, Decimal, UUID,
         bytes, Colour, Point, Line, Row, Pair, Form, NDArray[np.float64], pd.DataFrame,
         Record]  # fmt: skip
MARKED = st.recursive(
    st.just(MARK),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["x", "points", "id", "age", "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("hint", TAKEN, ids=map(str, TAKEN))
@settings(STEADY, max_examples=30)
@given(value=MARKED)
def test_a_refusal_names_the_argument_and_quotes_nothing(hint, value) -> None:
    codec = codec_of(hint)
    body = json.dumps({"x": value}).encode()
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        try:
            read_body(codec, body if kind == "application/json" else b"x=" + body, kind, "")
        except ArgumentsInvalid as fault:
            told = fault.problems
        except BodyUnreadable as fault:
            told = [{"argument": "x", "message": str(fault)}]
        else:
            continue
        assert {problem["argument"] for problem in told} == {"x"}
        assert MARK not in json.dumps(told)


def taken(rows: list[Record], x: NDArray[np.float64], raw: bytes, *rest: int) -> None: ...


def described(x: NDArray[np.float64], more: dict[str, Any] | None = None) -> None: ...


def uploaded(raw: bytes, note: str = "", **more: float) -> None: ...


CODECS = [compile_codec(f) for f in (rows_of, frame_of, taken, described, uploaded)]
KINDS = [
    "", "application/json", "application/json; charset=utf-16", CSV, TSV, NDJSON, PARQUET,
    ARROW_STREAM, ARROW_FILE, "text/csv; charset=utf-16", "text/csv; charset=idna", "text/plain",
    "application/octet-stream", "application/x-www-form-urlencoded", "multipart/form-data",
    "multipart/form-data; boundary=x",
]  # fmt: skip
BEGUN = [
    b"", b"a,b\n1,", b'{"rows": [', b"rows=", b"PAR1", b"\xff\xff\xff\xff\x10\x00\x00\x00",
    b"ARROW1\x00\x00", b'--x\r\nContent-Disposition: form-data; name="rows"\r\n\r\n',
]  # fmt: skip
ENDS = [b"", b"\n", b"]}", b"\r\n--x--"]
BODIES = st.tuples(st.sampled_from(BEGUN), st.binary(max_size=40), st.sampled_from(ENDS))
QUERIES = ["", "x=1", "raw=%00&rest=1&rest=2", "%ff&=&a=b=c"]


@settings(STEADY, max_examples=400)
@given(
    st.sampled_from(CODECS), BODIES.map(b"".join), st.sampled_from(KINDS) | WORDS,
    st.sampled_from(QUERIES),
)  # fmt: skip
def test_any_body_is_arguments_or_a_fault_of_its_caller(codec, body, kind, query) -> None:
    with suppress(ArgumentsInvalid, BodyUnreadable, MediaTypeUnknown):
        assert isinstance(read_body(codec, body, kind, query), dict)
