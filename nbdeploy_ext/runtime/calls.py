"""The call log: the last calls, in memory, for `/calls` and the monitors."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

BYTES = 64 * 2**20
"""Raw inputs and outputs over this many bytes push the oldest calls out."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request: `time` is seconds since the epoch; inputs and output stay JSON until read."""

    endpoint: str
    time: float
    latency_ms: float
    status: int
    inputs: bytes | None = None
    output: bytes | None = None
    error: str | None = None
    cell: str | None = None
    line: int | None = None

    @property
    def size(self) -> int:
        """Return how many bytes of JSON are kept of it."""
        return len(self.inputs or b"") + len(self.output or b"")


class CallLog:
    """Keeps the newest calls; appending parses nothing and never fails a call."""

    def __init__(self, keep: int, version: int | None, *, inputs: bool) -> None:
        """Keep at most `keep` calls, without what callers sent unless `inputs`."""
        self._calls: deque[Call] = deque(maxlen=keep)
        self._bytes = 0
        self._version = version
        self._inputs = inputs

    def add(self, call: Call) -> None:
        """Book one call."""
        kept = call if self._inputs else replace(call, inputs=None)
        if len(self._calls) == self._calls.maxlen and self._calls:
            self._bytes -= self._calls.popleft().size
        if self._calls.maxlen:
            self._calls.append(kept)
            self._bytes += kept.size
        while self._bytes > BYTES:
            self._bytes -= self._calls.popleft().size

    def records(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Return the last `limit` calls, the newest last; `time` is ISO 8601 in UTC."""
        calls = list(self._calls)
        first = 0 if limit is None else max(0, len(calls) - limit)
        return [self._record(call) for call in calls[first:]]

    def table(self) -> Any:
        """Return a DataFrame where the image has pandas, else a list of records."""
        records = self.records()
        try:
            import pandas as pd  # noqa: PLC0415  (costs a second; only monitors need it)
        except ImportError:
            return records
        return pd.DataFrame(records, columns=list(_COLUMNS))

    def _record(self, call: Call) -> dict[str, Any]:
        when = datetime.fromtimestamp(call.time, timezone.utc).isoformat(timespec="milliseconds")
        return {
            "time": when,
            "endpoint": call.endpoint,
            "inputs": _read(call.inputs),
            "output": _read(call.output),
            "error": call.error,
            "cell": call.cell,
            "line": call.line,
            "latency_ms": round(call.latency_ms, 3),
            "status": call.status,
            "version": self._version,
        }


_COLUMNS = (
    "time", "endpoint", "inputs", "output", "error", "cell", "line", "latency_ms", "status",
    "version",
)  # fmt: skip


def _read(raw: bytes | None) -> Any:
    try:
        return None if raw is None else json.loads(raw)
    except (ValueError, RecursionError):  # a body that was no JSON, or too deep
        return None
