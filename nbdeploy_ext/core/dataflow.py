"""Data flow between cells: what each defines, needs and changes, and the slice of any cell."""

from __future__ import annotations

import ast
import builtins
import symtable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .magics import PlainSource, plain_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .notebook import Cell, Notebook

BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__", "__annotations__"}
_COMPOUND = (ast.For, ast.AsyncFor, ast.With, ast.AsyncWith, ast.While, ast.If, ast.Try, ast.Match)
_COMPREHENSIONS = {"listcomp", "setcomp", "dictcomp", "genexpr"}


@dataclass(frozen=True, slots=True)
class CellFlow:
    """The names of one code cell.

    `immediate` are read while the cell runs, `deferred` inside functions, when they are called.
    Places are (line, column), both from 1.
    """

    cell: Cell
    plain: PlainSource
    tree: ast.Module | None
    defines: frozenset[str]
    immediate: Mapping[str, tuple[int, int]]
    deferred: Mapping[str, tuple[int, int]]
    mutates: frozenset[str]
    fault: SyntaxError | None = None

    @property
    def references(self) -> tuple[str, ...]:
        """Return every name that the cell needs from elsewhere, sorted, built-ins left out."""
        return tuple(sorted({*self.immediate, *self.deferred} - BUILTINS))


@dataclass(frozen=True)
class Dataflow:
    """All code cells of a notebook, in its order."""

    flows: tuple[CellFlow, ...]
    by_id: Mapping[str, CellFlow] = field(repr=False)

    def definers(self, name: str, reader: CellFlow) -> tuple[CellFlow, ...]:
        """Return the cells that give `name` its value as `reader` sees it, in notebook order.

        The last definition before the reader, and every change of it in between; when there is
        none before, the first definition after it (a function may be called later).
        """
        before = [flow for flow in self.flows if flow.cell.index < reader.cell.index]
        last = next((flow for flow in reversed(before) if name in flow.defines), None)
        if last is None:
            after = (flow for flow in self.flows if flow.cell.index > reader.cell.index)
            later = next((flow for flow in after if name in flow.defines), None)
            return (later,) if later else ()
        changed = [f for f in before if f.cell.index > last.cell.index and name in f.mutates]
        return (last, *changed)

    def slice(self, cell_id: str) -> tuple[str, ...]:
        """Return the ids of the cells that a cell needs, itself left out, in notebook order."""
        start = self.by_id.get(cell_id)
        needed: set[str] = set()
        waiting = [start] if start else []
        while waiting:
            reader = waiting.pop()
            for name in reader.references:
                for definer in self.definers(name, reader):
                    if definer.cell.cell_id not in needed | {cell_id}:
                        needed.add(definer.cell.cell_id)
                        waiting.append(definer)
        return tuple(f.cell.cell_id for f in self.flows if f.cell.cell_id in needed)


def read_dataflow(notebook: Notebook) -> Dataflow:
    """Analyse every code cell; a cell that is no Python has no names and carries its fault."""
    flows = tuple(read_cell(cell) for cell in notebook.code_cells())
    return Dataflow(flows, {flow.cell.cell_id: flow for flow in flows})


def read_cell(cell: Cell) -> CellFlow:
    """Analyse one cell by itself."""
    plain = plain_source(cell.source)
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        tree = compile(plain.text, "<cell>", "exec", flags)
        # symtable has no flag for top-level await; a function around the cell would change scopes
        table = symtable.symtable(plain.text.replace("await ", "      "), "<cell>", "exec")
    except (SyntaxError, ValueError) as fault:
        syntax = fault if isinstance(fault, SyntaxError) else SyntaxError(str(fault))
        return CellFlow(cell, plain, None, frozenset(), {}, {}, frozenset(), syntax)
    assert isinstance(tree, ast.Module)  # noqa: S101  (PyCF_ONLY_AST answers nothing else)
    defines = frozenset(_defined(table))
    inner = set(_globals_of(table, in_function=False))
    deferred = {name for name, is_deferred in inner if is_deferred}
    early = {name for name, is_deferred in inner if not is_deferred}
    early |= {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    immediate = {name for name in early if name not in _stored_before_use(tree, defines)}
    places = _first_loads(tree)
    return CellFlow(
        cell=cell,
        plain=plain,
        tree=tree,
        defines=defines,
        immediate={name: places.get(name, (1, 1)) for name in sorted(immediate)},
        deferred={n: places.get(n, (1, 1)) for n in sorted(deferred - defines - immediate)},
        mutates=frozenset(_mutated(tree)),
    )


def _defined(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            yield symbol.get_name()
    yield from _declared_global(table)


def _declared_global(table: symtable.SymbolTable) -> Iterator[str]:
    for child in table.get_children():
        for symbol in child.get_symbols():
            if symbol.is_declared_global() and symbol.is_assigned():
                yield symbol.get_name()
        yield from _declared_global(child)


def _globals_of(table: symtable.SymbolTable, *, in_function: bool) -> Iterator[tuple[str, bool]]:
    """Yield the global names of nested scopes, and whether a call has to come first."""
    for child in table.get_children():
        is_function = child.get_type() == "function" and child.get_name() not in _COMPREHENSIONS
        deferred = in_function or is_function
        for symbol in child.get_symbols():
            if symbol.is_global() and symbol.is_referenced():
                yield symbol.get_name(), deferred
        yield from _globals_of(child, in_function=deferred)


def _stored_before_use(tree: ast.Module, defines: frozenset[str]) -> frozenset[str]:
    """Return the cell's own names that a statement stores before any statement reads them."""
    stored: set[str] = set()
    needed: set[str] = set()
    for statement in tree.body:
        stores, loads = _stores(statement), _loads(statement)
        if isinstance(statement, _COMPOUND):
            loads -= stores
        needed |= loads - stored
        stored |= stores
    return (defines & stored) - needed


def _stores(statement: ast.stmt) -> set[str]:
    names: set[str] = set()
    for node in _own_nodes(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        elif (isinstance(node, ast.ExceptHandler) and node.name) or (
            isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name
        ):
            names.add(node.name)
    return names


def _loads(statement: ast.stmt) -> set[str]:
    names = {
        node.id
        for node in _own_nodes(statement)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store)
    }
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        names.add(statement.target.id)
    return names


def _own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """Walk what runs with the statement itself: bodies of functions are left out."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting += [*node.decorator_list, *filter(None, [node.returns])]
            waiting += ast.iter_child_nodes(node.args)
        elif isinstance(node, ast.Lambda):
            waiting += [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        else:
            waiting += ast.iter_child_nodes(node)


def _first_loads(tree: ast.Module) -> dict[str, tuple[int, int]]:
    places: dict[str, tuple[int, int]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            place = (node.lineno, node.col_offset + 1)
            if node.id not in places or place < places[node.id]:
                places[node.id] = place
    return places


def _mutated(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Subscript, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
            yield from _root(node)
        elif isinstance(node, ast.AugAssign):
            yield from _root(node.target)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield from _root(node.value.func, bare=False)


def _root(node: ast.expr, *, bare: bool = True) -> Iterable[str]:
    """Return the name at the root of `name.a[b].c`; a bare name only where `bare`."""
    inner = node
    while isinstance(inner, (ast.Subscript, ast.Attribute)):
        inner = inner.value
    return (inner.id,) if isinstance(inner, ast.Name) and (bare or inner is not node) else ()
