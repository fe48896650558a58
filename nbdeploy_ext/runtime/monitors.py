"""Monitor cells: run in production on their interval, exported as gauges, told when failing."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from .loader import App, CellFailed, execute
from .values import NotJson, plain_value

if TYPE_CHECKING:
    from .alerts import Alerts
    from .calls import CallLog
    from .manifest import ManifestCell
    from .metrics import Metrics

_log = logging.getLogger("nbdeploy.monitors")
_FIRST_AFTER = 5.0


@dataclass(frozen=True, slots=True)
class MonitorState:
    """How one monitor is: `state` is pending, ok or failing, `last_run` ISO 8601 in UTC."""

    cell: str
    state: str = "pending"
    value: Any = None
    message: str = ""
    line: int | None = None
    last_run: str | None = None
    runs: int = 0
    seconds: float = 0.0


class Monitors:
    """Runs all monitor cells on one thread."""

    def __init__(
        self, app: App, namespace: dict[str, Any], calls: CallLog, metrics: Metrics, alerts: Alerts
    ) -> None:
        """Take what the cells see and where their news goes."""
        self._app = app
        self._namespace = namespace
        self._calls = calls
        self._metrics = metrics
        self._alerts = alerts
        self._cells = app.manifest.cells_of("monitor")
        self._states = {cell.id: MonitorState(cell.id) for cell in self._cells}
        self._stopped = threading.Event()

    def states(self) -> list[dict[str, Any]]:
        """Return every monitor's state, in notebook order."""
        return [asdict(state) for state in self._states.values()]

    def start(self) -> None:
        """Begin; does nothing without monitor cells."""
        if self._cells:
            threading.Thread(target=self._loop, name="nbdeploy-monitors", daemon=True).start()

    def stop(self) -> None:
        """End after the run that is under way."""
        self._stopped.set()

    def run_once(self) -> None:
        """Run every monitor cell now."""
        for cell in self._cells:
            self._run(cell)

    def _loop(self) -> None:
        every = self._app.manifest.monitors_every
        wait = min(every, _FIRST_AFTER)
        while not self._stopped.wait(wait):
            wait = every
            self.run_once()

    def _run(self, cell: ManifestCell) -> None:
        begun = time.perf_counter()
        before = self._states[cell.id]
        value, message, line = self._value(cell)
        state = MonitorState(
            cell=cell.id,
            state="failing" if message else "ok",
            value=before.value if message else value,
            message=message,
            line=line,
            last_run=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            runs=before.runs + 1,
            seconds=round(time.perf_counter() - begun, 4),
        )
        self._states[cell.id] = state
        self._export(state)
        self._tell(before, state)

    def _value(self, cell: ManifestCell) -> tuple[Any, str, int | None]:
        """Run one cell in a copy of the namespace; returns value, message, line of the failure."""
        try:
            namespace = {**self._namespace, "calls": self._calls.table()}
            value = execute(self._app, cell, namespace)
        except CellFailed as fault:
            return None, _said(self._app, cell, fault), fault.line
        except Exception as error:  # noqa: BLE001  the other monitors must go on
            _log.exception("Monitor %s could not run", cell.id)
            return None, f"{type(error).__name__}: {error}", None
        try:
            return plain_value(value), "", None
        except (NotJson, ValueError, RecursionError):  # a plot, say: shown in a notebook, no gauge
            return None, "", None

    def _tell(self, before: MonitorState, state: MonitorState) -> None:
        if state.state == "ok":
            self._alerts.recovered(state.cell)
            if before.state == "failing":
                _log.info("Monitor %s is ok again", state.cell)
            return
        if before.state != "failing":
            _log.warning("Monitor %s fails: %s", state.cell, state.message)
        title = f"{self._app.manifest.name}: monitor {state.cell} fails"
        self._alerts.tell(state.cell, title, state.message)

    def _export(self, state: MonitorState) -> None:
        self._metrics.monitor_runs.labels(state.cell).inc()
        self._metrics.monitor_failing.labels(state.cell).set(state.state == "failing")
        values = state.value if isinstance(state.value, dict) else {"": state.value}
        for key, value in values.items():
            if isinstance(value, (int, float)):
                self._metrics.monitor_value.labels(state.cell, str(key)).set(value)


def _said(app: App, cell: ManifestCell, fault: CellFailed) -> str:
    """Return an assertion's own message, or its source where it has none."""
    if not isinstance(fault.error, AssertionError):
        return f"{type(fault.error).__name__}: {fault.error}"
    lines = app.sources[cell.id].splitlines()
    is_here = fault.cell == cell.id and fault.line is not None and fault.line <= len(lines)
    source = lines[fault.line - 1].strip() if is_here and fault.line else "assertion failed"
    return str(fault.error) or source
