"""The gate's JSON lines as test outcomes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..core.errors import DeployFailed, StartFailed
from ..core.secrets import mask
from ..core.verification import TestOutcome, Verification

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


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


def is_ready(lines: Sequence[str], secrets: Mapping[str, str], *, ended: bool) -> bool:
    """Read a starting service's log: True once it is ready, False while it isn't yet.

    Raises `StartFailed`, with secret values masked, when it says so or `ended` without a word.
    """
    found = [e for e in _events(lines) if e.get("event") in {"ready", "failed"}]
    if found and found[-1]["event"] == "ready":
        return True
    if not found and not ended:
        return False
    place = f"Cell {found[-1]['cell']}, line {found[-1]['line']}: " if found else ""
    said = found[-1]["message"] if found else "it ended without a word."
    raise StartFailed(
        mask(f"The new version did not start. {place}{said}", secrets.values()),
        hint="What was live before is still live.",
        log=[mask(line, secrets.values()) for line in lines[-20:]],
    )


def _events(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue
