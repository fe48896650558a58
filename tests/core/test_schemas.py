"""Schemas read from the text agree with those that the service reads from what the text made."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from nbdeploy_ext.core.dataflow import read_dataflow
from nbdeploy_ext.core.interface import Endpoint, find_endpoints
from nbdeploy_ext.core.notebook import read_notebook
from nbdeploy_ext.runtime.codec import compile_codec
from tests.notebooks import write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES = '''
import datetime
import datetime as dt
import enum
import typing as t
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import (AsyncIterator, Collection, Generator, Iterable, Iterator, Mapping,
                             Sequence)
from dataclasses import KW_ONLY, dataclass, field
from datetime import date, datetime as moment, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, auto
from pathlib import Path
from typing import (Annotated, Any, ClassVar, Dict, List, Literal, NamedTuple, NewType, Optional,
                    Set, Tuple, TypeVar, Union)
from uuid import UUID
import numpy as np
import pandas as pd
import pydantic
from annotated_types import Ge, MaxLen
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import NotRequired, Required, TypedDict

class Colour(Enum):
    RED = "red"
    BLUE = "blue"

class Level(IntEnum):
    LOW = auto()
    HIGH = 10
    TOP = auto()

class Odd(Enum):
    A = 1
    B = "b"

class Single(str, enum.Enum):
    ONLY = "only"

@dataclass
class Point:
    x: float
    y: float = 0.0

@dataclass(slots=True)
class Labelled(Point):
    count: ClassVar[int] = 3
    tags: list[str] = field(default_factory=list)
    made: int = field(init=False, default=0)
    _: KW_ONLY
    label: str

@dataclass
class Tree:
    name: str
    below: "list[Tree]"

class Row(TypedDict):
    id: int
    note: NotRequired[str]

class Loose(Row, total=False):
    extra: float
    must: Required[bool]

class Pair(NamedTuple):
    left: int
    right: str = "r"

class Form(BaseModel):
    """Its text is no schema."""
    model_config = ConfigDict(extra="forbid")
    age: int = Field(ge=0, lt=150, description="years")
    name: Annotated[str, Field(min_length=1, max_length=9, pattern="^a")] = "a"
    begin: float = pydantic.Field(default=0.5, gt=-1.5, alias="from")
    tags: list[str] = Field(default_factory=list, max_length=3)
    maybe: Optional[int] = Field(None, ge=1)
    needed: str = Field(...)
    point: Point = Point(1.0)
    _hidden: int = 3

class Longer(Form):
    more: Decimal = Decimal("1")

class Plain:
    x: int = 3

Count = NewType("Count", int)
Number = TypeVar("Number", int, float)
Bound = TypeVar("Bound", bound=Point)
Rows = list[Row]
Ratio = Annotated[float, Ge(0)]
Either = Union[int, "Maybe"]
Maybe = t.Optional[str]
'''
ANNOTATIONS = """\
int|float|bool|str|bytes|None|Any|object|list|dict|tuple|set|frozenset|complex
List|Dict|Tuple|Set|List[int]|Dict[str, int]|Tuple[int, str]|Set[int]
list[int]|list[list[float]]|dict[str, float]|dict[str, Any]|dict[int, Point]|set[str]
frozenset[int]|deque[int]|tuple[int, ...]|tuple[int, str]|tuple[()]|Sequence[int]|Iterable[float]
Mapping[str, int]|defaultdict[str, int]|OrderedDict[str, int]|Counter[str]|Collection[int]
Optional[int]|int . None|Union[int, str, None]|Optional[Union[int, str]]|int . (str . None)
list[int . None]|Optional[list[Point]]|"Optional[Point]"|list["Row"]|"list['Row']"
Literal["a"]|Literal["a", "b"]|Literal[1, 2]|Literal["a", 1]|Literal[True]|Literal["a", None]
Literal[-1, 2]|t.Literal["x"]
Colour|Level|Odd|Single|list[Colour]|Point|Labelled|Tree|Row|Loose|Pair|Form|Longer|Plain
Rows|Ratio|Count|Number|Bound|Either|Maybe|dict[str, Rows]
date|time|timedelta|moment|dt.datetime|datetime.date|UUID|Decimal|Path|list[Decimal]
np.ndarray|NDArray[np.float64]|NDArray|np.float32|np.float16|np.int64|np.uint8|np.integer|np.bool_|np.str_|pd.DataFrame
pd.Series|pd.Index|pd.Timestamp|pd.Timedelta|Optional[pd.DataFrame]|dict[str, NDArray[np.float64]]
Annotated[int, Field(ge=1, le=9)]|Annotated[str, MaxLen(3)]
Annotated[list[int], Field(min_length=1)]
Annotated[float, Field(multiple_of=0.5)]|Annotated[int . None, Field(gt=0)]|Annotated[int, "words"]
Annotated[dict[str, int], Field(max_length=2)]|NotThere|NotThere[int]|t.List[t.Any]
""".replace("\n", "|")  # fmt: skip
SHAPES = """\
def a(x: int, y: float = 1.5, *, z: str = "a") -> dict: ...
def b(x, y=3): ...
def c(x: float = None, y: Point = None) -> None: ...
def d(x: int, *rest: float) -> list[int]: ...
def e(x: int, **more: date) -> Point: ...
def f(**more): ...
def g(x: int, /, y: int = -2) -> Decimal: ...
def h(x: int) -> Iterator[Point]:
    yield Point(1.0)
