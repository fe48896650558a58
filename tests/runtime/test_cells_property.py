"""A call answers what the whole notebook would, run anew, whatever the notebook does."""

from __future__ import annotations

import copy
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hypothesis import given, note, settings
from hypothesis import strategies as st

from nbdeploy_ext.core.dataflow import read_dataflow
from nbdeploy_ext.core.interface import find_endpoints
from nbdeploy_ext.core.notebook import Notebook, parse_notebook
from nbdeploy_ext.core.packing import manifest_cells, manifest_endpoints
from nbdeploy_ext.runtime.cells import KEY
from nbdeploy_ext.runtime.loader import App
from nbdeploy_ext.runtime.manifest import Manifest
from nbdeploy_ext.runtime.start import run_app
from tests.core.test_slices_property import SETUP, describe, run, statements

PREPARED = SETUP.partition("a, b, c, d =")[0]
# All named once, so that none is a function to serve
FUNCTIONS = ", ".join(re.findall(r"^def (\w+)", PREPARED, re.MULTILINE))
HELPERS = f"{PREPARED}{FUNCTIONS}\nrandom.seed(0)"
MADE = ["a = [1]", "b = [2, [3]]", "c = Box([4])", "d = 5"]
GIVEN: list[Any] = [7, [8, [9]], 2]


@st.composite
def services(draw: Any) -> tuple[list[str], int]:
    """Write cells, and the place of the parameters cell."""
    cells = st.lists(statements(), min_size=1, max_size=3).map("\n".join)
    drawn = draw(st.lists(cells, min_size=2, max_size=7))
    if draw(st.booleans()):
        reader = f"def g(x): return [x, {draw(st.sampled_from('abcd'))}]"
        drawn.insert(draw(st.integers(0, len(drawn))), reader)
    place = draw(st.integers(5, 4 + len(drawn)))
    sources = [HELPERS, *MADE, *drawn, "[a, b, c, d, f(1), g(2)]"]
    sources.insert(
        place, f"{draw(st.sampled_from('abcd'))} = {draw(st.sampled_from(['3', '[3]']))}"
    )
    return sources, place


def load(sources: list[str], place: int) -> dict[str, Any]:
    """Start a service of the cells; returns its namespace."""
    raw = [
        {"cell_type": "code", "id": f"c{n}", "source": text,
         "metadata": {"tags": ["parameters" if n == place else "production"]}}
        for n, text in enumerate(sources)
    ]  # fmt: skip
    notebook: Notebook = parse_notebook(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": raw}, Path("x.ipynb")
    )
    flow = read_dataflow(notebook)
    endpoints = manifest_endpoints(find_endpoints(flow, None))
    manifest = Manifest("x", "x.ipynb", "", manifest_cells(flow.flows), endpoints)
    cells = endpoints[0].cells
    if cells is None:
        raise LookupError("it is a function that is served")
    note(f"at a call: {cells.cells}")
    app = App(Path(), manifest, {f"c{n}": text for n, text in enumerate(sources)})
    space = {"__name__": "__main__"}
    run_app(app, space, list(manifest.cells))
    return space


def whole(sources: list[str], place: int, value: Any) -> str:
    """Return what the notebook shows last with that parameter, or how it fails."""
    name = sources[place].partition(" ")[0]
    cells = [*sources[: place + 1], f"{name} = {value!r}", *sources[place + 1 :]]
    try:
        return run([("", text) for text in cells], set())[1]
    except Exception as fault:  # noqa: BLE001  (a notebook may fail, in the same way)
        return type(fault).__name__


def call(function: Any, name: str, value: Any) -> str:
    try:
        return describe(function(**{name: copy.deepcopy(value)}))
    except Exception as fault:  # noqa: BLE001  (as above)
        return type(fault).__name__


# The same notebooks each time, NBDEPLOY_SEEDS=1 searches anew
@settings(max_examples=100, deadline=None, derandomize="NBDEPLOY_SEEDS" not in os.environ)
@given(services())
def test_calls_one_by_one_and_at_once_answer_what_the_whole_notebook_does(
    service: tuple[list[str], int],
) -> None:
    sources, place = service
    note("\n# ----\n".join(sources[1:]))
    wanted = [whole(sources, place, value) for value in GIVEN]
    try:
        space = load(sources, place)
    except LookupError:
        raise
    except Exception:  # noqa: BLE001  (a notebook that fails at the start serves nothing)
        return
    name, function = sources[place].partition(" ")[0], space[KEY]
    assert [call(function, name, value) for value in GIVEN] == wanted
    assert [call(function, name, value) for value in GIVEN] == wanted, "the second time"
    if any("random." in source for source in sources[1:]):
        return  # calls that draw at the same time draw from one state
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            many = pool.map(lambda n: call(function, name, GIVEN[n % 3]), range(24))
            assert list(many) == [wanted[n % 3] for n in range(24)]
    finally:
        sys.setswitchinterval(before)
