"""The cells' facts replayed in notebook order: which cells every cell depends on.

Every name that a cell binds is a node: who bound it, who changed its object since, and which other
nodes its value may be, hold or be a part of. Sets of cells are integers, one bit a cell.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .file_states import files_written
from .glances import is_private, same_effect
from .nodes import Node, current, flagged, swap
from .origins import base
from .plugins import find_plugins
from .reader import Reader, State, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .facts import Changes, Facts, Summary

_LINKS = {"*": "inside", "+": "holds", "-": "keeps", "%": "shares"}
_MERGED = (
    "same", "inside", "holds", "keeps", "shares", "shallow", "deep", "late", "functions", "once",
    "figure",
)  # fmt: skip
_FEW = 3


@dataclass(frozen=True, slots=True)
class Needs:
    """Sets of cells: `direct` is what each one needs, `late` what its functions need later on."""

    direct: tuple[int, ...]
    late: Mapping[int, int]


class Replay(State):
    """Walks the cells in order, and keeps a log, so that it can go back to any of them."""

    def __init__(self) -> None:
        super().__init__()
        self._cells: list[Facts] = []
        self._needs: list[int] = []
        self._late: dict[int, int] = {}
        self._final: dict[int, int] = {}
        self._unbound: dict[str, tuple[int, ...]] = {}
        self._log: list[tuple[dict[str, Any], str, Any]] = []
        self._links: list[tuple[Node, str, Any]] = []
        self._made: list[Node] = []
        self._plugins: list[bool] = []
        self._starts: list[tuple[int, int, int]] = []
        """How long the logs and the list of nodes were before each cell, and before the end."""

    def shares(self, cells: Sequence[Facts]) -> int:
        """Return how many cells at the beginning and at the end are the ones walked last."""
        shortest = min(len(cells), len(self._cells))
        first = _alike(cells, self._cells, shortest)
        rest = shortest - first
        return first + _alike(cells[::-1], self._cells[::-1], rest)

    def walk(self, cells: Sequence[Facts]) -> Needs:
        """Return what these cells need; only from the first one that is new are they walked."""
        plugins = find_plugins(cells)
        new = [
            number
            for number, (known, facts) in enumerate(zip(self._cells, cells, strict=False))
            if (known is not facts and not same_effect(known, facts))
            or plugins[number] is not self._plugins[number]
        ]
        if len(cells) == len(self._cells) and plugins == self._plugins and len(new) <= _FEW:
            glanced = self._glance(cells, new)
            if glanced is not None:
                return self._answer(glanced)
        self._plugins = plugins
        first = new[0] if new else min(len(cells), len(self._cells))
        self._rewind(first)
        for number in range(first, len(cells)):
            self._start()
            self._cell(number, cells[number])
        self._start()
        self._finish(cells)
        self._cells = list(cells)
        return self._answer({})

    def _answer(self, glanced: Mapping[int, int]) -> Needs:
        late = dict(self._late)
        for number, needs in self._final.items():
            late[number] = late.get(number, 0) | needs
        direct = [glanced.get(number, needs) for number, needs in enumerate(self._needs)]
        return Needs(tuple(direct), late)

    def _glance(self, cells: Sequence[Facts], new: Sequence[int]) -> dict[int, int] | None:
        """Return what cells need that are new to themselves only, None if one isn't.

        They go on being new: what is kept is the last walk.
        """
        found: dict[int, int] = {}
        for number in new:
            before, after = self._cells[number], cells[number]
            others = [self._cells[n] for n in new if n != number]
            if not is_private(before, after, (*cells[:number], *others), cells[number + 1 :]):
                return None
            with self._back_at(number) as past:
                readers = [_read(before, past), _read(after, past)]
            if readers[0].called.keys() != readers[1].called.keys() or any(
                reader.crowded or any(s.changes.binds for s in reader.called.values())
                for reader in readers
            ):
                return None
            before_it = (1 << number) - 1
            found[number] = before_it if after.wild else readers[1].needs & before_it
        return found

    @contextmanager
    def _back_at(self, number: int) -> Iterator[State]:
        """Give the names that were there before a cell, and for a moment their links."""
        names, links, _ = self._starts[number]
        past = State()
        past.env, past.gone, past.seeded = dict(self.env), dict(self.gone), dict(self.seeded)
        past.wild = self.wild
        tables: dict[int, dict[str, Any]] = {
            id(self.env): past.env,
            id(self.gone): past.gone,
            id(self.seeded): past.seeded,
        }
        for where, name, value in reversed(self._log[names:]):
            table = tables.get(id(where), {})
            if value is None:
                table.pop(name, None)
            else:
                table[name] = value
        later = reversed(self._links[links:])
        undone = [(node, name, swap(node, name, value)) for node, name, value in later]
        yield past
        for node, name, value in reversed(undone):
            swap(node, name, value)

    # back and forth --------------------------------------------------------------------------
    def _start(self) -> None:
        self._starts.append((len(self._log), len(self._links), len(self._made)))

    def _put(self, where: dict[str, Any], name: str, value: Any) -> None:
        self._log.append((where, name, where.get(name)))
        where[name] = value

    def _rewind(self, number: int) -> None:
        """Make everything what it was before a cell; a bit says by itself when it was set."""
        if number >= len(self._starts):
            return
        names, links, made = self._starts[number]
        for where, name, value in reversed(self._log[names:]):
            if value is None:
                where.pop(name, None)
            else:
                where[name] = value
        for node, link, value in reversed(self._links[links:]):
            setattr(node, link, value)
        del self._log[names:], self._links[links:], self._made[made:]
        del self._starts[number:], self._needs[number:]
        before = (1 << number) - 1
        for node in self._made:
            node.shallow &= before
            node.deep &= before
        self.wild &= before
        self._late = {n: late & before for n, late in self._late.items() if n < number}
        self._final = {}

    def _new(self, bit: int, bound: int) -> Node:
        node = Node(bit, bound)
        self._made.append(node)
        return node

    # one cell --------------------------------------------------------------------------------
    def _cell(self, number: int, facts: Facts) -> None:
        bit = 1 << number
        reader = Reader(self, self.merge)
        if facts.wild:
            reader.needs = bit - 1
        for name in facts.reads:
            reader.name(name)
        self._changes(facts.changes, bit)
        for summary in list(reader.called.values()):
            self._enact(summary, bit, reader)
        made = self._bind(facts, bit, reader)
        self._hold(facts.changes, bit, made)
        if self._plugins[number]:
            self.mark(next(self._state("@plugins", bit)), bit, deep=False)
        self._unbind(facts, bit)
        if facts.wild:
            self.wild |= bit
        self._needs.append(reader.needs & (bit - 1))
        self._functions(number, facts)

    def _unbind(self, facts: Facts, bit: int) -> None:
        for name in facts.deletes:
            if name in self.env:
                self._log.append((self.env, name, self.env.pop(name)))
                self._put(self.gone, name, bit)
        for name in self._unbound.keys() & facts.values.keys() if self._unbound else ():
            waiting = self._unbound.pop(name)
            self._log.append((self._unbound, name, waiting))
            for number in waiting:
                self._late[number] = self._late.get(number, 0) | bit

    def _functions(self, number: int, facts: Facts) -> None:
        """Note what the functions that a cell defines find when they are called right after it."""
        if not facts.late:
            return
        reader = Reader(self, self.merge)
        for name in facts.late:
            if name in self.env:
                reader.name(name)
            elif name[0] != "@":
                self._put(self._unbound, name, (*self._unbound.get(name, ()), number))
        self._late[number] = self._late.get(number, 0) | reader.needs & ~(1 << number)

    def _finish(self, cells: Sequence[Facts]) -> None:
        """Functions that nobody in the notebook calls find what the last cells left behind."""
        read_later: set[str] = set()
        for number in range(len(cells) - 1, -1, -1):
            facts = cells[number]
            if facts.late:
                waiting = [n for n in facts.functions if n not in read_later]
                if waiting or not facts.functions:
                    reader = Reader(self, self.merge)
                    for name in facts.late:
                        reader.name(name)
                    self._final[number] = reader.needs & ~(1 << number)
            read_later.difference_update(facts.functions)
            read_later.update(facts.reads)

    def _state(self, name: str, bit: int) -> Iterator[Node]:
        if name.startswith("@seed:"):
            name = "@rng:" + name[6:]
            if name not in self.seeded:
                self._put(self.seeded, name, 1)
        changed = files_written(name) if name.startswith("@file:") else tokens(name, self.seeded)
        for token in list(changed):
            if token not in self.env:
                self._put(self.env, token, self._new(bit, 0))
            yield self.env[token]

    # changes ---------------------------------------------------------------------------------
    def _nodes(self, plain: str, bit: int, made: dict[str, Node]) -> Iterable[Node]:
        if plain[0] == "@":
            return self._state(plain, bit)
        node = made.get(plain) or self.env.get(plain)
        return () if node is None else (node,)

    def _changes(self, changes: Changes, bit: int) -> None:
        self._mark_all(changes, bit)
        for names, flag in ((changes.consumed, "once"), (changes.drawn, "figure")):
            for name in names:
                for node in self._nodes(name, bit, {}):
                    if flagged(node, flag):
                        self.mark(node, bit, deep=True)

    def _mark_all(self, changes: Changes, bit: int) -> None:
        for names, deep in ((changes.shallow, False), (changes.deep, True)):
            for name in names:
                if name[0] != "$":
                    for node in self._nodes(name, bit, {}):
                        self.mark(node, bit, deep=deep)

    def _enact(self, summary: Summary, bit: int, reader: Reader) -> None:
        """Do what a function does to globals that may have been called through an object."""
        self._mark_all(summary.changes, bit)
        for name in summary.changes.binds:
            old = self.env.get(name)
            if old is not None:
                reader.needs |= old.bound
            self._put(self.env, name, self._again(old, bit))

    def _again(self, node: Node | None, bit: int) -> Node:
        made = self._new(bit, bit | (node.bound if node else 0))
        if node is not None:
            made.same = (node,)
        return made

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
        values, maybe, functions = facts.values, facts.maybe, facts.functions
        for name in (*values, *facts.changes.binds) if facts.changes.binds else values:
            old = self.env.get(name)
            if old is not None and name[0] == "@" and name.startswith("@import:"):
                continue  # whoever imports a module first
            node = self._new(bit, bit)
            if old is not None and (name in maybe or name not in values):
                node.bound |= old.bound
                node.same = (old,)
                reader.name(name)  # with every change of it: it may stay what it was
            bound[name] = made["=" + name] = node
        for name, node in bound.items():
            for origin in values.get(name, ()):
                self._link(node, origin, bit, made)
            node.functions = functions.get(name, ())
            for summary in node.functions:
                node.late |= summary.free
        self._log += [(self.env, name, self.env.get(name)) for name in bound]
        self.env.update(bound)
        for name in self.gone.keys() & bound.keys() if self.gone else ():
            self._log.append((self.gone, name, self.gone.pop(name)))
        return made

    def _hold(self, changes: Changes, bit: int, made: dict[str, Node]) -> None:
        for holder, held in changes.held:
            for node in list(self._nodes(base(holder), bit, made)):
                for origin in held:
                    loose = origin if origin[-1] in "-+%" else base(origin) + "+"
                    self._link(current(node), loose, bit, made)
                    for other in (*node.same, *node.inside):
                        self._link(current(other), loose, bit, made)

    def _link(self, node: Node, origin: str, bit: int, made: dict[str, Node]) -> None:
        if made.get(origin) is node:
            return
        links = _LINKS.get(origin[-1])
        if links is None:
            links, plain = "same", origin
        else:
            plain = origin[:-1]
        first = plain[0]
        if first in "!^~":
            self._flag(node, plain, bit)
            return
        if first == "=" and plain not in made:
            made[plain] = self._new(bit, bit)
        for other in self._nodes(plain, bit, made):
            found = other if other.merged is None else current(other)
            before: tuple[Node, ...] = getattr(node, links)
            if found is not node and found not in before:
                if node.born != bit:
                    self._links.append((node, links, before))
                setattr(node, links, (*before, found))

    def _flag(self, node: Node, plain: str, bit: int) -> None:
        name, value = {"!": ("once", True), "^": ("figure", True)}.get(
            plain[0], ("late", node.late | {plain[1:]})
        )
        if node.born != bit:
            self._links.append((node, name, getattr(node, name)))
        setattr(node, name, value)

    def merge(self, crowd: Sequence[Node]) -> None:
        """Make one node of many: whatever changes one of them changes all."""
        members = list(dict.fromkeys(crowd))
        first = members[0]
        log = self._links
        log += [(first, name, getattr(first, name)) for name in _MERGED]
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
            log.append((node, "merged", None))
            node.merged = first


def _alike(cells: Sequence[Facts], others: Sequence[Facts], most: int) -> int:
    for number in range(most):
        if cells[number] is not others[number]:
            return number
    return most


def _read(facts: Facts, state: State) -> Reader:
    """Read what a cell reads, and change nothing."""
    reader = Reader(state)
    for name in (*facts.reads, *facts.maybe, *facts.changes.binds):
        if name in facts.reads or name in state.env:
            reader.name(name)
    return reader
