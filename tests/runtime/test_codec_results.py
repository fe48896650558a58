"""The codec's results: what functions return, as JSON."""

from __future__ import annotations

import json
import math
from collections import ChainMap
from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, ClassVar
from uuid import UUID

import numpy as np
import pandas as pd
import pytest

from nbdeploy_ext.runtime.faults import ArgumentsInvalid, ResultInvalid
from tests.runtime.codec_types import ID, NOON, Colour, Form, Point, Priced, Scaled, codec_of

FRAME = pd.DataFrame({"a": [1.0, None], "when": pd.to_datetime(["2026-01-02", None])})
NO_NUMBER: list[tuple[Any, Any, Any]] = [
    (float, math.nan, None),
    (Any, {"a": [math.nan, math.inf, -math.inf, 1.0]}, {"a": [None, None, None, 1.0]}),
    (list[float], [math.nan, 2.0], [None, 2.0]),
    (dict[str, Any], {"a": math.inf}, {"a": None}),
    (Point, Point(math.nan, 1), {"x": None, "y": 1.0}),
    (Any, Point(math.nan, 1), {"x": None, "y": 1.0}),
    (np.ndarray, np.array([[1, math.nan]]), [[1.0, None]]),
    (Any, np.float32("nan"), None),
    (np.float64, np.float64("inf"), None),
    (pd.Series, pd.Series([1, None]), [1.0, None]),
    (pd.DataFrame, FRAME, [{"a": 1.0, "when": "2026-01-02T00:00:00"}, {"a": None, "when": None}]),
    (Any, {"t": pd.NaT, "n": pd.NA}, {"t": None, "n": None}),
    (float, np.float32("nan"), None),
    (list[float], np.array([1.5, math.nan]), [1.5, None]),
    (list[float], pd.Series([1.5, None]), [1.5, None]),
    (dict[str, float], {"a": np.float32("inf"), "b": np.int8(1)}, {"a": None, "b": 1.0}),
    (list[Point], [{"x": np.float32("nan"), "y": 1.0}], [{"x": None, "y": 1.0}]),
]


@pytest.mark.parametrize(("hint", "value", "sent"), NO_NUMBER)
def test_what_is_no_number_goes_as_null(hint, value, sent) -> None:
    text = codec_of(hint).encode(value).decode()
    assert "NaN" not in text
    assert json.loads(text) == sent


class Spot:
    """A geometry, as shapely's are."""

    __geo_interface__: ClassVar = {"type": "Point", "coordinates": (1, 2)}


RESULTS: list[tuple[Any, Any, Any]] = [
    (int, np.int64(3), 3),
    (float, np.float32(0.5), 0.5),
    (bool, np.bool_(True), True),
    (list[float], np.array([1.0, 2.0]), [1.0, 2.0]),
    (list[int], (1, 2), [1, 2]),
    (dict[str, float], {"a": np.float64(1)}, {"a": 1.0}),
    (list[Point], [{"x": 1.0, "y": 2.0}], [{"x": 1.0, "y": 2.0}]),
    (dict, {np.int64(1): {2.5: Colour.RED}}, {"1": {"2.5": "red"}}),
    (Any, {"points": [Point(1)]}, {"points": [{"x": 1.0, "y": 0.0}]}),
    (Any, Form(age=2), {"age": 2, "points": []}),
    (Any, [NOON, Decimal("1.5"), UUID(ID)], ["2026-01-02T12:00:00Z", "1.5", ID]),
    (Any, np.longdouble(1.5), 1.5),
    (Any, np.array([1.5], np.longdouble), [1.5]),
    (Any, [range(2), {"a": 1}.keys(), {"a": 1}.items()], [[0, 1], ["a"], [["a", 1]]]),
    (list[str], {"a": 1}.keys(), ["a"]),
    (Collection[int], {1}, [1]),
    (dict[str, Iterator[int]], {"a": iter([1])}, {"a": [1]}),
    (dict[str, Iterable[float]], {"a": (1.5,), "b": np.array([2.5])}, {"a": [1.5], "b": [2.5]}),
    (Any, ChainMap({"a": MappingProxyType({2: 3})}), {"a": {"2": 3}}),
    (None, None, None),
    (Any, pd.Timestamp("2026-01-02"), "2026-01-02T00:00:00"),
    (pd.Timestamp, pd.Timestamp("2026-01-02"), "2026-01-02T00:00:00"),
    (pd.Timestamp, pd.Timestamp(1, tz="UTC"), "1970-01-01T00:00:00.000000001Z"),
    (list, pd.Index(["a"]), ["a"]),
    (pd.Series, pd.DataFrame({"a": [1], "b": [2]}), [{"a": 1, "b": 2}]),
    (dict[str, Any], {1: UUID(ID)}, {"1": ID}),
    (Annotated[dict, {"no": "hash"}], {"a": 1}, {"a": 1}),
    (Any, "\ud800", "\ud800"),
    (timedelta, timedelta(365), "P365D"),
    (timedelta, timedelta(438, 3 * 3600 + 6), "P438DT3H0M6S"),
    (Any, [timedelta(-400, 5.5)], ["-P399DT23H59M54.5S"]),
    (pd.Timedelta, pd.Timedelta(days=800, hours=1), "P800DT1H"),
    (Any, pd.DataFrame({"at": [Spot()]}), [{"at": {"type": "Point", "coordinates": [1, 2]}}]),
    (list, [Spot()], [{"type": "Point", "coordinates": [1, 2]}]),
]


@pytest.mark.parametrize("value", [Priced(3), Priced(np.int64(3))])
def test_a_field_that_a_class_makes_itself_is_part_of_the_result(value) -> None:
    codec = codec_of(Priced)
    assert json.loads(codec.encode(value)) == {"amount": 3, "total": 6}
    assert codec.decode(b'{"x": {"amount": 3, "rate": 5}}')["x"].total == 15
    with pytest.raises(ArgumentsInvalid):
        codec.decode(b'{"x": {"amount": 3, "total": 5}}')


def test_a_result_is_sent_as_it_was_made_and_not_made_again() -> None:
    codec = codec_of(Scaled)
    made = codec.decode(b'{"x": {"values": [1, 2], "factor": 3}}')["x"]
    assert json.loads(codec.encode(made)) == {"values": [3.0, 6.0], "top": 6.0}


@pytest.mark.parametrize(("hint", "value", "sent"), RESULTS)
def test_a_result_goes_as_its_nearest_form_in_json(hint, value, sent) -> None:
    assert json.loads(codec_of(hint).encode(value)) == sent


@pytest.mark.parametrize(
    ("hint", "value", "message"),
    [
        (int, "text", "the result is not as hinted"),
        (list[Point], [Point(1), {"x": "private"}], "the result is not as hinted at 1.x"),
        (Any, object(), "the result can't be sent: a builtins.object is no JSON"),
        (float, object(), "the result can't be sent: a builtins.object is no JSON"),
        (None, 1, "the result is not as hinted"),
    ],
)
def test_a_result_that_is_not_as_hinted_is_refused_without_its_value(hint, value, message) -> None:
    with pytest.raises(ResultInvalid) as raised:
        codec_of(hint).encode(value)
    assert str(raised.value) == message


def test_a_result_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ResultInvalid):
        codec_of(Any).encode(loop)
