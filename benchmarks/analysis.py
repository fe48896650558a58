"""Time the analysis of large notebooks, with pyflakes on the same source as a yardstick.

Everything runs in this process, in turns, `--runs` times; the table shows the least CPU time.
"""

from __future__ import annotations

import argparse
import ast
import gc
import json
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbdeploy_ext.core import dataflow
from nbdeploy_ext.core.pipeline import analyse

if TYPE_CHECKING:
    from collections.abc import Callable

CELL = '''\
import numpy as np
import pandas as pd
frame_{i} = pd.read_csv("data_{i}.csv")
frame_{i}["ratio"] = frame_{i}["a"] / frame_{i}["b"]
def total_{i}(rows, limit=2):
    """Add up what is above the limit."""
    total = 0
    for row in rows:
        if row > limit:
            total += row * rate_{j}
    return total
rows = [total_{i}(row) for row in frame_{i}.values if row is not None]
result_{i} = total_{i}(rows, limit=len(rows))
# what the table says

print(f"rows: {{len(rows)}} {{result_{i}:.2f}}")
model = train(frame_{i}, target="ratio", depth=3)
rate_{i} = model.score(frame_{i}) + 1
with open("notes_{i}.txt") as handle:
    text = handle.read()
'''


Document = dict[str, Any]
_PICTURE = 170_000
_PRINTED = "epoch 1 loss 0.33, see https://example.org/runs?id=7\n" * 1500
_OUTPUTS = 260


def main() -> None:
    """Time notebooks of both sizes, edits of one cell and one with large outputs, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    rows: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.ipynb"
        analyse(path, content=notebook(1))  # asks the kernel what is installed in it, once
        for number in range(options.runs):
            one_round(rows, path, options.cells, number)
    lines = CELL.count("\n") * options.cells
    print(
        f"{options.cells} cells, {lines} lines; milliseconds of CPU, least of {options.runs} runs"
    )
    for label, times in rows.items():
        print(f"{label:36}{min(times):9.1f}")
    factor = min(rows["check, ten times the cells, cold"]) / min(rows["check, cold"])
    print(f"ten times the cells cost {factor:.1f} times as much")


def one_round(rows: dict[str, list[float]], path: Path, count: int, number: int) -> None:
    """Time every job once, on sources that were never read before."""
    small, large = notebook(count), notebook(count * 10)
    texts = [cell["source"] for cell in small["cells"]]
    note(rows, "check, ten times the cells, cold", lambda: checked(path, large), cold=True)
    note(rows, "check, cold", lambda: checked(path, small), cold=True)
    note(rows, "check, nothing changed", lambda: checked(path, small))
    for label, place in (("first", 0), ("middle", count // 2), ("last", count - 1)):
        line = f"\nedited_{number} = {number}"
        edited = changed(small, place, line)
        note(rows, f"check, {label} cell edited", partial(checked, path, edited))
    renamed = changed(small, count // 2, f"\nrows = [{number}]")
    note(rows, "check, a name of later cells edited", lambda: checked(path, renamed))
    note(rows, "ast.parse alone", lambda: parsed(texts))
    note(rows, "pyflakes", lambda: flaked("\n".join(texts)))
    path.write_text(json.dumps(with_outputs(notebook(count // 4)), indent=1), encoding="utf-8")
    note(
        rows,
        f"check, file of {path.stat().st_size >> 20} MB, cold",
        lambda: opened(path),
        cold=True,
    )
    path.unlink()


def notebook(count: int) -> Document:
    """Return a notebook that no other run has seen; its last cells are marked."""
    stamp = time.perf_counter_ns()
    sources = (CELL.format(i=f"{i}_{stamp}", j=f"{max(i - 1, 0)}_{stamp}") for i in range(count))
    cells: list[Document] = [
        {
            "cell_type": "code", "id": f"c{number}", "source": source, "outputs": [],
            "execution_count": None,
            "metadata": {"tags": ["production"]} if number > count - 4 else {},
        }
        for number, source in enumerate(sources)
    ]  # fmt: skip
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}


def changed(document: Document, place: int, line: str) -> Document:
    """Return the notebook as a keystroke posts it: all of it new, one cell with another line."""
    found: Document = json.loads(json.dumps(document))
    found["cells"][place]["source"] += line
    return found


def with_outputs(document: Document) -> Document:
    """Return it with pictures and printed lines."""
    shown = {"image/png": "iVBORw0KGgo" + "A" * _PICTURE}
    picture = {"output_type": "display_data", "metadata": {}, "data": shown}
    printed = {"output_type": "stream", "name": "stdout", "text": [_PRINTED]}
    for cell in document["cells"][:_OUTPUTS]:
        cell["outputs"] = [picture, printed]
    return document


def checked(path: Path, document: Document) -> Document:
    """Answer what `POST /analysis` answers."""
    return analyse(path, content=document).as_json()


def opened(path: Path) -> Document:
    """Answer what `nbdeploy check --json` answers."""
    return analyse(path).as_json()


def note(
    rows: dict[str, list[float]], label: str, job: Callable[[], object], *, cold: bool = False
) -> None:
    """Time a job once."""
    if cold:
        dataflow.forget()
    gc.collect()
    begun = time.process_time()
    job()
    rows.setdefault(label, []).append((time.process_time() - begun) * 1000)


def parsed(texts: list[str]) -> list[ast.Module]:
    """Parse cells as a check does, which holds the collector off meanwhile."""
    gc.disable()
    try:
        return [ast.parse(text) for text in texts]
    finally:
        gc.enable()


def flaked(source: str) -> object:
    """Let pyflakes look at the same source."""
    from pyflakes.checker import Checker  # noqa: PLC0415  (a yardstick that not everybody has)

    return Checker(ast.parse(source))


if __name__ == "__main__":
    main()
