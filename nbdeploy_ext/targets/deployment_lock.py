"""One change at a time for each deployment, whoever makes it: a server, a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
from filelock import FileLock, Timeout

from ..core.errors import DeployInProgress

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def hold_deployment(target: str, name: str) -> Iterator[None]:
    """Hold a deployment while it is changed; `DeployInProgress` where another process has it."""
    folder = Path(platformdirs.user_state_dir("nbdeploy")) / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f"{target}-{name}.lock", timeout=0):
            yield
    except Timeout as fault:
        raise DeployInProgress(
            f"{name} is being changed by another process.", hint="Wait for it, then try again."
        ) from fault
