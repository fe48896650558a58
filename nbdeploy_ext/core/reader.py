"""What one cell needs: the names that it reads lead to nodes, those to the cells that made them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .file_states import files_read
from .nodes import CROWD, Node, reach
from .settings import FELT
from .steps import SEEDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .facts import Summary
    from .steps import Step

_SEVERAL = ("@rng:", "@file:")
"""Begin tokens that may stand for several states."""


class State:
    """All names at one time: what they are bound to, who deleted them, which cells are wild."""

    def __init__(self) -> None:
        self.env: dict[str, Node | None] = {}
        self.gone: dict[str, int | None] = {}
        self.seeded: dict[str, int | None] = {}
        self.wild = 0
        self.epoch = 0
        """Counts changes of links between nodes that were there before."""


def tokens(name: str, seeded: Mapping[str, int | None]) -> Iterable[str]:
    """Return the states that a token stands for: `@rng:?` is every seeded one."""
    if name == "@rng:?":
        return [one for one, is_seeded in seeded.items() if is_seeded]
    if name.startswith("@rng:"):
        return (name,) if seeded.get(name) else ()
    return files_read(name) if name.startswith("@file:") else (name,)


class Reader:
    """What one cell needs while it reads names, at that time."""

    __slots__ = ("_merge", "_names", "_state", "_step", "acts", "called", "needs")

    def __init__(self, state: State, step: Step, merge: Callable[[Sequence[Node]], None]) -> None:
        """Read in a state, note in the step what is looked at; `merge` makes one node of many."""
        self._state = state
        self._step = step
        self._merge = merge
        self._names: set[str] = set()
        self.needs = 0
        self.called: dict[int, Summary] = {}
        self.acts: dict[Node, frozenset[str]] = {}

    def name(self, name: str) -> None:
        """Need a name, its object, all that is in it, and what its functions read in turn."""
        if name in self._names:
            return
        waiting = [name]
        while waiting:
            name = waiting.pop()
            if name in self._names:
                continue
            self._names.add(name)
            if name.startswith(_SEVERAL):
                if name.startswith("@rng:"):
                    self._step.names.add(SEEDED)
                for token in tokens(name, self._state.seeded):
                    self._one(token, waiting)
            else:
                self._one(name, waiting)

    def _one(self, name: str, names: list[str]) -> None:
        state = self._state
        self._step.names.add(name)
        node = state.env.get(name)
        if node is None:
            since = state.gone.get(name) or 0
            self.needs |= since
        else:
            since = node.bound
            self.needs |= since
            self._object(node, names)
        if state.wild and name != FELT:
            length = since.bit_length()
            self.needs |= state.wild >> length << length

    def _object(self, node: Node, names: list[str]) -> None:
        """Look at an object and all that it may be, hold or be a part of."""
        _, whole, shared = reach(node, self._state.epoch)
        needs = self.needs
        for found in whole:
            needs |= found.shallow
        for found in whole + shared:
            needs |= found.deep
            if found.late:
                names += found.late
            if found.acts:
                self.acts[found] = found.acts
            for summary in found.functions:
                self.called[id(summary)] = summary
        self.needs = needs
        looked_at = self._step.nodes
        looked_at.update(whole)
        looked_at.update(shared)
        if len(whole) + len(shared) > CROWD:
            self._merge(whole + shared)
