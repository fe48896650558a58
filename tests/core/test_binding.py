"""Which cells run once at start-up, and which at every call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nbdeploy_ext.core.binding import Binding, bind_cells
from nbdeploy_ext.core.dataflow import read_cells
from nbdeploy_ext.core.notebook import Cell, Role
from nbdeploy_ext.core.parameters import find_parameters
from nbdeploy_ext.core.pipeline import analyse
from nbdeploy_ext.core.values import Value
from tests.notebooks import write_notebook

if TYPE_CHECKING:
    from pathlib import Path

AMOUNT = "#parameters\namount = 3.0"
BUMP = "n = 0\ndef bump(x):\n    global n\n    n += x\n    return n"
CLOSURE = """\
def make():
    seen = []
    def add(x):
        seen.append(x)
        return len(seen)
    return add
"""
CALLED = """\
class C:
    n = 0
    def __call__(self, x):
        self.n += x
        return self.n
"""
DEFAULTS = """\
amount: float = 3
country = 'DE'
limit = 1
token = ''
_own = 2
who = None
rates = {'DE': 1.5}
sure = True
"""


def bind(*sources: str, values: tuple[Value, ...] = ()) -> Binding:
    """Bind cells called 0, 1, …; one that begins with `#parameters` is that."""
    cells = [
        Cell(str(n), n, "code", source,
             (Role.PARAMETERS if source.startswith("#parameters") else Role.PRODUCTION,))
        for n, source in enumerate(sources)
    ]  # fmt: skip
    flows = read_cells(cells).flows
    return bind_cells(flows, find_parameters(flows, {}), values)


@pytest.mark.parametrize(
    ("calls", "sources"),
    [
        # What reads a parameter, or what came of one
        ("34", ["import math", "model = math.sqrt(4)", AMOUNT, "y = model * amount", "y"]),
        ("13", [AMOUNT, "def g(x):\n    return x * amount", "z = 2", "g(z)"]),
        ("013", ["def h(x): return g(x)", "def g(x): return x * amount", AMOUNT, "h(2)"]),
        ("13", [AMOUNT, "f = lambda v: v * amount", "def g(v): return v + 1", "f(g(1))"]),
        # The last cell is the answer
        ("3", [AMOUNT, "import math", "a = 1", "a + 1"]),
        # What a call changes is made in it
        ("023", ["seen = []", AMOUNT, "seen.append(amount)", "len(seen)"]),
        ("0234", ["d = {}", AMOUNT, "e = d", "e['a'] = amount", "d"]),
        ("02", [BUMP, AMOUNT, "bump(amount)"]),
        ("023", ["def put(v):\n    global last\n    last = v", AMOUNT, "put(amount)", "last"]),
        ("02", ["def f(x, seen=[]):\n    seen.append(x)\n    return seen", AMOUNT, "f(amount)"]),
        ("13", [CLOSURE, "add = make()", AMOUNT, "add(amount)"]),
        ("013", [CALLED, "c = C()", AMOUNT, "c(amount)"]),
        ("02", ["class A:\n    seen = []\n    def add(self, x): self.seen.append(x)", AMOUNT,
                "a = A()\na.add(amount)\nlen(a.seen)"]),
        ("023", ["seen = []\npush = seen.append", AMOUNT, "push(amount)", "seen"]),
        ("0134", ["seen = []", "push = lambda v: seen.append(v)", AMOUNT, "push(amount)", "seen"]),
        ("02", ["import itertools\nids = itertools.count()", AMOUNT, "next(ids) * amount"]),
        ("13", ["import numpy as np", "rng = np.random.default_rng(0)", AMOUNT,
                "rng.normal() * amount"]),
        ("13", ["import numpy as np", "rng = np.random.default_rng(0)", AMOUNT,
                "rng.random() * amount"]),
        ("13", ["import random", "rng = random.Random(0)", AMOUNT, "rng.choice([1, amount])"]),
        ("124", ["import numpy as np", "rng = np.random.default_rng(0)", "rows = [1, 2, 3]", AMOUNT,
                 "rng.shuffle(rows)\nrows[:amount]"]),
        ("3", ["import company", "wheel = company.Wheel()", AMOUNT, "wheel.choice(amount)"]),
        ("012", ["#parameters\nitems = []\nn = 1", "items.append(n)", "items"]),
        # Order: start-up may not overtake what a call reads or assigns
        ("1234", [AMOUNT, "x = 1", "y = x * amount", "x = 5", "x + y"]),
        ("1234", [AMOUNT, "d = {'a': 1}", "y = d['a'] * amount", "d['a'] = 2", "d['a'] + y"]),
        ("12345", [AMOUNT, "x = 1", "def f(): return x", "y = f() * amount", "x = 5", "y + f()"]),
        ("23", [AMOUNT, "x = 1", "x = x + amount", "x"]),
        ("1", [AMOUNT, "amount"]),
        ("3", ["b = 2", AMOUNT, "c = b", "c"]),
        ("234", ["b = 2", AMOUNT, "amount = b", "c, amount = amount, 3", "c, amount"]),
        # A default that is computed is so at each call
        ("02", ["#parameters\nimport datetime as dt\nday = dt.date.today()", "z = 1", "day"]),
        # What can't be followed
        ("3", [AMOUNT, "from math import *", "k = pi", "sin(amount) * k"]),
        ("012", ["def f(): return globals()['amount']", AMOUNT, "f()"]),
        ("2", ["import numpy as np\ndef f(x): return np.sqrt(x)", AMOUNT,
               "import numpy as np\nf(amount)"]),
    ],
)  # fmt: skip
def test_a_cell_runs_at_a_call_only_where_that_makes_a_difference(
    calls: str, sources: list[str]
) -> None:
    assert "".join(bind(*sources).per_call) == calls


def test_what_a_library_made_is_made_once_and_told_where_it_may_be_changed() -> None:
    found = bind(
        "import transformers\npipe = transformers.pipeline('x')",
        AMOUNT,
        "out = pipe(str(amount))[0]\nout['x'] = 1",
        "out",
    )
    assert found.per_call == ("2", "3")
    assert [(shared.cell, shared.names) for shared in found.shared] == [("2", ("pipe",))]


def test_a_selection_of_a_frame_is_no_part_of_it_and_a_column_is() -> None:
    made = ("import pandas as pd", "df = pd.read_csv('a.csv')", AMOUNT)
    assert bind(*made, "big = df[df.x > amount]\nbig['y'] = 1\nbig").per_call == ("3",)
    assert bind(*made, "big = df.loc[(df.x > 1) & (df.y > amount)]\nbig['y'] = 1").per_call == (
        "3",
    )
    named = "mask = ~df.x.isin([1]) & (df.y > amount)\nbig = df[mask]\nbig['y'] = 1\nbig"
    assert bind(*made, named).per_call == ("3",)
    assert bind(*made, "part = df['x']\npart[0] = amount\npart").per_call == ("1", "3")
    assert bind(*made, "pick = amount > 3\nrow = df[pick]\nrow['y'] = 1").per_call == ("1", "3")
    assert bind(*made, "df['y'] = amount\ndf").per_call == ("1", "3")


@pytest.mark.parametrize(
    ("drawn", "sources"),
    [
        (
            ("numpy",),
            ["import numpy as np\nnp.random.seed(0)", AMOUNT, "np.random.rand() * amount"],
        ),
        (("random",), ["import random\nrandom.seed(0)", AMOUNT, "random.random() * amount"]),
        ((), ["import numpy as np", AMOUNT, "np.random.rand() * amount"]),
        ((), ["import random\nrandom.seed(0)\nrandom.random()", AMOUNT, "amount"]),
        ((), ["import random", AMOUNT, "random.seed(amount)\nrandom.random()"]),
    ],
)
def test_seeded_random_numbers_are_the_notebooks_at_every_call(
    drawn: tuple[str, ...], sources: list[str]
) -> None:
    assert bind(*sources).random == drawn


def test_a_value_that_calls_change_is_loaded_at_each() -> None:
    value = Value("table", "explore", 0, {})
    assert bind("#parameters\nn = 1", "table[n]", values=(value,)).values == ()
    assert bind("#parameters\nn = 1", "table['a'] = n", values=(value,)).values == ("table",)


def test_a_value_waits_for_a_call_where_its_class_does() -> None:
    sources = ("#parameters\nn = 1", "class C:\n    size = n", "table", "n")
    assert bind(*sources, values=(Value("table", "x", 1, {"1": ""}),)).values == ("table",)
    assert bind(*sources, values=(Value("table", "x", 1, {"0": ""}),)).values == ()


def test_check_says_what_runs_at_a_call_with_types_defaults_and_examples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "hidden")
    (tmp_path / "nbdeploy.toml").write_text(
        "[parameters]\nlimit = 5\ntoken = { secret = 'TOKEN' }\n", encoding="utf-8"
    )
    path = write_notebook(
        tmp_path,
        ("p", "parameters", DEFAULTS),
        ("start", "production", "base = 2"),
        ("calc", "production", "tax = amount * base"),
        ("show", "production", "{'tax': tax, 'limit': limit}"),
        ("t", "test", "client.post('/run', json={'amount': 4.5})"),
    )  # fmt: skip
    document = analyse(path).as_json()
    assert document["diagnostics"] == []
    (found,) = document["endpoints"]
    assert (found["name"], found["path"], found["cell"]) == ("run", "/run", "show")
    assert found["runs"] == ["calc", "show"]
    assert found["result"] == {"type": "object"}
    assert found["parameters"] == {
        "type": "object",
        "properties": {
            "amount": {"type": "number", "default": 3},
            "country": {"type": "string", "default": "DE"},
            "limit": {"type": "integer", "default": 5},
            "who": {"default": None},
            "rates": {"type": "object", "default": {"DE": 1.5}},
            "sure": {"type": "boolean", "default": True},
        },
        "required": [],
        "additionalProperties": False,
    }
    examples = analyse(path).endpoints[0].examples
    assert examples[0] == {"amount": 4.5}
    assert examples[1]["limit"] == 5


def test_names_are_the_answer_where_nothing_is_shown(tmp_path: Path) -> None:
    cells = (
        ("p", "parameters", "a = 1"),
        ("c", "production", "import math\nlow = a - 1\n_x = 0\nhigh = math.ceil(a)"),
    )
    (endpoint,) = analyse(write_notebook(tmp_path, *cells)).endpoints
    assert endpoint.result == {"type": "object", "properties": {"low": {}, "high": {}}}


@pytest.mark.parametrize(
    ("cells", "codes", "endpoints"),
    [
        # A function is served as ever, and the parameters are the service's
        ((("p", "parameters", "a = 1"), ("f", "production", "def f() -> int:\n    return a")),
         [], ["f"]),
        # Nothing to answer with
        ((("p", "parameters", "a = 1"), ("c", "production", "import math")), ["NBD302"], []),
        ((("c", "production", "a = 1\na"),), ["NBD302"], []),
        # Somebody chose an endpoint that is not there
        ((("p", "parameters", "a = 1"), ("c", "production", "a + 1")), ["NBD303"], []),
        # An expensive object that a call changes, and a library's that it may change
        ((("p", "parameters", "a = 1"), ("d", "production", "rows = sorted([3, 1])"),
          ("c", "production", "rows.append(a)\nrows")), ["NBD308"], ["run"]),
        ((("p", "parameters", "a = 1"),
          ("d", "production", "import numpy as np\nrng = np.random.default_rng(7)"),
          ("c", "production", "rng.random(a)")), [], ["run"]),
        ((("p", "parameters", "a = 1"),
          ("d", "production", "import json\ncoder = json.JSONDecoder()"),
          ("c", "production", "coder.decode_it(a)")), ["NBD309"], ["run"]),
    ],
)  # fmt: skip
def test_cells_are_a_function_only_where_there_is_no_other(
    tmp_path: Path, cells: tuple[tuple[str, str, str], ...], codes: list[str], endpoints: list[str]
) -> None:
    if codes == ["NBD303"]:
        (tmp_path / "nbdeploy.toml").write_text("endpoints = ['score']", encoding="utf-8")
    document = analyse(write_notebook(tmp_path, *cells)).as_json()
    assert [d["code"] for d in document["diagnostics"]] == codes
    assert [e["name"] for e in document["endpoints"]] == endpoints
