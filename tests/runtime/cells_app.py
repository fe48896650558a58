"""App folders whose manifest says what the analysis found of their cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbdeploy_ext.core.dataflow import read_dataflow
from nbdeploy_ext.core.interface import find_endpoints
from nbdeploy_ext.core.notebook import parse_notebook
from nbdeploy_ext.core.packing import manifest_endpoints
from nbdeploy_ext.core.values import Value
from nbdeploy_ext.runtime.loader import read_app

from .apps import write_app

if TYPE_CHECKING:
    from pathlib import Path


def write_cells(folder: Path, *cells: tuple[str, str, str], **settings: Any) -> Path:
    """Write `(cell id, role, source)` cells with the endpoints that they have."""
    given = settings.get("parameters", {})
    values = [Value(v.name, v.cell, v.index, {}) for v in settings.get("values", ())]
    write_app(folder, *cells, **settings)
    notebook = {
        "nbformat": 4, "nbformat_minor": 5, "metadata": {},
        "cells": [
            {"cell_type": "code", "id": c, "source": s, "metadata": {"tags": [r] if r else []}}
            for c, r, s in cells
        ],
    }  # fmt: skip
    dataflow = read_dataflow(parse_notebook(notebook, folder / "loan.ipynb"))
    endpoints = manifest_endpoints(find_endpoints(dataflow, None, given, values))
    manifest = read_app(folder).manifest._replace(endpoints=endpoints)
    (folder / "manifest.json").write_bytes(manifest.as_bytes())
    return folder
