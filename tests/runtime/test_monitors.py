"""Monitor cells in a running service: their values, their failures, and those that misbehave."""

from __future__ import annotations

import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nbdeploy_ext.runtime.manifest import ServiceSettings
from tests.runtime.apps import Running, serve, wait_until, write_app

STATE = """\
import math, threading
known = {"value": 1.0, "bad": False}
gate = threading.Event()
limit = 3

def change(value: float = 1.0, bad: bool = False, not_a_number: bool = False) -> None:
    known.update(value=math.nan if not_a_number else value, bad=bad)

def decide(x: int) -> float:
    return 1 / x

def release() -> None:
    gate.set()
"""
NAMES = ("change", "decide", "release")


@pytest.fixture
def watch(start):
    def begin(*sources, every=0.05, **more):
        cells = [(f"watch{n}", "monitor", source) for n, source in enumerate(sources)]
        return start(
            ("state", "production", STATE), *cells,
            endpoints={name: [] for name in NAMES}, monitors_every=every, **more,
        )  # fmt: skip

    return begin


def state_of(running: Running, n: int = 0, **wanted):
    """Wait until monitor `n` is as wanted and return its state."""

    def found():
        state = running.client.get("/monitors").json()[n]
        return state if all(state[k] == v for k, v in wanted.items()) else None

    return wait_until(found)


def after_another_run(running: Running, n: int = 0):
    runs = state_of(running, n)["runs"]
    return wait_until(lambda: (s := state_of(running, n))["runs"] >= runs + 2 and s)


def gauges(running: Running, name: str = "nbdeploy_monitor_value"):
    families = text_string_to_metric_families(running.client.get("/metrics").text)
    samples = [s for family in families for s in family.samples if s.name == name]
    return {(s.labels["monitor"], s.labels.get("key")): s.value for s in samples}


def test_the_last_expressions_value_is_a_gauge(watch) -> None:
    running = watch(
        "known['value']", "{'a': 1, 'b': 2.5, 'text': 'x'}", "import numpy as np\nnp.float32(0.5)"
    )
    for n in range(3):
        state_of(running, n, state="ok")
    assert state_of(running, 1)["value"] == {"a": 1, "b": 2.5, "text": "x"}
    assert gauges(running) == {
        ("watch0", ""): 1.0,
        ("watch1", "a"): 1.0,
        ("watch1", "b"): 2.5,
        ("watch2", ""): 0.5,
    }


def test_a_gauge_is_never_older_than_the_last_run(watch) -> None:
    running = watch("{'all': known['value']} if known['value'] < 5 else {'few': 5}")
    running.client.post("/change", json={"not_a_number": True})
    wait_until(lambda: ("watch0", "few") in gauges(running))
    assert gauges(running) == {("watch0", "few"): 5.0}
    running.client.post("/change", json={"value": 4})
    wait_until(lambda: gauges(running) == {("watch0", "all"): 4.0})


def test_no_number_is_exported_as_such(watch) -> None:
    running = watch("known['value']")
    running.client.post("/change", json={"not_a_number": True})
    wait_until(lambda: math.isnan(gauges(running).get(("watch0", ""), 0)))
    assert after_another_run(running)["value"] is None


FAILING = [
    ("x = 1\nassert known['value'] > limit, f'only {known[\"value\"]}'", "only 1.0", 2),
    ("assert known['value'] > limit", "assert known['value'] > limit", 1),
    ("assert (\n    known['value']\n    > limit\n)", "assert known['value'] > limit", 2),
    ("x = 1\n\nnot_there", "NameError: name 'not_there' is not defined", 3),
    ("decide(0)", "ZeroDivisionError: division by zero", 10),
    ("x = (", "SyntaxError: '(' was never closed", 1),
    ("exit()", "SystemExit: None", 1),
]


def test_a_failure_tells_message_and_line_and_stops_no_other(watch) -> None:
    running = watch(*(source for source, _, _ in FAILING), "1")
    state_of(running, len(FAILING), state="ok")
    states = running.client.get("/monitors").json()[:-1]
    told = [(state["message"].partition(" (")[0], state["line"]) for state in states]
    assert told == [(message, line) for _, message, line in FAILING]
    failing = gauges(running, "nbdeploy_monitor_failing")
    assert list(failing.values()) == [1] * len(FAILING) + [0]


def test_a_monitor_recovers(watch) -> None:
    running = watch("assert not known['bad'], 'bad'\nknown['value']")
    running.client.post("/change", json={"bad": True})
    assert state_of(running, state="failing")["message"] == "bad"
    running.client.post("/change", json={})
    assert state_of(running, state="ok")["message"] == ""
    assert running.logged("Monitor watch0 is ok again")["level"] == "info"


