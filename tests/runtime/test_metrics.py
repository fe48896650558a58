"""The metrics, read as Prometheus reads them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

CALLS = """\
def invert(x: float) -> float:
    return helper(x)
"""
HELPER = "def helper(x):\n    return 1 / x"


REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"


@pytest.fixture(scope="module")
def families(start_once):
    running = start_once(
        ("helper", "production", HELPER), ("calls", "production", CALLS),
        endpoints={"invert": []}, env={"NBDEPLOY_VERSION": "3"},
    )  # fmt: skip
    for x in (1, 2, 0, "text"):
        running.client.post("/invert", json={"x": x})
    answer = running.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return list(text_string_to_metric_families(answer.text))


@pytest.fixture(scope="module")
def samples(families):
    return [sample for family in families for sample in family.samples]


def value(samples, name: str, /, **labels: str) -> float:
    found = [s.value for s in samples if s.name == name and labels.items() <= s.labels.items()]
    assert len(found) == 1, (name, labels, found)
    return float(found[0])


@pytest.mark.parametrize(("status", "count"), [("200", 2), ("500", 1), ("422", 1)])
def test_calls_are_counted_by_endpoint_and_status(samples, status, count) -> None:
    name = "nbdeploy_requests_total"
    assert value(samples, name, endpoint="invert", status=status) == count


def test_how_long_calls_take_is_a_histogram(samples) -> None:
    name = "nbdeploy_request_duration_seconds"
    assert value(samples, f"{name}_count", endpoint="invert") == 4
    assert value(samples, f"{name}_bucket", endpoint="invert", le="+Inf") == 4
    assert value(samples, f"{name}_sum", endpoint="invert") > 0


def test_exceptions_are_counted_by_the_cell_that_raised(samples) -> None:
    assert value(samples, "nbdeploy_errors_total", cell="helper") == 1


def test_no_call_is_in_flight_when_all_have_answered(samples) -> None:
    assert value(samples, "nbdeploy_requests_in_flight") == 0
    assert value(samples, "nbdeploy_overdue_calls") == 0


def test_the_notebook_and_its_version_are_labels(samples) -> None:
    assert value(samples, "nbdeploy_build_info", name="loan", version="3") == 1


def test_the_process_is_measured(samples) -> None:
    assert value(samples, "process_resident_memory_bytes") > 0


def test_every_metric_is_documented_and_every_documented_one_is_there(families) -> None:
    rows = re.findall(r"^\| `(nbdeploy_\w+)` ", REFERENCE.read_text(), re.MULTILINE)
    told = {family.name for family in families if family.name.startswith("nbdeploy_")}
    assert told == {name.removesuffix("_total") for name in rows}
