"""Cells as a function, served for real."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from nbdeploy_ext.runtime.manifest import ManifestValue

from .apps import run_gate, run_in_app, serve, wait_until
from .cells_app import write_cells

if TYPE_CHECKING:
    from pathlib import Path

PARAMETERS = """\
amount: float = 3.0
country = 'DE'
items = []
note = None
sure = True
count = 2
"""
START = """\
import time
from dataclasses import dataclass
rates = {'DE': 0.5, 'FR': 0.25}
starts = [time.monotonic()]
"""
CALC = """\
@dataclass
class Result:
    tax: float

def tax():
    # Each call has its own amount
    return amount * rates[country]
items.append(country)
"""
SHOW = "result = Result(tax())\n{'tax': result.tax, 'items': items, 'note': note, 'at': starts[0]}"
SHOP = (
    ("start", "production", START),
    ("params", "parameters", PARAMETERS),
    ("calc", "production", CALC),
    ("show", "production", SHOW),
)


def test_a_cell_before_the_parameters_sees_what_was_there_before_them(tmp_path: Path) -> None:
    cells = (("one", "production", "b = [1]\nboxes = []"), ("two", "production", "a = b[0]"),
             ("params", "parameters", "b = [3]"),
             ("last", "production", "boxes.append(b)\n[a, boxes]"))  # fmt: skip
    with serve(write_cells(tmp_path / "app", *cells)) as running:
        for _ in range(2):
            assert running.client.post("/run").json() == [1, [[3]]]
            assert running.client.post("/run", json={"b": [4]}).json() == [1, [[4]]]


def test_calls_replace_parameters_and_leave_nothing_behind(tmp_path: Path) -> None:
    with serve(write_cells(tmp_path / "app", *SHOP)) as running:
        first = running.client.post("/run").json()
        assert (first["tax"], first["items"], first["note"]) == (1.5, ["DE"], None)
        body = {"amount": 8, "country": "FR", "items": ["x"], "note": {"a": [1]}}
        second = running.client.post("/run", json=body).json()
        assert (second["tax"], second["items"]) == (2.0, ["x", "FR"])
        assert second["note"] == {"a": [1]}
        assert running.client.post("/run", json={}).json() == first
        assert second["at"] == first["at"], "start-up ran twice"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"amuont": 1}, "Argument amuont: There is no such argument"),
        ({"starts": []}, "Argument starts: There is no such argument"),
        ({"amount": "1"}, "Argument amount: Input should be a valid number"),
        ({"count": 1.5}, "Argument count"),
        ({"count": True}, "Argument count"),
        ({"sure": 1}, "Argument sure"),
        ({"items": {}}, "Argument items"),
    ],
)
def test_wrong_parameters_are_named(tmp_path: Path, body: dict[str, Any], said: str) -> None:
    with serve(write_cells(tmp_path / "app", *SHOP)) as running:
        answer = running.client.post("/run", json=body)
        assert answer.status_code == 422
        assert said in answer.json()["detail"]


def test_failures_name_the_cell_and_the_line(tmp_path: Path) -> None:
    with serve(write_cells(tmp_path / "app", *SHOP)) as running:
        answer = running.client.post("/run", json={"country": "ES"}).json()
        assert (answer["status"], answer["cell"], answer["line"]) == (500, "calc", 7)
        assert running.logged("loan.ipynb[2]")


def test_the_documents_show_types_and_defaults_and_no_secret(tmp_path: Path) -> None:
    cells = (
        (
            "params",
            "parameters",
            PARAMETERS + "import datetime as dt\ntoken = ''\nday = dt.date.today()",
        ),
        *SHOP[:1],
        *SHOP[2:-1],
        ("show", "production", "{'tax': tax(), 'known': token == 'hidden', 'day': day}"),
    )
    settings = {"token": {"secret": "TOKEN"}, "country": "FR"}
    app = write_cells(tmp_path / "app", *cells, parameters=settings)
    with serve(app, TOKEN="hidden") as running:
        answer = running.client.post("/run", json={"day": "2026-01-02"}).json()
        assert answer == {"tax": 0.75, "known": True, "day": "2026-01-02"}
        assert running.client.post("/run", json={"token": ""}).status_code == 422
        document = running.client.get("/openapi.json")
        assert "token" not in document.text
        assert "hidden" not in document.text
        body = document.json()["paths"]["/run"]["post"]["requestBody"]["content"][
            "application/json"
        ]
        properties = body["schema"]["properties"]
        assert properties["amount"] == {"title": "Amount", "type": "number", "default": 3.0}
        assert properties["country"]["default"] == "FR"
        assert (properties["day"]["format"], "default" in properties["day"]) == ("date", False)
        assert body["examples"]["example1"]["value"]["country"] == "FR"


def test_what_is_not_shown_is_an_object_of_the_names(tmp_path: Path) -> None:
    cells = (
        ("params", "parameters", "a = 1"),
        ("last", "production", "import math\nlow = a - 1\n_own = 0\nif a > 5:\n    high = a"),
    )
    with serve(write_cells(tmp_path / "app", *cells)) as running:
        assert running.client.post("/run").json() == {"low": 0}
        assert running.client.post("/run", json={"a": 6}).json() == {"low": 5, "high": 6}


SEEDS = """\
import random
import numpy as np
random.seed(1)
np.random.seed(1)
first = np.random.rand()
"""


def test_cells_that_await_leave_no_figure_to_the_next_call(tmp_path: Path) -> None:
    cells = (("params", "parameters", "n = 1"),
             ("tools", "production", "import asyncio\nimport matplotlib.pyplot as plt"),
             ("draw", "production", "await asyncio.sleep(0)\nplt.figure()\nplt.plot([n])"),
             ("last", "production", "len(plt.get_fignums())"))  # fmt: skip
    with serve(write_cells(tmp_path / "app", *cells)) as running:
        assert [running.client.post("/run").json() for _ in range(3)] == [1, 1, 1]


def test_a_stop_iteration_in_cells_that_await_names_its_place(tmp_path: Path) -> None:
    cells = (("params", "parameters", "n = 0"),
             ("tools", "production", "import asyncio"),
             ("first", "production", "await asyncio.sleep(n)\nfound = next(iter([0][n:]))"),
             ("last", "production", "found"))  # fmt: skip
    with serve(write_cells(tmp_path / "app", *cells)) as running:
        assert running.client.post("/run").json() == 0
        said = running.client.post("/run", json={"n": 1}).json()
        assert (said["cell"], said["line"]) == ("first", 2)


def test_a_notebook_that_ends_with_show_answers_its_figure(tmp_path: Path) -> None:
    cells = (("given", "parameters", "n = 3"),
             ("draw", "production", "import matplotlib.pyplot as plt\nplt.plot(range(n))"),
             ("show", "production", "plt.title(f'{n} points')\nplt.show()"))  # fmt: skip
    with serve(write_cells(tmp_path / "app", *cells)) as running:
        client = running.client
        for _ in range(2):
            answer = client.post("/run", json={"n": 5})
            assert answer.headers["content-type"] == "image/png"
            assert answer.content.startswith(b"\x89PNG")
        svg = client.post("/run", json={"n": 7}, headers={"accept": "image/svg+xml"})
        assert "<!-- 7 points -->" in svg.text


def test_seeded_random_numbers_are_the_same_at_every_call(tmp_path: Path) -> None:
    cells = (("start", "production", SEEDS),
             ("params", "parameters", "n = 1"),
             ("last", "production", "[random.random() * n, np.random.rand() * n]"))  # fmt: skip
    with serve(write_cells(tmp_path / "app", *cells)) as running:
        one = running.client.post("/run").json()
        two = running.client.post("/run", json={"n": 2}).json()
        assert one == pytest.approx([0.13436424411240122, 0.7203244934421581])
        assert two == [2 * number for number in one]


def test_a_value_that_calls_change_is_loaded_anew_at_each(tmp_path: Path) -> None:
    app = tmp_path / "app"
    saved = tmp_path / "app" / "values"
    saved.mkdir(parents=True)
    for name, value in (("table", {"a": [1]}), ("kept", [5])):
        (saved / name).write_bytes(pickle.dumps(value))
    values = (ManifestValue("table", "x", 0, "table", "dict"),
              ManifestValue("kept", "x", 0, "kept", "list"))  # fmt: skip
    cells = (("x", "", "table = {}"), ("params", "parameters", "n = 1"),
             ("last", "production", "table['a'].append(n)\n[table, kept, id(kept)]"))  # fmt: skip
    with serve(write_cells(app, *cells, values=values)) as running:
        one = running.client.post("/run").json()
        two = running.client.post("/run", json={"n": 2}).json()
        assert (one[:2], two[:2]) == ([{"a": [1, 1]}, [5]], [{"a": [1, 2]}, [5]])
        assert one[2] == two[2], "what nobody changes was loaded twice"


WAITING = """\
import asyncio
async def wait():
    await asyncio.sleep(0.3 if slow else 0)
    return slow, number
"""


def test_calls_that_await_at_the_same_time_have_their_own_names(tmp_path: Path) -> None:
    cells = (("params", "parameters", "slow = False\nnumber = 0"),
             ("wait", "production", WAITING),
             ("before", "production", "seen = []\nawait asyncio.sleep(0.01)\nseen.append(number)"),
             ("last", "production", "[*(await wait()), number, seen]"))  # fmt: skip
    with serve(write_cells(tmp_path / "app", *cells)) as running, ThreadPoolExecutor(12) as pool:

        def ask(number: int) -> Any:
            body = {"number": number, "slow": number % 2 == 0}
            return running.client.post("/run", json=body).json()

        answers = list(pool.map(ask, range(24)))
        assert answers == [[n % 2 == 0, n, n, [n]] for n in range(24)]


def test_a_notebook_whose_defaults_fail_does_not_start(tmp_path: Path) -> None:
    cells = (("params", "parameters", "a = 0"), ("last", "production", "b = 1\nb / a"))
    with serve(write_cells(tmp_path / "app", *cells)) as running:
        (event,) = running.events
        assert (event["event"], event["cell"], event["line"]) == ("failed", "last", 2)


def test_test_cells_call_the_service_and_see_names_of_a_call_with_the_defaults(
    tmp_path: Path,
) -> None:
    tests = """\
