"""Analysis always answers: on pieces of real code, on what is no Python, in any order."""

from __future__ import annotations

import json
import random
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from nbdeploy_ext.core.pipeline import analyse

NASTY = [
    "%%bash\nls", "!ls", "x = !ls", "%time x = 1", "?foo", "foo??", "\x00", "\ud800 = 1",
    "print 'py2'", "if x:\n\ty = 1\n        z = 2", "def f(:\n", "a = (\n%magic\n)", "await x",
    "async with a as b: pass", "\ufeffx = 1", "", "   ", "x = 1;", "from m import *", "exec('x')",
    "globals()['x'] = 2", "match x:\n case {'a': [*b]}: c = 1", "lambda: (yield)", "del x",
    "x: int", "(" * 500 + ")" * 500, "x" + " + x" * 5000, "nonlocal x", "return 1", "yield 2",
    "\\\n", "x = 1 \\\n", "'''abc", "f'{x!r:{y}}'", "global q; q = 1", "import a.b.c as d, e.f",
    "class A:\n  x = y\n  def f(self): return __class__", "with open('f') as g, h as (i, *j): pass",
]  # fmt: skip
ROLES = [None, None, "production", "test", "monitor", "parameters"]
LIBRARY = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))


def piece(chance: random.Random) -> str:
    if chance.random() < 0.4:
        return chance.choice(NASTY)
    lines = chance.choice(LIBRARY).read_text(encoding="utf-8", errors="replace").splitlines()
    first = chance.randrange(max(1, len(lines)))
    return "\n".join(lines[first : first + chance.randint(1, 60)])


def notebook(chance: random.Random) -> dict[str, Any]:
    cells = []
    for number in range(chance.randint(0, 25)):
        role = chance.choice(ROLES)
        cell: dict[str, Any] = {
            "cell_type": chance.choice(["code"] * 8 + ["markdown", "raw"]),
            "id": f"c{number}",
            "metadata": {"tags": [role, "other"] if role else []},
            "source": piece(chance),
        }
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": chance.choice([None, number, 3])}
        cells.append(cell)
    values = chance.choice([[], ["x", "y"], "odd", None])
    metadata = {"nbdeploy": {"values": values}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


@pytest.mark.parametrize("seed", range(20))
def test_check_always_answers(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    for _ in range(10):
        content = notebook(chance)
        answer = analyse(tmp_path / "n.ipynb", content=content).as_json()
        json.dumps(answer)
        marked = [
            c["id"] for c in content["cells"] if c["cell_type"] == "code" and c["metadata"]["tags"]
        ]
        assert set(answer["slices"]) == set(marked)
        assert {d["cell"] for d in answer["diagnostics"]} <= {c["id"] for c in content["cells"]} | {
            None
        }
