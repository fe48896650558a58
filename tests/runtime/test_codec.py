"""The codec: JSON to typed arguments and results to JSON, as the function's hints say."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, Union
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pydantic import Field, Json

from nbdeploy_ext.runtime.codec import compile_codec
from nbdeploy_ext.runtime.faults import ArgumentsInvalid, BodyUnreadable
from tests.runtime.codec_types import (
    ID,
    NOON,
    Aliased,
    Answer,
    Batch,
    Blob,
    Branch,
    Colour,
    Corner,
    Count,
    Fixed,
    Form,
    Half,
    Held,
    Holder,
    Level,
    Line,
    Node,
    Number,
    Pair,
    Point,
    Raw,
    Row,
    Span,
    Split,
    Tree,
    Weighed,
    codec_of,
)

SAME: list[tuple[Any, Any, Any]] = [
    (int, 3, 3),
    (float, 3, 3.0),
    (bool, True, True),
    (str, "é", "é"),
    (None, None, None),
    (Any, {"a": [1, None]}, {"a": [1, None]}),
    (dict, {"a": 1}, {"a": 1}),
    (list, [1, "a"], [1, "a"]),
    (list[int], [1, 2], [1, 2]),
    (dict[str, float], {"a": 1.5}, {"a": 1.5}),
    (dict[int, str], {"1": "a"}, {1: "a"}),
    (tuple[int, str], [1, "a"], (1, "a")),
    (tuple[int, ...], [1, 2], (1, 2)),
    (set[int], [1], {1}),
    (frozenset[int], [1], frozenset({1})),
    (deque[int], [1], deque([1])),
    (Pair, [1, "a"], Pair(1, "a")),
    (Optional[int], None, None),  # noqa: UP045  (the same)
    (Union[int, str], "a", "a"),  # noqa: UP007  (older notebooks write it so)
    (int | None, 4, 4),
    (Literal["a", 1], 1, 1),
    (Literal[0, True, "a"], True, True),
    (dict[Literal[1, 2], int], {"2": 1}, {2: 1}),
    (Half, 1.0, Half.ONE),
    (Answer, False, Answer.NO),
    (Corner, [0, 1], Corner.LEFT),
    (Colour, "red", Colour.RED),
    (Level, 1, Level.LOW),
    (dict[Level, int], {"1": 2}, {Level.LOW: 2}),
    (datetime, "2026-01-02T12:00:00Z", NOON),
    (date, "2026-01-02", date(2026, 1, 2)),
    (time, "12:30:00", time(12, 30)),
    (time, "12:30:00.010000", time(12, 30, 0, 10_000)),
    (timedelta, "PT1H30M", timedelta(hours=1, minutes=30)),
    (Decimal, "1.10", Decimal("1.10")),
    (UUID, ID, UUID(ID)),
    (Path, "a/b", Path("a/b")),
    (bytes, "AP8=", b"\x00\xff"),
    (bytes | None, "AP8=", b"\x00\xff"),
    (Annotated[int, Field(ge=1)], 2, 2),
    (Count, 2, 2),
    (Number, 2.5, 2.5),
    (int, 10**30, 10**30),
    (Any, 10**30, 10**30),
    (complex, "1+2j", 1 + 2j),
    (Fixed, {"name": "n", "raw": "AP8="}, Fixed(name="n", raw=b"\x00\xff")),
    (Blob, ["n", "AP8="], Blob("n", b"\x00\xff")),
    (Raw, "AP8=", b"\x00\xff"),
    (Aliased, {"from": 1}, Aliased(**{"from": 1})),
    (pd.Timedelta, "PT1H30M", pd.Timedelta("90min")),
    (pd.Timestamp, "2026-01-02T12:00:00Z", pd.Timestamp(NOON)),
    (pd.Timestamp, "2026-01-02T03:04:05.123456789Z", pd.Timestamp(1767323045123456789, tz="UTC")),
    (
        dict[str, list[pd.Timestamp | None]],
        {"a": ["2026-01-02T03:04:05.000000001", None]},
        {"a": [pd.Timestamp("2026-01-02T03:04:05.000000001"), None]},
    ),
    (
        dict[pd.Timestamp, int],
        {"2026-01-02T03:04:05.123456780": 1},
        {pd.Timestamp("2026-01-02T03:04:05.12345678"): 1},
    ),
    (
        Node,
        {"name": "a", "below": [{"name": "b", "below": []}]},
        {"name": "a", "below": [{"name": "b", "below": []}]},
    ),
    (Tree, {"name": "a", "below": [{"name": "b", "below": []}]}, Tree("a", [Tree("b", [])])),
    (
        Branch,
        {"name": "a", "leaves": [{"size": 1, "grows": {"name": "b", "leaves": []}}]},
        {"name": "a", "leaves": [{"size": 1, "grows": {"name": "b", "leaves": []}}]},
    ),
    (
        Holder,
        {"name": "a", "held": [{"raw": "AP8=", "inside": {"name": "b", "held": []}}]},
        Holder("a", [Held(b"\x00\xff", Holder("b", []))]),
    ),
    (
        Held,
        {"raw": "AP8=", "inside": {"name": "a", "held": [{"raw": "AA==", "inside": None}]}},
        Held(b"\x00\xff", Holder("a", [Held(b"\x00")])),
    ),
    (Point, {"x": 1.0, "y": 2.0}, Point(1, 2)),
    (Row, {"id": 1, "note": "n"}, {"id": 1, "note": "n"}),
    (list[Row], [{"id": 1}], [{"id": 1}]),
    (Form, {"age": 4, "points": []}, Form(age=4)),
    (
        Line,
        {"points": [{"x": 1.0, "y": 0.0}], "name": "l", "tags": ["t"]},
        Line([Point(1)], "l", {"t"}),
    ),
    (list[Point | None], [None, {"x": 1.0, "y": 0.0}], [None, Point(1)]),
    (dict[str, list[bytes]], {"a": ["AP8="]}, {"a": [b"\x00\xff"]}),
    (np.float64, 1.5, np.float64(1.5)),
    (np.int8, 5, np.int8(5)),
    (np.bool_, True, np.bool_(True)),
    (np.integer, 5, np.int64(5)),
    (np.unsignedinteger, 5, np.uint64(5)),
    (np.floating, 1.5, np.float64(1.5)),
    (np.datetime64, "2026-01-02", np.datetime64("2026-01-02")),
    (np.timedelta64, "P400DT1H", np.timedelta64(timedelta(days=400, hours=1))),
]


@pytest.mark.parametrize(("hint", "sent", "value"), SAME, ids=[str(row[0]) for row in SAME])
def test_a_value_comes_as_hinted_and_goes_back_as_it_came(hint, sent, value) -> None:
    codec = codec_of(hint)
    got = codec.decode(json.dumps({"x": sent}).encode())["x"]
    assert got == value
    assert type(got) is type(value)
    assert json.loads(codec.encode(got)) == sent
    assert json.loads(codec_of(Any).encode(got)) == sent


ARRAYS: list[tuple[Any, Any, Any]] = [
    (np.ndarray, [[1, 2], [3, 4]], np.array([[1, 2], [3, 4]])),
    (NDArray[np.float64], [1, 2.5, None], np.array([1, 2.5, np.nan])),
    (NDArray[np.int32], [1, 2], np.array([1, 2], dtype=np.int32)),
    (NDArray[np.bool_], [True], np.array([True])),
    (NDArray[np.str_], ["a", "bc"], np.array(["a", "bc"])),
    (np.ndarray, [], np.array([])),
]


@pytest.mark.parametrize(("hint", "sent", "value"), ARRAYS, ids=[str(row[0]) for row in ARRAYS])
def test_an_array_comes_with_its_element_type_and_goes_back(hint, sent, value) -> None:
    codec = codec_of(hint)
    got = codec.decode(json.dumps({"x": sent}).encode())["x"]
    np.testing.assert_array_equal(got, value)
    assert got.dtype == value.dtype
    assert json.loads(codec.encode(got)) == sent


@pytest.mark.parametrize("sent", [[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
                                  {"a": [1, 2], "b": ["x", "y"]}])  # fmt: skip
def test_a_frame_comes_as_records_or_columns_and_goes_as_records(sent) -> None:
    codec = codec_of(pd.DataFrame)
    got = codec.decode(json.dumps({"x": sent}).encode())["x"]
    pd.testing.assert_frame_equal(got, pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    assert json.loads(codec.encode(got)) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def test_a_series_comes_as_a_list() -> None:
    got = codec_of(pd.Series).decode(b'{"x": [1.5, 2]}')["x"]
    pd.testing.assert_series_equal(got, pd.Series([1.5, 2]))
    assert json.loads(codec_of(pd.Series).encode(got)) == [1.5, 2.0]


def test_a_dataclass_may_hold_arrays_and_dates() -> None:
    codec = codec_of(Batch)
    got = codec.decode(b'{"x": {"rows": [[1, 2]], "when": "2026-01-02T12:00:00Z"}}')["x"]
    assert isinstance(got, Batch)
    assert (got.rows.tolist(), got.when) == ([[1, 2]], NOON)
    assert json.loads(codec.encode(got)) == {"rows": [[1, 2]], "when": "2026-01-02T12:00:00Z"}


WRONG: list[tuple[Any, Any, str]] = [
    (int, "secret7", "x"),
    (int, 1.5, "x"),
    (int, True, "x"),
    (int, "7", "x"),
    (float, None, "x"),
    (str, 77777, "x"),
    (list[int], [1, "secret7"], "x[1]"),
    (Iterable[float], [1, "secret7"], "x[1]"),
    (Collection[Form], [{"age": 2}, {"age": "secret7"}], "x[1].age"),
    (Optional[Iterator[int]], ["secret7"], "x[0]"),  # noqa: UP045  (the same)
    (dict[str, Container[int]], {"a": ["secret7"]}, "x.a[0]"),
    (Json[list[int]], "secret7", "x"),
    (Line, {"points": [{"x": 1}, {"x": "secret7"}]}, "x.points[1].x"),
    (Row, {"id": "secret7"}, "x.id"),
    (Node, {"name": "a", "below": [{"name": 77777, "below": []}]}, "x.below[0].name"),
    (
        Branch,
        {"name": "a", "leaves": [{"size": 1, "grows": {"name": "b", "leaves": [{"size": "s"}]}}]},
        "x.leaves[0].grows.leaves[0].size",
    ),
    (
        Weighed,
        {"weights": [1], "below": [{"weights": [2], "below": [{"weights": "secret7"}]}]},
        "x.below[0].below[0].weights",
    ),
    (
        Held,
        {"raw": "AA==", "inside": {"name": "a", "held": [{"raw": "secret7"}]}},
        "x.inside.held[0].raw",
    ),
    (Split, [[1], [[["secret7", 1]]]], "x[1][0][0]"),
    (Point, {}, "x.x"),
    (Point, {"x": 1, "z": 77777}, "x.z"),
    (Colour, "secret7", "x"),
    (Level, 77777, "x"),
    (Level, True, "x"),
    (Literal[1], True, "x"),
    (Literal[True], 1, "x"),
    (Optional[Literal[0, "a"]], False, "x"),  # noqa: UP045  (the same)
    (Half, True, "x"),
    (Answer, 1, "x"),
    (Corner, [1, 0], "x"),
    (dict[str, Level | None], {"a": True}, "x.a"),
    (Literal["a"], "secret7", "x"),
    (datetime, "secret7", "x"),
    (datetime, 77777, "x"),
    (date, "2026-02-30", "x"),
    (pd.Timestamp, "secret7", "x"),
    (pd.Timestamp, "secret7.123456789", "x"),
    (pd.Timestamp, 77777, "x"),
    (pd.Timestamp, "9999-01-02T03:04:05.777777777", "x"),
    (dict[str, pd.Timestamp], {"a": "2026-77-02T03:04:05.777777777"}, "x.a"),
    (timedelta, "secret7", "x"),
    (Decimal, "secret7", "x"),
    (UUID, "secret7", "x"),
    (bytes, "secret7", "x"),
    (Form, {"age": 77777}, "x.age"),
    (Span, {"begin": 77777, "end": 1}, "x"),
    (np.ndarray, "secret7", "x"),
    (np.ndarray, [[77777], [77777, 77777]], "x"),
    (NDArray[np.float64], ["secret7"], "x"),
    (NDArray[np.int8], [77777], "x"),
    (np.int8, 77777, "x"),
    (np.unsignedinteger, -77777, "x"),
    (np.float32, 7.7777e77, "x"),
    (np.datetime64, "secret7", "x"),
    (np.timedelta64, "secret7", "x"),
    (np.float64, "secret7", "x"),
    (pd.DataFrame, "secret7", "x"),
    (pd.DataFrame, {"a": [77777, 2], "b": [1]}, "x"),
    (Annotated[int, Field(lt=5)], 77777, "x"),
]


def test_a_named_tuple_has_its_defaults_and_itself_within_it() -> None:
    codec = codec_of(Split)
    whole = codec.decode(b'{"x": [[1.5, null], [[[2]], [[3], [], "/w=="]]]}')["x"]
    assert isinstance(whole, Split)
    assert isinstance(whole.below[1], Split)
    assert whole.below[1].raw == b"\xff"
    assert codec.encode(whole) == b'[[1.5,null],[[[2],[],"AA=="],[[3],[],"/w=="]],"AA=="]'


@pytest.mark.parametrize(("hint", "sent", "location"), WRONG)
def test_a_wrong_argument_is_named_and_never_quoted(hint, sent, location) -> None:
    with pytest.raises(ArgumentsInvalid) as raised:
        codec_of(hint).decode(json.dumps({"x": sent}).encode())
    first = raised.value.problems[0]
    assert (first["argument"], first["location"]) == ("x", location)
    assert first["message"]
    assert not any(said in json.dumps(raised.value.problems) for said in ("secret7", "7777"))


def test_a_function_of_nothing_but_args_gets_them(start) -> None:
    source = """\
