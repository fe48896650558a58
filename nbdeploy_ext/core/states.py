"""The cells' facts replayed in notebook order: which cells every cell depends on.

Every name that a cell binds is a node: who bound it, who changed its object since, and which other
nodes its value may be, hold or be a part of. Sets of cells are integers, one bit a cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .catalog import INERT, PLUGINS
from .origins import Origins, base

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .facts import Changes, Facts, Summary

_LINKS = {"": "same", "*": "inside", "+": "holds", "-": "keeps", "%": "shares"}
_CROWD = 64
"""So many nodes that hold each other are thought of as one, which keeps every look short."""


class Node:
    """A value that a name was given; `same`, `inside`, `holds` and `keeps` lead to others.

    `shallow` cells changed the object itself, `deep` ones something in it.
    """

    __slots__ = (
        "bound", "deep", "figure", "functions", "holds", "inside", "keeps", "late", "merged",
        "once", "same", "shallow", "shares",
    )  # fmt: skip

    def __init__(self, bound: int) -> None:
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


class Replay:
    """Walks the cells in order; `needs` is by cell, `late` what its functions need later on."""

    def __init__(self, cells: Sequence[Facts]) -> None:
        self.needs: list[int] = []
        self.late: dict[int, int] = {}
        self.unbound: dict[str, list[int]] = {}
        self._env: dict[str, Node] = {}
        self._gone: dict[str, int] = {}
        self._wild = 0
        self._seeded: set[str] = set()
        self._callers: list[tuple[int, Summary, Node]] = []
        self._mentioned = frozenset().union(*[f.reads for f in cells], *[f.late for f in cells])
        for number, facts in enumerate(cells):
            self._cell(number, facts)
        self._finish(cells)

    # one cell --------------------------------------------------------------------------------
    def _cell(self, number: int, facts: Facts) -> None:
        bit = 1 << number
        reader = Reader(self)
        if facts.wild:
            reader.needs = bit - 1
        for name in facts.reads:
            reader.name(name)
        self._changes(facts.changes, bit)
        for summary in list(reader.called.values()):
            self._enact(summary, bit, reader)
        made = self._bind(facts, bit, reader)
        self._hold(facts.changes, bit, made)
        if any(self._is_plugin(name, module) for name, module in facts.imports):
            self.mark(next(self._state("@plugins")), bit, deep=False)
        self._unbind(facts, bit)
        if facts.wild:
            self._wild |= bit
        self.needs.append(reader.needs & (bit - 1))
        self._functions(number, facts)

    def _is_plugin(self, name: str, module: str) -> bool:
        """Whether a module is imported for what that does to others: nobody uses its name."""
        top = module.partition(".")[0]
        return top in PLUGINS or (
            name not in self._mentioned and (top not in INERT or ".experimental." in module)
        )

    def _unbind(self, facts: Facts, bit: int) -> None:
        for name in facts.deletes:
            if self._env.pop(name, None) is not None:
                self._gone[name] = bit
        for name in facts.values:
            for waiting in self.unbound.pop(name, ()):
                self.late[waiting] = self.late.get(waiting, 0) | bit

    def _functions(self, number: int, facts: Facts) -> None:
        """Note what the functions that a cell defines find when they are called right after it."""
        if not facts.late:
            return
        reader = Reader(self)
        for name in facts.late:
            if name in self._env:
                reader.name(name)
            elif name[0] != "@":
                self.unbound.setdefault(name, []).append(number)
        self.late[number] = self.late.get(number, 0) | reader.needs & ~(1 << number)

    def _finish(self, cells: Sequence[Facts]) -> None:
        """Functions that nobody in the notebook calls find what the last cells left behind."""
        read_later: set[str] = set()
        for number in range(len(cells) - 1, -1, -1):
            facts = cells[number]
            if facts.late:
                waiting = [n for n in facts.functions if n not in read_later]
                if waiting or not facts.functions:
                    reader = Reader(self)
                    for name in facts.late:
                        reader.name(name)
                    self.late[number] = self.late.get(number, 0) | reader.needs & ~(1 << number)
            read_later.difference_update(facts.functions)
            read_later.update(facts.reads)

    def node(self, name: str) -> Node | None:
        """Return what a name is bound to now."""
        return self._env.get(name)

    def gone(self, name: str) -> int:
        """Return who deleted the name."""
        return self._gone.get(name, 0)

    def wild_since(self, bound: int) -> int:
        """Return the cells that may have bound or changed anything since those cells."""
        length = bound.bit_length()
        return self._wild >> length << length

    def tokens(self, name: str) -> Iterable[str]:
        """Return the states that a token stands for: `@rng:?` is every seeded one."""
        if name == "@rng:?":
            return self._seeded
        if name.startswith("@rng:"):
            return (name,) if name in self._seeded else ()
        return _files_read(name) if name.startswith("@file:") else (name,)

    def _state(self, name: str) -> Iterator[Node]:
        if name.startswith("@seed:"):
            self._seeded.add("@rng:" + name[6:])
            name = "@rng:" + name[6:]
        changed = _files_written(name) if name.startswith("@file:") else self.tokens(name)
        for token in list(changed):
            if token not in self._env:
                self._env[token] = Node(0)
            yield self._env[token]

    # changes ---------------------------------------------------------------------------------
    def _nodes(self, plain: str, made: dict[str, Node]) -> Iterator[Node]:
        if plain[0] == "@":
            yield from self._state(plain)
        elif plain in made:
            yield made[plain]
        elif plain[0] != "=":
            node = self._env.get(plain)
            if node is not None:
                yield node

    def _changes(self, changes: Changes, bit: int) -> None:
        self._mark_all(changes, bit)
        for names, flag in ((changes.consumed, "once"), (changes.drawn, "figure")):
            for name in names:
                for node in self._nodes(name, {}):
                    if _flagged(node, flag):
                        self.mark(node, bit, deep=True)

    def _mark_all(self, changes: Changes, bit: int) -> None:
        for names, deep in ((changes.shallow, False), (changes.deep, True)):
            for name in names:
                if name[0] != "$":
                    for node in self._nodes(name, {}):
                        self.mark(node, bit, deep=deep)

    def _enact(self, summary: Summary, bit: int, reader: Reader) -> None:
        """Do what a function does to globals that may have been called through an object."""
        self._mark_all(summary.changes, bit)
        for name in summary.changes.binds:
            old = self._env.get(name)
            if old is not None:
                reader.needs |= old.bound
            self._env[name] = _again(old, bit)

    def mark(self, node: Node, bit: int, *, deep: bool) -> None:
        """Note that a cell changes an object, and so all that it may be or be a part of."""
        seen: set[tuple[int, bool]] = set()
        waiting = [(current(node), deep)]
        while waiting:
            node, deep = waiting.pop()
            if (id(node), deep) in seen or (id(node), True) in seen:
                continue
            seen.add((id(node), deep))
            if deep:
                node.deep |= bit
                waiting += [(current(n), True) for n in (*node.holds, *node.shares)]
            else:
                node.shallow |= bit
            waiting += [(current(n), deep) for n in node.same]
            waiting += [(current(n), True) for n in node.inside]

    # names -----------------------------------------------------------------------------------
    def _bind(self, facts: Facts, bit: int, reader: Reader) -> dict[str, Node]:
        made: dict[str, Node] = {}
        bound: dict[str, Node] = {}
        for name in (*facts.values, *facts.changes.binds):
            old = self._env.get(name)
            if old is not None and name[0] == "@" and name.startswith("@import:"):
                continue  # whoever imports a module first
            node = Node(bit)
            if old is not None and (name in facts.maybe or name not in facts.values):
                node.bound |= old.bound
                node.same = (old,)
                reader.name(name)  # with every change of it: it may stay what it was
            node.functions = facts.functions.get(name, ())
            bound[name] = made["=" + name] = node
        for name, node in bound.items():
            for origin in facts.values.get(name, ()):
                self._link(node, origin, bit, made)
            for summary in node.functions:
                node.late |= summary.free
        self._env.update(bound)
        for name in bound:
            self._gone.pop(name, None)
        return made

    def _hold(self, changes: Changes, bit: int, made: dict[str, Node]) -> None:
        for holder, held in changes.held:
            for node in list(self._nodes(base(holder), made)):
                for origin in held:
                    loose = origin if origin[-1] in "-+%" else base(origin) + "+"
                    self._link(current(node), loose, bit, made)
                    for other in (*node.same, *node.inside):
                        self._link(current(other), loose, bit, made)

    def _link(self, node: Node, origin: str, bit: int, made: dict[str, Node]) -> None:
        plain = base(origin)
        if plain[0] in "!^":
            node.once = node.once or plain[0] == "!"
            node.figure = node.figure or plain[0] == "^"
            return
        if plain[0] == "~":
            node.late |= {plain[1:]}
            return
        if plain[0] == "=" and plain not in made:
            made[plain] = Node(bit)
        kind = origin[len(plain) :]
        for other in self._nodes(plain, made):
            found = current(other)
            links = _LINKS[kind]
            before: tuple[Node, ...] = getattr(node, links)
            if found is not node and found not in before:
                setattr(node, links, (*before, found))


class Reader:
    """What one cell needs while it reads names, at that time."""

    __slots__ = ("_names", "_replay", "_seen", "called", "needs")

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._names: set[str] = set()
        self._seen: dict[int, Node] = {}
        self.needs = 0
        self.called: dict[int, Summary] = {}

    def name(self, name: str) -> None:
        """Need a name, its object, all that is in it, and what its functions read in turn."""
        waiting = [name]
        while waiting:
            name = waiting.pop()
            if name in self._names:
                continue
            self._names.add(name)
            for token in self._replay.tokens(name) if name[0] == "@" else (name,):
                waiting += self._one(token)

    def _one(self, name: str) -> list[str]:
        replay = self._replay
        node = replay.node(name)
        if node is None:
            self.needs |= replay.gone(name) | replay.wild_since(replay.gone(name))
            return []
        self.needs |= node.bound | replay.wild_since(node.bound)
        return self._object(node)

    def _object(self, node: Node) -> list[str]:
        names: list[str] = []
        visited: list[Node] = []
        waiting = [(current(node), False)]
        while waiting:
            found, shared = waiting.pop()
            key = id(found) * 2 + shared
            if key in self._seen:
                continue
            self._seen[key] = found
            visited.append(found)
            self.needs |= found.deep if shared else found.deep | found.shallow
            names += found.late
            for summary in found.functions:
                self.called[id(summary)] = summary
            if not shared:
                waiting += [(current(n), False) for n in (*found.same, *found.inside)]
            waiting += [(current(n), False) for n in (*found.holds, *found.keeps)]
            waiting += [(current(n), True) for n in found.shares]
        if len(visited) > _CROWD:
            _merge(visited)
        return names


def _merge(crowd: Sequence[Node]) -> None:
    """Make one node of many: whatever changes one of them changes all."""
    members = list(dict.fromkeys(crowd))
    first = members[0]
    inside = set(map(id, members))
    for links in ("same", "inside", "holds", "keeps", "shares"):
        outer = [current(n) for m in members for n in getattr(m, links)]
        setattr(first, links, tuple({id(n): n for n in outer if id(n) not in inside}.values()))
    for node in members[1:]:
        first.shallow |= node.shallow
        first.deep |= node.deep
        first.late |= node.late
        first.functions = (*first.functions, *node.functions)
        first.once = first.once or node.once
        first.figure = first.figure or node.figure
        node.merged = first


def _flagged(node: Node, flag: str) -> bool:
    seen: set[int] = set()
    waiting = [current(node)]
    while waiting:
        found = waiting.pop()
        if getattr(found, flag):
            return True
        if id(found) not in seen and len(seen) < _CROWD:
            seen.add(id(found))
            waiting += [current(n) for n in (*found.same, *found.inside, *found.holds)]
    return False


def _again(node: Node | None, bit: int) -> Node:
    made = Node(bit | (node.bound if node else 0))
    if node is not None:
        made.same = (node,)
    return made


def _files_read(name: str) -> tuple[str, ...]:
    """Return the states that a file's content rests on: `?` stands for a path that nobody knows.

    A file rests on the folders that it is in as a whole, a folder on everything below it.
    """
    if name == "@file:?":
        return ("@file:?all",)
    return (name, name + "/", "@file:?", *_folders(name))


def _files_written(name: str) -> tuple[str, ...]:
    """Return the states that change when a file is written."""
    return (name, "@file:?all", *(folder + "/" for folder in _folders(name)))


def _folders(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


__all__ = ["Node", "Origins", "Replay"]
