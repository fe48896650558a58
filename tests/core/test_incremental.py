"""An analysis that goes on from the last one says what a fresh one says, to the letter."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from nbdeploy_ext.core import reader
from nbdeploy_ext.core.dataflow import Dataflow, forget, read_cells
from nbdeploy_ext.core.notebook import Cell, Role
from nbdeploy_ext.core.pipeline import analyse
from nbdeploy_ext.core.states import Replay
from tests.core.test_slices_property import expressions, names, notebooks, statements

if TYPE_CHECKING:
    from collections.abc import Sequence

Notebook = list[tuple[str, str]]


@st.composite
def edits(draw: Any, notebook: Notebook) -> Notebook:
    """Write, add, remove, move or mend a cell, anywhere."""
    cells = list(notebook)
    place = draw(st.integers(0, len(cells) - 1))
    cell, source = cells[place]
    match draw(st.integers(0, 8)):
        case 0 | 1:
            cells[place] = (cell, draw(statements()))
        case 2:
            cells[place] = (
                cell,
                f"{source}\nfresh{draw(st.integers(0, 3))} = {draw(expressions())}",
            )
        case 3:
            cells[place] = (cell, f"{source}\n# {draw(st.integers())}")
        case 4:
            cells.insert(place, (f"n{draw(st.integers(0, 10**9))}", draw(statements())))
        case 5 if len(cells) > 2:
            del cells[place]
        case 6:
            cells.append(cells.pop(place))
        case 7:
            cells[place] = (cell, f"{source}\n{draw(names)} = exec('')")
        case _:
            cells[place] = (cell, f"{source}\nprint(")
    return cells


@st.composite
def sessions(draw: Any) -> list[Notebook]:
    """Write a notebook and what it is after each of some edits."""
    found = [[(f"c{number}", source) for number, source in enumerate(draw(notebooks()))]]
    for _ in range(draw(st.integers(1, 5))):
        found.append(draw(edits(found[-1])))
    return found


def read(notebook: Notebook) -> Dataflow:
    return read_cells([Cell(c, n, "code", s, ()) for n, (c, s) in enumerate(notebook)])


def said(flow: Dataflow) -> list[Any]:
    return [
        (
            found.cell.cell_id, sorted(found.defines), sorted(found.mutates), found.references,
            dict(found.immediate), dict(found.deferred), found.opaque,
            flow.needs(found.cell.cell_id), flow.slice(found.cell.cell_id),
            flow.uncertain(found.cell.cell_id),
            [[by.cell.cell_id for by in flow.definers(n, found)] for n in found.references],
            [[by.cell.cell_id for by in flow.defining(n)] for n in found.references],
        )
        for found in flow.flows
    ]  # fmt: skip


# The same notebooks each time, NBDEPLOY_SEEDS=1 searches anew
@settings(max_examples=150, deadline=None, derandomize="NBDEPLOY_SEEDS" not in os.environ)
@given(sessions())
def test_an_edited_notebook_is_read_as_if_it_were_new(session: list[Notebook]) -> None:
    forget()
    going_on = [said(read(notebook)) for notebook in session]
    for notebook, seen in zip(session, going_on, strict=True):
        note("\n# ----\n".join(source for _, source in notebook))
        forget()
        assert seen == said(read(notebook))


@pytest.mark.parametrize("crowd", [1, 3, 64])
def test_a_walk_goes_on_as_if_it_were_new_however_many_nodes_are_merged(
    monkeypatch: pytest.MonkeyPatch, crowd: int
) -> None:
    monkeypatch.setattr(reader, "CROWD", crowd)

    @settings(max_examples=60, deadline=None, derandomize="NBDEPLOY_SEEDS" not in os.environ)
    @given(sessions())
    def goes_on(session: list[Notebook]) -> None:
        forget()
        replay = Replay()
        for notebook in session:
            facts = [flow.effective for flow in read(notebook).flows]
            note("\n# ----\n".join(source for _, source in notebook))
            assert replay.walk(facts) == Replay().walk(facts)

    goes_on()


def document(cells: Sequence[tuple[str, Role | None, str]]) -> dict[str, Any]:
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {
                "cell_type": "code", "id": cell, "source": source, "outputs": [],
                "execution_count": None, "metadata": {"tags": [role.value] if role else []},
            }
            for cell, role, source in cells
        ],
    }  # fmt: skip


def test_every_keystroke_in_a_cell_is_checked_as_if_the_notebook_were_new(tmp_path: Path) -> None:
    before = [
        ("load", None, "import os\nrates = [1, 2]\nkey = os.environ['KEY']"),
        ("model", None, "model = sum(rates)"),
        ("serve", Role.PRODUCTION, "def serve(x: int) -> int:\n    return x * model"),
    ]
    typed = "def half(x):\n    return open('a.csv').read() + x / rates[0]\nmodel = half(model)\n"
    for place in range(3):
        for end in range(len(typed)):
            cells = list(before)
            cells[place] = (*before[place][:2], f"{before[place][2]}\n{typed[:end]}")
            going_on = analyse(tmp_path / "x.ipynb", content=document(cells)).as_json()
            if end % 7 == 0:
                forget()
                fresh = analyse(tmp_path / "x.ipynb", content=document(cells)).as_json()
                assert going_on == fresh


CLASSES = (
    "class A(B):\n    def go(self):\n        rates.append(1)",
    "class B(A):\n    pass",
    "class A:\n    def go(self):\n        rates.clear()",
    "class A(A):\n    def more(self):\n        return rates",
    "B().go()",
    "A().more()",
    "rates = []",
)


@settings(max_examples=60, deadline=None, derandomize="NBDEPLOY_SEEDS" not in os.environ)
@given(st.lists(st.lists(st.sampled_from(CLASSES), min_size=1, max_size=6), min_size=2, max_size=4))
def test_classes_that_add_to_themselves_or_each_other_are_read(session: list[list[str]]) -> None:
    forget()
    notebooks = [[(f"c{n}", source) for n, source in enumerate(sources)] for sources in session]
    going_on = [said(read(notebook)) for notebook in notebooks]
    for notebook, seen in zip(notebooks, going_on, strict=True):
        forget()
        assert seen == said(read(notebook))


ROLES = [None, *Role]
OUTPUTS: list[list[dict[str, Any]]] = [
    [],
    [{"output_type": "stream", "name": "stdout", "text": f"AKIA{'Q' * 16}"}],
    [{"output_type": "stream", "name": "stdout", "text": "all is well"}],
]


@st.composite
def documents(draw: Any) -> list[dict[str, Any]]:
    """Write a notebook's document and what it is after edits of all but its sources, and of them.

    Some cells have the same source, and some edits only take back the one before.
    """
    sources = draw(notebooks())
    cells = [(f"c{number}", None, source) for number, source in enumerate([*sources, sources[-1]])]
    found = [document(cells)]
    for _ in range(draw(st.integers(1, 6))):
        made = copy.deepcopy(draw(st.sampled_from(found[-2:])))
        change(made, draw)
        found.append(made)
    return found


def change(made: dict[str, Any], draw: Any) -> None:
    cells = made["cells"]
    cell = draw(st.sampled_from(cells))
    match draw(st.integers(0, 8)):
        case 0 | 1:
            role = draw(st.sampled_from(ROLES))
            cell["metadata"] = draw(st.sampled_from([{}, {"tags": [role] if role else []}]))
        case 2:
            cell["outputs"] = draw(st.sampled_from(OUTPUTS))
        case 3:
            cell["execution_count"] = draw(st.integers(1, 9))
        case 4:
            cell["cell_type"] = "markdown" if cell["cell_type"] == "code" else "code"
        case 5:
            cell["id"] = draw(st.sampled_from("xyz"))
        case 6:
            cells.insert(draw(st.integers(0, len(cells))), cells.pop(cells.index(cell)))
        case 7:
            cell["source"] = "".join(cell["source"]).splitlines(keepends=True)
        case _:
            cell["source"] = draw(statements())
    made["metadata"] = draw(st.sampled_from([{}, {"nbdeploy": {"values": ["a"], "name": "n"}}]))


@settings(max_examples=60, deadline=None, derandomize="NBDEPLOY_SEEDS" not in os.environ)
@given(documents())
def test_a_notebook_is_checked_anew_whatever_of_it_changes(session: list[dict[str, Any]]) -> None:
    path = Path("/nowhere/x.ipynb")
    forget()
    going_on = [analyse(path, content=content).as_json() for content in session]
    for content, seen in zip(session, going_on, strict=True):
        forget()
        assert seen == analyse(path, content=content).as_json()


def test_files_beside_an_unchanged_notebook_are_looked_at_each_time(tmp_path: Path) -> None:
    content = document([("c", Role.PRODUCTION, "def f():\n    return open('a.csv').read()")])

    def codes() -> set[str]:
        spec = analyse(tmp_path / "x.ipynb", content=content)
        return {found.code for found in spec.diagnostics}

    assert "NBD403" in codes()
    (tmp_path / "a.csv").write_text("1", encoding="utf-8")
    assert "NBD403" not in codes()
    (tmp_path / "nbdeploy.toml").write_text("[image]\ninclude = ['*.bin']\n", encoding="utf-8")
    assert "NBD603" in codes()
    (tmp_path / "a.bin").write_text("1", encoding="utf-8")
    assert "NBD603" not in codes()
