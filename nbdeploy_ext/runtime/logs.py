"""Logs: one JSON line an event on standard error, with every known secret masked."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from .loader import SecretUnset, setting_value
from .request import CURRENT

if TYPE_CHECKING:
    from .manifest import Manifest


class JsonLines(logging.Formatter):
    """Formats records as JSON: time, level, logger, message, and what `extra` names of ours."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        """Mask `secrets` wherever they stand."""
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Return one line; a traceback is its `traceback`."""
        when = datetime.fromtimestamp(record.created, timezone.utc)
        line = {
            "time": when.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": mask(record.getMessage(), self._secrets),
        }
        for name in ("error_id", "endpoint", "cell", "line", "worker", "exit_status"):
            if hasattr(record, name):
                line[name] = getattr(record, name)
        call = CURRENT.get()
        if call is not None:
            line["request_id"] = call.request_id
            if call.trace:
                line["traceparent"] = call.trace
        if record.exc_info:
            line["traceback"] = mask(self.formatException(record.exc_info), self._secrets)
        return json.dumps(line, ensure_ascii=False, default=str)


def mask(text: str, secrets: tuple[str, ...]) -> str:
    """Return `text` with `***` for every secret's value."""
    for value in secrets:
        text = text.replace(value, "***")
    return text


def known_secrets(manifest: Manifest) -> tuple[str, ...]:
    """Return the values of the manifest's secrets that this process was given, longest first."""
    found = set()
    for name in manifest.secret_names():
        try:
            found.add(str(setting_value({"secret": name})))
        except SecretUnset:  # noqa: PERF203  a handful of names, once
            continue
    return tuple(sorted(found - {""}, key=len, reverse=True))


def log_as_json(secrets: tuple[str, ...]) -> None:
    """Send all logging of the process to standard error as masked JSON lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(secrets))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Of callers' own libraries only what matters: httpx, say, logs every request at INFO
    for noisy in ("httpx", "httpcore", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
