"""Small notebooks for diagnostics: for each code one that has it, and one that nearly does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class C:
    """One cell; `more` are keys of its document."""

    source: str
    role: str | None = "production"
    name: str = "c"
    kind: str = "code"
    tags: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


F = C("def f(x: int) -> int:\n    return x", name="f")


@dataclass(frozen=True)
class Story:
    """A folder with a notebook: its cells, other files, `nbdeploy.toml`, metadata."""

    cells: tuple[C, ...] = (F,)
    toml: str = ""
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path, name: str = "story.ipynb") -> Path:
        """Write it all and return the notebook's path."""
        for path, text in {**self.files, "nbdeploy.toml": self.toml}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(text if isinstance(text, bytes) else text.encode())
        document = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": dict(self.metadata),
            "cells": [_cell(cell) for cell in self.cells],
        }
        (folder / name).write_text(json.dumps(document))
        return folder / name


@dataclass(frozen=True)
class Case:
    """A code: where `has` has it, what its message and its fix name, and what nearly has it."""

    code: str
    has: Story
    near: Story
    cell: str | None = "c"
    line: int | None = 1
    column: int | None = 1
    says: str = ""
    mends: str = ""
    marks: Mapping[str, str] | None = None


def _cell(cell: C) -> dict[str, Any]:
    tags = [*cell.tags, *([cell.role] if cell.role else [])]
    plain = {"id": cell.name, "cell_type": cell.kind, "metadata": {"tags": tags}}
    code: dict[str, Any] = {"outputs": [], "execution_count": None} if cell.kind == "code" else {}
    return {**plain, "source": cell.source, **code, **cell.more}


def one(source: str, **more: Any) -> Story:
    """Return a production cell with this source before a served function."""
    return Story((C(source), F), **more)


def ran(*counts: int | None) -> Story:
    """Return two cells of which the second needs the first, with saved execution counts."""
    sources = ("rate = 2", "twice = rate * 2")
    cells = (C(s, name=n, more={"execution_count": count})
             for s, n, count in zip(sources, ("a", "c"), counts, strict=True))  # fmt: skip
    return Story((*cells, C(F.source, name="f", more={"execution_count": 9})))


def shown(text: str) -> Story:
    """Return an unmarked cell with this output."""
    output = {"output_type": "stream", "name": "stdout", "text": [text]}
    return Story((C("print(key)", None, more={"outputs": [output]}), F))


def as_test(source: str) -> Story:
    """Return a served function and a test cell."""
    return Story((F, C(source, "test")))


def as_monitor(source: str) -> Story:
    """Return a served function and a monitor cell."""
    return Story((F, C(source, "monitor")))


def with_values(*names: str, make: C = C("model = 3", None)) -> Story:
    """Return an unmarked cell, and production that reads `model` where it ships as a value."""
    return Story((make, C("def f() -> int:\n    return model", name="f")),
                 metadata={"nbdeploy": {"values": list(names)}})  # fmt: skip


def as_function(*sources: str) -> Story:
    """Return a parameters cell and production cells, served as one function."""
    made = (C(source, name=f"c{n}") for n, source in enumerate(sources))
    return Story((C("a = 1", "parameters", "p"), *made))


_KEY = "AKIAIOSFODNN7" + "ABCDEFG"
# What pickle gives for an object of a class of the notebook, and of one of a module
_MAIN = b"\x80\x04\x8c\x08__main__\x94\x8c\x05Model\x94\x93\x94)\x81\x94."
_OTHER = b"\x80\x04\x8c\x08builtins\x94\x8c\x04list\x94\x93\x94)\x81\x94."


