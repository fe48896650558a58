"""Time the analysis of large notebooks, with pyflakes on the same source as a yardstick.

Everything runs in this process, in turns, after `--runs` rounds; the table shows medians.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import time
from typing import TYPE_CHECKING

from nbdeploy_ext.core import dataflow
from nbdeploy_ext.core.notebook import Cell

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


def main() -> None:
    """Time both sizes and one edit, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    rows: dict[str, list[float]] = {}
    for number in range(options.runs):
        one_round(rows, options.cells, number)
    lines = sum(cell.source.count("\n") for cell in cells(options.cells))
    print(f"{options.cells} cells, {lines} lines; milliseconds, medians of {options.runs} runs")
    for label, times in rows.items():
        print(f"{label:28}{statistics.median(times):9.1f}")


def one_round(rows: dict[str, list[float]], count: int, number: int) -> None:
    """Time every job once, on sources that were never read before."""
    small, large = cells(count), cells(count * 10)
    edited = [*small]
    edited[count // 2] = Cell("edited", count // 2, "code", f"edited = {number}", ())
    note(rows, "names and slices, cold", lambda: analysed(small), cold=True)
    note(rows, "one cell edited", lambda: analysed(edited))
    note(rows, "all slices", lambda: sliced(small))
    note(rows, "ast.parse alone", lambda: [ast.parse(cell.source) for cell in small])
    note(rows, "pyflakes", lambda: flaked("\n".join(cell.source for cell in small)))
    note(rows, "ten times the cells, cold", lambda: analysed(large), cold=True)


def cells(count: int) -> list[Cell]:
    """Return cells that no other run has seen."""
    stamp = time.perf_counter_ns()
    sources = (CELL.format(i=f"{i}_{stamp}", j=f"{max(i - 1, 0)}_{stamp}") for i in range(count))
    return [Cell(f"c{n}", n, "code", source, ()) for n, source in enumerate(sources)]


def analysed(notebook: list[Cell]) -> dataflow.Dataflow:
    """Analyse, and ask for the last cell's slice."""
    found = dataflow.read_cells(notebook)
    found.slice(notebook[-1].cell_id)
    return found


def sliced(notebook: list[Cell]) -> None:
    """Ask for every slice."""
    found = dataflow.read_cells(notebook)
    for cell in notebook:
        found.slice(cell.cell_id)


def note(
    rows: dict[str, list[float]], label: str, job: Callable[[], object], *, cold: bool = False
) -> None:
    """Time a job once."""
    if cold:
        dataflow.forget()
    begun = time.perf_counter()
    job()
    rows.setdefault(label, []).append((time.perf_counter() - begun) * 1000)


def flaked(source: str) -> object:
    """Let pyflakes look at the same source."""
    from pyflakes.checker import Checker  # noqa: PLC0415  (a yardstick that not everybody has)

    return Checker(ast.parse(source))


if __name__ == "__main__":
    main()
