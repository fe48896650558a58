"""Binding time: which cells run once at start-up, and which at every call of `POST /run`.

The service must answer what the whole notebook, run anew with the caller's parameters, would
answer. So a cell runs once only where nobody can tell: it reads no parameter, no call changes what
it made, and running it before all calls gives the same as running it in its place.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .facts import Module
from .notebook import Cell, Role
from .rehearsal import Rehearsal, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .cell_flow import CellFlow
    from .parameters import Parameter
    from .values import Value


@dataclass(frozen=True, slots=True)
class Changed:
    """What `cell` makes (or the value `value`) is made for each call, as `by` changes `name`."""

    name: str
    by: str
    cell: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """Objects of start-up that a cell hands to calls which nobody knows: they may change them."""

    cell: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Binding:
    """The cells that run at every call and the values that are loaded anew, in notebook order.

    `random` are the packages whose random numbers start-up seeds and calls draw: each call draws
    the same ones, those of the notebook.
    """

    per_call: tuple[str, ...]
    values: tuple[str, ...]
    changed: tuple[Changed, ...] = ()
    shared: tuple[Shared, ...] = ()
    random: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Step:
    """One thing that happens when the notebook runs in production."""

    cell: Cell
    flow: CellFlow | None = None
    value: str | None = None
    given: bool = False


def bind_cells(
    flows: Sequence[CellFlow], parameters: Sequence[Parameter], values: Sequence[Value]
) -> Binding:
    """Return when each parameters and production cell runs; `flows` are those, in order."""
    steps = list(_steps(flows, parameters, values))
    notebook = Run.of([step.cell for step in steps], "libraries")
    calls, changed = _Search(steps, notebook).found()
    cells = [s.flow.cell.cell_id for n, s in enumerate(steps) if s.flow and calls >> n & 1]
    loaded = [s.value for n, s in enumerate(steps) if s.value and calls >> n & 1]
    return Binding(
        tuple(cells),
        tuple(loaded),
        tuple(changed),
        tuple(_shared(steps, notebook, calls)),
        Rehearsal(notebook, calls).drawn(),
    )


def _steps(
    flows: Sequence[CellFlow], parameters: Sequence[Parameter], values: Sequence[Value]
) -> Iterator[_Step]:
    """Yield cells, values where they come in, and the caller's parameters after their defaults."""
    waiting = sorted(values, key=lambda value: value.index)
    for flow in flows:
        while waiting and waiting[0].index < flow.cell.index:
            yield _value(waiting.pop(0), flows)
        yield _Step(flow.cell, flow)
        names = [p.name for p in parameters if p.cell == flow.cell.cell_id]
        if flow.cell.role is Role.PARAMETERS:
            mutable = {p.name for p in parameters if p.is_mutable}
            # What a caller doesn't give stays what it was, so a list may be changed
            text = "".join(
                f"{'if object(): ' if n in mutable else ''}{n} = object()\n" for n in names
            )
            yield _Step(_made_up(text), given=True)
    yield from (_value(value, flows) for value in waiting)


def _value(value: Value, flows: Sequence[CellFlow]) -> _Step:
    """Return the step that loads a value; it needs the classes that its cells had at hand."""
    before = (f for f in flows if f.cell.cell_id in value.made_by and f.cell.index <= value.index)
    classes = [node.name for flow in before for node in flow.mentions.definitions]
    text = "\n".join([f"{value.name} = object()", *classes])
    return _Step(_made_up(text), value=value.name)


def _made_up(source: str) -> Cell:
    return Cell("", -1, "code", source, ())


