"""The option that says where the objects come from that a notebook ships as data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..core.capture import LiveKernel, RunCells
from ..core.values import ValueStore
from ..session.running_kernels import find_connection_file

if TYPE_CHECKING:
    from pathlib import Path

    from ..core.capture import ValueSource

values_option = click.option(
    "--values", default="run", show_default=True, type=click.Choice(["live", "run"]),
    help="Ship values from the notebook's running kernel, or run the cells that make them.",
)  # fmt: skip


def value_source(values: str, notebook: Path) -> ValueSource:
    """Return the source that the option names."""
    store = ValueStore()
    if values == "run":
        return RunCells(store)
    return LiveKernel(store, find_connection_file(notebook))
