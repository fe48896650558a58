"""What a batch says, JSON lines on stdout, as news and as its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.batch import BatchResult
from ..core.errors import BatchFailed, UsageError
from ..core.secrets import mask
from .gate_events import read_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..core.batch import BatchRequest, BatchWatch
    from .docker_container import Line

_KEPT_LINES = 20


def follow_batch(
    lines: Iterable[Line | None],
    request: BatchRequest,
    secrets: Mapping[str, str],
    watch: BatchWatch,
    places: Mapping[str, str] | None = None,
) -> BatchResult:
    """Pass the news on until the run ends; `places` maps what it calls files to their paths here.

    Raises `UsageError` where it was asked for something wrong, `BatchFailed` where it broke off.
    """
    log: list[str] = []
    last: dict[str, Any] = {}
    for line in lines:
        if line is None:
            continue
        text = mask(line[1], secrets.values())
        event = read_event(text) if line[0] == "stdout" else None
        if event is None:
            log = [*log[-_KEPT_LINES + 1 :], text]
            watch.log(text)
        elif event["event"] == "progress":
            watch.progress(event)
        else:
            last = event
    if last.get("event") == "done":
        errors = request.failures() if last["failed"] else None
        return BatchResult(
            last["rows"], last["failed"], request.destination, errors, last["seconds"]
        )
    raise _broken_off(last, log, places or {})


def _broken_off(
    last: Mapping[str, Any], log: list[str], places: Mapping[str, str]
) -> BatchFailed | UsageError:
    if not last:
        return BatchFailed(
            "The run was ended before it was through.",
            hint="It may have run out of memory. The same command goes on where it stopped.",
            log=log,
        )
    where = f"Cell {last['cell']}, line {last['line']}: " if last.get("cell") else ""
    said = where + str(last.get("message", ""))
    for inside, here in places.items():
        said = said.replace(inside, here)
    return UsageError(said) if last.get("status") == 2 else BatchFailed(said, log=log)
