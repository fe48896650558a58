"""Prometheus metrics of one service, on a registry of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

if TYPE_CHECKING:
    from collections.abc import Callable

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The service's counters, histogram and gauges."""

    def __init__(self, build: dict[str, str]) -> None:
        """Count from zero; `build` becomes the labels of `nbdeploy_build_info`."""
        self._registry = CollectorRegistry()
        self._known: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        Info("nbdeploy_build", "Which notebook is served", registry=self._registry).info(build)
        self.requests = Counter(
            "nbdeploy_requests", "Calls by endpoint and status", ["endpoint", "status"],
            registry=self._registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "nbdeploy_request_duration_seconds", "How long calls took", ["endpoint"],
            buckets=_BUCKETS, registry=self._registry,
        )  # fmt: skip
        self.in_flight = Gauge(
            "nbdeploy_requests_in_flight", "Calls that run now", registry=self._registry
        )
        self.errors = Counter(
            "nbdeploy_errors", "Exceptions by the cell that raised", ["cell"],
            registry=self._registry,
        )  # fmt: skip
        self.timeouts = Counter(
            "nbdeploy_timeouts", "Calls that took longer than the service's limit", ["endpoint"],
            registry=self._registry,
        )  # fmt: skip
        self._overdue = Gauge(
            "nbdeploy_overdue_calls", "Calls that run on after their 504", registry=self._registry
        )
        self._monitor_value = Gauge(
            "nbdeploy_monitor_value", "What a monitor cell's last expression said",
            ["monitor", "key"], registry=self._registry,
        )  # fmt: skip
        self._monitor_keys: dict[str, set[str]] = {}
        self._monitor_failing = Gauge(
            "nbdeploy_monitor_failing", "1 while a monitor fails", ["monitor"],
            registry=self._registry,
        )  # fmt: skip
        self._monitor_runs = Counter(
            "nbdeploy_monitor_runs", "Runs of a monitor", ["monitor"], registry=self._registry
        )

    def monitor_ran(
        self, monitor: str, values: dict[str, float] | None, *, is_failing: bool
    ) -> None:
        """Export one run; keys that it has no more are gone, `None` leaves all as they are."""
        self._monitor_runs.labels(monitor).inc()
        self._monitor_failing.labels(monitor).set(is_failing)
        if values is None:
            return
        for key in self._monitor_keys.get(monitor, set()) - values.keys():
            self._monitor_value.remove(monitor, key)
        for key, value in values.items():
            self._monitor_value.labels(monitor, key).set(value)
        self._monitor_keys[monitor] = set(values)

    def watch_overdue(self, count: Callable[[], float]) -> None:
        """Ask `count` for the overdue calls whenever the metrics are read."""
        self._overdue.set_function(count)

    def observe(self, endpoint: str, status: int, seconds: float) -> None:
        """Book one call."""
        # Looking a label up costs more than counting does
        found = self._known.get((endpoint, status))
        if found is None:
            found = (self.requests.labels(endpoint, str(status)), self.seconds.labels(endpoint))
            self._known[endpoint, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
