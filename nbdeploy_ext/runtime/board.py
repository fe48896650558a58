"""The board: what all processes of one service read and write, made before they part."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .metrics import make_numbers
from .shared import Document, Numbers
from .stores import MemoryStore, open_store

if TYPE_CHECKING:
    from .calls import Store
    from .manifest import Manifest


class Board(NamedTuple):
    """What is counted, where calls are kept, and what the monitors' process tells."""

    numbers: Numbers
    store: Store
    monitors: Document


def make_board(manifest: Manifest, processes: int = 1) -> Board:
    """Return the board of a service of so many processes; raises what `open_store` raises."""
    store = open_store(manifest, is_shared=processes > 1)
    return Board(make_numbers(manifest, processes), store, Document())


def make_trial_board(manifest: Manifest) -> Board:
    """Return the board of a service that only runs for its tests: nothing is kept."""
    return Board(make_numbers(manifest), MemoryStore(manifest.calls.keep), Document())
