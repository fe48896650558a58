"""The codec's arrays and frames: shapes, gaps, what doesn't fit, and their way back to JSON."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from typing_extensions import TypeAliasType

from nbdeploy_ext.runtime.faults import ArgumentsInvalid, BodyUnreadable, ResultInvalid
from tests.runtime.codec_types import codec_of

Square = Annotated[NDArray[np.float64], (2, 2)]
Pixels = np.ndarray[tuple[int, Literal[3]], np.dtype[np.uint8]]
HUGE = 10**25 + 1


def sent_to(hint: Any, value: Any) -> Any:
    return codec_of(hint).decode(json.dumps({"x": value}).encode())["x"]


@pytest.mark.parametrize(
    ("hint", "sent", "kind"),
    [
        (NDArray[np.float64], [], np.float64),
        (NDArray[np.float64], [[], []], np.float64),
        (NDArray[np.float64], [1, 2], np.float64),
        (NDArray[np.float32], [[0.1, None]], np.float32),
        (NDArray[np.floating], [1, 2], np.float64),
        (NDArray[np.number], [1, 2], np.int64),
        (NDArray[np.integer], [1, 2], np.int64),
        (NDArray[np.uint64], [2**64 - 1], np.uint64),
        (NDArray[np.datetime64], ["2026-01-02T00:00:00Z", None], "datetime64[ns]"),
        (NDArray[np.object_], [1, "a"], object),
        (np.ndarray, [None, 1.5], np.float64),
        (np.ndarray, [[[1]], [[2]]], np.int64),
        (Square, [[1, 2], [3, 4]], np.float64),
        (Pixels, [[1, 2, 3]], np.uint8),
    ],
)
def test_an_array_has_the_type_and_shape_that_its_hint_says(hint, sent, kind) -> None:
    got = sent_to(hint, sent)
    assert got.dtype == np.dtype(kind)
    assert got.shape == np.array(sent, dtype=object).shape


@pytest.mark.parametrize(
    ("hint", "sent", "said"),
    [
        (NDArray[np.float64], [True, 1.5], "an array of numbers (float64)"),
        (NDArray[np.floating], ["1.5"], "an array of numbers"),
        (NDArray[np.float64], [[1.0], 2.0], "lists have the same length and depth"),
        (NDArray[np.float64], [[1.0], [2.0, 3.0]], "lists have the same length and depth"),
        (NDArray[np.float32], [1e300], "numbers (float32)"),
        (NDArray[np.int8], [128], "whole numbers (int8)"),
        (NDArray[np.uint8], [-1], "whole numbers (uint8)"),
        (NDArray[np.int64], [HUGE], "whole numbers (int64)"),
        (NDArray[np.int64], [1.0], "whole numbers"),
        (NDArray[np.int64], [None], "whole numbers"),
        (NDArray[np.bool_], [1], "booleans"),
        (NDArray[np.datetime64], ["yesterday"], "dates in ISO 8601"),
        (np.ndarray, [{"a": 1}], "numbers, of booleans or of text"),
        (pd.DataFrame, {"a": [1], "b": 2}, "records or lists by column"),
        (pd.DataFrame, {"a": {"0": 1}, "b": [1]}, "records or lists by column"),
        (Square, [[1, 2, 3], [4, 5, 6]], "shape 2 x 2"),
        (Square, [1, 2], "shape 2 x 2"),
        (Pixels, [[1, 2]], "shape any x 3"),
    ],
)
def test_what_does_not_fit_an_array_is_refused(hint, sent, said) -> None:
    with pytest.raises(ArgumentsInvalid) as raised:
        sent_to(hint, sent)
    assert raised.value.problems[0]["argument"] == "x"
    assert said in raised.value.problems[0]["message"]


T = TypeVar("T", bound=np.generic)
Array = TypeAliasType("Array", NDArray[T], type_params=(T,))
Spectrum = TypeAliasType("Spectrum", Array[np.float32])
Named = TypeAliasType("Named", dict[str, Array[T]], type_params=(T,))
Tree = TypeAliasType("Tree", "dict[str, Tree] | float")


@pytest.mark.parametrize("hint", [Spectrum, Array[np.float32], Annotated[Spectrum, (2,)]])
def test_an_alias_of_an_array_is_that_array(hint) -> None:
    codec = codec_of(hint)
    read = codec.decode(b'{"x": [1, null]}')["x"]
    assert read.dtype == np.float32
    assert codec.encode(read) == b"[1.0,null]"
    assert codec.fields["x"].full.json_schema()["type"] == "array"


def test_an_alias_may_stand_anywhere_in_a_hint() -> None:
    read = codec_of(list[Named[np.int8]]).decode(b'{"x": [{"a": [1]}]}')["x"]
    assert read[0]["a"].dtype == np.int8


def test_an_alias_may_hold_itself() -> None:
    codec = codec_of(Tree)
    assert codec.decode(b'{"x": {"a": {"b": 1.5}}}') == {"x": {"a": {"b": 1.5}}}
    with pytest.raises(ArgumentsInvalid):
        codec.decode(b'{"x": {"a": {"b": "much"}}}')


def test_a_frame_keeps_each_columns_type() -> None:
    rows: list[dict[str, Any]] = [
        {"i": 1, "f": 1.5, "gap": None, "b": True, "s": "a", "huge": HUGE, "none": None},
        {"i": 2, "f": 2, "gap": 3, "b": False, "s": "b", "huge": 1, "none": None},
    ]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    for sent in (rows, columns):
        got = sent_to(pd.DataFrame, sent)
        assert got.dtypes.drop("s").astype(str).to_dict() == {
            "i": "int64", "f": "float64", "gap": "float64", "b": "bool", "huge": "object",
            "none": "float64",
        }  # fmt: skip
        assert got["s"].tolist() == ["a", "b"]
        assert got["huge"].tolist() == [HUGE, 1]


@pytest.mark.parametrize("rows", [[{"a": 1.5}, {"a": 2.5, "b": HUGE}], [{"a": 1.5, "b": HUGE}] * 2])
def test_integers_over_64_bits_stay_exact_in_frames(rows) -> None:
    assert sent_to(pd.DataFrame, rows)["b"].dropna().tolist()[-1] == HUGE


def test_rows_may_lack_columns_and_have_them_in_any_order() -> None:
    got = sent_to(pd.DataFrame, [{"a": 1, "b": 2.0}, {"b": 3.0, "a": 4}, {"a": 5}])
    pd.testing.assert_frame_equal(got, pd.DataFrame({"a": [1, 4, 5], "b": [2.0, 3.0, np.nan]}))


@pytest.mark.parametrize("sent", [[], {}])
def test_an_empty_frame_comes_and_goes(sent) -> None:
    got = sent_to(pd.DataFrame, sent)
    assert len(got) == 0
    assert codec_of(pd.DataFrame).encode(got) == b"[]"


@pytest.mark.parametrize("hint", [pd.DataFrame, NDArray[np.float64]])
@pytest.mark.parametrize("body", [b"{", b'{"x": }', b"\xff"])
def test_what_is_no_json_is_told_for_frames_and_arrays_too(hint, body) -> None:
    with pytest.raises(BodyUnreadable):
        codec_of(hint).decode(body)


def test_pythons_own_nan_is_taken_as_a_gap() -> None:
    body = b'{"x": [1.5, NaN, Infinity]}'
    np.testing.assert_array_equal(
        codec_of(NDArray[np.float64]).decode(body)["x"], [1.5, np.nan, np.inf]
    )


STAMPS = pd.to_datetime(["2026-01-02T03:04:05.123456", None])
FRAMES: list[tuple[Any, Any]] = [
    (pd.DataFrame({"t": STAMPS}), [{"t": "2026-01-02T03:04:05.123456"}, {"t": None}]),
    (pd.DataFrame({"t": STAMPS.tz_localize("UTC")[:1]}), [{"t": "2026-01-02T03:04:05.123456Z"}]),
    (pd.DataFrame({"d": pd.to_timedelta(["90min"])}), [{"d": "PT1H30M"}]),
    (pd.DataFrame({"c": pd.Categorical(["a", None])}), [{"c": "a"}, {"c": None}]),
    (pd.DataFrame({"n": pd.array([1, None], "Int64")}), [{"n": 1}, {"n": None}]),
    (pd.DataFrame({"n": pd.array([True, None], "boolean")}), [{"n": True}, {"n": None}]),
    (pd.DataFrame({"n": pd.array(["a", None], "string")}), [{"n": "a"}, {"n": None}]),
    (pd.DataFrame({"p": pd.period_range("2026-01", periods=1, freq="M")}), [{"p": "2026-01"}]),
    (pd.DataFrame({1: [1.5], "b": [2]}), [{"1": 1.5, "b": 2}]),
    (pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_product([["a"], ["x", 1]])),
     [{"a.x": 1, "a.1": 2}]),
    (pd.DataFrame({"k": ["a", "a"], "v": [1, 2]}).groupby("k").sum(), [{"k": "a", "v": 3}]),
    (
        pd.DataFrame({"k": ["a", "a"], "v": [1, 2]}).groupby("k").agg({"v": ["min", "max"]}),
        [{"k": "a", "v.min": 1, "v.max": 2}],
    ),
    (pd.DataFrame({"v": [1, 2]}, index=[7, 8]), [{"v": 1}, {"v": 2}]),
    (pd.DataFrame({"k": ["a"], "v": [1]}).set_index("k", drop=False), [{"k": "a", "v": 1}]),
    (pd.DataFrame({"v": [1.5], "k": [2.5]}).set_index("k", drop=False), [{"k": 2.5, "v": 1.5}]),
    (pd.DataFrame(index=[0, 1]), [{}, {}]),
    (pd.DataFrame({"o": [{"a": [np.int64(1)]}]}), [{"o": {"a": [1]}}]),
    (pd.DataFrame({"a": [0.1 + 0.2, np.inf]}), [{"a": 0.30000000000000004}, {"a": None}]),
    (pd.DataFrame([[1.5]], columns=pd.Index(["\ud800"], dtype=object)), [{"\ud800": 1.5}]),
]  # fmt: skip


@pytest.mark.parametrize(("frame", "sent"), FRAMES)
@pytest.mark.parametrize("hint", [pd.DataFrame, Any])
def test_a_frame_goes_as_records_whatever_its_columns_hold(hint, frame, sent) -> None:
    assert json.loads(codec_of(hint).encode(frame)) == sent


SAME = pd.DataFrame([[1.5, 2.5]], columns=["a", "a"])


@pytest.mark.parametrize(
    ("result", "name"),
    [
        (SAME, "a"),
        (SAME.astype(object), "a"),
        ({"of": [SAME]}, "a"),
        (pd.DataFrame([["x", 1]], columns=[1, "1"]), "1"),
        (pd.DataFrame({"k": [1], "v": ["x"]}, index=pd.Index([2], name="k")), "k"),
    ],
)
@pytest.mark.parametrize("hint", [pd.DataFrame, Any])
def test_of_two_columns_with_one_name_none_is_lost(hint, result, name) -> None:
    with pytest.raises(ResultInvalid, match=f'two columns named "{name}"$'):
        codec_of(hint).encode(result)


ARRAYS: list[tuple[Any, Any]] = [
    (np.array(["2026-01-02", "NaT"], "datetime64[D]"), ["2026-01-02", None]),
    (np.array([90], "timedelta64[m]"), ["PT1H30M"]),
    (np.array(2.5), 2.5),
    (np.array([[0.1]], np.float32), [[0.10000000149011612]]),
    (np.array([1.5, np.nan], np.float16), [1.5, None]),
    (np.array([b"\xff"], object), ["/w=="]),
    (np.asfortranarray([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    (pd.Index([1, 2]), [1, 2]),
    (pd.Categorical(["a"]), ["a"]),
    (pd.Timedelta("90min"), "PT1H30M"),
    ({"k": pd.Series([1.5, np.nan])}, {"k": [1.5, None]}),
    ({pd.Timestamp("2026-01-02"): 1, ("a", 1): 2, True: 3}, {"2026-01-02T00:00:00": 1, "a.1": 2,
                                                             "true": 3}),
    ([HUGE, 1e300, -0.0, 1e-7], [HUGE, 1e300, -0.0, 1e-7]),
]  # fmt: skip


@pytest.mark.parametrize(("value", "sent"), ARRAYS)
def test_what_science_makes_goes_as_its_nearest_form_in_json(value, sent) -> None:
    assert json.loads(codec_of(Any).encode(value)) == sent
