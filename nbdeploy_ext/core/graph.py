"""The nodes of all names at one place in the walk: how they are made, linked, marked and merged.

All that is looked at or changed is noted in the step of the cell that is walked.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .file_states import files_written
from .nodes import Node, current, flagged
from .origins import FLAGS, base
from .reader import Reader, State, tokens
from .steps import SEEDED, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .facts import Changes
    from .origins import Origins

_FLAGS: dict[str, tuple[str, Any]] = {
    "!": ("once", True), "^": ("figure", True), "&": ("grows", True),
}  # fmt: skip
_LINKS = {"*": "inside", "+": "holds", "-": "keeps", "%": "shares"}
NO_NODES: Mapping[str, Node] = MappingProxyType({})


class Graph(State):
    """Names and nodes that the cells' walk goes on changing."""

    def __init__(self) -> None:
        super().__init__()
        self._now = Step(None, plugin=False)
        self._spare = NO_NODES

    def begin(self, step: Step, spare: Mapping[str, Node] = NO_NODES) -> None:
        """Note from now on what is done in this step; `spare` nodes are made anew before others.

        They are those that the cell had in the last walk: whoever had found them finds them again.
        """
        self._now, self._spare = step, spare

    def reader(self) -> Reader:
        """Return one that reads names as they are now."""
        return Reader(self, self._now, self.merge)

    def find(self, name: str) -> Node | None:
        """Return what a name is bound to."""
        self._now.names.add(name)
        return self.env.get(name)

    def put(self, where: dict[str, Any], name: str, value: Any) -> None:
        """Set an entry of a table; None stands for none."""
        self._now.put(where, {name: value})

    def make(self, key: str, bit: int, bound: int) -> Node:
        """Make a node of this cell, known by that key."""
        made = self._now.made
        while key in made:
            key += "'"
        node = self._spare.get(key)
        if node is None:
            node = Node(bit, bound)
        else:
            node.clear(bit, bound)
        made[key] = node
        return node

    def state(self, name: str, bit: int) -> Iterator[Node]:
        """Yield the nodes of a state of a module, a file or the process that is changed."""
        if name.startswith("@seed:"):
            name = "@rng:" + name[6:]
            if not self.seeded.get(name):
                self.put(self.seeded, name, 1)
        if name.startswith("@rng:"):
            self._now.names.add(SEEDED)
        changed = files_written(name) if name.startswith("@file:") else tokens(name, self.seeded)
        for token in list(changed):
            node = self.find(token)
            if node is None:
                node = self.make(token, bit, 0)
                self.put(self.env, token, node)
            yield node

    def nodes(self, plain: str, bit: int, made: Mapping[str, Node]) -> Iterable[Node]:
        """Return the nodes of an origin without a relation; `made` are those of the cell itself."""
        if plain[0] == "@":
            return self.state(plain, bit)
        node = made.get(plain) or self.find(plain)
        return () if node is None else (node,)

    # changes ---------------------------------------------------------------------------------
    def change(self, changes: Changes, bit: int) -> None:
        """Mark all objects that a cell changes."""
        self.mark_all(changes, bit)
        for names, flag in _flagged(changes):
            for name in names:
                for node in self.nodes(name, bit, NO_NODES) if name[0] != "$" else ():
                    if flagged(node, flag, self._now.nodes):
                        self.mark(node, bit, deep=True)

    def mark_all(self, changes: Changes, bit: int) -> None:
        """Mark those that it changes whatever they are."""
        for names, deep in ((changes.shallow, False), (changes.deep, True)):
            for name in names:
                if name[0] != "$":
                    for node in self.nodes(name, bit, NO_NODES):
                        self.mark(node, bit, deep=deep)

    def mark(self, node: Node, bit: int, *, deep: bool) -> None:
        """Note that a cell changes an object, and so all that it may be or be a part of."""
        step = self._now
        shallow: set[Node] = set()
        whole: set[Node] = set()
        waiting = [(current(node), deep)]
        while waiting:
            node, deep = waiting.pop()
            if node in whole or (not deep and node in shallow):
                continue
            if deep:
                whole.add(node)
                if not node.deep & bit:
                    node.deep |= bit
                    step.deep.append(node)
                waiting += [(current(n), True) for n in (*node.holds, *node.shares)]
            else:
                shallow.add(node)
                if not node.shallow & bit:
                    node.shallow |= bit
                    step.shallow.append(node)
            waiting += [(current(n), deep) for n in node.same]
            waiting += [(current(n), True) for n in node.inside]
        step.nodes |= shallow
        step.nodes |= whole

    # links -----------------------------------------------------------------------------------
    def hold(self, changes: Changes, bit: int, made: dict[str, Node]) -> None:
        """Link what holds something after a cell to what it holds."""
        if changes.held:
            self.epoch += 1
        for holder, held in changes.held:
            for node in list(self.nodes(base(holder), bit, made)):
                self._now.nodes.add(node)
                for origin in held:
                    loose = origin if origin[-1] in "-+%<" else base(origin) + "+"
                    self.link(current(node), loose, bit, made)
                    for other in (*node.same, *node.inside):
                        self.link(current(other), loose, bit, made)

    def link(  # noqa: C901  (of every origin: calls of its own would be felt)
        self, node: Node, origin: str, bit: int, made: dict[str, Node]
    ) -> None:
        """Link a node to the one that its value may come from."""
        if made.get(origin) is node:
            return
        looked_at = self._now.nodes
        if node.born != bit:
            looked_at.add(node)
        links = _LINKS.get(origin[-1])
        if links is None:
            links, plain = "same", origin
            if origin[-1] == "<":
                self._made_of(node, origin[:-1], bit, made)
                return
        else:
            plain = origin[:-1]
        first = plain[0]
        if first == "~" or first in FLAGS:
            self._flag(node, plain, bit)
            return
        if first == "=" and plain not in made:
            made[plain] = self.make(plain, bit, bit)
        own = made.get(plain)
        for other in (own,) if own is not None else self.nodes(plain, bit, made):
            found = other if other.merged is None else current(other)
            looked_at.add(found)
            before: tuple[Node, ...] = getattr(node, links)
            if found is not node and found not in before:
                self._set(node, links, (*before, found), bit)

    def _made_of(self, node: Node, plain: str, bit: int, made: dict[str, Node]) -> None:
        """Link what an operator made to an operand, if a library made that which nobody knows."""
        for other in self.nodes(plain, bit, made):
            if flagged(other, "figure", self._now.nodes):
                self._flag(node, "^", bit)
                self.link(node, plain + "%", bit, made)

    def _flag(self, node: Node, plain: str, bit: int) -> None:
        if plain[1:2] == "~":
            name, value = "acts", node.acts | {plain[2:]}
        else:
            name, value = _FLAGS.get(plain[0]) or ("late", node.late | {plain[1:]})
        self._set(node, name, value, bit)

    def _set(self, node: Node, name: str, value: Any, bit: int) -> None:
        if node.born != bit:
            self._relink(node, name, value)
        else:
            setattr(node, name, value)

    def _relink(self, node: Node, name: str, value: Any) -> None:
        self.epoch += 1
        self._now.link(node, name, value)

    def merge(self, crowd: Sequence[Node]) -> None:
        """Make one node of many: whatever changes one of them changes all."""
        members = list(dict.fromkeys(crowd))
        first = members[0]
        inside = set(members)
        for links in ("same", *_LINKS.values()):
            outer = dict.fromkeys([current(n) for m in members for n in getattr(m, links)])
            self._now.nodes.update(outer)
            self._relink(first, links, tuple([n for n in outer if n not in inside]))
        for name in ("shallow", "deep", "late", "acts", "once", "figure", "grows"):
            self._relink(first, name, reduce(or_, [getattr(m, name) for m in members]))
        self._relink(first, "functions", tuple([f for m in members for f in m.functions]))
        for node in members[1:]:
            self._relink(node, "merged", first)


def _flagged(changes: Changes) -> tuple[tuple[Origins, str], ...]:
    """Return the names that change if they have a flag, with the flag."""
    return (changes.consumed, "once"), (changes.drawn, "figure"), (changes.asked, "grows")
