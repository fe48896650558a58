"""The example without functions: it is clean, and its cells are one."""

from __future__ import annotations

from pathlib import Path

from nbdeploy_ext import import_notebook
from nbdeploy_ext.core.pipeline import analyse

NOTEBOOK = Path(__file__).parents[2] / "examples" / "shipping" / "shipping.ipynb"


def test_it_has_no_diagnostics_and_runs_two_cells_at_a_call() -> None:
    document = analyse(NOTEBOOK).as_json()
    assert document["diagnostics"] == []
    (endpoint,) = document["endpoints"]
    assert (endpoint["path"], endpoint["runs"]) == ("/run", ["price", "answer"])


def test_it_answers_what_its_tests_say() -> None:
    shipping = import_notebook(NOTEBOOK)
    assert shipping.run() == {
        "price": 5.5, "steps": {"base": 4.5, "weight": 1.0}, "above_typical": False,
    }  # fmt: skip
    assert shipping.run(weight=10, country="US", express=True)["price"] == 63.5
    assert shipping.price == 5.5
