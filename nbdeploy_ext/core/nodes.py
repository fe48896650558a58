"""What a name was given, while cells are replayed: nodes that lead to other nodes.

Sets of cells are integers, one bit a cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .facts import Summary

CROWD = 64
"""So many nodes that hold each other are thought of as one, which keeps every look short."""


class Node:
    """A value that a name was given; `same`, `inside`, `holds` and `keeps` lead to others.

    `shallow` cells changed the object itself, `deep` ones something in it.
    """

    __slots__ = (
        "born", "bound", "deep", "figure", "functions", "holds", "inside", "keeps", "late",
        "merged", "once", "same", "shallow", "shares",
    )  # fmt: skip

    def __init__(self, born: int, bound: int) -> None:
        self.clear(born, bound)

    def clear(self, born: int, bound: int) -> None:
        """Make it what a new node is."""
        self.born = born
        self.bound = bound
        self.shallow = 0
        self.deep = 0
        self.same: tuple[Node, ...] = ()
        self.inside: tuple[Node, ...] = ()
        self.holds: tuple[Node, ...] = ()
        self.keeps: tuple[Node, ...] = ()
        self.shares: tuple[Node, ...] = ()
        self.late: frozenset[str] = frozenset()
        self.functions: tuple[Summary, ...] = ()
        self.once = False
        self.figure = False
        self.merged: Node | None = None


def current(node: Node) -> Node:
    """Return the node that a merged one has become."""
    while node.merged is not None:
        node = node.merged
    return node


def flagged(node: Node, flag: str, looked_at: set[Node]) -> bool:
    """Whether the value, or one that it may be or hold, has that flag.

    What is looked at for it is put with the others.
    """
    seen: set[Node] = set()
    waiting = [current(node)]
    while waiting:
        found = waiting.pop()
        looked_at.add(found)
        if getattr(found, flag):
            return True
        if found not in seen and len(seen) < CROWD:
            seen.add(found)
            waiting += [current(n) for n in (*found.same, *found.inside, *found.holds)]
    return False
