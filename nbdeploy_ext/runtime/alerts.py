"""Alerts: a monitor that began to fail is told to the channels, once."""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger("nbdeploy.alerts")
_TRIES = 3
_LOOK_AGAIN = 0.01


class Alerts:
    """Sends texts to Apprise URLs, each on a thread of its own: a slow one delays no other."""

    def __init__(self, channels: Sequence[str], cooldown: float) -> None:
        """Send to `channels`, at most once in `cooldown` seconds for the same monitor."""
        self._channels = [_Channel(number, url) for number, url in enumerate(channels, 1)]
        self._cooldown = cooldown
        self._told: dict[str, float] = {}
        self._failing: set[str] = set()
        self._settled: dict[str, Any] = {}

    def settled(self) -> dict[str, Any]:
        """Return what went out, for a process that goes on where this one may end."""
        if not self._is_busy:
            self._settled = {"told": dict(self._told), "failing": sorted(self._failing)}
        return self._settled

    def go_on(self, settled: dict[str, Any]) -> None:
        """Take over from a process that ended: what it told is no news."""
        self._settled = settled
        # The clock is the machine's, the same for all processes
        self._told = dict(settled.get("told", {}))
        self._failing = set(settled.get("failing", ()))

    def tell(self, monitor: str, title: str, body: str) -> bool:
        """Queue an alert for a failing monitor; returns whether it was queued.

        It is told once until it recovers, and again only when its cooldown is over. A channel that
        did not take it gets it again for as long as the monitor fails.
        """
        if monitor in self._failing:
            missed = [channel for channel in self._channels if monitor in channel.missed]
            for channel in missed:
                channel.send(monitor, title, body)
            return bool(missed)
        now = time.monotonic()
        last = self._told.get(monitor)
        is_cooling = last is not None and now - last < self._cooldown
        if not self._channels or is_cooling:
            return False
        self._failing.add(monitor)
        self._told[monitor] = now
        for channel in self._channels:
            channel.send(monitor, title, body)
        return True

    def recovered(self, monitor: str) -> None:
        """End the monitor's failure: the next one is news again."""
        self._failing.discard(monitor)

    def flush(self, seconds: float) -> None:
        """Wait until all that is queued went out, `seconds` at most."""
        until = time.monotonic() + seconds
        while self._is_busy and time.monotonic() < until:
            time.sleep(_LOOK_AGAIN)

    @property
    def _is_busy(self) -> bool:
        return any(channel.is_busy for channel in self._channels)


class _Channel:
    """One Apprise URL; logs call it by its number and scheme, because all else may be secret."""

    def __init__(self, number: int, url: str) -> None:
        self._url = url
        self._name = f"{number} ({url.partition('://')[0]})" if "://" in url else str(number)
        self._waiting: queue.Queue[tuple[str, str, str]] = queue.Queue()
        self.missed: set[str] = set()
        """Monitors of which it took no alert, and was not asked again."""
        self._is_begun = False

    @property
    def is_busy(self) -> bool:
        """Whether a text is on its way."""
        return self._waiting.unfinished_tasks > 0

    def send(self, monitor: str, title: str, body: str) -> None:
        """Queue one text about a monitor."""
        self.missed.discard(monitor)
        self._waiting.put((monitor, title, body))
        if not self._is_begun:
            self._is_begun = True
            threading.Thread(target=self._deliver, name="nbdeploy-alerts", daemon=True).start()

    def _deliver(self) -> None:
        # Apprise costs half a second; a service that never fails never pays
        import apprise  # noqa: PLC0415

        # It logs addresses in full; what failed is said below, without them
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        channel = apprise.Apprise.instantiate(self._url, suppress_exceptions=True)
        if channel is None:
            _log.error("Alert channel %s is no Apprise URL", self._name)
        while True:
            monitor, title, body = self._waiting.get()
            tries = range(_TRIES) if channel is not None else ()
            if not any(_sent(channel, title, body, attempt) for attempt in tries):
                _log.error("Alert channel %s did not take an alert", self._name)
                if channel is not None:
                    self.missed.add(monitor)
            self._waiting.task_done()


def _sent(channel: Any, title: str, body: str, attempt: int) -> bool:
    if attempt:
        time.sleep(2 ** (attempt - 1))
    try:
        return bool(channel.notify(body=body, title=title, notify_type="failure"))
    except Exception as error:  # noqa: BLE001  a plugin may raise anything; the next must go out
        # Its words and its traceback may hold the address
        _log.debug("A channel raised %s", type(error).__name__)
        return False
