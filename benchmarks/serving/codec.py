"""CPU time of reading arguments and writing results alone, without HTTP.

"By hand" is what FastAPI does for the same work: the standard library's JSON, pydantic's checks,
pandas' records. Each figure is the least of several rounds, in microseconds of process time.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pandas as pd
import pydantic
from numpy.typing import NDArray  # noqa: TC002  (the codec reads it)
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from nbdeploy_ext.runtime.answers import write_answer
from nbdeploy_ext.runtime.bodies import read_body
from nbdeploy_ext.runtime.codec import Codec, compile_codec
from nbdeploy_ext.runtime.media import ARROW_STREAM, CSV, PARQUET

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 7
SECONDS = 0.2


class Sent(TypedDict):
    """What W1 takes."""

    amount: float
    country: str


def predict(amount: float, country: str) -> dict[str, Any]:
    """W1: next to nothing."""
    return {"score": amount * 0.1, "country": country}


def bare(amount: float, country: str) -> dict:  # type: ignore[type-arg]
    """W1 as a notebook writes it."""
    return {"score": amount * 0.1, "country": country}


def scale(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """W3: 1,000 numbers."""
    return x


def enrich(rows: pd.DataFrame) -> pd.DataFrame:
    """W4: 1,000 rows of 20 columns."""
    return rows


def least(work: Callable[[], Any]) -> float:
    """Return the microseconds of CPU that one run takes at best."""
    begun, once = time.process_time(), 0
    while time.process_time() - begun < SECONDS / 4:
        work()
        once += 1
    found = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(once):
            work()
        found.append((time.process_time() - begun) / once)
    return min(found) * 1e6


def by_hand(hint: Any, returned: Any, make: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    """Return what a careful engineer writes: parse, check, call, dump."""
    taken, given = TypeAdapter(hint), TypeAdapter(returned)
    return lambda body: given.dump_json(
        given.validate_python(make(taken.validate_python(json.loads(body))))
    )


def ours(codec: Codec, function: Callable[..., Any]) -> Callable[[bytes], bytes]:
    """Return the same through the codec."""
    return lambda body: codec.encode(function(**codec.decode(body)))


def numbers(rows: int, columns: int) -> list[dict[str, float]]:
    """Return records of random numbers, as long as numbers get."""
    return [{f"c{n}": random.random() for n in range(columns)} for _ in range(rows)]  # noqa: S311


def show(name: str, microseconds: float, base: float) -> None:
    """Print one line: the time, and how often it fits into the base's."""
    print(f"{name:44} {microseconds:10.1f} µs   x {base / microseconds:5.2f}")


def small() -> None:
    """W1."""
    body = b'{"amount": 12.5, "country": "DE"}'
    hand = by_hand(Sent, dict[str, Any], lambda sent: predict(**sent))
    base = least(lambda: hand(body))
    show("W1 by hand", base, base)
    for said, function in (("dict[str, Any]", predict), ("dict", bare)):
        work = ours(compile_codec(function), function)
        show(f"W1 -> {said}", least(lambda work=work: work(body)), base)  # type: ignore[misc]


def array() -> None:
    """W3."""
    values = [row["c0"] for row in numbers(1000, 1)]
    hand = by_hand(list[float], list[float], lambda sent: np.array(sent).tolist())
    raw = json.dumps(values).encode()
    base = least(lambda: hand(raw))
    show("W3 by hand", base, base)
    work, body = ours(compile_codec(scale), scale), b'{"x": %b}' % raw
    show("W3 NDArray[np.float64]", least(lambda: work(body)), base)


def frame() -> None:
    """W4, as JSON and as tables."""
    rows = numbers(1000, 20)
    records = list[dict[str, Any]]
    hand = by_hand(records, records, lambda sent: pd.DataFrame(sent).to_dict("records"))
    raw = json.dumps(rows).encode()
    base = least(lambda: hand(raw))
    show("W4 by hand", base, base)
    codec = compile_codec(enrich)
    work, body = ours(codec, enrich), b'{"rows": %b}' % raw
    show("W4 JSON records", least(lambda: work(body)), base)
    columns = json.dumps({"rows": pd.DataFrame(rows).to_dict("list")}).encode()
    show("W4 JSON by column in, records out", least(lambda: work(columns)), base)
    for kind in (CSV, PARQUET, ARROW_STREAM):
        sent = write_answer(codec, pd.DataFrame(rows), kind).body
        taken = least(lambda sent=sent, kind=kind: _table(codec, sent, kind))  # type: ignore[misc]
        show(f"W4 {kind}", taken, base)


def _table(codec: Codec, body: bytes, kind: str) -> bytes:
    return write_answer(codec, enrich(**read_body(codec, body, kind, "")), kind).body


def main() -> None:
    """Print all, or the works that are named."""
    works = {"W1": small, "W3": array, "W4": frame}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("works", nargs="*", default=list(works))
    print(
        f"Python {platform.python_version()}, pydantic {pydantic.VERSION}, "
        f"orjson {orjson.__version__}, numpy {np.__version__}, pandas {pd.__version__}"
    )
    for work in parser.parse_args().works:
        works[work]()


if __name__ == "__main__":
    main()
