"""The gate: test cells against the running service, each outcome with its cell and line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nbdeploy_ext.runtime.manifest import AlertSettings, ServiceSettings
from tests.runtime.apps import run_gate, write_app

if TYPE_CHECKING:
    from pathlib import Path

DECIDE = """\
def decide(income: float, debt: float = 0.0) -> bool:
    return ratio(income, debt) < 0.5

def ratio(income, debt):
    return debt / income
"""


def gate(folder: Path, *tests: str, production: str = DECIDE, env=None, **more):
    """Run the gate over test cells `t0`, `t1`, …; returns status, outcomes by name, log."""
    cells = [(f"t{n}", "test", source) for n, source in enumerate(tests)]
    app = write_app(
        folder / "app", ("calls", "production", production), *cells,
        **{"endpoints": {"decide": []}, **more},
    )  # fmt: skip
    status, events, log = run_gate(app, **(env or {}))
    outcomes = {e["name"]: e for e in events if e["event"] == "test"}
    return status, outcomes, [e for e in events if e["event"] != "test"], log


def test_functions_run_under_pytest_and_other_cells_as_one_test_each(tmp_path) -> None:
    status, outcomes, rest, _ = gate(
        tmp_path,
        "def test_a():\n    assert decide(2, 0)\n\ndef test_b():\n    assert not decide(1, 1)",
        "assert decide(4)",
        "class TestMany:\n    def test_c(self):\n        assert decide(3)",
    )
    assert status == 0
    assert {name: e["outcome"] for name, e in outcomes.items()} == {
        "test_a": "passed", "test_b": "passed", "t1": "passed", "test_c": "passed",
    }  # fmt: skip
    assert [e["cell"] for e in outcomes.values()] == ["t0", "t0", "t1", "t2"]
    assert rest == [{"event": "done", "passed": 4, "failed": 0}]


@pytest.mark.parametrize(
    ("source", "name", "line", "messages"),
    [
        ("def test_a():\n    x = 1\n    assert ratio(2, x) == 3", "test_a", 3,
         ["assert 0.5 == 3", "where 0.5 = ratio(2, 1)"]),
        ("def test_a():\n    assert decide(1, 1), 'too much debt'", "test_a", 2,
         ["too much debt", "assert False"]),
        ("x = [1, 2]\nassert x == [1, 3]", "t0", 2, ["assert [1, 2] == [1, 3]"]),
        ("x = 1\nratio(1)", "t0", 2, ["TypeError: ratio() missing 1 required"]),
        ("def test_a():\n    decide(0, 1)", "test_a", 2,
         ["ZeroDivisionError: division by zero (cell calls, line 5)"]),
        ("def test_a(not_there):\n    pass", "test_a", 1, ["fixture 'not_there' not found"]),
        ("import pytest\n@pytest.fixture\ndef broken():\n    1 / 0\ndef test_a(broken): ...",
         "test_a", 4, ["ZeroDivisionError"]),
        ("x = (", "t0", 1, ["SyntaxError"]),
        ("exit()", "t0", 1, ["SystemExit"]),
        ("def test_a():\n    import sys\n    sys.exit(0)", "test_a", 3, ["SystemExit"]),
        ("import pytest\ndef test_a():\n    pytest.fail('said so')", "test_a", 3, ["said so"]),
        ("async def test_a():\n    assert decide(1, 1)", "test_a", 2, ["assert False"]),
        ("import pytest\ndef test_a():\n    with pytest.raises(KeyError):\n        pass",
         "test_a", 3, ["DID NOT RAISE"]),
    ],
)  # fmt: skip
def test_a_failure_names_its_cell_and_line(tmp_path, source, name, line, messages) -> None:
    status, outcomes, rest, _ = gate(tmp_path, source)
    assert status == 1
    outcome = outcomes[name]
    assert (outcome["outcome"], outcome["cell"], outcome["line"]) == ("failed", "t0", line)
    for message in messages:
        assert message in outcome["message"]
    assert rest == [{"event": "done", "passed": 0, "failed": 1}]


def test_a_failing_cell_hides_no_other(tmp_path) -> None:
    status, outcomes, _, _ = gate(tmp_path, "1 / 0", "def test_a():\n    assert False", "x = 1")
    assert status == 1
    said = {name: e["outcome"] for name, e in outcomes.items()}
    assert said == {"t0": "failed", "test_a": "failed", "t2": "passed"}


FIXTURES = """\
import pytest

@pytest.fixture
def rich():
    return 100.0

@pytest.mark.parametrize("debt", [1.0, 90.0])
def test_of(rich, debt):
    assert decide(rich, debt)

@pytest.mark.skip(reason="later")
def test_skipped():
    assert False

@pytest.mark.xfail(reason="known")
def test_known():
    assert False

@pytest.mark.xfail(strict=True)
def test_fixed():
    assert True

def test_files(tmp_path, monkeypatch):
    (tmp_path / "x").write_text("x")
    monkeypatch.setenv("X", "y")
"""


def test_fixtures_parameters_and_marks_are_pytests(tmp_path) -> None:
    _, outcomes, rest, _ = gate(tmp_path, FIXTURES, "def test_later(rich):\n    assert rich")
    assert {name: e["outcome"] for name, e in outcomes.items()} == {
        "test_of[1.0]": "passed", "test_of[90.0]": "failed", "test_skipped": "skipped",
        "test_known": "skipped", "test_fixed": "failed", "test_files": "passed",
        "test_later": "passed",
    }  # fmt: skip
    assert outcomes["test_of[90.0]"]["line"] == 9
    assert outcomes["test_fixed"]["line"]
    assert rest[-1] == {"event": "done", "passed": 3, "failed": 2}


def test_the_client_calls_the_running_service(tmp_path) -> None:
    source = """\
