"""Slices of other people's code, executed alone: examples and notebooks in what is installed."""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
import random
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HEADER = "import collections, heapq, random, statistics\nimport numpy as np\nimport pandas as pd"
PLACES = {
    "collections": ["Counter", "OrderedDict", "deque"],
    "statistics": ["mean", "median", "variance", "NormalDist"],
    "heapq": ["merge"],
    "numpy": ["append", "argsort", "copyto", "fill_diagonal", "insert", "ix_", "nonzero", "place",
              "put", "ravel", "reshape", "roll", "stack", "take", "unique", "where", "ndarray.sort",
              "ndarray.fill", "ndarray.resize", "ndarray.flat", "nditer"],
    "pandas": ["DataFrame.assign", "DataFrame.drop", "DataFrame.insert", "DataFrame.pop",
               "DataFrame.query", "DataFrame.eval", "DataFrame.rename", "DataFrame.update",
               "DataFrame.replace", "DataFrame.where", "Series.map", "Series.sort_values",
               "DataFrame.set_index", "DataFrame.groupby", "concat", "merge", "Series.fillna"],
}  # fmt: skip


def examples(module: str, name: str) -> list[str]:
    """Return the examples of one docstring that raise nothing."""
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    parsed = doctest.DocTestParser().get_examples(inspect.getdoc(found) or "")
    return [e.source.strip() for e in parsed if not e.exc_msg and "cumsum(" not in e.source]


def write_notebook(path: Path, sources: list[str]) -> None:
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {}, "source": source, "outputs": [],
         "execution_count": None}
        for n, source in enumerate(sources)
    ]  # fmt: skip
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content), encoding="utf-8")


def test_slices_of_other_peoples_code_give_what_the_whole_gives(tmp_path: Path) -> None:
    chance = random.Random(0)
    several = [examples(module, name) for module, names in PLACES.items() for name in names]
    chance.shuffle(several)
    for number in range(0, len(several), 4):
        sources = [HEADER, *(source for one in several[number : number + 4] for source in one)]
        write_notebook(tmp_path / f"examples-{number}.ipynb", sources)
    installed = Path(sysconfig.get_path("purelib")).rglob("*.ipynb")
    found = [tmp_path, *sorted(p for p in installed if p.stat().st_size < 1_000_000)[:20]]
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks/slices.py", *found, "--cells", "4", "--seconds", "20"],
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    figures = dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines())
    assert int(figures["same"]) >= 10
