"""pydantic's models that hold arrays and frames, as arguments and as results."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, Optional, TypeVar, Union

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    RootModel,
    computed_field,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic.dataclasses import dataclass as checked

from nbdeploy_ext.runtime.codec import compile_codec
from nbdeploy_ext.runtime.faults import ArgumentsInvalid
from tests.runtime.codec_types import Batch, Fixed, Form, codec_of

T = TypeVar("T")


class Loose(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)


class Signal(Loose):
    """Samples and how they were taken."""

    samples: NDArray[np.float64]
    rate: float = Field(gt=0, alias="hz")
    name: str = "signal"
    gaps: list[int] = Field(default_factory=list)
    _seen: int = PrivateAttr(default=7)

    @field_validator("samples")
    @classmethod
    def _some(cls, samples: Any) -> Any:
        if not samples.size:
            raise ValueError("a signal has samples")
        return samples - samples.mean()

    @model_validator(mode="after")
    def _whole(self) -> Signal:
        assert type(self) is Signal
        if self.gaps and max(self.gaps) >= self.samples.size:
            raise ValueError("a gap lies behind the end")
        return self

    @computed_field
    def length(self) -> int:
        return int(self.samples.size)


class Tables(Loose):
    frame: pd.DataFrame
    each: list[NDArray[np.int8]] = []
    maybe: Optional[pd.Series] = None  # noqa: UP045  (as notebooks have it)
    by_name: dict[str, pd.DataFrame] = {}
    square: Annotated[NDArray[np.float64], (2, 2), Field(description="a matrix")] = np.eye(2)
    own: Annotated[np.ndarray, BeforeValidator(lambda given: np.array(given) * 2)] = np.zeros(1)
    when: pd.Timestamp | None = None
    weight: np.float32 = np.float32(1)


class Node(Loose):
    weights: np.ndarray
    below: list[Node] = []


class Ping(Loose):
    pong: Pong | None = None


class Pong(Loose):
    ping: Ping | None = None
    values: NDArray[np.float64]


class Outer(Loose):
    signals: list[Signal]
    form: Form | None = None
    batch: Batch | None = None


class Boxed(Loose, Generic[T]):
    held: T


class Circle(Loose):
    kind: Literal["circle"]
    centre: NDArray[np.float64]


class Named(Loose):
    kind: Literal["named"]
    name: str


class Listed(RootModel[Any]):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    root: NDArray[np.int64]


class Timed(Loose):
    values: np.ndarray

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self._total = float(self.values.sum())

    _total: float = PrivateAttr(default=0.0)


class Written(Loose):
    values: np.ndarray

    @field_serializer("values")
    def _text(self, values: Any) -> str:
        return " ".join(map(str, values.tolist()))


@dataclass
class Kept:
    node: Node


@checked(config=ConfigDict(arbitrary_types_allowed=True), frozen=True, slots=True)
class Window:
    width: Annotated[int, Field(gt=0)]
    values: NDArray[np.float64]
    taper: np.ndarray = field(default_factory=lambda: np.ones(1))
    tables: list[pd.DataFrame] = field(default_factory=list)
    total: float = field(init=False, default=0.0)

    @field_validator("values")
    @classmethod
    def _doubled(cls, values: Any) -> Any:
        return values * 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", float(self.values.sum()))


class Windows(Loose):
    all: list[Window]


class Dated(BaseModel):
    day: date | None = None
    tags: set[int] = set()
    cost: Decimal | None = None


class Old(Dated):
    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, given: Any) -> Any:
        return {"day": given["date"]} if isinstance(given, dict) and "date" in given else given


class Loud(Dated):
    @field_validator("day", "tags", mode="before")
    @classmethod
    def _same(cls, given: Any) -> Any:
        return given


class Around(Dated):
    @model_validator(mode="wrap")
    @classmethod
    def _around(cls, given: Any, handler: Any) -> Any:
        return handler(given)


class Noted(Loose):
    day: Annotated[date, BeforeValidator(lambda given: given)]
    values: np.ndarray = np.zeros(1)


FRAME = [{"a": 1}, {"a": 2}]
WINDOW = {"width": 1, "values": [2.0], "taper": [1.0], "tables": [], "total": 2.0}
SENT: list[tuple[Any, Any, Any]] = [
    (Signal, {"samples": [1, 3, None][:2], "hz": 2}, {
        "samples": [-1.0, 1.0], "hz": 2.0, "name": "signal", "gaps": [], "length": 2,
    }),
    (Tables, {
        "frame": {"a": [1, 2]}, "each": [[1], [2, 3]], "maybe": [1.5, None],
        "by_name": {"x": FRAME}, "square": [[1, 2], [3, 4]], "own": [1, 2],
        "when": "2026-01-02T03:04:05.123456Z", "weight": 0.5,
    }, {
        "frame": FRAME, "each": [[1], [2, 3]], "maybe": [1.5, None], "by_name": {"x": FRAME},
        "square": [[1, 2], [3, 4]], "own": [2, 4], "when": "2026-01-02T03:04:05.123456Z",
        "weight": 0.5,
    }),
    (Node, {"weights": [1], "below": [{"weights": [2], "below": [{"weights": []}]}]}, {
        "weights": [1], "below": [{"weights": [2], "below": [{"weights": [], "below": []}]}],
    }),
    (Ping, {"pong": {"values": [1], "ping": {"pong": {"values": [2]}}}}, {
        "pong": {"values": [1.0], "ping": {"pong": {"values": [2.0], "ping": None}}},
    }),
    (Pong, {"values": [None], "ping": {"pong": None}}, {"values": [None], "ping": {"pong": None}}),
    (Outer, {
        "signals": [{"samples": [5], "hz": 1}], "form": {"age": 2},
        "batch": {"rows": [[1]], "when": "2026-01-02T12:00:00Z"},
    }, {
        "signals": [{"samples": [0.0], "hz": 1.0, "name": "signal", "gaps": [], "length": 1}],
        "form": {"age": 2, "points": []}, "batch": {"rows": [[1]], "when": "2026-01-02T12:00:00Z"},
    }),
    (Boxed[NDArray[np.float64]], {"held": [1]}, {"held": [1.0]}),
    (Boxed[list[Node]], {"held": [{"weights": [1]}]}, {"held": [{"weights": [1], "below": []}]}),
    (Annotated[Union[Circle, Named], Field(discriminator="kind")],  # noqa: UP007  (the same)
     {"kind": "circle", "centre": [1]}, {"kind": "circle", "centre": [1.0]}),
    (list[Circle | Named | None], [{"kind": "named", "name": "n"}, None],
     [{"kind": "named", "name": "n"}, None]),
    (Listed, [1, 2], [1, 2]),
    (Timed, {"values": [1, 2]}, {"values": [1, 2]}),
    (Written, {"values": [1, 2]}, {"values": "1 2"}),
    (Kept, {"node": {"weights": [1]}}, {"node": {"weights": [1], "below": []}}),
    (Window, {"width": 1, "values": [1]}, WINDOW),
    (Windows, {"all": [{"width": 1, "values": [1], "tables": [FRAME]}]},
     {"all": [{**WINDOW, "tables": [FRAME]}]}),
    (dict[str, Node], {"a": {"weights": [1]}}, {"a": {"weights": [1], "below": []}}),
]  # fmt: skip


@pytest.mark.parametrize(("hint", "sent", "written"), SENT, ids=[str(row[0]) for row in SENT])
def test_a_model_with_arrays_or_frames_comes_and_goes(hint, sent, written) -> None:
    codec = codec_of(hint)
    got = codec.decode(json.dumps({"x": sent}).encode())["x"]
    assert json.loads(codec.encode(got)) == written
    if isinstance(got, BaseModel):
        assert type(got) in {hint, Circle}
        assert json.loads(codec_of(Any).encode(got)) == json.loads(codec.encode(got))


def test_the_object_is_the_models_own_and_as_pydantic_makes_it() -> None:
    got = codec_of(Signal).decode(b'{"x": {"samples": [1, 3], "hz": 2}}')["x"]
    assert (type(got), got._seen, got.model_fields_set) == (Signal, 7, {"samples", "rate"})
    assert got.samples.dtype == np.float64
    assert codec_of(Timed).decode(b'{"x": {"values": [1, 2]}}')["x"]._total == 3
    tables = codec_of(Tables).decode(b'{"x": {"frame": []}}')["x"]
    assert isinstance(tables.frame, pd.DataFrame)
    assert tables.square.shape == (2, 2)
    assert not isinstance(got, Tables)
    window = codec_of(Window).decode(b'{"x": {"width": 1, "values": [1]}}')["x"]
    assert (type(window), window.total) == (Window, 2)


@pytest.mark.parametrize(
    ("hint", "sent", "told"),
    [
        (Signal, {"samples": ["secret7"], "hz": 1},
         {"x.samples": "Input should be an array of numbers (float64)"}),
        (Signal, {"samples": [], "hz": 1}, {"x.samples": "Value error, a signal has samples"}),
        (Signal, {"samples": [1], "hz": 0}, {"x.hz": "Input should be greater than 0"}),
        (Signal, {"samples": [1], "rate": 1}, {"x.hz": "Field required"}),
        (Signal, {"samples": [1], "hz": 1, "gaps": [1]},
         {"x": "Value error, a gap lies behind the end"}),
        (Outer, {"signals": [{"samples": 7777, "hz": 1}]},
         {"x.signals[0].samples": "Input should be an array of numbers (float64)"}),
        (Tables, {"frame": "secret7", "square": [[1]], "each": [[1], [777]]}, {
            "x.frame": "Input should be a list of records or lists by column",
            "x.square": "Input should be an array of shape 2 x 2",
            "x.each[1]": "Input should be an array of whole numbers (int8)",
        }),
        (Window, {"width": 0, "values": "secret7"}, {
            "x.width": "Input should be greater than 0",
            "x.values": "Input should be an array of numbers (float64)",
        }),
        (Node, {"weights": [1], "below": [{"weights": "secret7"}]},
         {"x.below[0].weights": "Input should be an array of numbers, of booleans or of text"}),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_model_is_named_by_its_field(hint, sent, told) -> None:
    with pytest.raises(ArgumentsInvalid) as raised:
        codec_of(hint).decode(json.dumps({"x": sent}).encode())
    assert {p["location"]: p["message"] for p in raised.value.problems} == told


@pytest.mark.parametrize("hint", [Old, Loud, Around, list[Old], dict[str, Loud | None]])
def test_validators_that_come_first_leave_json_what_it_is(hint) -> None:
    one: Any = {"day": "2026-01-02", "tags": [1], "cost": "1.5"}
    sent = {list[Old]: [one], dict[str, Loud | None]: {"a": one}}.get(hint, one)
    codec = codec_of(hint)
    got = codec.decode(json.dumps({"x": sent}).encode())["x"]
    assert json.loads(codec.encode(got)) == sent
    assert json.loads(codec.encode(sent)) == sent
    assert codec.check("x", json.dumps(sent).encode()) == got


def test_beside_them_all_else_is_read_strictly() -> None:
    def function(old: Old, a: int = 1, b: list[float] = [], c: Fixed | None = None): ...  # noqa: B006

    codec = compile_codec(function)
    assert codec.decode(b'{"old": {"date": "2026-01-02"}}')["old"].day == date(2026, 1, 2)
    for wrong in ('"a": "1"', '"b": ["1"]', '"c": {"name": 1, "raw": ""}', '"a": true'):
        with pytest.raises(ArgumentsInvalid):
            codec.decode(b'{"old": {}, %b}' % wrong.encode())
    assert codec_of(Noted).decode(b'{"x": {"day": "2026-01-02"}}')["x"].day == date(2026, 1, 2)


def test_a_model_without_arrays_is_left_to_pydantic() -> None:
    codec = codec_of(Form)
    assert codec.result is not None
    assert codec.result.full.core_schema is Form.__pydantic_core_schema__


def test_documents_say_what_a_models_arrays_and_frames_are(start_once) -> None:
    source = """\
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

class Signal(BaseModel):
    "Samples and how they were taken."
    model_config = ConfigDict(arbitrary_types_allowed=True)
    samples: NDArray[np.float64] = Field(description="in volts")
    rate: float = Field(gt=0, alias="hz")
    table: pd.DataFrame | None = None

def clean(signal: Signal) -> Signal:
    return signal

def several(signals: list[Signal]) -> dict[str, Signal]:
    return {"first": signals[0]}
"""
    client = start_once(("f", "production", source), endpoints={"clean": [], "several": []}).client
    sent = {"samples": [1.5, None], "hz": 2.0, "table": [{"a": 1}]}
    assert client.post("/clean", json={"signal": sent}).json() == sent
    assert client.post("/several", json={"signals": [sent]}).json() == {"first": sent}
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert schemas.keys() == {"Problem", "Signal"}
    assert schemas["Signal"]["description"] == "Samples and how they were taken."
    properties = schemas["Signal"]["properties"]
    assert properties["samples"] == {"description": "in volts", "title": "Samples", "type": "array"}
    assert properties["hz"]["exclusiveMinimum"] == 0
    assert {"type": "null"} in properties["table"]["anyOf"]
    assert schemas["Signal"]["required"] == ["samples", "hz"]
