"""The loader: cells of the notebook, run where they stand, found again by every tool."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.runtime.apps import run_in_app, serve, write_app

if TYPE_CHECKING:
    from pathlib import Path

SHAPES = """\
# a comment first
class Square:
    side: float = 2.0

    def area(self) -> float:
        return self.side ** 2

def broken(x):
    y = x + 1
    raise KeyError(y)
"""
IMPORTS = ("imports", "production", "import math\nimport json")
CELLS = (IMPORTS, ("shapes", "production", SHAPES))


def test_a_traceback_shows_notebook_cell_line_and_source(tmp_path: Path) -> None:
    code = "import traceback\ntry:\n    broken(1)\nexcept KeyError:\n    traceback.print_exc()"
    _, errors = run_in_app(write_app(tmp_path / "app", *CELLS), code)
    assert 'File "loan.ipynb[1]", line 10, in broken\n    raise KeyError(y)' in errors


@pytest.mark.parametrize(
    ("thing", "first", "last"),
    [
        ("broken", "def broken(x):", "raise KeyError(y)"),
        ("Square", "class Square:", "return self.side ** 2"),
        ("Square.area", "def area(self) -> float:", "return self.side ** 2"),
        ("Square().area", "def area(self) -> float:", "return self.side ** 2"),
    ],
)
def test_getsource_finds_what_the_cell_defines(
    tmp_path: Path, thing: str, first: str, last: str
) -> None:
    code = f"import inspect; print(inspect.getsource({thing}).strip())"
    said, _ = run_in_app(write_app(tmp_path / "app", *CELLS), code)
    lines = [line.strip() for line in said.strip().splitlines()]
    assert (lines[0], lines[-1]) == (first, last)


def test_a_debugger_lists_the_cell(tmp_path: Path) -> None:
    code = "import pdb\ntry:\n    broken(1)\nexcept KeyError as error:\n    pdb.post_mortem()"
    said, _ = run_in_app(write_app(tmp_path / "app", *CELLS), code, "where\nlist\np y\nq\n")
    assert "loan.ipynb[1](10)broken()" in said
    assert "def broken(x):" in said
    assert " 10  ->\t    raise KeyError(y)" in said
    assert "(Pdb) 2" in said


def test_lines_survive_a_check_of_the_line_cache(tmp_path: Path) -> None:
    code = "import linecache\nlinecache.checkcache()\nprint(linecache.getline('loan.ipynb[1]', 10))"
    said, _ = run_in_app(write_app(tmp_path / "app", *CELLS), code)
    assert said.strip() == "raise KeyError(y)"


@pytest.mark.parametrize("name", ["loan", "v1.2 final", "my-model", "json", "2024_model", "a b"])
def test_an_object_of_a_notebooks_class_pickles_and_loads(tmp_path: Path, name: str) -> None:
    folder = write_app(tmp_path / "app", *CELLS, name=name)
    write = "import pickle\nPath('it').write_bytes(pickle.dumps(Square()))"
    assert run_in_app(folder, write)[1] == ""
    # In another process: the name by which pickle knows the class is the same there
    read = "import pickle\nprint(pickle.loads(Path('it').read_bytes()).area())"
    assert run_in_app(folder, read) == ("4.0\n", "")


@pytest.mark.parametrize("name", ["json", "test", "logging", "numpy", "random", "pydantic"])
def test_a_notebook_may_have_the_name_of_a_module(tmp_path: Path, name: str) -> None:
    source = f"import {name}\ndef area() -> str:\n    return {name}.__file__"
    folder = write_app(
        tmp_path / "app", ("area", "production", source), name=name, endpoints={"area": []}
    )
    running = serve(folder)
    try:
        found = running.client.post("/area", json={}).json()
        assert not found.startswith(str(tmp_path))
    finally:
        running.stop()


def test_a_cell_that_is_not_the_manifests_is_refused(tmp_path: Path) -> None:
    folder = write_app(tmp_path / "app", *CELLS)
    notebook = json.loads((folder / "loan.ipynb").read_text())
    notebook["cells"][1]["source"] = "side = 1"
    (folder / "loan.ipynb").write_text(json.dumps(notebook))
    running = serve(folder)
    assert running.stop() == 1
    assert running.events[0]["event"] == "failed"
    assert running.events[0]["message"] == "cell shapes of loan.ipynb is not the manifest's"


def test_a_notebook_without_the_cell_is_refused(tmp_path: Path) -> None:
    folder = write_app(tmp_path / "app", *CELLS)
    (folder / "loan.ipynb").write_text('{"cells": []}')
    running = serve(folder)
    assert running.stop() == 1
    assert running.events[0]["message"] == "the notebook has no cell 0"


def test_parameters_are_replaced_before_the_next_cell_runs(tmp_path: Path) -> None:
    folder = write_app(
        tmp_path / "app",
        ("defaults", "parameters", "bucket = 'here'\nurl = 'sqlite://'\nrate = 1"),
        ("uses", "production", "both = (bucket, url, rate)"),
        parameters={"bucket": "s3://prod", "url": {"secret": "DATABASE_URL"}},
    )
    said, _ = run_in_app(folder, "print(both)", DATABASE_URL="postgresql://x")
    assert said == "('s3://prod', 'postgresql://x', 1)\n"


def test_a_secret_is_read_from_the_secrets_folder(tmp_path: Path) -> None:
    folder = write_app(
        tmp_path / "app",
        ("defaults", "parameters", "url = ''"),
        ("uses", "production", "import os\nseen = (url, os.environ['TOKEN'])"),
        parameters={"url": {"secret": "DATABASE_URL"}},
        env={"TOKEN": {"secret": "TOKEN_VALUE"}},
    )
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "DATABASE_URL").write_text("from a file\n")
    (tmp_path / "secrets" / "TOKEN_VALUE").write_text("also")
    said, _ = run_in_app(folder, "print(seen)", NBDEPLOY_SECRETS_DIR=str(tmp_path / "secrets"))
    assert said == "('from a file', 'also')\n"


def test_a_secret_without_a_value_is_named(tmp_path: Path) -> None:
    folder = write_app(
        tmp_path / "app", ("defaults", "parameters", "url = ''"),
        parameters={"url": {"secret": "DATABASE_URL"}},
    )  # fmt: skip
    running = serve(folder)
    assert running.stop() == 1
    assert "secret DATABASE_URL has no value" in running.events[0]["message"]


def test_a_future_import_holds_for_the_cells_after_it(tmp_path: Path) -> None:
    uses = "def f(x: NotThere) -> Nor_this: ..."
    folder = write_app(
        tmp_path / "app",
        ("future", "production", "from __future__ import annotations"),
        ("uses", "production", uses),
    )
    assert run_in_app(folder, "print(f.__annotations__['x'])") == ("NotThere\n", "")


def test_without_a_future_import_hints_are_evaluated(tmp_path: Path) -> None:
    folder = write_app(tmp_path / "app", ("uses", "production", "def f(x: NotThere): ..."))
    assert "NameError: name 'NotThere'" in run_in_app(folder, "")[1]


def test_a_cell_may_await_at_its_top_level(tmp_path: Path) -> None:
    awaiting = """\