def total(*prices: int, **names: str):
    return [sum(prices), names]

def only(*prices: int):
    return sum(prices)
"""
    client = start(("f", "production", source), endpoints={"total": [], "only": []}).client
    answer = client.post("/total", json={"prices": [1, 2], "a": "b"})
    assert answer.json() == [3, {"a": "b"}]
    assert client.post("/only", json={"prices": [1, 2]}).json() == 3
    assert client.post("/only", json={}).json() == 0


def test_items_are_read_before_the_call_as_what_the_hint_says_they_are() -> None:
    def function(a: Iterable[float], b: Iterator[date], c: Collection[NDArray[np.int8]]): ...

    got = compile_codec(function).decode(b'{"a": [1], "b": ["2026-01-02"], "c": [[1]]}')
    assert got["a"] == [1.0]
    assert next(got["b"]) == date(2026, 1, 2)
    assert got["c"][0].dtype == np.int8


def test_every_wrong_argument_is_told() -> None:
    def function(a: int, b: str, c: float = 1): ...

    with pytest.raises(ArgumentsInvalid) as raised:
        compile_codec(function).decode(b'{"a": "x", "c": "y", "d": 1}')
    told = [(p["argument"], p["message"]) for p in raised.value.problems]
    assert told == [
        ("a", "Input should be a valid integer"),
        ("b", "Field required"),
        ("c", "Input should be a valid number"),
        ("d", "There is no such argument"),
    ]


@pytest.mark.parametrize("body", [b"{", b"nonsense", b'{"x": }', b"\xff\xfe", b'{"x": 1}x'])
def test_what_is_no_json_is_told_apart_from_wrong_arguments(body: bytes) -> None:
    with pytest.raises(BodyUnreadable):
        codec_of(Any).decode(body)


@pytest.mark.parametrize("body", [b"[1]", b"1", b'"x"', b"null"])
def test_json_that_is_no_object_is_a_wrong_argument(body: bytes) -> None:
    with pytest.raises(ArgumentsInvalid) as raised:
        codec_of(Any).decode(body)
    assert raised.value.problems[0]["message"] == "The body should be an object of arguments"


def test_a_deep_body_is_refused() -> None:
    with pytest.raises((BodyUnreadable, ArgumentsInvalid)):
        codec_of(Any).decode(b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")


class Opaque:
    """Nothing that JSON can be read as."""


def test_a_hint_that_json_cannot_be_read_as_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def function(a: Opaque | None, b, c: Any, d: int, e=1): ...

    function.__annotations__["b"] = "nowhere.Known"
    assert compile_codec(function).decode(b'{"a": 1, "b": [], "c": 2, "d": 3}')["a"] == 1
    told = [record.getMessage() for record in caplog.records]
    assert [message.split(" as JSON")[0] for message in told] == [
        "function gets its argument a", "function gets its argument b",
    ]  # fmt: skip
    assert "Opaque" in told[0]
    assert "nowhere.Known" in told[1]


@dataclass
class Dog:
    name: str


@dataclass
class Cat:
    lives: int


@pytest.mark.parametrize(
    ("hint", "sent", "told"),
    [
        (int | bool, "a", {"x": "Input should be a valid integer or a valid boolean"}),
        (list[int | date], [1, "a"], {"x[1]": "Input should be a valid integer or "}),
        (Dog | Cat, {"nam": 1}, {
            "x.name": "Field required", "x.nam": "Unexpected keyword argument",
            "x.lives": "Field required",
        }),
        (dict[int, int], {"a": 1}, {"x.a": "Input should be a valid integer"}),
        (dict[str, Dog | int], {"int": {"name": 2}}, {
            "x.int.name": "Input should be a valid string",
            "x.int": "Input should be a valid integer",
        }),
    ],
)  # fmt: skip
def test_places_are_those_of_what_was_sent(hint, sent, told) -> None:
    with pytest.raises(ArgumentsInvalid) as raised:
        codec_of(hint).decode(json.dumps({"x": sent}).encode())
    found = {problem["location"]: problem["message"] for problem in raised.value.problems}
    assert found.keys() == told.keys()
    assert all(found[place].startswith(said) for place, said in told.items()), found


def test_a_default_of_none_means_optional() -> None:
    def function(x=None): ...

    function.__annotations__["x"] = float
    assert compile_codec(function).decode(b'{"x": null}') == {"x": None}


def test_arguments_go_by_position_or_by_name_as_the_function_takes_them() -> None:
    def function(a: int = 1, b: int = 2, /, c: int = 3, *, d: int): ...

    codec = compile_codec(function)
    assert codec.split(codec.decode(b'{"b": 5, "d": 4}')) == ([1, 5], {"d": 4})
    assert codec.split(codec.decode(b'{"c": 5, "d": 4}')) == ([1, 2], {"c": 5, "d": 4})
    with pytest.raises(ArgumentsInvalid):
        codec.decode(b'{"b": 5}')


def test_any_number_of_named_arguments_is_checked_by_their_hint() -> None:
    def function(a: str, **weights: date): ...

    codec = compile_codec(function)
    taken = codec.decode(b'{"a": "x", "b": "2026-01-02"}')
    assert taken == {"a": "x", "b": date(2026, 1, 2)}
    with pytest.raises(ArgumentsInvalid) as raised:
        codec.decode(b'{"a": "x", "b": "y"}')
    assert raised.value.problems[0]["location"] == "b"


def test_any_number_of_nameless_arguments_come_as_a_list() -> None:
    def function(a: str, b: int = 2, *rest: date, c: int = 3): ...

    codec = compile_codec(function)
    taken = codec.decode(b'{"a": "x", "rest": ["2026-01-02"], "c": 4}')
    assert codec.split(taken) == (["x", 2, date(2026, 1, 2)], {"c": 4})
    assert codec.split(codec.decode(b'{"a": "x"}')) == (["x", 2], {})
    with pytest.raises(ArgumentsInvalid) as raised:
        codec.decode(b'{"a": "x", "rest": ["y"]}')
    assert raised.value.problems[0]["location"] == "rest[0]"


def test_a_hint_that_can_not_be_evaluated_leaves_the_others_checked() -> None:
    def function(a: int, b): ...

    function.__annotations__["b"] = "NotThere"
    codec = compile_codec(function)
    assert codec.decode(b'{"a": 1, "b": [2]}') == {"a": 1, "b": [2]}
    with pytest.raises(ArgumentsInvalid):
        codec.decode(b'{"a": "x", "b": [2]}')


def test_a_hint_without_a_schema_passes_as_json_has_it() -> None:
    class Own: ...

    codec = codec_of(Own)
    assert codec.decode(b'{"x": {"a": 1}}') == {"x": {"a": 1}}
