"""What a name was given, while cells are replayed: nodes that lead to other nodes.

Sets of cells are integers, one bit a cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .facts import Summary

CROWD = 64
"""So many nodes that hold each other are thought of as one, which keeps every look short."""


class Node:
    """A value that a name was given; `same`, `inside`, `holds` and `keeps` lead to others.

    `shallow` cells changed the object itself, `deep` ones something in it. `late` are global names
    that it reads when it is called, `acts` those whose objects it changes then.
    """

    __slots__ = (
        "acts", "born", "bound", "deep", "figure", "functions", "grows", "holds", "inside", "keeps",
        "late", "merged", "once", "reach", "reach_shared", "same", "shallow", "shares",
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
        self.acts: frozenset[str] = frozenset()
        self.functions: tuple[Summary, ...] = ()
        self.once = False
        self.figure = False
        self.grows = False
        self.merged: Node | None = None
        self.reach: Reach | None = None
        self.reach_shared: Reach | None = None


def current(node: Node) -> Node:
    """Return the node that a merged one has become."""
    while node.merged is not None:
        node = node.merged
    return node


class Reach(NamedTuple):
    """The nodes that whoever needs a value needs too: as a whole, or of which the elements alone.

    It holds as long as `epoch`, which counts changes of links between nodes, is the same.
    """

    epoch: int
    whole: tuple[Node, ...]
    shared: tuple[Node, ...]


def reach(node: Node, epoch: int) -> Reach:
    """Return what a node reaches, remembered along the way: names are often given on in chains."""
    path: list[tuple[Node, bool]] = []
    start, is_shared = node, False
    while True:
        node = current(node)
        known = node.reach_shared if is_shared else node.reach
        if known is not None and known.epoch == epoch:
            break
        whole = node.holds + node.keeps
        if not is_shared:
            whole += node.same + node.inside
        if len(whole) + len(node.shares) != 1:
            known = _explored(node, epoch, is_shared=is_shared)
            _remember(node, known, is_shared=is_shared)
            break
        if len(path) > CROWD:  # a circle, or a chain that will be one node
            return _explored(start, epoch, is_shared=False)
        path.append((node, is_shared))
        node, is_shared = (whole[0], False) if whole else (node.shares[0], True)
    for node, is_shared in reversed(path):
        if is_shared:
            known = Reach(epoch, known.whole, (node, *known.shared))
        else:
            known = Reach(epoch, (node, *known.whole), known.shared)
        _remember(node, known, is_shared=is_shared)
    return known


def _remember(node: Node, found: Reach, *, is_shared: bool) -> None:
    if is_shared:
        node.reach_shared = found
    else:
        node.reach = found


def _explored(node: Node, epoch: int, *, is_shared: bool) -> Reach:
    whole: dict[Node, None] = {}
    shared: dict[Node, None] = {}
    waiting: list[Node] = [] if is_shared else [node]
    sharing: list[Node] = [node] if is_shared else []
    while waiting or sharing:
        is_whole = bool(waiting)
        found = waiting.pop() if is_whole else sharing.pop()
        if found.merged is not None:
            found = current(found)
        seen = whole if is_whole else shared
        if found in seen:
            continue
        seen[found] = None
        if is_whole:
            waiting += found.same + found.inside
        waiting += found.holds + found.keeps
        sharing += found.shares
    return Reach(epoch, tuple(whole), tuple(shared))


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
            if flag == "figure":  # so is what holds the same elements
                waiting += [current(n) for n in found.shares]
    return False