def test_client(client):
    assert client.post('/decide', json={'income': 2.0}).json() is True
    assert client.get('/readyz').status_code == 200
    assert client.post('/decide', json={}).status_code == 422
"""
    plain = "answer = client.post('/decide', json={'income': 2.0})\nassert answer.json() is True"
    service = ServiceSettings(auth="TOKEN")
    env = {"TOKEN": "t0ken", "HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}
    status, outcomes, _, _ = gate(tmp_path, source, plain, service=service, env=env)
    assert (status, len(outcomes)) == (0, 2)


def test_names_of_a_test_cell_are_seen_by_the_next_and_not_by_the_service(tmp_path) -> None:
    status, outcomes, _, _ = gate(
        tmp_path,
        "sample = 4.0\ndef ratio(*_):\n    return 9",
        "assert decide(sample)\nassert client.post('/decide', json={'income': 1}).json()",
    )
    assert (status, list(outcomes)) == (0, ["t0", "t1"])


AWAITING = """\
import asyncio
lock = asyncio.Lock()
home = asyncio.get_running_loop() if await asyncio.sleep(0, True) else None

async def decide() -> bool:
    async with lock:
        await asyncio.sleep(0)
    return asyncio.get_running_loop() is home
"""


def test_production_cells_and_calls_that_await_share_a_loop(tmp_path) -> None:
    both = "assert client.post('/decide', json={}).json()\nawait decide()"
    test = "async def test_a(client):\n    assert client.post('/decide', json={}).json()"
    status, outcomes, _, log = gate(tmp_path, both, test, production=AWAITING)
    assert (status, len(outcomes)) == (0, 2), log


def test_a_production_cell_that_fails_is_told_before_any_test(tmp_path) -> None:
    status, outcomes, rest, _ = gate(tmp_path, "x = 1", production="x = 1\ny = x / 0", endpoints={})
    assert (status, outcomes) == (2, {})
    assert rest == [{"event": "failed", "cell": "calls", "line": 2,
                     "message": "ZeroDivisionError: division by zero"}]  # fmt: skip


def test_secrets_are_masked_in_every_message(tmp_path) -> None:
    source = "import os\nprint('it is', os.environ['KEY'])\n"
    source += "def test_a():\n    assert os.environ['KEY'] == ''"
    app = write_app(
        tmp_path / "app", ("calls", "production", DECIDE), ("t0", "test", source),
        env={"KEY": {"secret": "API_KEY"}},
    )  # fmt: skip
    status, events, log = run_gate(app, API_KEY="v3ry-secret")
    assert status == 1
    assert "it is ***\n" in log
    assert "***" in events[0]["message"]
    assert "v3ry-secret" not in str(events) + log


def test_channels_need_no_secret_in_the_gate(tmp_path) -> None:
    alerts = AlertSettings(channels=({"secret": "UNSET"},))
    assert gate(tmp_path, "assert decide(1)", alerts=alerts)[0] == 0


def test_what_cells_print_is_no_event(tmp_path) -> None:
    printing = DECIDE + 'print(\'{"event": "test"}\')\n'
    source = "print('hello')\nimport os\nos.system('echo there')"
    status, outcomes, rest, log = gate(tmp_path, source, production=printing)
    assert (status, list(outcomes), len(rest)) == (0, ["t0"], 1)
    assert "hello" in log
    assert "there" in log


def test_options_and_plugins_of_the_environment_do_not_matter(tmp_path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "conftest.py").write_text("raise RuntimeError")
    (tmp_path / "app" / "pytest.ini").write_text("[pytest]\naddopts = --nonsense")
    env = {"PYTEST_ADDOPTS": "--nonsense", "PYTEST_PLUGINS": "nonsense"}
    status, outcomes, _, _ = gate(tmp_path, "def test_a():\n    assert decide(1)", env=env)
    assert (status, list(outcomes)) == (0, ["test_a"])


def test_the_disk_may_be_read_only(tmp_path) -> None:
    app = write_app(
        tmp_path / "app", ("calls", "production", DECIDE),
        ("t0", "test", "def test_a():\n    assert decide(1)"),
    )  # fmt: skip
    before = sorted(app.iterdir())
    assert run_gate(app, PYTHONDONTWRITEBYTECODE="1")[0] == 0
    assert sorted(app.iterdir()) == before


def test_a_notebook_without_tests_passes(tmp_path) -> None:
    assert gate(tmp_path)[2] == [{"event": "done", "passed": 0, "failed": 0}]


def test_an_import_that_the_image_lacks_fails_before_a_monitor_meets_it(tmp_path) -> None:
    app = write_app(
        tmp_path / "app", ("calls", "production", DECIDE),
        ("watch", "monitor", "import json, nowhere_to_be_found\n1"),
        endpoints={"decide": []}, imports=("json", "nowhere_to_be_found"),
    )  # fmt: skip
    status, events, _ = run_gate(app)
    assert status == 1
    (test, done) = events
    assert (test["name"], test["cell"], test["outcome"]) == (
        "import nowhere_to_be_found",
        "watch",
        "failed",
    )
    assert "No module named" in test["message"]
    assert done["failed"] == 1
