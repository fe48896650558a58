"""What a service counts, summed over its processes; Prometheus' text is made when asked for."""

from __future__ import annotations

import os
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from .shared import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from .manifest import Manifest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
STATUSES = 600
_SUM = STATUSES + len(BUCKETS) + 1
GAUGES = ("in_flight", "overdue", "ready", "pid", "connections")
"""Numbers that end with their process."""


def make_numbers(manifest: Manifest, rows: int = 1) -> Numbers:
    """Return the numbers of a service's processes, all zero."""
    lengths = {f"calls/{endpoint.name}": _SUM + 1 for endpoint in manifest.endpoints}
    lengths |= {f"timeouts/{endpoint.name}": 1 for endpoint in manifest.endpoints}
    lengths |= {f"errors/{cell.id}": 1 for cell in manifest.cells}
    single = (*GAUGES, "values", "restarts", "ended_seconds", "logged", "written", "dropped")
    return Numbers({**lengths, **dict.fromkeys(single, 1)}, rows)


class Metrics:
    """The service's counters, histogram and gauges; call it on the loop's thread."""

    def __init__(self, manifest: Manifest, version: int | None, numbers: Numbers) -> None:
        """Count in `numbers`; `version` is a label of `nbdeploy_build_info`."""
        self.numbers = numbers
        self.endpoints = tuple(endpoint.name for endpoint in manifest.endpoints)
        self.cells = tuple(cell.id for cell in manifest.cells)
        self.build = {
            "name": manifest.name,
            "notebook_sha256": manifest.notebook_sha256,
            "version": str(version or ""),
        }
        self.in_flight = Count(numbers, "in_flight")
        self.errors = Counts(numbers, "errors")
        self.timeouts = Counts(numbers, "timeouts")
        self.monitored: Callable[[], list[dict[str, Any]]] = list
        self._overdue: Callable[[], float] = float
        self._cells = numbers.cells
        self.use_row(numbers.own)

    def use_row(self, row: int) -> None:
        """Count in another process's row from now on: this one is its successor, or is new."""
        self.numbers.use_row(row)
        for gauge in GAUGES:
            self.numbers.put(gauge, 0)
        self.numbers.put("pid", os.getpid())
        self._first = {name: self.numbers.place(f"calls/{name}") for name in self.endpoints}

    def watch_overdue(self, count: Callable[[], float]) -> None:
        """Ask `count` for this process's overdue calls whenever the gauges are refreshed."""
        self._overdue = count

    def watch_monitors(self, exported: Callable[[], list[dict[str, Any]]]) -> None:
        """Ask `exported` for the monitors' states whenever the metrics are read."""
        self.monitored = exported

    def refresh(self) -> None:
        """Bring the gauges up to date that nobody counts."""
        self.numbers.put("overdue", self._overdue())

    def observe(self, endpoint: str, status: int, seconds: float) -> None:
        """Book one call."""
        # A quarter of a microsecond: Prometheus' own classes lock, and look up their labels
        first = self._first.get(endpoint)
        if first is None:
            return
        cells = self._cells
        cells[first + (status if 0 < status < STATUSES else 0)] += 1.0
        cells[first + STATUSES + bisect_left(BUCKETS, seconds)] += 1.0
        cells[first + _SUM] += seconds

    def calls(self, endpoint: str) -> tuple[dict[int, float], list[float], float]:
        """Return an endpoint's calls by status and by bucket, and the sum of their seconds."""
        name, numbers = f"calls/{endpoint}", self.numbers
        counted = {s: c for s in range(STATUSES) if (c := numbers.sum(name, s))}
        buckets = [numbers.sum(name, STATUSES + n) for n in range(len(BUCKETS) + 1)]
        return counted, buckets, numbers.sum(name, _SUM)


class Count:
    """One number of this process."""

    def __init__(self, numbers: Numbers, name: str) -> None:
        """Count the number of that name."""
        self._numbers = numbers
        self._name = name

    def inc(self) -> None:
        """Add one."""
        self._numbers.add(self._name)

    def dec(self) -> None:
        """Take one off."""
        self._numbers.add(self._name, -1)

    def track_inprogress(self) -> Count:
        """Return what counts while a `with` block runs."""
        return self

    def __enter__(self) -> None:
        """Count what begins."""
        self.inc()

    def __exit__(self, *_: object) -> None:
        """Count it off."""
        self.dec()


class Counts:
    """Numbers of one kind, by a label."""

    def __init__(self, numbers: Numbers, kind: str) -> None:
        """Count the numbers of that kind."""
        self._numbers = numbers
        self._kind = kind

    def labels(self, label: str) -> Count:
        """Return the one with the label."""
        return Count(self._numbers, f"{self._kind}/{label}")
