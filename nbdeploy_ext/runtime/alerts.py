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


class Alerts:
    """Sends texts to Apprise URLs on a thread of its own."""

    def __init__(self, channels: Sequence[str], cooldown: float) -> None:
        """Send to `channels`, at most once in `cooldown` seconds for the same monitor."""
        self._channels = channels
        self._cooldown = cooldown
        self._told: dict[str, float] = {}
        self._failing: set[str] = set()
        self._waiting: queue.Queue[tuple[str, str]] = queue.Queue()
        if channels:
            threading.Thread(target=self._deliver, name="nbdeploy-alerts", daemon=True).start()

    def tell(self, monitor: str, title: str, body: str) -> bool:
        """Queue an alert for a failing monitor; returns whether it was queued.

        It is told once until it recovers, and again only when its cooldown is over.
        """
        now = time.monotonic()
        last = self._told.get(monitor)
        is_cooling = last is not None and now - last < self._cooldown
        if not self._channels or monitor in self._failing or is_cooling:
            return False
        self._failing.add(monitor)
        self._told[monitor] = now
        self._waiting.put((title, body))
        return True

    def recovered(self, monitor: str) -> None:
        """End the monitor's failure: the next one is news again."""
        self._failing.discard(monitor)

    def _deliver(self) -> None:
        message = self._waiting.get()
        # Apprise costs half a second; a service that never fails never pays
        import apprise  # noqa: PLC0415

        # It logs addresses in full; what failed is said below, masked
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        channels = [_open(apprise, number, url) for number, url in enumerate(self._channels)]
        while True:
            for channel in channels:
                if channel is not None:
                    _send(channel, *message)
            message = self._waiting.get()


def _open(apprise: Any, number: int, url: str) -> Any:
    channel = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if channel is None:
        _log.error("Alert channel %d is no Apprise URL", number)
    return channel


def _send(channel: Any, title: str, body: str) -> None:
    for attempt in range(_TRIES):
        try:
            if channel.notify(body=body, title=title, notify_type="failure"):
                return
        except Exception:  # noqa: BLE001  a plugin may raise anything; the next alert must go out
            _log.debug("A channel raised", exc_info=True)
        if attempt + 1 < _TRIES:
            time.sleep(2**attempt)
    _log.error("Alert channel %s did not take an alert", channel.url(privacy=True))