CASES = (
    Case("NBD101", one("x = (1"), one("x = (1)"), says="never closed", mends="syntax", column=5),
    Case("NBD102", one("x = 1\n%run other.ipynb"), one("x = 1\n%matplotlib inline"), line=2,
         says="%run other.ipynb", mends="unmarked cell"),
    Case("NBD103", Story(metadata={"language_info": {"name": "julia"}}),
         Story(metadata={"language_info": {"name": "python"}}), cell=None, line=None, column=None,
         says="julia", mends="Python kernel"),
    Case("NBD104", Story((C("x = 1", "test", tags=("monitor",)), F)),
         Story((C("x = 1", "test", tags=("mine",)), F)), line=None, column=None,
         says="monitor and test", mends="Keep monitor", marks={"c": "monitor"}),
    Case("NBD105", Story((C("# Title", kind="markdown"), F)),
         Story((C("# Title", None, kind="markdown"), F)), line=None, column=None,
         says="markdown", mends="Clear"),
    Case("NBD106", Story(metadata={"kernelspec": {"name": "no-such-kernel"}}),
         Story(metadata={"kernelspec": {"name": "python3"}}), cell=None, line=None, column=None,
         says="no-such-kernel", mends="install"),
    Case("NBD111", one("x = 1\nname = input('who?')"), one("def input(): ...\nname = input()"),
         line=2, column=8, says="input waits", mends="parameter"),
    Case("NBD107", one("x = 1\ndisplay(x)"), one("def display(x): ...\ndisplay(1)"), line=2,
         says="display is there in a notebook only", mends="Take it out"),
    Case("NBD108", one("if __name__ == '__main__':\n    x = 1"),
         one("if __name__ != 'somewhere':\n    x = 1"), says="__main__", mends="condition"),
    Case("NBD109", one("from .tools import clean"), one("from json import dumps"),
         says=".tools", mends="by its name"),
    Case("NBD110", one("import sys\nsys.exit(0)"), one("import sys\ndef stop():\n    sys.exit(0)"),
         line=2, says="sys.exit() ends it", mends="unmarked"),
    Case("NBD201", one("y = 1\nx = nothing + y"), one("nothing = 1\nx = nothing"), line=2, column=5,
         says="nothing is not defined", mends="Define or import nothing"),
    Case("NBD202", Story((C("rate = 2", None, "a"), C("x = rate"), F)),
         Story((C("rate = 2", None, "a"), C("rate = 3\nx = rate"), F)), column=5,
         says="rate is defined only", mends="Mark the cell", marks={"a": "production"}),
    Case("NBD203", Story((C("x = rate"), C("rate = 2", name="a"), F)),
         Story((C("def x(): return rate"), C("rate = 2", name="a"), C("y = x()", name="b"))),
         column=5, says="rate is used before", mends="up"),
    Case("NBD204", one("exec('z = 1')"), one("text = 'exec'"), says="exec",
         mends="Write the names"),
    Case("NBD208", Story((C("rate = 2", name="a"), C("rate = 3", None, "b"), C("x = rate"), F)),
         Story((C("rate = 2", name="a"), C("rate = 3", "production", "b"), C("x = rate"), F)),
         line=1, column=5, says="rate = 3", mends="Mark that cell", marks={"b": "production"}),
    Case("NBD205", ran(7, 3), ran(3, 7), line=None, column=None, says="rate = 2", mends="Restart"),
    Case("NBD206", ran(3, None), ran(3, 4), line=None, column=None, says="not been run",
         mends="Run all"),
    Case("NBD301", Story((C(F.source, None),)), Story((C(F.source),)), cell=None, line=None,
         column=None, says="No cell", mends="Mark as Production"),
    Case("NBD302", Story((C("x = 1"),)), Story((F, C("x = f(1)", "test"))), cell=None, line=None,
         column=None, says="no function", mends="def predict"),
    Case("NBD303", Story(toml='endpoints = ["g"]'), Story(toml='endpoints = ["f"]'), cell=None,
         line=None, column=None, says="endpoint g", mends="Mend its name"),
    Case("NBD303", Story((F, C("import math\ndef g():\n    return f(1)", None)),
                         toml='endpoints = ["g"]'),
         Story((F, C("def g():\n    return f(1)")), toml='endpoints = ["g"]'), cell=None,
         line=None, column=None, says="endpoint g", mends="Mark the cell that defines g",
         marks={"c": "production"}),
    Case("NBD303", Story((F, C("g = lambda: f(1)")), toml='endpoints = ["g"]'),
         Story((F, C("def g():\n    return f(1)")), toml='endpoints = ["g"]'), line=None,
         column=None, says="with def", mends="def g"),
    Case("NBD304", Story((C("def metrics() -> int:\n    return 1"),)),
         Story((C("def metric() -> int:\n    return 1"),)), says="/metrics", mends="another name"),
    Case("NBD305", Story((C("x = 1\ndef f(a, b: int) -> int:\n    return b"),)),
         Story((C("def f(a: int, b: int) -> int:\n    return b"),)), line=2, says="f has",
         mends="type hints"),
    Case("NBD306", Story(toml="[parameters]\nRATE = 1"),
         Story((C("RATE = 2", "parameters"), F), toml="[parameters]\nRATE = 1"), cell=None,
         line=None, column=None, says="RATE", mends="parameters cell"),
    Case("NBD307", Story((C("A = 1\nB = max(1, 2)", "parameters"), F)),
         Story((C("A = 1\nB = [1, -2]", "parameters"), F)), line=2, says="no literal",
         mends="number"),
    Case("NBD308", as_function("rows = list(range(9))", "rows.append(a)\nrows"),
         as_function("rows = list(range(9))", "rows = rows + [a]\nrows"), cell="c0", line=None,
         column=None, says="rows is made anew", mends="copy of rows"),
    Case("NBD309", as_function("import coder_library as coder\nmine = coder.Coder()",
                               "mine.decode_it(a)"),
         as_function("mine = str(7)", "mine.upper() + str(a)"), cell="c1", line=None, column=None,
         says="All calls share mine", mends="make it in this cell"),
    Case("NBD310", Story((C(F.source), C("def f(x: int) -> int:\n    return -x", name="f"))),
         Story((C(F.source, None), F)), says="f is defined again", mends="Clear the mark"),
    Case("NBD311", as_test("def test_a(): ...\ndef test_a(): ..."),
         as_test("def test_a(): ...\ndef test_b(): ..."), line=2, says="test_a twice",
         mends="another name"),
    Case("NBD314", as_test("x = 1\ndef test(client):\n    assert x"),
         as_test("def test(client):\n    assert 1\ntest(None)"), line=2, says="test is never run",
         mends="such a name"),
    Case("NBD312", as_test("def test_a(client, row):\n    assert row"),
         as_test("import pytest\n@pytest.fixture\ndef row(): return 1\ndef test_a(client, row):\n"
                 "    assert row"),
         column=20, says="row, which is no fixture", mends="Define row"),
    Case("NBD313", as_monitor("n = len(calls)"), as_monitor("n = len(calls)\nn"), line=None,
         column=None, says="tells nothing", mends="End it"),
    Case("NBD401", one("import json\nimport nowhere_at_all"),
         one("try:\n    import nowhere_at_all\nexcept ImportError:\n    pass"), line=2,
         says="nowhere_at_all is not installed", mends="%pip install nowhere_at_all"),
    Case("NBD403", one("open('gone.csv')"), one("open('here.csv')", files={"here.csv": "a"}),
         says="gone.csv", mends="Mend the path"),
    Case("NBD404", one("open('../up.csv')"), one("open('/etc/hosts')"), says="../up.csv",
         mends="beside the notebook"),
    Case("NBD405", one("import os\nx = os.environ['BARS']"),
         one("import os\nx = os.environ['BARS']", toml='[env]\nBARS = "1"'), line=2, column=5,
         says="BARS", mends="Set BARS"),
    Case("NBD406", one(f"x = 1\nkey = '{_KEY}'"), one("x = 1\nkey = 'AKIA-is-how-they-begin'"),
         line=2, column=8, says="AWS access key", mends="os.environ"),
    Case("NBD407", shown(f"ok\n{_KEY}"), shown("ok\nAKIA"), line=None, column=None,
         says="AWS access key", mends="Clear the output"),
    Case("NBD408", one("import packaging", toml='[image]\nrequirements = "r.txt"',
                       files={"r.txt": "packaging==1.0"}),
         one("import packaging", toml='[image]\nrequirements = "r.txt"',
             files={"r.txt": "packaging"}),
         line=None, column=None, says="packaging", mends="together"),
    Case("NBD409", one("import sys\nsys.path.append('../lib')\nimport story_tools",
                       files={"../lib/story_tools.py": "x = 1"}),
         one("import sys\nsys.path.append('lib')\nimport story_tools",
             files={"lib/story_tools.py": "x = 1"}),
         line=3, says="story_tools is imported from ../lib", mends="Put it beside"),
    Case("NBD410", one("x = 1\nimport tools", files={"tools.py": "a = 1\nb = (\n"}),
         one("x = 1\nimport tools", files={"tools.py": "a = 1\n"}), line=2,
         says="tools.py, line 2", mends="syntax"),
    Case("NBD411", one("open('log.txt', 'w')"), one("open('/tmp/log.txt', 'w')"),
         says="log.txt", mends="/tmp"),
    Case("NBD412", one("import subprocess\nsubprocess.run(['ffmpeg', '-i', 'x'])"),
         one("import subprocess\nsubprocess.run(['ffmpeg', '-i', 'x'])",
             toml='[image]\napt = ["ffmpeg"]'), line=2, says="ffmpeg", mends="apt"),
    Case("NBD413", one("URL = 'http://localhost:9200/x'"), one("URL = 'http://search:9200/x'"),
         column=7, says="localhost", mends="parameter"),
    Case("NBD506", with_values("model", "nothing"), with_values("model"), cell=None, line=None,
         column=None, says="nothing", mends="off the list"),
    Case("NBD507", one("import pickle\nm = pickle.load(open('m.pkl', 'rb'))",
                       files={"m.pkl": _MAIN}),
         one("import pickle\nm = pickle.load(open('m.pkl', 'rb'))", files={"m.pkl": _OTHER}),
         line=None, column=None, says="m.pkl", mends="module beside"),
    Case("NBD602", Story(toml='[service]\nbatchable = ["g"]'),
         Story(toml='[service]\nbatchable = ["f"]'), cell=None, line=None, column=None, says="g",
         mends="endpoint"),
    Case("NBD603", Story(toml='[image]\ninclude = ["data/*.csv"]'),
         Story(toml='[image]\ninclude = ["data/*.csv"]', files={"data/a.csv": ""}), cell=None,
         line=None, column=None, says="data/*.csv", mends="pattern"),
    Case("NBD604", Story(toml='[image]\ninclude = ["../*.csv"]'),
         Story(toml='[image]\ninclude = ["*.ipynb"]'), cell=None, line=None, column=None,
         says="../*.csv", mends="beside the notebook"),
    Case("NBD605", Story(toml='[env]\nX = { secret = "NOBODY_SET_THIS" }'),
         Story(toml='[env]\nX = { secret = "PATH" }'), cell=None, line=None, column=None,
         says="NOBODY_SET_THIS", mends="environment"),
)  # fmt: skip
"""Codes that a notebook's folder alone can show; the others need a kernel of some kind."""