import asyncio
async def double(x):
    await asyncio.sleep(0)
    return 2 * x
async def several():
    yield 1
    yield 2
one = await double(4)
found = [x async for x in several()]
async with asyncio.timeout(5) if hasattr(asyncio, "timeout") else asyncio.Lock():
    two = await double(one)
await double(two)
"""
    folder = write_app(tmp_path / "app", ("awaits", "production", awaiting))
    assert run_in_app(folder, "print(one, two, found)") == ("8 16 [1, 2]\n", "")


@pytest.mark.parametrize("source", ["import sys\nsys.exit('no data')", "\nexit()", "x = 1\nquit()"])
def test_an_exit_in_a_cell_is_a_failed_start_with_its_line(tmp_path: Path, source: str) -> None:
    running = serve(write_app(tmp_path / "app", IMPORTS, ("leaves", "production", source)))
    assert running.stop() == 1
    event = running.events[0]
    assert (event["event"], event["cell"], event["line"]) == ("failed", "leaves", 2)
    assert event["message"].startswith("SystemExit")


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("a = 1\nb = 1 / 0", 2, "ZeroDivisionError"),
        ("a = 1\n\nb = (", 3, "SyntaxError"),
        ("a = 1\nreturn a", 2, "SyntaxError: 'return' outside function"),
        ("import json\njson.loads('{')", 2, "JSONDecodeError"),
        ("import asyncio\nraise asyncio.CancelledError", 2, "CancelledError"),
    ],
)
def test_a_cell_that_fails_at_the_start_is_named(
    tmp_path: Path, source: str, line: int, message: str
) -> None:
    running = serve(write_app(tmp_path / "app", IMPORTS, ("bad", "production", source)))
    assert running.stop() == 1
    event = running.events[0]
    assert (event["event"], event["cell"], event["line"]) == ("failed", "bad", line)
    assert message in event["message"]


def test_replaced_lines_keep_the_numbers_of_the_others(tmp_path: Path) -> None:
    source = "%matplotlib inline\nx = 1\n!ls\ny = 1 / 0"
    folder = write_app(
        tmp_path / "app", ("magics", "production", source),
        lines={"magics": {"1": "pass", "3": "pass"}},
    )  # fmt: skip
    running = serve(folder)
    assert running.stop() == 1
    assert (running.events[0]["cell"], running.events[0]["line"]) == ("magics", 4)


TYPES = """\
from __future__ import annotations
from dataclasses import dataclass, field
from typing import Optional, TypedDict
from pydantic import BaseModel
"""
CLASSES = """\
@dataclass
class Node:
    name: str
    children: list[Node] = field(default_factory=list)

