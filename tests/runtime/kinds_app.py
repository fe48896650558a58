"""A notebook with endpoints of many kinds and types, none of which ever raises."""

from __future__ import annotations

TYPES = """\
import datetime as dt
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Optional, TypedDict, Union
from uuid import UUID
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, Field

class Colour(Enum):
    RED = "red"
    BLUE = "blue"

class Level(IntEnum):
    LOW = 1
    HIGH = 2

@dataclass
class Point:
    x: float
    y: float = 0.0

@dataclass
class Applicant:
    income: float
    colour: Colour = Colour.RED
    photo: bytes = b""
    homes: list[Point] = field(default_factory=list)

class Row(TypedDict):
    id: int
    note: NotRequired[str]

class Pair(NamedTuple):
    left: int
    right: str

class Form(BaseModel):
    age: Annotated[int, Field(ge=0, le=150)]
    name: Annotated[str, Field(min_length=1, max_length=5, pattern="^[a-z]+$")] = "a"
    level: Optional[Level] = None

class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int

class Dog(BaseModel):
    kind: Literal["dog"]
    name: str

class Kept(TypedDict, total=False):
    text: str
    raw: bytes
    one: Literal["a", "b"]
    colour: Colour
    level: Level
    when: dt.datetime
    day: dt.date
    at: dt.time
    price: Decimal
    key: UUID
    rows: list[Row]
    array: NDArray[np.int64]
    small: np.int8

Pet = Annotated[Union[Cat, Dog], Field(discriminator="kind")]
"""
FUNCTIONS = '''\
def numbers(a: int, b: float, c: bool = True, d: Optional[int] = None) -> dict[str, Any]:
    """Numbers in and out."""
    return {"a": a, "b": b, "c": c, "d": d}

def texts(text: str, raw: bytes, one: Literal["a", "b"] = "a") -> Kept:
    return {"text": text, "raw": raw, "one": one}

def enums(colour: Colour, level: Level = Level.LOW) -> Kept:
    return {"colour": colour, "level": level}

def times(when: dt.datetime, day: dt.date, at: dt.time) -> Kept:
    return {"when": when, "day": day, "at": at}

def span(span: dt.timedelta) -> dt.timedelta:
    return span

def exact(price: Decimal, key: UUID) -> Kept:
    return {"price": price, "key": key}

def applicant(applicant: Applicant) -> Applicant:
    return applicant

def rows(rows: list[Row], pairs: list[Pair]) -> Kept:
    return {"rows": rows}

def form(form: Form) -> Form:
    return form

def pet(pet: Pet) -> Pet:
    return pet

def either(
    either: Union[int, str, list[int], None], flag: int | bool
) -> int | str | list[int] | None:
    return either

def array(array: NDArray[np.float64]) -> NDArray[np.float64]:
    return array

def whole(array: NDArray[np.int64], small: np.int8) -> Kept:
    return {"array": array, "small": small}

def frame(frame: pd.DataFrame) -> pd.DataFrame:
    return frame

def mixed(frame: pd.DataFrame, series: pd.Series, n: int = 1) -> dict[str, Any]:
    return {"rows": frame, "series": series, "n": n}

def anything(anything, other: Any = None):
    return [anything, other]

def maps(by_name: dict[str, float], by_number: dict[int, str], unique: set[int]) -> dict[int, str]:
    return by_number

def open_ended(a: int, *rest: int, **weights: float) -> dict[str, float]:
    return weights

def positional(a: int, /, b: str = "b", *, c: float = 0.5) -> list[Any]:
    return [a, b, c]

def stream(n: Annotated[int, Field(ge=0, le=20)]) -> Iterator[Row]:
    for number in range(n):
        yield {"id": number}

async def stream_aside(n: Annotated[int, Field(ge=0, le=20)]) -> AsyncIterator[Point]:
    for number in range(n):
        yield Point(number)

async def aside(point: Point) -> Point:
    return point

def joined(rows: list[list[float]]) -> list[int]:
    return [len(row) for row in rows]

def bare(text: str) -> str:
    return text

def picture(image: bytes) -> bytes:
    return image

def nothing() -> None:
    return None
'''
NAMES = tuple(
    line.split("def ")[1].partition("(")[0] for line in FUNCTIONS.splitlines() if "def " in line
)
