"""Monitor cells: run in production on their interval, exported as gauges, told when failing."""

from __future__ import annotations

import ast
import json
import logging
import math
import threading
import time
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeout
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from .cells import is_used
from .lane import Lane
from .loader import App, CellFailed, execute, parse
from .logs import known_secrets, mask
from .start import default_names
from .values import native, plain_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from .alerts import Alerts
    from .calls import CallLog
    from .manifest import ManifestCell
    from .shared import Document

_log = logging.getLogger("nbdeploy.monitors")
_FIRST_AFTER = 5.0
_FLUSH = 1.0


class MonitorState(NamedTuple):
    """How one monitor is: `state` is pending, ok or failing, `last_run` ISO 8601 in UTC."""

    cell: str
    state: str = "pending"
    value: Any = None
    message: str = ""
    line: int | None = None
    last_run: str | None = None
    runs: int = 0
    seconds: float = 0.0
    gauges: Mapping[str, float] = {}

    def as_json(self) -> dict[str, Any]:
        """Return what `/monitors` tells."""
        return {name: value for name, value in self._asdict().items() if name != "gauges"}


class Monitors:
    """Runs all monitor cells, one after the other, on a thread of their own.

    One process of a service runs them; all tell of them.
    """

    def __init__(
        self,
        app: App,
        namespace: dict[str, Any],
        calls: CallLog,
        alerts: Alerts,
        told: Document,
    ) -> None:
        """Take what the cells see and where their news goes: alerts, and the other processes."""
        self._app = app
        self._namespace = namespace
        self._calls = calls
        self._alerts = alerts
        self._told = told
        self._secrets = known_secrets(app.manifest)
        self._cells = app.manifest.cells_of("monitor")
        self._states = {cell.id: MonitorState(cell.id) for cell in self._cells}
        self._is_begun = False
        self._stopped = threading.Event()
        # A cell that hangs keeps its thread; the others get another
        self._lane = Lane("nbdeploy-monitor-cells", len(self._cells) + 1)
        self._hanging: dict[str, Future[Any]] = {}
        self._after_call: dict[str, Any] | None = None
        self._limit = max(app.manifest.monitors_every, app.manifest.service.timeout)

    @property
    def is_busy(self) -> bool:
        """Whether a monitor cell runs now."""
        return self._lane.is_busy

    def states(self) -> list[dict[str, Any]]:
        """Return every monitor's state, in notebook order, as `/monitors` tells it."""
        return [state.as_json() for state in self._known().values()]

    def exported(self) -> list[dict[str, Any]]:
        """Return the states with the numbers in their values: `gauges`, by key."""
        return [state._asdict() for state in self._known().values()]

    def _known(self) -> dict[str, MonitorState]:
        """Return what this process knows, or what another one that runs the cells has told."""
        if self._is_begun:
            return self._states
        told = self._read()["states"]
        return {raw["cell"]: MonitorState(**raw) for raw in told} or self._states

    def _read(self) -> dict[str, Any]:
        return json.loads(self._told.read() or b'{"states": [], "alerts": {}}')  # type: ignore[no-any-return]

    def _write(self) -> None:
        states = [state._asdict() for state in self._states.values()]
        self._told.write(json.dumps({"states": states, "alerts": self._alerts.settled()}).encode())

    def start(self) -> None:
        """Begin, or go on where a process that ended left off; does nothing without cells."""
        self._states = self._known()
        self._alerts.go_on(self._read()["alerts"])
        self._is_begun = True
        if self._cells:
            threading.Thread(target=self._loop, name="nbdeploy-monitors", daemon=True).start()

    def stop(self) -> None:
        """Begin no other run, and give alerts a moment to go out."""
        self._stopped.set()
        self._lane.close()
        self._alerts.flush(_FLUSH)

    def run_once(self) -> None:
        """Run every monitor cell now."""
        for cell in self._cells:
            if not self._stopped.is_set():
                try:
                    self._run(cell)
                except Exception:  # noqa: BLE001  without this thread, no monitor would run again
                    _log.exception("Monitor %s could not be run", cell.id)

    def _loop(self) -> None:
        every = self._app.manifest.monitors_every
        wait = min(every, _FIRST_AFTER)
        while not self._stopped.wait(wait):
            wait = every
            self.run_once()

    def _run(self, cell: ManifestCell) -> None:
        hanging = self._hanging.pop(cell.id, None)
        if hanging is not None and not hanging.done():
            self._hanging[cell.id] = hanging
            return
        begun = time.perf_counter()
        before = self._states[cell.id]
        found = self._found(cell)
        message = mask(_written(found.message), self._secrets)
        state = MonitorState(
            cell=cell.id,
            state="failing" if message else "ok",
            value=before.value if message else found.value,
            message=message,
            line=found.line,
            last_run=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            runs=before.runs + 1,
            seconds=round(time.perf_counter() - begun, 4),
            gauges=before.gauges if found.gauges is None else found.gauges,
        )
        self._states[cell.id] = state
        self._tell(before, state)
        self._write()

    def _found(self, cell: ManifestCell) -> _Found:
        """Run one cell within the limit."""
        future = self._lane.submit(self._evaluated, cell)
        try:
            return future.result(self._limit)  # type: ignore[no-any-return]
        except (TimeoutError, FutureTimeout):  # two classes before Python 3.11
            self._hanging[cell.id] = future
            self._lane.give_up(future)
            return _Found(message=f"It runs for over {self._limit:g} s")
        except CancelledError:  # stopped
            return _Found()

    def _evaluated(self, cell: ManifestCell) -> _Found:
        """Run one cell in a copy of the namespace."""
        try:
            namespace = dict(self._names(self._app.sources[cell.id]))
            if "calls" in self._app.sources[cell.id]:  # pandas' import alone takes a second
                namespace["calls"] = self._calls.table()
            value = execute(self._app, cell, namespace)
        except CellFailed as fault:
            # A failed assertion without words is its own source
            return _Found(message=_said(self._app, cell, fault), line=fault.line)
        except BaseException as error:  # noqa: BLE001  the other monitors must go on
            _log.exception("Monitor %s could not run", cell.id)
            return _Found(message=f"{type(error).__name__}: {error}")
        try:
            # What can't be written can't be told
            told = json.loads(_written(json.dumps(plain_value(value), ensure_ascii=False)))
            return _Found(told, _gauges(value))
        except Exception:  # noqa: BLE001  a plot, say; objects may raise anything when looked at
            return _Found()

    def _names(self, source: str) -> dict[str, Any]:
        """Return what a cell can name; what only calls make comes from one with the defaults."""
        if self._after_call is None and is_used(self._namespace, [source]):
            self._after_call = default_names(self._app, self._namespace)
        return self._after_call or self._namespace

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


