"""Types as notebooks define them, for the codec's tests."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from datetime import datetime, timezone
from enum import Enum, IntEnum
from typing import Any, NamedTuple, NewType, TypedDict, TypeVar

import numpy as np  # noqa: TC002  (the same)
from pydantic import BaseModel, Field, field_validator, model_validator
from typing_extensions import NotRequired  # noqa: TC002  (the same)

from nbdeploy_ext.runtime.codec import compile_codec


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1


class Half(float, Enum):
    HALF = 0.5
    ONE = 1.0


class Answer(Enum):
    YES = True
    NO = False


class Corner(Enum):
    LEFT = (0, 1)


@dataclass
class Point:
    x: float
    y: float = 0.0


@dataclass
class Line:
    points: list[Point]
    name: str = "line"
    tags: set[str] = field(default_factory=set)


@dataclass
class Batch:
    rows: np.ndarray
    when: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Fixed:
    name: str
    raw: bytes


class Node(TypedDict):
    name: str
    below: list[Node]


class Branch(TypedDict):
    name: str
    leaves: list[Leaf]


class Leaf(TypedDict):
    size: int
    grows: Branch | None


@dataclass
class Weighed:
    weights: np.ndarray
    below: list[Weighed] = field(default_factory=list)


@dataclass
class Priced:
    amount: int
    rate: InitVar[int] = 2
    total: int = field(init=False)

    def __post_init__(self, rate: int) -> None:
        self.total = self.amount * rate


@dataclass
class Scaled:
    values: np.ndarray
    factor: InitVar[float]
    top: float = field(init=False, default=0.0)

    def __post_init__(self, factor: float) -> None:
        self.values = self.values * factor
        self.top = float(self.values.max())


@dataclass
class Holder:
    name: str
    held: list[Held]


@dataclass
class Held:
    raw: bytes
    inside: Holder | None = None


@dataclass
class Tree:
    name: str
    below: list[Tree]


class Blob(NamedTuple):
    name: str
    raw: bytes


class Split(NamedTuple):
    weights: np.ndarray
    below: list[Split] = []  # noqa: RUF012  (as notebooks have it)
    raw: bytes = b"\x00"


class Aliased(BaseModel):
    begin: int = Field(alias="from")


Count = NewType("Count", int)
Raw = NewType("Raw", bytes)
Number = TypeVar("Number", int, float)


class Row(TypedDict):
    id: int
    note: NotRequired[str]


class Pair(NamedTuple):
    left: int
    right: str


class Form(BaseModel):
    age: int = Field(ge=0)
    points: list[Point] = []

    @field_validator("age")
    @classmethod
    def _even(cls, age: int) -> int:
        if age % 2:
            raise ValueError(f"{age} is odd")
        return age


class Span(BaseModel):
    begin: int
    end: int

    @model_validator(mode="after")
    def _ordered(self) -> Span:
        if self.end < self.begin:
            raise ValueError(f"{self.end} lies before {self.begin}")
        return self


def codec_of(hint: Any):
    def function(x): ...

    function.__annotations__ = {"x": hint, "return": hint}
    return compile_codec(function)


NOON = datetime(2026, 1, 2, 12, tzinfo=timezone.utc)
ID = "12345678-1234-5678-1234-567812345678"
