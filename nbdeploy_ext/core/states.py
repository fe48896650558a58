"""The cells' facts replayed in notebook order: which cells every cell depends on.

Every name that a cell binds is a node: who bound it, who changed its object since, and which other
nodes its value may be, hold or be a part of. Sets of cells are integers, one bit a cell.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import compress, count
from operator import is_, is_not, ne
from typing import TYPE_CHECKING, TypeVar

from .graph import NO_NODES, Graph
from .origins import NOTHING
from .plugins import find_plugins
from .settings import FELT
from .steps import Differences, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .facts import Facts, Summary
    from .nodes import Node
    from .reader import Reader


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Needs:
    """Sets of cells: `direct` is what each one needs, `late` what its functions need later on.

    `closed` is for whoever follows needs: all that a cell depends on, as far as it was asked.
    """

    direct: tuple[int, ...]
    late: Mapping[int, int]
    closed: dict[int, int] = field(default_factory=dict, repr=False, compare=False)

    def closure(self, number: int) -> int:
        """Return all cells that a cell depends on: every one stands before it."""
        closed, direct = self.closed, self.direct
        waiting = [(number, direct[number], direct[number])] if number not in closed else []
        while waiting:
            one, found, left = waiting.pop()
            while left:
                last = left.bit_length() - 1
                more = closed.get(last)
                if more is None:
                    waiting += ((one, found, left), (last, direct[last], direct[last]))
                    break
                found |= more
                left &= ~(more | 1 << last)
            else:
                closed[one] = found
        return closed[number]

    def next(self, direct: tuple[int, ...], late: Mapping[int, int]) -> Needs:
        """Return these needs, with the closures of cells before which nothing is different."""
        same = _alike(direct, self.direct, min(len(direct), len(self.direct)), ne)
        closed = {n: found for n, found in dict(self.closed).items() if n < same}
        return Needs(direct, late, closed)


class Replay(Graph):
    """Walks the cells in order, and keeps a record of each one's walk, to go back and on again."""

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[Step] = []
        self._needs = Needs((), {})
        self._late: dict[int, int] = {}
        self._final: dict[int, Step] = {}
        """What was looked at after the last cell for functions that nobody calls."""
        self._unbound: dict[str, tuple[int, ...]] = {}
        """Names that functions read and that nothing bound yet, with the functions' cells."""

    def shares(self, cells: Sequence[Facts]) -> int:
        """Return how many cells are the ones walked last, in their places or at either end."""
        known = [step.facts for step in self._steps]
        if len(cells) == len(known):
            return sum(map(is_, cells, known))
        shortest = min(len(cells), len(known))
        first = _alike(cells, known, shortest)
        return first + _alike(cells[::-1], known[::-1], shortest - first)

    def walk(self, cells: Sequence[Facts]) -> Needs:
        """Return what these cells need; only those are walked that may see a difference."""
        plugins = find_plugins(cells)
        first = self._same(cells, plugins)
        same_length = len(cells) == len(self._steps)
        if first < len(cells) or not same_length:
            old = self._rewind(first)
            differences = self._go_on(cells, plugins, old if same_length else [])
            self._finish(cells, differences)
        late = dict(self._late)
        for number, step in self._final.items():
            late[number] = late.get(number, 0) | step.needs
        self._needs = self._needs.next(tuple([step.needs for step in self._steps]), late)
        return self._needs

    # back and forth --------------------------------------------------------------------------
    def _same(self, cells: Sequence[Facts], plugins: Sequence[bool]) -> int:
        """Return how many cells at the beginning do what they did in the last walk."""
        for number, step in enumerate(self._steps[: len(cells)]):
            if not step.is_of(cells[number], plugin=plugins[number]):
                return number
            step.facts = cells[number]
        return min(len(cells), len(self._steps))

    def _rewind(self, number: int) -> list[Step]:
        """Make everything what it was before a cell, and return the steps from there on."""
        self.epoch += 1
        old = self._steps[number:]
        for step in [step for step in self._final.values() if step.links][::-1]:
            step.undo(1 << len(self._steps))
        for place in range(len(self._steps) - 1, number - 1, -1):
            step = self._steps[place]
            step.undo(1 << place)
            if step.waited:
                self._unbound.update(step.waited)
        del self._steps[number:]
        self._unbound = {
            name: kept
            for name, several in self._unbound.items()
            if (kept := tuple([n for n in several if n < number]))
        }
        before = (1 << number) - 1
        self.wild &= before
        self._late = {n: late & before for n, late in self._late.items() if n < number}
        return old

    def _go_on(
        self, cells: Sequence[Facts], plugins: Sequence[bool], old: list[Step]
    ) -> Differences:
        """Walk the rest of the cells; `old` are their steps in the last walk, where there are.

        Returns what is different after them.
        """
        differences = Differences(all_of_it=not old)
        begin = len(self._steps)
        for number in range(begin, len(cells)):
            facts, plugin = cells[number], plugins[number]
            last = old[number - begin] if old else None
            if last is None:
                self._cell(number, Step(facts, plugin), NO_NODES)
            elif last.is_of(facts, plugin=plugin) and not differences.concern(last):
                last.facts = facts
                differences.pass_by(last)
                self._again(number, last)
            else:
                last.renew(links=True)
                last.redo(1 << number)
                held = last.contents()
                last.undo(1 << number)
                self.epoch += 1
                made = Step(facts, plugin)
                self._cell(number, made, last.made)
                differences.note(last, held, made)
                if last.facts.wild is not facts.wild:
                    old = []  # whatever stands behind it may need it, or no longer
                    differences = Differences(all_of_it=True)
        return differences

    def _again(self, number: int, step: Step) -> None:
        """Do again what a cell did that finds all that it found."""
        bit = 1 << number
        step.redo(bit)
        self.epoch += bool(step.links)
        if self._unbound or step.waited:
            self._waited_for(step, bit)
        if step.late or step.unbound:
            self._wait(number, step)
        if step.facts.wild:
            self.wild |= bit
        self._steps.append(step)

    # one cell --------------------------------------------------------------------------------
    def _cell(self, number: int, step: Step, spare: Mapping[str, Node]) -> None:
        bit, facts = 1 << number, step.facts
        self.begin(step, spare)
        reader = self.reader()
        if facts.wild:
            reader.needs = bit - 1
        for name in facts.reads:
            reader.name(name)
        self.change(facts.changes, bit)
        self._enact_all(bit, reader)
        made = self._bind(facts, bit, reader)
        self.hold(facts.changes, bit, made)
        if step.plugin:
            self.mark(next(self.state("@plugins", bit)), bit, deep=False)
        for name in facts.deletes:
            if self.find(name) is not None:
                self.put(self.env, name, None)
                self.put(self.gone, name, bit)
        self._waited_for(step, bit)
        if facts.wild:
            self.wild |= bit
        step.needs = reader.needs & (bit - 1)
        self._functions(facts, step, bit)
        self._wait(number, step)
        step.end()
        self._steps.append(step)

    def _functions(self, facts: Facts, step: Step, bit: int) -> None:
        """Note what the functions that a cell defines find when they are called right after it."""
        if not facts.late:
            return
        reader = self.reader()
        for name in facts.late:
            if self.find(name) is not None:
                reader.name(name)
            elif name[0] != "@":
                step.unbound.append(name)
        step.late = reader.needs & ~bit

    def _waited_for(self, step: Step, bit: int) -> None:
        """Functions of cells before need this one, where it binds what they wait for."""
        step.waited = {}
        for name in self._unbound.keys() & step.facts.values.keys() if self._unbound else ():
            step.waited[name] = self._unbound.pop(name)
            for number in step.waited[name]:
                self._late[number] = self._late.get(number, 0) | bit

    def _wait(self, number: int, step: Step) -> None:
        """Note what the functions of a cell need now, and what they wait for."""
        if step.facts.late:
            self._late[number] = self._late.get(number, 0) | step.late
        for name in step.unbound:
            self._unbound[name] = (*self._unbound.get(name, ()), number)

    def _finish(self, cells: Sequence[Facts], differences: Differences) -> None:
        """Functions that nobody in the notebook calls find what the last cells left behind."""
        merged = any(step.links for step in self._final.values())
        known = {} if merged else self._final
        self._final = {}
        read_later: set[str] = set()
        for number in range(len(cells) - 1, -1, -1):
            facts = cells[number]
            waits = not facts.functions or not read_later.issuperset(facts.functions)
            if facts.late and waits:
                last = known.get(number)
                if last is None or last.facts.late != facts.late or differences.concern(last):
                    last = self._found_last(number, facts)
                    known = {} if last.links else known  # others see them merged, too
                self._final[number] = last
            read_later.difference_update(facts.functions)
            read_later.update(facts.reads)

    def _found_last(self, number: int, facts: Facts) -> Step:
        step = Step(facts, plugin=False)
        self.begin(step)
        reader = self.reader()
        for name in facts.late:
            if name != FELT:  # else cells after it would be needed for how they calculate
                reader.name(name)
        step.needs = reader.needs & ~(1 << number)
        step.end()
        return step

    def _enact_all(self, bit: int, reader: Reader) -> None:
        for summary in list(reader.called.values()):
            self._enact(summary, bit, reader)
        for acting, names in reader.acts.items():
            for name in sorted(names):
                for node in self.nodes(name, bit, NO_NODES) if name else (acting,):
                    self.mark(node, bit, deep=True)

    def _enact(self, summary: Summary, bit: int, reader: Reader) -> None:
        """Do what a function does to globals that may have been called through an object."""
        self.change(replace(summary.changes, asked=NOTHING), bit)  # which operators do, too
        for name in summary.changes.binds:
            old = self.find(name)
            made = self.make("?" + name, bit, bit)
            if old is not None:
                reader.needs |= old.bound
                made.bound |= old.bound
                made.same = (old,)
            self.put(self.env, name, made)

    def _bind(self, facts: Facts, bit: int, reader: Reader) -> dict[str, Node]:
        made: dict[str, Node] = {}
        bound: dict[str, Node] = {}
        values = facts.values
        for name in (*values, *facts.changes.binds) if facts.changes.binds else values:
            if name[0] == "@" and name.startswith("@import:") and self.find(name) is not None:
                continue  # whoever imports a module first
            bound[name] = made["=" + name] = self.make("=" + name, bit, bit)
            if name in facts.maybe or name not in values:
                self._stay(name, bound[name], reader)
        for name, node in bound.items():
            itself = "=" + name
            for origin in values.get(name, ()):
                if origin != itself:
                    self.link(node, origin, bit, made)
        _stand_for(facts.functions, bound)
        self._now.put(self.env, bound)
        return made

    def _stay(self, name: str, node: Node, reader: Reader) -> None:
        """Say that a name may stay what it was, with every change of that."""
        old = self.find(name)
        if old is not None:
            node.bound |= old.bound
            node.same = (old,)
            reader.name(name)


def _stand_for(functions: Mapping[str, tuple[Summary, ...]], bound: Mapping[str, Node]) -> None:
    """Let the nodes of names that a cell gives to its functions say what those do."""
    for name, several in functions.items():
        if name in bound:
            bound[name].functions = several
            bound[name].late |= frozenset().union(*[summary.free for summary in several])


def _alike(
    some: Sequence[_T], others: Sequence[_T], most: int, differ: Callable[[_T, _T], bool] = is_not
) -> int:
    """Return how many at the beginning are the same, of so many at most."""
    return min(next(compress(count(), map(differ, some, others)), most), most)
