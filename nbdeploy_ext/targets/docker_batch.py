"""A batch in a deployment's image: a locked-down container that sees the table's folders."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.batch import is_url
from .batch_events import follow_batch
from .docker_service import ROLE, locked_down

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.batch import BatchRequest, BatchResult, BatchWatch
    from .docker_engine import Engine

_WAIT = 0.1
_STOP_WITHIN = 8


def run_docker_batch(
    engine: Engine,
    image: Any,
    request: BatchRequest,
    secrets: Mapping[str, str],
    watch: BatchWatch,
) -> BatchResult:
    """Run in a container of an image, as the user who asks, so that the results are theirs.

    Raises what `follow_batch` raises.
    """
    run = json.loads(image.labels["org.nbdeploy.run"])
    mounts, places = _mounts(request)
    limits = {**locked_down(run), "user": f"{os.getuid()}:{os.getgid()}"}
    threads = {"OMP_NUM_THREADS": str(max(1, int(run["cpus"])))} if run.get("cpus") else {}
    container = engine.create(
        image.id, request.arguments(places), mounts=mounts, labels={ROLE: "batch"},
        environment={**threads, **secrets}, **limits,
    )  # fmt: skip
    try:
        output = container.output()
        container.start()
        try:
            here = {inside: path for path, inside in places.items()}
            return follow_batch(output.lines(_WAIT), request, secrets, watch, here)
        except BaseException:
            # Told to stop, it notes how far it is
            container.stop(_STOP_WITHIN)
            raise
        finally:
            output.close()
    finally:
        container.remove()


def _mounts(request: BatchRequest) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return what to mount, and each path as the container has it.

    The input is mounted alone, as it may be a link to another folder; beside the others files are
    made.
    """
    files = {"input": request.source, "output": request.destination, "errors": request.errors}
    mounts, places = [], {}
    for name, file in files.items():
        if file is None or is_url(file):
            continue
        path = Path(file)
        places[file] = f"/data/{name}/{path.name}"
        here, there = path.parent, f"/data/{name}"
        if name == "input":
            here, there = path.resolve(), places[file]
        mounts.append(
            {"Type": "bind", "Source": str(here), "Target": there, "ReadOnly": name == "input"}
        )
    return mounts, places