class _Found(NamedTuple):
    """What one run of a monitor cell gave."""

    value: Any = None
    gauges: dict[str, float] | None = None
    message: str = ""
    line: int | None = None


def _gauges(value: Any) -> dict[str, float]:
    """Return what Prometheus takes of a value: a number, or a dict's numbers by key."""
    values = value if isinstance(value, dict) else {"": value}
    plain = {_written(str(key)): native(item) for key, item in values.items()}
    return {key: _double(item) for key, item in plain.items() if isinstance(item, (int, float))}


def _written(text: str) -> str:
    """Return text as UTF-8 holds it: without halves of surrogate pairs."""
    return text.encode(errors="replace").decode()


def _double(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # Python's integers have no largest one
        return math.inf if number > 0 else -math.inf


def _said(app: App, cell: ManifestCell, fault: CellFailed) -> str:
    """Return an assertion's own message, or its source where it has none."""
    if not isinstance(fault.error, AssertionError):
        return f"{type(fault.error).__name__}: {fault.error}"
    source = _assertion(app, cell, fault.line) if fault.cell == cell.id else None
    return str(fault.error) or source or "assertion failed"


def _assertion(app: App, cell: ManifestCell, line: int | None) -> str | None:
    for node in ast.walk(parse(app, cell)):
        if isinstance(node, ast.Assert) and line in range(node.lineno, node.end_lineno + 1):  # type: ignore[operator]
            return ast.unparse(node)
    return None
