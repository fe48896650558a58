"""The counted numbers as Prometheus' text, with those of the processes themselves."""

from __future__ import annotations

from collections import defaultdict
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from .metrics import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client import Metric

    from .metrics import Metrics

_BOUNDS = (*(str(float(bound)) for bound in BUCKETS), "+Inf")
_COUNTERS = {
    "nbdeploy_worker_restarts": ("restarts", "Processes that ended unasked and were replaced"),
    "nbdeploy_calls_dropped": ("dropped", "Calls that the call log could not keep"),
}
_GAUGES = {
    "nbdeploy_requests_in_flight": ("in_flight", "Calls that run now"),
    "nbdeploy_overdue_calls": ("overdue", "Calls that run on after their 504"),
    "nbdeploy_workers_ready": ("ready", "Processes that take calls"),
}


def as_text(metrics: Metrics) -> bytes:
    """Return all metrics of all processes of the service, in Prometheus' text format."""
    metrics.refresh()
    registry = CollectorRegistry()
    PlatformCollector(registry=registry)
    registry.register(_Service(metrics))
    return generate_latest(registry)


class _Service(Collector):
    """Reads the numbers when it is asked."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        numbers = self._metrics.numbers
        yield InfoMetricFamily("nbdeploy_build", "Which notebook is served", self._metrics.build)
        yield from self._calls()
        yield _counter("nbdeploy_errors", "Exceptions by the cell that raised", "cell", {
            cell: numbers.sum(f"errors/{cell}") for cell in self._metrics.cells
        })  # fmt: skip
        said = "Calls that took longer than the service's limit"
        yield _counter("nbdeploy_timeouts", said, "endpoint", {
            name: numbers.sum(f"timeouts/{name}") for name in self._metrics.endpoints
        })  # fmt: skip
        for name, (kind, said) in _COUNTERS.items():
            yield CounterMetricFamily(name, said, numbers.sum(kind))
        for name, (kind, said) in _GAUGES.items():
            yield GaugeMetricFamily(name, said, numbers.sum(kind))
        loaded = max(numbers.each("values"))
        yield GaugeMetricFamily("nbdeploy_values_loaded", "Values of the notebook in use", loaded)
        yield from self._monitors()
        pids = [int(pid) for pid in numbers.each("pid") if pid]
        yield from _processes(pids, numbers.sum("ended_seconds"))

    def _calls(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "nbdeploy_requests", "Calls by endpoint and status", labels=["endpoint", "status"]
        )
        seconds = HistogramMetricFamily(
            "nbdeploy_request_duration_seconds", "How long calls took", labels=["endpoint"]
        )
        for name in self._metrics.endpoints:
            counted, buckets, total = self._metrics.calls(name)
            for status, count in counted.items():
                requests.add_metric([name, str(status)], count)
            filled = list(zip(_BOUNDS, accumulate(buckets), strict=True))
            seconds.add_metric([name], filled, total)
        yield requests
        yield seconds

    def _monitors(self) -> Iterator[Metric]:
        value = GaugeMetricFamily(
            "nbdeploy_monitor_value", "What a monitor cell's last expression said",
            labels=["monitor", "key"],
        )  # fmt: skip
        states = [state for state in self._metrics.monitored() if state["runs"]]
        for state in states:
            for key, number in state["gauges"].items():
                value.add_metric([state["cell"], key], number)
        yield value
        failing = GaugeMetricFamily(
            "nbdeploy_monitor_failing", "1 while a monitor fails", labels=["monitor"]
        )
        for state in states:
            failing.add_metric([state["cell"]], state["state"] == "failing")
        yield failing
        runs = {state["cell"]: state["runs"] for state in states}
        yield _counter("nbdeploy_monitor_runs", "Runs of a monitor", "monitor", runs)


def _counter(name: str, said: str, label: str, numbers: dict[str, float]) -> Metric:
    family = CounterMetricFamily(name, said, labels=[label])
    for value, count in numbers.items():
        family.add_metric([value], count)
    return family


def _processes(pids: Iterable[int], ended_seconds: float) -> Iterator[Metric]:
    """Yield Prometheus' usual process metrics, as if all processes were one."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    families: dict[str, Metric] = {}
    for pid in pids:
        for family in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
            families[family.name] = family
            found[family.name].append(family.samples[0].value)
    for name, family in families.items():
        values = found[name]
        total = sum(values)
        if name == "process_start_time_seconds":
            total = min(values)
        elif name == "process_max_fds":
            total = max(values)
        elif name == "process_cpu_seconds":
            total += ended_seconds
        elif name == "process_resident_memory_bytes" and len(values) > 1:
            # A page that processes share counts once
            total = sum(map(shared_fairly, pids)) or total
        family.samples[0] = family.samples[0]._replace(value=total)
        yield family


def shared_fairly(pid: int) -> float:
    """Return a process's memory in bytes (PSS): of a shared page only its part; 0 if unknown."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((float(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
