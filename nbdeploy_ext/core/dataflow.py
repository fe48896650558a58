"""Data flow between cells: what each defines, needs and changes, and the slice of any cell."""

from __future__ import annotations

import gc
import threading
from bisect import bisect_left
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from operator import is_
from typing import TYPE_CHECKING

from . import notebook_facts
from .cell_flow import CellFlow, mentioned
from .notebook_facts import FEW, edited_places, read_all_facts, read_source
from .states import Needs, Replay

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .cell_flow import Source
    from .facts import Facts
    from .notebook import Cell, Notebook
    from .notebook_facts import Trusted
    from .syntax import Parsed

_OPEN = 4
_ALIKE = 1000
_CROWDED = 50_000
_ZERO_OR_ONE = bytes(number & 1 for number in range(256))


@dataclass(frozen=True)
class Uncertainty:
    """Why a slice may not be all: something that can't be known, with its cell."""

    cell_id: str
    line: int
    column: int
    reason: str


@dataclass(frozen=True)
class Dataflow:
    """All code cells of a notebook, in its order."""

    flows: tuple[CellFlow, ...]

    @cached_property
    def marked(self) -> tuple[CellFlow, ...]:
        """Return the cells that have a role, in notebook order."""
        return tuple([flow for flow in self.flows if flow.cell.role is not None])

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {flow.cell.cell_id: number for number, flow in enumerate(self.flows)}

    @cached_property
    def _needs(self) -> Needs:
        return _walked([flow.effective for flow in self.flows])

    @cached_property
    def _definers(self) -> dict[str, list[int]]:
        return _index(flow.defines for flow in self.flows)

    @cached_property
    def _mutators(self) -> dict[str, list[int]]:
        return _index(flow.mutates for flow in self.flows)

    @cached_property
    def _opaque(self) -> int:
        return sum(1 << number for number, flow in enumerate(self.flows) if flow.opaque)

    @cached_property
    def opaque_flows(self) -> tuple[CellFlow, ...]:
        """Return the cells in which something can't be known before it runs."""
        return tuple(self._flows(self._opaque))

    def flow(self, cell_id: str) -> CellFlow:
        """Return the code cell with that id."""
        return self.flows[self._numbers[cell_id]]

    def definers(self, name: str, reader: CellFlow) -> tuple[CellFlow, ...]:
        """Return the cells that give `name` its value as `reader` sees it, in notebook order.

        The last definition before the reader, and every change of it in between; when there is
        none before, the first definition after it (a function may be called later).
        """
        at = self._numbers[reader.cell.cell_id]
        defined = self._definers.get(name, [])
        place = bisect_left(defined, at)
        if not place:
            later = [n for n in defined[:2] if n > at]
            return (self.flows[later[0]],) if later else ()
        last = defined[place - 1]
        changed = self._mutators.get(name, [])
        between = changed[bisect_left(changed, last + 1) : bisect_left(changed, at)]
        return tuple(self.flows[n] for n in (last, *between))

    def defining(self, name: str) -> Iterator[CellFlow]:
        """Yield every cell that defines a name, in notebook order."""
        return (self.flows[number] for number in self._definers.get(name, ()))

    def needs(self, cell_id: str) -> tuple[str, ...]:
        """Return the ids of the cells that a cell depends on directly, in notebook order."""
        number = self._numbers.get(cell_id)
        return () if number is None else self._ids(self._needs.direct[number])

    def slice(self, cell_id: str) -> tuple[str, ...]:
        """Return the ids of the cells that a cell needs, itself left out, in notebook order."""
        number = self._numbers.get(cell_id)
        return () if number is None else self._ids(self._sliced(number))

    def uncertain(self, cell_id: str) -> tuple[Uncertainty, ...]:
        """Return what in a cell or its slice can't be known before it runs."""
        number = self._numbers.get(cell_id)
        if number is None:
            return ()
        opaque = self._opaque
        found = [*self._flows(self._sliced(number) & opaque if opaque else 0), self.flows[number]]
        return tuple(
            Uncertainty(f.cell.cell_id, o.line, o.column, o.reason) for f in found for o in f.opaque
        )

    def _sliced(self, number: int) -> int:
        needs = self._needs
        found = needs.closure(number)
        late = needs.late.get(number, 0) & ~found
        while late:
            one = late.bit_length() - 1
            found |= 1 << one | needs.closure(one)
            late &= ~found
        return found & ~(1 << number)

    def _ids(self, cells: int) -> tuple[str, ...]:
        return tuple(compress(self._numbers, _bits(cells)))

    def _flows(self, cells: int) -> Iterator[CellFlow]:
        return compress(self.flows, _bits(cells))


def _bits(cells: int) -> bytes:
    """Return a set of cells as one byte each, 1 for those in it."""
    return bin(cells)[:1:-1].encode().translate(_ZERO_OR_ONE)


