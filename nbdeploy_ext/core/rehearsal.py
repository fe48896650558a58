"""A rehearsal: the steps of a notebook replayed as its service runs them, start-up before calls."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .dataflow import read_cells
from .nodes import Node, current
from .states import Replay

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .cell_flow import CellFlow
    from .facts import Facts
    from .notebook import Cell
    from .notebook_facts import Trusted
    from .steps import Step

_LINKS = ("same", "inside", "holds", "keeps", "shares")


@dataclass(frozen=True, slots=True)
class Run:
    """The facts of all steps, and what each needs when they run in notebook order."""

    facts: tuple[Facts, ...]
    needs: tuple[int, ...]

    @classmethod
    def of(cls, cells: Sequence[Cell], trusted: Trusted) -> Run:
        """Read the cells and walk them in their order."""
        flows = read_cells(cells, trusted).flows
        facts = tuple(
            # What a star import binds is nobody's parameter, and a cell before it doesn't change
            replace(flow.facts, wild=False) if _only_star_imports(flow) else flow.facts
            for flow in flows
        )
        return cls(facts, Replay().walk(facts).direct)


class Rehearsal(Replay):
    """What happens when all of start-up runs first, and then one call."""

    def __init__(self, run: Run, calls: int) -> None:
        numbers = range(len(run.facts))
        self.order = [n for n in numbers if not calls >> n & 1]
        self._first = len(self.order)
        self.order += [n for n in numbers if calls >> n & 1]
        self.binds: dict[int, set[str]] = {}
        """The names that each step binds or deletes."""
        self._bound: dict[str, Node] = {}
        self._nodes_before: list[Node] = []
        self._seeded_before: frozenset[str] = frozenset()
        super().__init__()
        self.needs = self.walk([run.facts[n] for n in self.order]).direct

    def _cell(self, number: int, step: Step, spare: Mapping[str, Node]) -> None:
        if number == self._first:
            # States of modules and files lie outside of the notebook, and are shared
            self._bound = {n: node for n, node in self.env.items() if node and n[0] != "@"}
            self._nodes_before = list(_reachable(self._bound.values()))
            self._seeded_before = frozenset(self.seeded)
        before = dict(self.env)
        super()._cell(number, step, spare)
        bound = {n for n, node in self.env.items() if before.get(n) is not node and n[0] != "@"}
        self.binds[self.order[number]] = bound | step.facts.deletes

    def numbers(self, mask: int) -> int:
        """Return steps of this run as numbers of the notebook's."""
        return sum(1 << old for new, old in enumerate(self.order) if mask >> new & 1)

    def bound(self) -> set[str]:
        """Return the names that a call binds for itself."""
        return {n for n, node in self.env.items() if node and self._bound.get(n) is not node}

    def changes(self) -> Iterator[tuple[int, int]]:
        """Yield who made an object of start-up, and which steps of a call change it."""
        calls = -1 << self._first
        for node in map(current, self._nodes_before):
            touched = node.shallow | node.deep
            if touched & calls:
                makers = (node.bound | touched) & ~calls
                yield self.numbers(makers), self.numbers(touched & calls)

    def drawn(self) -> tuple[str, ...]:
        """Return the packages that start-up seeds and whose random numbers a call draws."""
        calls = -1 << self._first
        found = []
        for token in sorted(self._seeded_before):
            node = self.env.get(token)
            node = node and current(node)
            if node and (node.bound | node.shallow | node.deep) & calls:
                found.append(token.partition(":")[2])
        return tuple(found)

    def changed_names(self) -> dict[str, int]:
        """Return the names of start-up whose objects a call changes, with the steps that do."""
        calls = -1 << self._first
        found = {}
        for name, node in self._bound.items():
            touched = (current(node).shallow | current(node).deep) & calls
            if touched:
                found[name] = self.numbers(touched)
        return found


def _reachable(nodes: Iterable[Node]) -> Iterator[Node]:
    seen: set[int] = set()
    waiting = list(nodes)
    while waiting:
        node = current(waiting.pop())
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            for links in _LINKS:
                waiting += getattr(node, links)


def _only_star_imports(flow: CellFlow) -> bool:
    stars = [n for n in (ast.walk(flow.tree) if flow.tree else ())
             if isinstance(n, ast.ImportFrom) and n.names[0].name == "*"]  # fmt: skip
    return bool(stars) and len(stars) == len(flow.opaque)
