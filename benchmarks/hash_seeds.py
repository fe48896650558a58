"""Check that `check` says the same whatever Python's hash seed is, on the files of some folders.

Each Python file becomes a notebook, one cell for each statement at its top; notebooks are taken as
they are. All code cells are marked, so that every slice is in the answer. What differs is printed.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbdeploy_ext.core.errors import NbdeployError
from nbdeploy_ext.core.pipeline import analyse

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_CELLS = 400
_SEEDS = ("0", "1", "2")


def main() -> int:
    """Compare the answers of one process for each seed; 1 if any differ."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("places", nargs="+", type=Path, help="files and folders")
    parser.add_argument("--most", type=int, default=300, help="files to look at, spread evenly")
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    found = sorted({p.resolve() for place in options.places for p in _files(place)})
    chosen = found[:: max(1, len(found) // options.most)]
    if options.answer:
        for path in chosen:
            print(json.dumps(answer(path), sort_keys=True), flush=True)
        return 0
    asked = [sys.executable, __file__, "--answer", *map(str, chosen), "--most", str(len(chosen))]
    runs = [
        subprocess.Popen(
            asked, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONHASHSEED": seed}
        )
        for seed in _SEEDS
    ]
    differing = 0
    answers = zip(*(run.stdout or () for run in runs), strict=True)
    for path, several in zip(chosen, answers, strict=True):
        if len(set(several)) > 1:
            differing += 1
            print(f"{path}: {_difference(*map(json.loads, several))}", flush=True)
    print(f"{len(chosen)} files under {len(_SEEDS)} hash seeds, {differing} differ")
    return 1 if differing or any(run.wait() for run in runs) else 0


def answer(path: Path) -> Any:
    """Return what `check` says of a file, or why it says nothing."""
    try:
        content = _notebook(path)
        with tempfile.TemporaryDirectory() as empty:  # what stands beside it isn't asked about
            spec = analyse(Path(empty) / f"{path.stem}.ipynb", content=content)
            return spec.as_json()
    except (NbdeployError, ValueError, SyntaxError, RecursionError) as fault:
        return {"fault": str(fault)}


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    else:
        yield from place.rglob("*.py")
        yield from place.rglob("*.ipynb")


def _notebook(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        content = json.loads(text)
    else:
        sources = [ast.get_source_segment(text, node) for node in ast.parse(text).body]
        content = {"metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        content["cells"] = [_cell(source or "") for source in sources[:_MOST_CELLS]]
    for number, cell in enumerate(content["cells"]):
        cell["id"] = f"c{number}"
        if cell["cell_type"] == "code":
            cell["metadata"] = {"tags": ["production"]}
    return content


def _cell(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": [], "execution_count": None}


def _difference(*answers: Any, at: str = "") -> str:
    """Say where answers differ first, and how."""
    first = answers[0]
    if all(isinstance(a, dict) and a.keys() == first.keys() for a in answers):
        pairs = [(f"{at}.{key}", [a[key] for a in answers]) for key in first]
    elif all(isinstance(a, list) and len(a) == len(first) for a in answers):
        pairs = [(f"{at}[{number}]", [a[number] for a in answers]) for number in range(len(first))]
    else:
        return f"{at[1:]} is {' or '.join(sorted({json.dumps(a)[:500] for a in answers}))}"
    return next(
        _difference(*values, at=name)
        for name, values in pairs
        if any(value != values[0] for value in values)
    )


if __name__ == "__main__":
    sys.exit(main())