def _index(names: Iterator[frozenset[str]]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for number, several in enumerate(names):
        for name in several:
            found[name].append(number)
    return found


def _keep_indexes(made: Dataflow) -> None:
    """Take the indexes over from the last notebook that is another in a few cells only."""
    for last in reversed(_DATAFLOWS):
        if len(last.flows) != len(made.flows):
            continue
        new, _ = edited_places(last.flows, made.flows)
        if len(new) > FEW:
            continue
        for name, named in (("_definers", "defines"), ("_mutators", "mutates")):
            if name in vars(last):
                index = vars(last)[name].copy()
                for n in new:
                    before, after = (getattr(d.flows[n], named) for d in (last, made))
                    _reindex(index, n, before, after)
                vars(made)[name] = index
        same_ids = all(last.flows[n].cell.cell_id == made.flows[n].cell.cell_id for n in new)
        if same_ids and "_numbers" in vars(last):
            vars(made)["_numbers"] = vars(last)["_numbers"]
        return


def _reindex(
    index: dict[str, list[int]], number: int, before: frozenset[str], after: frozenset[str]
) -> None:
    """Let a cell have other names in an index that shares its lists with an older one."""
    for name in before - after:
        index[name] = [n for n in index[name] if n != number]
    for name in after - before:
        index[name] = sorted([*index.get(name, ()), number])


_DATAFLOWS: list[Dataflow] = []
_REPLAYS: list[Replay] = []
"""The last notebooks, and their walks, the latest at the end."""
_LOCK = threading.RLock()


def read_dataflow(notebook: Notebook) -> Dataflow:
    """Analyse every code cell; a cell that is no Python has no names and carries its fault."""
    return read_cells(notebook.code_cells())


def read_cell(cell: Cell) -> CellFlow:
    """Analyse one cell by itself."""
    return read_cells((cell,)).flows[0]


def read_cells(cells: Sequence[Cell], trusted: Trusted = "nothing") -> Dataflow:
    """Analyse code cells in their order.

    A call that nobody knows may change all that it gets, unless it is of a library that is
    `trusted` to look only.
    """
    with _LOCK, _uncollected():
        trees: dict[str, Parsed] = {}  # gone before the collector could look at them
        sources = [read_source(cell.source, trees) for cell in cells]
        facts = read_all_facts(sources, trees, trusted)
        flows = tuple(map(_flow, cells, sources, facts))
        for flow in flows:
            parsed = trees.get(flow.plain.text)
            if flow.cell.role is not None and flow.source.mentions is None and parsed is not None:
                flow.source.mentions = mentioned(parsed.tree, flow.plain)
        trees.clear()
        for number, last in enumerate(_DATAFLOWS):
            if len(last.flows) == len(flows) and all(map(is_, last.flows, flows)):
                _DATAFLOWS.append(_DATAFLOWS.pop(number))
                return last
        made = Dataflow(flows)
        _keep_indexes(made)
        _DATAFLOWS.append(made)
        del _DATAFLOWS[:-_OPEN]
    return made


def _flow(cell: Cell, source: Source, facts: Facts) -> CellFlow:
    found = source.flows.get(cell.cell_id)
    if found is not None and found.facts is facts and (found.cell is cell or found.cell == cell):
        return found
    made = CellFlow(cell, source.plain, facts, source)
    if found is not None and found.facts is facts and found.cell.role is cell.role:
        vars(made).update({**vars(found), "cell": cell})  # holds wherever the cell stands
    elif len(source.flows) >= _ALIKE:
        source.flows.clear()
    source.flows[cell.cell_id] = made
    return made


def forget() -> None:
    """Drop everything that is remembered of notebooks read before."""
    with _LOCK:
        notebook_facts.forget()
        _DATAFLOWS.clear()
        _REPLAYS.clear()


def _walked(facts: list[Facts]) -> Needs:
    """Walk the cells: on from where the last walk of the same notebook was the same."""
    with _LOCK, _uncollected():
        replay = max(_REPLAYS, key=lambda r: r.shares(facts), default=None)
        if replay is None or replay.shares(facts) * 2 < len(facts):
            replay = Replay()
        else:
            _REPLAYS.remove(replay)
        needs = replay.walk(facts)  # one that fails is no longer in the list
        _REPLAYS.append(replay)
        del _REPLAYS[:-_OPEN]
    return needs


@contextmanager
def _uncollected() -> Iterator[None]:
    """Hold the garbage collector: it would walk every tree again and again, and find nothing."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was and gc.get_count()[0] > _CROWDED and not gc.get_freeze_count():
            gc.freeze()  # makes the oldest of the young in no time: nearly all of it is kept
            gc.unfreeze()
        if was:
            gc.enable()
