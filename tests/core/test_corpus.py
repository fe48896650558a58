"""Analysis always answers: on pieces of real code, on what is no Python, in any order."""

from __future__ import annotations

import json
import random
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from nbdeploy_ext.core.errors import NotebookUnreadable
from nbdeploy_ext.core.pipeline import analyse

NASTY = [
    "%%bash\nls", "!ls", "x = !ls", "%time x = 1", "?foo", "foo??", "\x00", "\ud800 = 1",
    "print 'py2'", "if x:\n\ty = 1\n        z = 2", "def f(:\n", "a = (\n%magic\n)", "await x",
    "async with a as b: pass", "\ufeffx = 1", "", "   ", "x = 1;", "from m import *", "exec('x')",
    "globals()['x'] = 2",
    "match x:\n case {'a': [*b], **c} | True | None | d.e | [-1j, F(g=_) as h]: c = 1",
    "lambda: (yield)", "del x",
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


@pytest.mark.parametrize("source", NASTY, ids=[str(n) for n in range(len(NASTY))])
@pytest.mark.parametrize("role", sorted({r for r in ROLES if r}))
def test_check_answers_about_every_odd_cell(source: str, role: str, tmp_path: Path) -> None:
    cell = code(source, metadata={"tags": [role]})
    json.dumps(analyse(tmp_path / "n.ipynb", content=document(cell)).as_json())


def code(source: Any = "x = 1", **more: Any) -> dict[str, Any]:
    tags = {"tags": ["production"]}
    return {"cell_type": "code", "id": "a", "metadata": tags, "source": source} | more


def document(*cells: Any, **more: Any) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | more


@pytest.mark.parametrize(
    "content",
    [
        document(), document(code(), metadata=None), document(code(), metadata=[1]),
        document(code(), metadata={"kernelspec": None, "language_info": "python"}),
        document(code(), metadata={"kernelspec": {"name": 3, "language": 4}}),
        document(code(), metadata={"kernelspec": {"name": "../x y"}}),
        document(code("x <- 1"), metadata={"kernelspec": {"name": "ir", "language": "R"}}),
        document(code(), code("y = x"), code("z = y", id=5), code(id="cell-1"), code(id="cell-1")),
        document(code(metadata=None, outputs=None)), document(code(metadata=[], outputs={})),
        document(code(None)), document(code(["x = 1\n", None, 3])), document(code({"a": 1})),
        document(code(execution_count="3"), code(execution_count=[1], id="b")),
        document(code(outputs=["x", None, {"data": [1]}, {"text": {}, "traceback": 5}])),
        document(code(metadata={"tags": [["production"], None, "production"]})),
        document(code("def f(x): return x"), metadata={
            "nbdeploy": {"name": [1], "endpoints": [["f"], None], "values": [["x"], 3]}
        }),
        document(code("def f(a=1e999, b=b'', c=1j, d=...): pass")),
        document(code(f"def f(a={'9' * 4000}): pass")),
        document(code("def f(a: tuple[()], b: 'List[', c: '\\0', d: 'Literal[1j, 2]') -> 3: pass")),
        document(code("open('a\\0b'); open('x' * 5000); open('a/' * 3000)\nimport os, é.ü\n"
                      "os.environ['\\0']\nfrom .. import y\nfrom .a.b import c")),
        {"nbformat": 3, "worksheets": [
            {"cells": [{"cell_type": "code", "input": "print 1", "outputs": []}]}]},
        {"nbformat": 3, "worksheets": [{"cells": [
            {"cell_type": "code", "input": ["x = 1\n", "x"], "outputs": [], "language": "python"},
            {"cell_type": "markdown", "source": ["a\n", "b"]}]}]},
        {"cells": [code()], "nbformat": 4},
    ],
)  # fmt: skip
def test_check_answers_whatever_stands_in_the_file(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(content), encoding="utf-8-sig")
    answer = analyse(path).as_json()
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    ids = [cell["id"] for cell in answer["cells"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b"hello", b"\xff\xfe{}", b"[" * 100_000, b"{}",
     b'{"nbformat": 4, "cells": [null]}', b'{"nbformat": 4, "cells": [], "x": 1' + b"9" * 5000],
)  # fmt: skip
def test_what_is_no_notebook_is_said_to_be_none(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(data)
    with pytest.raises(NotebookUnreadable):
        analyse(path)


def test_a_kernel_that_is_not_here_is_a_problem_of_the_notebook(tmp_path: Path) -> None:
    content = document(code("def f(x: int) -> int: return x"))
    content["metadata"] = {"kernelspec": {"name": "conda-env-mine", "language": "python"}}
    answer = analyse(tmp_path / "n.ipynb", content=content).as_json()
    assert [d["code"] for d in answer["diagnostics"]] == ["NBD106"]
    assert answer["slices"] == {"a": []}