def test_service(client):
    assert client.post('/run', json={'amount': 10}).json()['tax'] == 5.0

def test_names():
    assert result.tax == 1.5
    assert tax() == 1.5
    assert items == ['DE']
"""
    app = write_cells(tmp_path / "app", *SHOP, ("tests", "test", tests))
    status, events, _ = run_gate(app)
    assert [event["outcome"] for event in events if event["event"] == "test"] == ["passed"] * 2
    assert status == 0


def test_monitors_see_names_of_a_call_with_the_defaults(tmp_path: Path) -> None:
    app = write_cells(
        tmp_path / "app", *SHOP, ("watch", "monitor", "tax() + len(items)"), monitors_every=0.1
    )
    with serve(app) as running:
        running.client.post("/run", json={"amount": 100})
        ran = wait_until(lambda: running.client.get("/monitors").json()[0]["runs"])
        (state,) = running.client.get("/monitors").json()
        assert ran
        assert (state["state"], state["value"]) == ("ok", 2.5)


INSPECT = """\
import inspect
class Shape:
    '''A class of a call.'''
    side = n

def area():
    return Shape.side ** 2
"""


def test_inspect_finds_the_source_of_what_a_call_defines(tmp_path: Path) -> None:
    show = "[inspect.getsource(Shape), inspect.getsource(area), area()]"
    cells = (("first", "production", "x = 1\ny = 2"), ("params", "parameters", "n = 2"),
             ("shape", "production", INSPECT), ("last", "production", show))  # fmt: skip
    with serve(write_cells(tmp_path / "app", *cells)) as running:
        shape, area, found = running.client.post("/run", json={"n": 3}).json()
    assert shape == "class Shape:\n    '''A class of a call.'''\n    side = n\n"
    assert (area, found) == ("def area():\n    return Shape.side ** 2\n", 9)


MEMORY = """\
import pathlib, re
for _ in range(300):
    namespace['run']()
# Of getrusage's maximum some is of the process that started this one
status = pathlib.Path("/proc/self/status").read_text()
print(int(re.search("VmHWM:[^0-9]*([0-9]+)", status)[1]) // 1024)
"""


def test_memory_stays_flat_though_functions_and_their_names_hold_each_other(tmp_path: Path) -> None:
    work = "block = bytearray(n)\nblock[::4096] = b'x' * len(block[::4096])\ndef f(): return n"
    app = write_cells(tmp_path / "app", ("params", "parameters", f"n = {8 * 2**20}"),
                      ("work", "production", work), ("last", "production", "f()"))  # fmt: skip
    said, _ = run_in_app(app, MEMORY)
    assert int(said) < 400, "300 calls of 8 MB each"
