"""What a name was given, while cells are replayed: nodes that lead to other nodes.

Sets of cells are integers, one bit a cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def onward(node: Node, *, shared: bool) -> list[tuple[Node, bool]]:
    """Return the nodes that whoever needs a value needs too, and of which the elements alone.

    `shared` where the elements alone are needed of the value itself.
    """
    whole = (*node.holds, *node.keeps)
    if not shared:
        whole = (*node.same, *node.inside, *whole)
    found = [(other, False) for other in whole]
    if node.shares:
        found += [(other, True) for other in node.shares]
    return found


def flagged(node: Node, flag: str) -> bool:
    """Whether the value, or one that it may be or hold, has that flag."""
    seen: set[int] = set()
    waiting = [current(node)]
    while waiting:
        found = waiting.pop()
        if getattr(found, flag):
            return True
        if id(found) not in seen and len(seen) < CROWD:
            seen.add(id(found))
            waiting += [current(n) for n in (*found.same, *found.inside, *found.holds)]
    return False


def swap(node: Node, name: str, value: Any) -> Any:
    """Set an attribute and return what it was."""
    found = getattr(node, name)
    setattr(node, name, value)
    return found
