"""Where calls are kept: in memory, in an SQLite file, or in a PostgreSQL database."""

from __future__ import annotations

import logging
import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from .calls import BYTES, StoreFailed
from .loader import setting_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .calls import Kept, Store
    from .manifest import Manifest

_log = logging.getLogger("nbdeploy.calls")
_FILE = "calls.sqlite"
_LARGEST = 2**30
_LARGEST_IN_MEMORY = 24 * 2**20


def open_store(manifest: Manifest, *, is_shared: bool) -> Store:
    """Return the store that the engineer's file names; what can't be had is kept in memory.

    `is_shared` says that several processes use it. The environment's NBDEPLOY_STATE is the
    folder that outlives them. Raises `ValueError` for a store of another kind, `SecretUnset`.
    """
    named, keep = str(setting_value(manifest.calls.store)), manifest.calls.keep
    if keep == 0:
        return MemoryStore(0)
    if named.startswith(("postgresql://", "postgres://")):
        from .postgres_store import PostgresStore  # noqa: PLC0415  (few images have its driver)

        return PostgresStore(named, manifest.name, keep)
    if named not in {"memory", "sqlite"}:
        raise ValueError("calls.store is neither memory nor sqlite nor a PostgreSQL URL")
    state = os.environ.get("NBDEPLOY_STATE") if named == "sqlite" else None
    if not state and not is_shared:  # a file would go with the process, too
        return MemoryStore(keep)
    try:
        return _file_store(state, keep)
    except (StoreFailed, OSError, ImportError) as fault:
        each = ", each process its own" if is_shared else ""
        _log.warning("Calls are kept in memory%s: %s", each, fault)
        return MemoryStore(keep)


def _file_store(state: str | None, keep: int) -> Store:
    from .sqlite_store import SqliteStore  # noqa: PLC0415  (a Python may lack SQLite)

    if state:
        Path(state).mkdir(mode=0o700, parents=True, exist_ok=True)
        return SqliteStore(Path(state) / _FILE, keep, _LARGEST)
    import tempfile  # noqa: PLC0415  (only processes that share need one)

    folder = tempfile.TemporaryDirectory(prefix="nbdeploy-")
    # Temporary folders of containers are memory, and small
    return SqliteStore(Path(folder.name) / _FILE, keep, _LARGEST_IN_MEMORY, folder)


class MemoryStore:
    """Keeps calls in the memory of this process."""

    is_instant = True

    def __init__(self, keep: int) -> None:
        """Keep at most `keep` calls."""
        self.keep = keep
        self._calls: deque[Kept] = deque(maxlen=keep)
        self._bytes = 0

    def write(self, calls: Sequence[Kept]) -> None:
        """Keep calls, and forget the oldest ones."""
        for kept in calls:
            if len(self._calls) == self._calls.maxlen and self._calls:
                self._bytes -= self._calls.popleft().call.size
            if self._calls.maxlen:
                self._calls.append(kept)
                self._bytes += kept.call.size
            while self._bytes > BYTES:
                self._bytes -= self._calls.popleft().call.size

    def read(self, limit: int | None) -> list[Kept]:
        """Return the last calls."""
        calls = list(self._calls)
        return calls if limit is None else calls[max(0, len(calls) - limit) :]

    def close(self) -> None:
        """Do nothing."""

    def discard(self) -> None:
        """Do nothing: it goes with its process."""
