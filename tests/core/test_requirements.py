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
