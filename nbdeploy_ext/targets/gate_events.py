"""What the runtime says, JSON lines on stdout, as test outcomes and as readiness."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from ..core.errors import DeployFailed, StartFailed
from ..core.secrets import mask
from ..core.verification import TestOutcome, Verification

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..core.progress import Progress
    from .docker_container import Line

READY_WITHIN = 120.0
"""Seconds that a new version has for its production cells."""
_KEPT_LINES = 20


def follow_gate(
    lines: Iterable[Line | None], secrets: Mapping[str, str], progress: Progress, limit: float
) -> Verification:
    """Pass the log on and collect the outcomes; production cells that fail count as a test.

    Raises `DeployFailed` when the gate ended without a word or ran over `limit` seconds.
    """
    until = time.monotonic() + limit
    tests: list[TestOutcome] = []
    log: list[str] = []
    for line in lines:
        progress.check_cancelled()
        if time.monotonic() > until:
            raise DeployFailed(
                f"The test cells took over {limit:g} s.",
                hint="Make them quicker, or raise [tests] timeout in nbdeploy.toml.",
                log=log[-_KEPT_LINES:],
            )
        if line is None:
            continue
        text = mask(line[1], secrets.values())
        event = read_event(text) if line[0] == "stdout" else None
        if event is None:
            log.append(text)
            progress.log(text)
        elif event["event"] == "done":
            return Verification(tuple(tests))
        else:
            tests += _outcome(event)
            if event["event"] == "failed":
                return Verification(tuple(tests))
            progress.log(f"{tests[-1].name}: {tests[-1].outcome}")
    raise DeployFailed(
        "The test cells were ended before they could answer.",
        hint="They may have run out of memory; see [service] memory in nbdeploy.toml.",
        log=log[-_KEPT_LINES:],
    )


def follow_start(
    lines: Iterable[Line | None], secrets: Mapping[str, str], progress: Progress
) -> None:
    """Return once the service says that it is ready, passing its log on until then.

    Raises `StartFailed`, with secret values masked, when it says that it can't start, ends
    without a word, or takes over `READY_WITHIN`.
    """
    until = time.monotonic() + READY_WITHIN
    log: list[str] = []
    for line in lines:
        progress.check_cancelled()
        if time.monotonic() > until:
            raise _not_started(f"It was not ready within {READY_WITHIN:g} s.", log)
        if line is None:
            continue
        text = mask(line[1], secrets.values())
        event = read_event(text)
        if event is None or event["event"] not in {"ready", "failed"}:
            log.append(text)
            progress.log(text)
        elif event["event"] == "ready":
            return
        else:
            raise _not_started(said_failed(event), log)
    raise _not_started("It ended without a word.", log)


def read_event(line: str) -> dict[str, Any] | None:
    """Return the runtime's event in a line, or None where the line is no event."""
    if not line.startswith('{"event": '):
        return None
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def said_failed(event: Mapping[str, Any]) -> str:
    """Return what a `failed` event says, with its place in the notebook."""
    place = f"Cell {event['cell']}, line {event['line']}: " if event["cell"] else ""
    return f"{place}{event['message']}"


def _not_started(said: str, log: list[str]) -> StartFailed:
    return StartFailed(
        f"The new version did not start. {said}",
        hint="What was live before is still live.",
        log=log[-_KEPT_LINES:],
    )


def _outcome(event: Mapping[str, Any]) -> list[TestOutcome]:
    if event["event"] == "test":
        return [TestOutcome(event["name"], event["cell"], event["outcome"], event["message"],
                            event["line"])]  # fmt: skip
    if event["event"] == "failed":
        cell = event["cell"] or ""
        return [TestOutcome("production cells", cell, "failed", event["message"], event["line"])]
    return []
