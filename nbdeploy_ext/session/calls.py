"""`calls` for a notebook: those of its live deployment, or a sample when nothing is live."""

from __future__ import annotations

import os
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import validate_call
from pydantic_core import to_jsonable_python

from ..core.config import read_config
from ..core.dataflow import read_dataflow
from ..core.errors import NbdeployError
from ..core.interface import find_endpoints
from ..core.notebook import read_notebook
from ..targets.registry import ask_targets
from ..targets.service_client import ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..core.deployment import Deployment

LIMIT = 1000
COLUMNS = ("time", "endpoint", "inputs", "output", "error", "cell", "line", "latency_ms", "status",
           "version")  # fmt: skip
_SAMPLE = dict(zip(COLUMNS, ("", "", {}, 0, "", "", 1, 0.5, 200, 1), strict=True))


def find_notebook() -> Path | None:
    """Return the notebook that this kernel was started for, or None where nobody says."""
    said = os.environ.get("JPY_SESSION_NAME", "")
    path = Path.cwd() / Path(said).name
    return path.resolve() if said.endswith(".ipynb") and path.is_file() else None


def live_deployment(notebook: Path) -> Deployment | None:
    """Return the deployment of that notebook that runs, on any target that answers."""
    answering, _ = ask_targets()
    for found in (found for target in answering for found in target.deployments()):
        if found.state == "running" and found.notebook == str(notebook):
            return found
    return None


def live_calls(deployment: Deployment) -> list[dict[str, Any]]:
    """Ask the service for its last calls, oldest first; `Unreachable`, `SecretMissing`."""
    return ask(deployment, "/calls", limit=LIMIT).json()  # type: ignore[no-any-return]


def sample_calls(notebook: Path, namespace: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Call the notebook's own functions as its test cells do; those that can't be are left out."""
    try:
        read = read_notebook(notebook)
        chosen = read_config(notebook.parent).endpoints or read.choices.get("endpoints")
        endpoints = find_endpoints(read_dataflow(read), chosen)
    except NbdeployError:
        return []
    wanted = ((e.name, example) for e in endpoints for example in e.examples)
    return [call for name, example in wanted for call in _try(namespace.get(name), name, example)]


def as_table(records: list[dict[str, Any]]) -> Any:
    """Return a DataFrame where pandas is installed, else the records, as a service does."""
    try:
        import pandas as pd  # noqa: PLC0415  (not every kernel has it)
    except ImportError:
        return records
    # Columns of no rows have the types that they have in a service
    rows = pd.DataFrame(records or [_SAMPLE], columns=list(COLUMNS))
    return rows if records else rows[:0]


def _try(function: Any, name: str, example: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if not callable(function):
        return
    begun = time.perf_counter()
    try:
        answered = validate_call(function)(**example)
        output = to_jsonable_python(answered, serialize_unknown=True)
    except Exception:  # noqa: BLE001  a sample call may fail in any way: the cell must run on
        return
    yield {
        "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "endpoint": name,
        "inputs": example,
        "output": output,
        "error": None,
        "cell": None,
        "line": None,
        "latency_ms": round((time.perf_counter() - begun) * 1000, 3),
        "status": 200,
        "version": None,
    }
