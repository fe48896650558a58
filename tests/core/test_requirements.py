"""From imports to the distributions that hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nbdeploy_ext.core.pipeline import analyse
from tests.notebooks import write_notebook

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("statement", "distributions"),
    [
        ("import pycrdt", {"pycrdt"}),
        ("from pycrdt import Doc", {"pycrdt"}),
        ("import pycrdt.store", {"pycrdt-store"}),
        ("from pycrdt.websocket import WebsocketServer", {"pycrdt-websocket"}),
        ("from pycrdt import store, Doc", {"pycrdt", "pycrdt-store"}),
        ("import yaml, json", {"PyYAML"}),
        ("import uv, os.path", {"uv"}),
    ],
)
def test_distributions_that_share_a_package_are_told_apart(
    statement: str, distributions: set[str], tmp_path: Path
) -> None:
    source = f"{statement}\ndef f() -> int:\n    return 1"
    spec = analyse(write_notebook(tmp_path, ("f", "production", source)))
    assert {requirement.distribution for requirement in spec.requirements} == distributions
    assert spec.unknown_imports == ()


def test_an_import_that_may_fail_is_no_problem_and_ships_where_it_is_installed(
    tmp_path: Path,
) -> None:
    source = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import never_there\n"
        "try:\n    import nowhere_to_be_found as fast\nexcept ImportError:\n    import uv as fast\n"
        "try:\n    import yaml\nexcept Exception:\n    yaml = None\n"
        "def f() -> int:\n    return 1"
    )
    spec = analyse(write_notebook(tmp_path, ("f", "production", source)))
    assert spec.diagnostics == ()
    assert {r.distribution for r in spec.requirements} == {"uv", "PyYAML"}


def test_an_import_that_has_to_work_and_is_not_installed_stops_the_deploy(tmp_path: Path) -> None:
    source = "import nowhere_to_be_found\ndef f() -> int:\n    return 1"
    (missing,) = analyse(write_notebook(tmp_path, ("f", "production", source))).diagnostics
    assert (missing.code, missing.cell, missing.line) == ("NBD401", "f", 1)
