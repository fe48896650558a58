"""The call log: takes calls at once, and writes them to its store beside them."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .shared import Numbers

BYTES = 64 * 2**20
"""Raw inputs and outputs over this many bytes push the oldest calls out."""
WAITING = 10_000
"""As many calls wait for a store that is slow or down; older ones are dropped."""
_BATCH = 100
_BATCH_BYTES = 2**20
_SMALL = 4096
"""Calls of fewer bytes are taken without looking at how many bytes wait."""
_AT_ONCE = 1000
_PAUSE = 0.05
_BREATH = 0.05
"""Seconds between two writes: a long one would hold up the calls that are answered meanwhile."""
_SHARE = 20
"""So many times as long as a write took of the processor is the pause after it: large bodies."""
_LONGEST_PAUSE = 30.0
_AGREE_WITHIN = 1.0

_log = logging.getLogger("nbdeploy.calls")


class Call(NamedTuple):
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


class Kept(NamedTuple):
    """A call in a store, with the version that answered it."""

    call: Call
    version: int | None


class StoreFailed(Exception):
    """A store could not be read or written; the message has no secrets in it."""


class Store(Protocol):
    """Where calls are kept: at most as many as it was told to, of all processes and versions."""

    is_instant: bool
    """Whether writing takes no time and never fails."""
    keep: int
    """How many calls it keeps."""

    def write(self, calls: Sequence[Kept]) -> None:
        """Keep calls, on one thread; raises `StoreFailed`, and may be asked again then."""

    def read(self, limit: int | None) -> list[Kept]:
        """Return the last calls, the newest last, on any thread; raises `StoreFailed`."""

    def close(self) -> None:
        """Let go of what the writer holds."""

    def discard(self) -> None:
        """Remove what nobody is to find again; once, when the service ends."""


class CallLog:
    """Takes calls without waiting for anything; a thread writes them to the store.

    When the store is slow or down, the oldest calls that wait are dropped and counted.
    """

    def __init__(
        self, store: Store, numbers: Numbers, version: int | None, *, inputs: bool
    ) -> None:
        """Keep calls in `store`, without what callers sent unless `inputs`."""
        self._store = store
        self._fresh: deque[Call] = deque()
        # What is more than the store keeps would be forgotten as soon as it is written
        self._most = min(WAITING, store.keep)
        self._awake = False
        self._asked = False
        self._numbers = numbers
        self._version = version
        self._inputs = inputs
        self._lock = threading.Lock()
        self._waiting: deque[Kept] = deque()
        self._bytes = 0
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, call: Call) -> None:
        """Book one call; never waits, never raises."""
        if not self._inputs:
            call = call._replace(inputs=None)
        # A microsecond for each call would be a tenth of all that a small one costs
        fresh = self._fresh
        fresh.append(call)
        self._numbers.add("logged")
        if len(fresh) > _AT_ONCE or call.size > _SMALL:
            self._take()
        if not self._awake and not self._store.is_instant:
            self._awake = True
            self._wake.set()
            if self._thread is None:
                self._begin()

    def _take(self) -> None:
        """Bring what is fresh to what waits, or into a store that takes it at once."""
        with self._lock:
            taken = [Kept(self._fresh.popleft(), self._version) for _ in range(len(self._fresh))]
            if self._store.is_instant:
                self._store.write(taken)
                self._numbers.add("written", len(taken))
                return
            self._waiting.extend(taken)
            self._bytes += sum(kept.call.size for kept in taken)
            self._drop_oldest()

    def records(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Return the last `limit` calls, the newest last; `time` is ISO 8601 in UTC.

        It waits for what any process has taken to be written, and raises `StoreFailed`: call it
        on a thread.
        """
        self._take()
        self._asked = bool(self._waiting)
        self._wake.set()
        self._agree(_AGREE_WITHIN)
        return [_record(kept) for kept in self._store.read(limit)]

    def table(self) -> Any:
        """Return a DataFrame where the image has pandas, else a list of records."""
        records = self.records()
        try:
            import pandas as pd  # noqa: PLC0415  (costs a second; only monitors need it)
        except ImportError:
            return records
        # Empty columns have no types of their own: a monitor would fail until the first call
        rows = pd.DataFrame(records or [_SAMPLE], columns=list(_COLUMNS))
        return rows if records else rows[:0]

    def close(self, seconds: float = 1.0) -> None:
        """Write what waits, within so many seconds, and take no more."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds)
        if self._waiting:
            _log.warning("%d calls could not be kept", len(self._waiting))

    def _drop_oldest(self) -> None:
        surplus = len(self._waiting) - self._most
        if surplus > 0:
            self._bytes -= sum(self._waiting.popleft().call.size for _ in range(surplus))
            self._numbers.add("written" if self._store.keep <= self._most else "dropped", surplus)
        while self._bytes > BYTES:
            # With more than the store keeps behind it, it would have been forgotten by now
            is_old = len(self._waiting) > self._store.keep
            self._bytes -= self._waiting.popleft().call.size
            self._numbers.add("written" if is_old else "dropped")

    def _agree(self, seconds: float) -> None:
        """Wait until what all processes took by now is written, or dropped."""
        numbers = self._numbers
        taken = numbers.each("logged")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            settled = zip(taken, numbers.each("written"), numbers.each("dropped"), strict=True)
            if all(written + dropped >= asked for asked, written, dropped in settled):
                return
            time.sleep(_PAUSE / 10)

    def _begin(self) -> None:
        # Not before the first call: a thread stays behind where processes part
        self._thread = threading.Thread(target=self._work, name="nbdeploy-calls", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        pause = _PAUSE
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(pause)  # more calls to a write
            self._wake.clear()
            self._awake = False
            self._take()
            fault = self._write_waiting()
            if fault and pause == _PAUSE:
                _log.warning("The call log can't be written: %s", fault)
            pause = min(_LONGEST_PAUSE, pause * 2) if fault else _PAUSE
            if fault:
                self._wake.set()
        self._take()
        self._write_waiting()
        self._store.close()

    def _next_batch(self) -> list[Kept]:
        """Take the oldest calls that wait: few, or as many as have few bytes."""
        calls: list[Kept] = []
        size = 0
        with self._lock:
            while self._waiting and len(calls) < _BATCH and size < _BATCH_BYTES:
                calls.append(self._waiting.popleft())
                size += calls[-1].call.size
            self._bytes -= size
        return calls

    def _write_waiting(self) -> str:
        """Write all that waits; returns what went wrong, if anything did."""
        while self._waiting:
            calls = self._next_batch()
            begun = time.thread_time()
            try:
                self._store.write(calls)
            except StoreFailed as fault:
                with self._lock:
                    self._waiting.extendleft(reversed(calls))
                    self._bytes += sum(kept.call.size for kept in calls)
                    self._drop_oldest()
                return str(fault)
            with self._lock:
                self._numbers.add("written", len(calls))
            if self._waiting and not self._asked:
                self._closing.wait(max(_BREATH, _SHARE * (time.thread_time() - begun)))
        self._asked = False
        return ""


def _record(kept: Kept) -> dict[str, Any]:
    call = kept.call
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
        "version": kept.version,
    }


_COLUMNS = (
    "time", "endpoint", "inputs", "output", "error", "cell", "line", "latency_ms", "status",
    "version",
)  # fmt: skip


def _read(raw: bytes | None) -> Any:
    if raw is None:
        return None
    try:
        text = raw.decode()
        value = json.loads(text)
        # Half of a surrogate pair can be escaped, but is no text that could be answered
        return _whole_text(value) if "\\u" in text else value
    except (ValueError, RecursionError):  # a body that was no JSON, or too deep
        return None


def _whole_text(value: Any) -> Any:
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


_SAMPLE = _record(Kept(Call("", 0.0, 0.5, 200, b"{}", b"0", "", "", 1), 1))