class _Search:
    """Moves steps from start-up into the calls until running them so makes no difference."""

    def __init__(self, steps: Sequence[_Step], notebook: Run) -> None:
        self._steps = steps
        self._notebook = notebook
        self._changed: dict[int, Changed] = {}

    def found(self) -> tuple[int, list[Changed]]:
        """Return the steps that run at every call, and why objects are made for each."""
        calls = self._first()
        while True:
            calls = self._dependent(calls)
            rehearsal = Rehearsal(self._notebook, calls)
            more = self._late(calls, rehearsal.bound()) | self._moved(calls, rehearsal)
            more = more & ~calls or self._makers(calls, rehearsal) & ~calls
            if not more:
                return calls, [self._changed[n] for n in sorted(self._changed)]
            calls |= more

    def _first(self) -> int:
        found = 0
        last = max((n for n, s in enumerate(self._steps) if _has_role(s, Role.PRODUCTION)),
                   default=-1)  # fmt: skip
        for number, step in enumerate(self._steps):
            flow = step.flow
            opaque = self._notebook.facts[number].wild
            kept = flow is not None and any(_keeps_state(s) for s in _functions(flow))
            computed = flow is not None and _has_role(step, Role.PARAMETERS) and _computes(flow)
            if step.given or number == last or opaque or kept or computed:
                found |= 1 << number
        return found

    def _dependent(self, calls: int) -> int:
        found = calls
        for number, needs in enumerate(self._notebook.needs):
            if needs & found:
                found |= 1 << number
        return found

    def _late(self, calls: int, bound: set[str]) -> int:
        """Return the steps whose functions read or assign globals that a call has for itself."""
        found = 0
        for number, facts in enumerate(self._notebook.facts):
            if calls >> number & 1:
                continue
            modules = {name for name, meaning in facts.assumed if isinstance(meaning, Module)}
            names = set(facts.late) - modules
            for several in facts.functions.values():
                names.update(*(summary.changes.binds for summary in several))
            if names & bound:
                found |= 1 << number
        return found

    def _moved(self, calls: int, rehearsal: Rehearsal) -> int:
        """Return the steps of start-up that calls need in one order and not in the other."""
        found = 0
        for new, old in enumerate(rehearsal.order):
            if calls >> old & 1:
                found |= rehearsal.numbers(rehearsal.needs[new]) ^ self._notebook.needs[old]
        bound: set[str] = set()
        for number in range(len(self._steps)):
            if calls >> number & 1:
                bound |= rehearsal.binds[number]
            elif rehearsal.binds[number] & bound:  # it has the last word, as in the notebook
                found |= 1 << number
        return found & ~calls

    def _makers(self, calls: int, rehearsal: Rehearsal) -> int:
        found = 0
        names = rehearsal.changed_names()
        for makers, changers in rehearsal.changes():
            found |= makers
            for number in _numbers(makers & ~calls):
                self._note(number, changers, names)
        return found

    def _note(self, number: int, changers: int, names: Mapping[str, int]) -> None:
        by = next((s.flow for n in _numbers(changers) if (s := self._steps[n]).flow), None)
        step = self._steps[number]
        name = next((n for n, who in names.items() if who & changers and _gives(step, n)), None)
        if by is not None and name is not None and number not in self._changed:
            cell = step.flow.cell.cell_id if step.flow else None
            self._changed[number] = Changed(name, by.cell.cell_id, cell, step.value)


def _shared(steps: Sequence[_Step], notebook: Run, calls: int) -> Iterator[Shared]:
    """Yield what would be changed if unknown calls did their worst."""
    worst = Run.of([step.cell for step in steps], "lambdas")
    names = Rehearsal(worst, calls).changed_names()
    known = Rehearsal(notebook, calls).changed_names()
    given = {name for step in steps if step.given for name in _names(step)}
    by: defaultdict[int, list[str]] = defaultdict(list)
    for name, who in names.items():
        if name not in known and name not in given:
            for number in _numbers(who):
                if name in worst.facts[number].changes.deep:
                    by[number].append(name)
    for number, several in sorted(by.items()):
        flow = steps[number].flow
        if flow is not None:
            yield Shared(flow.cell.cell_id, tuple(sorted(several)))


def _numbers(mask: int) -> Iterator[int]:
    while mask:
        number = mask.bit_length() - 1
        yield number
        mask &= ~(1 << number)


def _names(step: _Step) -> Iterator[str]:
    for node in ast.walk(ast.parse(step.cell.source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _has_role(step: _Step, role: Role) -> bool:
    return step.flow is not None and step.flow.cell.role is role


def _gives(step: _Step, name: str) -> bool:
    return step.value == name or (step.flow is not None and name in step.flow.defines)


def _functions(flow: CellFlow) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(flow.tree) if flow.tree else ():
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def _keeps_state(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function remembers: in a default that it may change, or in a closure."""
    defaults = [*node.args.defaults, *(d for d in node.args.kw_defaults if d)]
    made = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
    return any(isinstance(d, made) for d in defaults) or any(
        isinstance(inner, ast.Nonlocal) for inner in ast.walk(node)
    )


def _computes(flow: CellFlow) -> bool:
    """Whether a default is computed: today's date is another one tomorrow."""
    assigned = [n.value for n in (flow.tree.body if flow.tree else ())
                if isinstance(n, (ast.Assign, ast.AnnAssign)) and n.value is not None]  # fmt: skip
    return any(isinstance(node, ast.Call) for value in assigned for node in ast.walk(value))
