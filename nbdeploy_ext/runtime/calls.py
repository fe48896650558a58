"""The call log: the last calls, in memory, for `/calls` and the monitors."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib.util import find_spec
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One request to an endpoint: `time` is ISO 8601 in UTC, `latency_ms` in milliseconds."""

    time: str
    endpoint: str
    inputs: dict[str, Any] | None
    output: Any
    error: str | None
    cell: str | None
    line: int | None
    latency_ms: float
    status: int
    version: int | None


class CallLog:
    """Keeps the newest calls; appending never fails a call."""

    def __init__(self, keep: int, version: int | None, *, inputs: bool) -> None:
        """Keep at most `keep` calls, without what callers sent unless `inputs`."""
        self._calls: deque[Call] = deque(maxlen=keep)
        self._version = version
        self._inputs = inputs

    def add(  # noqa: PLR0913  (one argument a column)
        self,
        endpoint: str,
        inputs: dict[str, Any] | None,
        output: Any,
        latency_ms: float,
        *,
        status: int,
        error: str | None = None,
        cell: str | None = None,
        line: int | None = None,
    ) -> None:
        """Book one call."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        kept = inputs if self._inputs else None
        self._calls.append(
            Call(now, endpoint, kept, output, error, cell, line, round(latency_ms, 3), status,
                 self._version)
        )  # fmt: skip

    def records(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Return the last `limit` calls, the newest last."""
        calls = list(self._calls)
        return [asdict(call) for call in (calls[-limit:] if limit else calls)]

    def table(self) -> Any:
        """Return a DataFrame where the image has pandas, else a list of records."""
        records = self.records()
        if "pandas" not in sys.modules and find_spec("pandas") is None:
            return records
        import pandas as pd  # noqa: PLC0415  (costs a second; only monitors need it)

        return pd.DataFrame(records, columns=list(Call.__dataclass_fields__))