class Pair(TypedDict):
    first: Node
    second: Optional[Node]

class Model(BaseModel):
    node: Node
    other: Optional[Model] = None
"""
SERVED = """\
def names(node: Node) -> list[str]:
    return [node.name, *(child.name for child in node.children)]
def first(pair: Pair) -> Node:
    assert isinstance(pair["first"], Node)
    return pair["first"]
def depth(model: Model) -> int:
    return 1 + (depth(model.other) if model.other else 0)
"""
LEAF = {"name": "leaf", "children": []}


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        ("names", {"node": {"name": "top", "children": [LEAF]}}, ["top", "leaf"]),
        ("first", {"pair": {"first": LEAF, "second": None}}, LEAF),
        ("depth", {"model": {"node": LEAF, "other": {"node": LEAF}}}, 2),
    ],
)
def test_classes_of_the_notebook_resolve_under_future_annotations(start, path, body, answer):
    running = start(
        ("future", "production", TYPES),
        ("classes", "production", CLASSES),
        ("served", "production", SERVED),
        endpoints={path: []},
    )
    assert running.client.post(f"/{path}", json=body).json() == answer
    wrong = json.loads(json.dumps(body).replace('"leaf"', "1"))
    assert running.client.post(f"/{path}", json=wrong).status_code == 422


def test_what_a_cell_begins_before_its_last_line_awaits_runs_on_one_loop(tmp_path) -> None:
    source = """\
import asyncio

async def answer():
    await asyncio.sleep(0)
    return 42

task = asyncio.ensure_future(answer())
await task
"""
    folder = write_app(tmp_path / "app", ("c", "production", source), endpoints={})
    said, log = run_in_app(
        folder, "print(namespace['task'].result(), '__nbdeploy_last__' in namespace)"
    )
    assert said.split() == ["42", "False"], log