def i(x: int) -> Generator[int, None, None]:
    yield 1
async def j(x: int) -> AsyncIterator[Decimal]:
    yield Decimal(1)
async def k(x: int) -> "Row": ...
def l(x: int) -> Iterator[int]: ...
def m(x: list = [], y: dict = {}) -> Rows: ...
def n(x: bool = True) -> Form: ...
"""


NAMES = [said.replace(" . ", " | ") for said in ANNOTATIONS.split("|") if said]
TYPED = "".join(f"def t{n}(x: {said}) -> {said}: ...\n" for n, said in enumerate(NAMES))


@pytest.fixture(scope="module")
def static(tmp_path_factory) -> dict[str, Endpoint]:
    """Return what the text says of each function."""
    cells = (("types", "production", TYPES), ("calls", "production", TYPED + SHAPES))
    path = write_notebook(tmp_path_factory.mktemp("notebook"), *cells)
    names = [*(f"t{n}" for n in range(len(NAMES))), *"abcdefghijklmn"]
    return {e.name: e for e in find_endpoints(read_dataflow(read_notebook(path)), names)}


@pytest.fixture(scope="module")
def real() -> Iterator[dict[str, Any]]:
    """Return the functions themselves, of a module as cells are one."""
    module = types.ModuleType("notebook_of_types")
    module.__dict__["NotThere"] = type("NotThere", (), {"__class_getitem__": lambda cls, _: cls})
    sys.modules[module.__name__] = module
    code = compile(TYPES + TYPED + SHAPES, "notebook", "exec", dont_inherit=True)
    exec(code, module.__dict__)
    yield module.__dict__
    del sys.modules[module.__name__]


def of_service(function: Any) -> tuple[Any, Any]:
    codec = compile_codec(function)
    arguments = codec.arguments.full.json_schema()
    if codec.takes_any_name:
        arguments["additionalProperties"] = codec.extra.full.json_schema() if codec.extra else True
    drawn = codec.result.full.json_schema(mode="serialization") if codec.result else {}
    return arguments, drawn


def plain(schema: Any, shared: dict[str, Any], above: tuple[str, ...] = ()) -> Any:
    """Return a schema without references and without what is said for people only."""
    if isinstance(schema, list):
        return [plain(part, shared, above) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return {} if name in above else plain(shared[name], shared, (*above, name))
    kept = {
        k: v for k, v in schema.items() if k not in {"title", "default", "description", "$defs"}
    }
    if "const" in kept:
        kept["enum"] = [kept.pop("const")]
    if not kept.get("required", True):
        del kept["required"]
    if str(kept.get("pattern", "")).startswith("^(?!"):  # pydantic's own, of decimals
        del kept["pattern"]
    if isinstance(kept.get("properties"), dict):
        fields = kept.pop("properties").items()
        return {
            **{k: plain(v, shared, above) for k, v in kept.items()},
            "properties": {k: plain(v, shared, above) for k, v in fields},
        }
    return {k: plain(v, shared, above) for k, v in kept.items()}


def compared(static: dict[str, Endpoint], real: dict[str, Any], name: str) -> None:
    arguments, result = of_service(real[name])
    told = static[name]
    for said, found in ((told.parameters, arguments), (told.result, result)):
        assert plain(said, {}) == plain(found, found.get("$defs", {}))


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_an_annotation_says_what_the_service_says(static, real, number) -> None:
    compared(static, real, f"t{number}")


@pytest.mark.parametrize("name", "abcdefghijklmn")
def test_a_signature_says_what_the_service_says(static, real, name) -> None:
    compared(static, real, name)


@pytest.mark.parametrize(
    "source",
    [
        "class A(A): x: int",
        "class A(B): x: int\nclass B(A): y: int",
        "A = A",
        "A = list[B]\nB = list[A]",
        "A = NewType('A')",
        "A = TypeVar('A')",
        "class A(Enum): x = auto(1)",
        "class A(Enum): pass",
        "A = Literal[()]",
        "A = Annotated[()]",
        "A = Optional[()]",
        "A = dict[()]",
        "A = 'A['",
        "A = Annotated[int, Field(ge=f(), le=None, pattern=3)]",
        "class A(BaseModel): x: int = Field(alias=f(), ge=-f())",
        "class A(TypedDict, total=f()): x: A",
    ],
)
def test_text_that_makes_no_sense_says_nothing_wrong(tmp_path, source) -> None:
    path = write_notebook(tmp_path, ("c", "production", f"{source}\ndef f(x: A) -> A: ..."))
    (endpoint,) = find_endpoints(read_dataflow(read_notebook(path)), ["f"])
    Draft202012Validator.check_schema(endpoint.parameters)
    Draft202012Validator.check_schema(endpoint.result)
