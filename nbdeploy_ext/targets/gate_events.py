"""The gate's JSON lines as test outcomes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..core.errors import DeployFailed
from ..core.verification import TestOutcome, Verification

if TYPE_CHECKING:
    from collections.abc import Iterable


def read_verification(stdout: str, stderr: str) -> Verification:
    """Return all outcomes; a notebook whose production cells fail counts as a failed test.

    Raises `DeployFailed` when the gate itself ended without a word.
    """
    events = list(_events(stdout.splitlines()))
    tests = [
        TestOutcome(e["name"], e["cell"], e["outcome"], e["message"], e["line"])
        for e in events
        if e.get("event") == "test"
    ]
    for event in events:
        if event.get("event") == "failed":
            name = "production cells"
            tests.append(
                TestOutcome(name, event["cell"] or "", "failed", event["message"], event["line"])
            )
    if not any(e.get("event") in {"done", "failed"} for e in events):
        raise DeployFailed(
            "The test cells were ended before they could answer.",
            hint="They may have run out of memory or time; see [service] memory and [tests].",
            log=stderr.splitlines()[-20:],
        )
    return Verification(tuple(tests))


def last_event(lines: Iterable[str], *kinds: str) -> dict[str, Any] | None:
    """Return the last event of one of `kinds`, or None."""
    found = None
    for event in _events(lines):
        if event.get("event") in kinds:
            found = event
    return found


def _events(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue
