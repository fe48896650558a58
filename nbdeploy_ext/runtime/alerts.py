"""Alerts: a monitor that began to fail is told to the channels, once."""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import TYPE_CHECKING

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
        self._waiting: queue.Queue[tuple[str, str]] = queue.Queue()
        if channels:
            threading.Thread(target=self._deliver, name="nbdeploy-alerts", daemon=True).start()

    def tell(self, monitor: str, title: str, body: str) -> bool:
        """Queue an alert unless the monitor's cooldown runs; returns whether it was queued."""
        now = time.monotonic()
        last = self._told.get(monitor)
        if not self._channels or (last is not None and now - last < self._cooldown):
            return False
        self._told[monitor] = now
        self._waiting.put((title, body))
        return True

    def _deliver(self) -> None:
        # Only services with channels pay for Apprise's import
        import apprise  # noqa: PLC0415

        while True:
            title, body = self._waiting.get()
            for number, channel in enumerate(self._channels):
                sender = apprise.Apprise()
                sender.add(channel)
                for attempt in range(_TRIES):
                    if sender.notify(title=title, body=body):
                        break
                    time.sleep(2**attempt)
                else:
                    _log.error("Alert channel %d did not take an alert", number)
