"""Example calls are found in test cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbdeploy_ext.core.dataflow import read_dataflow
from nbdeploy_ext.core.interface import find_endpoints
from nbdeploy_ext.core.notebook import read_notebook
from tests.notebooks import write_notebook

if TYPE_CHECKING:
    from pathlib import Path

PRICE = "def price(amount: float, country: str = 'de') -> float:\n    return amount"


def examples(folder: Path, test: str) -> tuple[dict[str, Any], ...]:
    path = write_notebook(folder, ("p", "production", PRICE), ("t", "test", test))
    (endpoint,) = find_endpoints(read_dataflow(read_notebook(path)), None)
    return endpoint.examples


def test_calls_of_the_function_and_of_its_route_are_examples(tmp_path: Path) -> None:
    test = "def test_it():\n    price(1.0)\n    client.post('/price', json={'amount': 2})\n"
    assert examples(tmp_path, test) == ({"amount": 1.0}, {"amount": 2})


def test_names_of_literals_and_dicts_made_of_others_are_followed(tmp_path: Path) -> None:
    test = "BIG = {'amount': 9}\nprice(**BIG)\nbody = {**BIG, 'country': 'fr'}\n"
    test += "client.post('/price', json=body)"
    assert examples(tmp_path, test) == ({"amount": 9}, {"amount": 9, "country": "fr"})


def test_calls_that_are_meant_to_fail_are_no_examples(tmp_path: Path) -> None:
    test = "import pytest\ndef test_raises():\n    with pytest.raises(ValueError):\n"
    test += "        price(-1.0)\ndef test_refused():\n"
    test += "    a = client.post('/price', json={'amount': 'x'})\n    assert a.status_code == 422\n"
    assert examples(tmp_path, test) == ()


def test_what_is_no_literal_no_json_or_not_complete_is_no_example(tmp_path: Path) -> None:
    test = "price(make())\nprice({1, 2})\nprice(country='de')\nprice(1, weight=2)\nprice(*x)"
    assert examples(tmp_path, test) == ()
