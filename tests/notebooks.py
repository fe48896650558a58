"""Notebooks made of marked sources, as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat

if TYPE_CHECKING:
    from pathlib import Path


def write_notebook(
    folder: Path,
    *cells: tuple[str, str | None, str],
    name: str = "loan",
    kernel: str | None = None,
) -> Path:
    """Write `(cell id, role or None, source)` cells as `<name>.ipynb` and return its path."""
    notebook = nbformat.v4.new_notebook()
    if kernel is not None:
        notebook.metadata["kernelspec"] = {
            "name": kernel, "display_name": kernel, "language": "python"
        }  # fmt: skip
    for cell_id, role, source in cells:
        cell = nbformat.v4.new_code_cell(source, id=cell_id)
        cell.metadata["tags"] = [role] if role else []
        notebook.cells.append(cell)
    path = folder / f"{name}.ipynb"
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    return path


TYPES = """\
from dataclasses import dataclass

@dataclass
class Applicant:
    income: float
    debt: float
"""
DECIDE = """\
def decide(applicant: Applicant, limit: float = 0.5) -> bool:
    'Say whether a loan is granted.'
    return ratio(applicant) < limit
"""
TESTS = """\
def test_low_debt():
    assert decide(Applicant(100.0, 10.0))

def test_service(client):
    body = {'applicant': {'income': 100.0, 'debt': 60.0}}
    assert client.post('/decide', json=body).json() is False
"""
LOAN = (
    ("types", "production", TYPES),
    ("helpers", "production", "def ratio(a: Applicant) -> float:\n    return a.debt / a.income\n"),
    ("decide", "production", DECIDE),
    ("tests", "test", TESTS),
    ("watch", "monitor", "assert len(calls) < 3, f'{len(calls)} calls'\n{'calls': len(calls)}"),
)
