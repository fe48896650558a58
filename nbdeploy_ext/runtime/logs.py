"""Logs: one JSON line an event on standard error, with every known secret masked."""

from __future__ import annotations

import functools
import io
import json
import logging
import sys
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .loader import SecretUnset, setting_value
from .request import CURRENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from .manifest import Manifest

_LONGEST = 2**16
"""A line that is longer is told in parts."""


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
    """Return the values of the manifest's secrets that this process was given, longest first.

    Beside each stand its spellings in Python's and JSON's quotes and in a URL: an error's text
    often has what was wrong in quotes, where a key of several lines looks otherwise.
    """
    found: set[str] = set()
    for name in manifest.secret_names():
        try:
            found |= _spellings(str(setting_value({"secret": name})))
        except SecretUnset:  # noqa: PERF203  a handful of names, once
            continue
    return tuple(sorted(found - {""}, key=len, reverse=True))


def _spellings(value: str) -> set[str]:
    quoted = repr('"' + value)[2:-1]  # so the quotes around it are single ones
    return {
        value, quoted, quoted.replace("\\'", "'"), quote(value), quote(value, safe=""),
        *(json.dumps(value, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False)),
    }  # fmt: skip


class Printed(io.TextIOBase):
    """Stands for a standard stream: what is printed goes, by whole lines, to whoever keeps it.

    What follows a carriage return replaces what came before it, as on a terminal. A part of a line
    waits for its end, each thread's by itself. `secrets` are masked before lines are told apart: a
    key may have several.
    """

    encoding = "utf-8"

    def __init__(self, stream: Any, keep: Callable[[str], None], secrets: tuple[str, ...]) -> None:
        """Stand for `stream`, which has what else is asked of it."""
        self._stream = stream
        self._secrets = secrets
        self._keep = keep
        self._of_thread = threading.local()

    def __getattr__(self, name: str) -> Any:
        """Return what the stream has, such as `buffer`."""
        return getattr(self._stream, name)

    def fileno(self) -> int:
        """Return the stream's own: other programs may write to it."""
        return int(self._stream.fileno())

    def writable(self) -> bool:
        """Return true."""
        return True

    def write(self, text: str) -> int:
        """Keep the lines that end; returns how many characters were given."""
        mine = self._of_thread
        if getattr(mine, "is_kept", False):  # the log itself says that it can't be written
            return int(self._stream.write(text))
        begun = getattr(mine, "rest", "")
        *lines, mine.rest = (begun + mask(text, self._secrets)).split("\n")
        mine.rest = mine.rest[mine.rest.rfind("\r", 0, -1) + 1 :]
        if len(mine.rest) > _LONGEST:
            lines, mine.rest = [*lines, mine.rest], ""
        if lines:
            mine.is_kept = True
            try:
                self._keep("\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines))
            finally:
                mine.is_kept = False
        return len(text)


def keep_prints(secrets: tuple[str, ...], keep: Callable[[str, str], None]) -> None:
    """Hand on what is printed, masked, with the stream's name; a terminal's bars as they end."""
    for name in ("stdout", "stderr"):
        own = getattr(sys, f"__{name}__")
        setattr(sys, name, Printed(own, functools.partial(keep, name), secrets))


def log_as_json(secrets: tuple[str, ...]) -> None:
    """Send all logging, warnings and prints to standard error as masked JSON lines."""
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(JsonLines(secrets))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    keep_prints(secrets, lambda name, text: logging.getLogger(name).info("%s", text))
    # Of callers' own libraries only what matters: httpx, say, logs every request at INFO
    for noisy in ("httpx", "httpcore", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