def test_monitors_see_the_calls_as_a_table(watch) -> None:
    running = watch("import pandas as pd\nassert isinstance(calls, pd.DataFrame)\n"
                    "{'calls': len(calls), 'failed': int((calls.status >= 500).sum()), "
                    "'slowest': calls.latency_ms.max()}")  # fmt: skip
    assert state_of(running, state="ok")["value"]["calls"] == 0
    running.client.post("/decide", json={"x": 1})
    running.client.post("/decide", json={"x": 0})
    value = wait_until(lambda: (v := state_of(running)["value"])["calls"] == 2 and v)
    assert value["failed"] == 1
    assert value["slowest"] > 0


def test_columns_have_their_types_before_the_first_call(watch) -> None:
    running = watch("import numpy as np\nnp.log(calls['latency_ms']).sum()",
                    "slow = calls.groupby('endpoint')['latency_ms'].quantile(0.9)\nlen(slow)",
                    "list(map(str, calls[['latency_ms', 'status', 'line']].dtypes))")  # fmt: skip
    assert state_of(running, state="ok")["value"] == 0
    assert state_of(running, 1, state="ok")["value"] == 0
    assert state_of(running, 2, state="ok")["value"] == ["float64", "int64", "int64"]


def test_monitors_see_the_calls_as_records_without_pandas(tmp_path) -> None:
    folder = write_app(
        tmp_path / "app",
        ("state", "production", STATE),
        ("watch", "monitor", "assert type(calls) is list\nsum(call['status'] for call in calls)"),
        endpoints={"decide": []},
        monitors_every=0.05,
    )
    # An image whose notebook does not need pandas has none
    hidden = tmp_path / "app-runtime" / "sitecustomize.py"
    hidden.write_text("import sys\nsys.modules['pandas'] = None\n")  # its import fails
    with serve(folder) as running:
        running.client.post("/decide", json={"x": 1})
        assert wait_until(lambda: state_of(running)["value"] == 200)


def test_a_monitor_changes_no_name_of_the_service(watch) -> None:
    running = watch("limit = 0\ndecide = None\nlen(dir())")
    state_of(running, state="ok")
    assert running.client.post("/decide", json={"x": 1}).json() == 1.0


def test_a_value_that_is_no_json_is_no_failure(watch) -> None:
    loop = "loop = []\nloop.append(loop)\nloop"
    running = watch("object()", "{'gate': gate}", "x = 1", "print", loop, "1")
    state_of(running, 5, state="ok")
    states = running.client.get("/monitors").json()[:-1]
    assert [(state["state"], state["value"]) for state in states] == [("ok", None)] * 5


def test_a_monitor_that_hangs_is_told_and_starves_no_other(watch) -> None:
    running = watch("gate.wait(60)", "known['value']", service=ServiceSettings(timeout=0.2))
    state = state_of(running, state="failing")
    assert state["message"] == "It runs for over 0.2 s"
    before = state_of(running, 1)["runs"]
    wait_until(lambda: state_of(running, 1)["runs"] > before + 2)
    assert state_of(running)["runs"] == 1
    running.client.post("/release", json={})
    state_of(running, state="ok")


def test_a_monitor_may_await(watch) -> None:
    running = watch("import asyncio\nawait asyncio.sleep(0, result=7)")
    assert state_of(running, state="ok")["value"] == 7


def test_a_service_stops_while_a_monitor_hangs(watch) -> None:
    running = watch("known['in'] = 1\ngate.wait(60)", "1")
    wait_until(lambda: "nbdeploy_monitor_failing" in running.client.get("/metrics").text)
    assert running.stop() == 0


def test_no_value_and_no_exception_ends_the_other_monitors(watch) -> None:
    odd = "class Odd:\n    def __repr__(self): raise RuntimeError('odd')\n"
    key = "class Key:\n    def __str__(self): raise KeyError('key')\n{Key(): 1}"
    running = watch(
        "{'huge': 10**400, 'small': -10**400, 'ok': 1}", "10**5000",
        f"{odd}    __float__ = __len__ = __repr__\n{{'odd': Odd()}}", key,
        f"{odd}    __str__ = __repr__\nclass Fault(Odd, Exception): pass\nraise Fault()",
        "def interrupt(error): raise error\ninterrupt(KeyboardInterrupt('now'))", "1",
    )  # fmt: skip
    after_another_run(running, 6)
    states = running.client.get("/monitors").json()
    assert [state["state"] for state in states] == ["ok"] * 4 + ["failing"] * 2 + ["ok"]
    assert states[5]["message"] == "KeyboardInterrupt: now"
    known = gauges(running)
    assert known["watch0", "huge"] == math.inf
    assert known["watch0", "small"] == -math.inf
    assert known["watch0", "ok"] == 1


def test_text_that_no_text_format_takes_is_no_end_of_metrics(watch) -> None:
    running = watch("{'\\ud800': 1, 'a': 2}", "raise ValueError('\\ud800')")
    assert state_of(running, 1, state="failing")["message"] == "ValueError: ?"
    assert gauges(running)["watch0", "a"] == gauges(running)["watch0", "?"] + 1 == 2
