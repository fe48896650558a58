"""What names stand for across a notebook: modules, built-ins, its own functions and classes."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from .catalog import BUILTIN_CALLS
from .definitions import read_class, read_function
from .expressions import BUILTIN_NAMES
from .facts import (
    METACALL,
    TRUST,
    Builtin,
    Changes,
    Meaning,
    Module,
    Reading,
    Summary,
)
from .origins import ASKED, LOGGED, NOTHING, only, part_of
from .outlines import GROWING_KIND, methods_of, named_methods
from .summaries import extended, joined, joined_changes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .origins import Origins
    from .outlines import Outline
    from .scopes import Function
    from .trust import Trust

_KNOWN = BUILTIN_NAMES | frozenset(BUILTIN_CALLS)
_ROUNDS = 6
"""After so many rounds, functions that call each other are thought the worst of."""
_DEEPEST = 10
"""So many functions are read within one another: Python's own limit depends on who calls us."""


class _Stale(Exception):
    """Something that a reading rests on is no longer so."""


def holds(assumed: Iterable[tuple[str, Meaning]], meanings: NotebookMeanings) -> bool:
    """Whether names still stand for what they did."""
    answers, ask = meanings.answers, meanings.ask
    for name, meaning in assumed:
        now = answers[name] if name in answers else ask(name)
        if now is not meaning and now != meaning:
            return False
    return True


_module = lru_cache(maxsize=1 << 12)(Module)
_builtin = lru_cache(maxsize=1 << 12)(Builtin)


class NotebookMeanings:
    """Answers what a name stands for; `shadowed` names are variables too, so nobody knows."""

    def __init__(
        self, outlines: Sequence[Outline], shadowed: frozenset[str], trust: Trust | None = None
    ) -> None:
        self._trust = trust
        self._shadowed = shadowed
        self._imports: dict[str, set[str]] = {}
        self._functions: dict[str, list[Function]] = {}
        self._classes: dict[str, list[ast.ClassDef]] = {}
        self._methods: dict[str, list[Function]] = {}
        self.answers: dict[str, Meaning] = {}
        self._done: dict[ast.AST, Reading] = {}
        self._fresh: dict[ast.AST, Reading] = {}
        self._guess: dict[ast.AST, Reading] = {}
        self._active: list[ast.AST] = []
        self._open: list[ast.ClassDef] = []  # whose bases are being read
        self._looped = False
        self._circular = False
        self._depth = 0
        self._remembered: dict[ast.AST, dict[ast.AST, Reading]] = {}
        self._trusted: dict[ast.AST, Reading] = {}
        for outline in outlines:
            self._add(outline, outline.names)

    def _add(self, outline: Outline, names: frozenset[str]) -> None:
        for name, path in outline.imports:
            if name in names:
                self._imports.setdefault(name, set()).add(path)
        for name, function in outline.functions:
            if name in names:
                self._functions.setdefault(name, []).append(function)
                self._remembered[function] = outline.readings
        self._add_classes(outline, names)

    def _add_classes(self, outline: Outline, names: frozenset[str]) -> None:
        for name, node in outline.classes:
            if name in names:
                self._classes.setdefault(name, []).append(node)
            for dotted, method in named_methods(node):
                if dotted in names:
                    self._methods.setdefault(dotted, []).append(method)
                    self._remembered[method] = outline.readings

    def go_on(self, outlines: Sequence[Outline], names: frozenset[str]) -> bool:
        """Take outlines that differ in `names` alone, and say whether those mean what they did.

        Where they don't, any name may mean something else: these meanings are of no use then.
        """
        before = {name: self.ask(name) for name in names}
        answers, done = self.answers, self._done
        self.answers, self._done, self._circular = {}, {}, False
        for name in names:
            self._imports.pop(name, None)
            self._classes.pop(name, None)
            for function in (*self._functions.pop(name, ()), *self._methods.pop(name, ())):
                self._remembered.pop(function, None)
                done.pop(function, None)
        for outline in outlines:
            if not names.isdisjoint(outline.names):
                self._add(outline, names)
        same = all(self.ask(name) == meaning for name, meaning in before.items())
        answers.update(self.answers)
        done.update(self._done)
        self.answers, self._done = answers, done
        return same and not self._circular

    def is_shadowed(self, name: str) -> bool:
        """Whether the name is taken to be a variable too."""
        return name in self._shadowed

    def known(self, names: frozenset[str]) -> frozenset[str]:
        """Return those names that stand for a module, a function, a class or a built-in."""
        tables = (self._imports, self._functions, self._classes, _KNOWN)
        return frozenset().union(*[names.intersection(table) for table in tables])

    def ask(self, name: str) -> Meaning:
        """Return what the name stands for, None when nobody knows."""
        if name in self.answers:
            return self.answers[name]
        found = self._meaning(name)
        if not self._active and not self._trusted and not self._open:
            self.answers[name] = found
        return found

    def _meaning(self, name: str) -> Meaning:
        if name[0] == TRUST:
            is_trusted = self._trust is not None and self._trust.covers(name[1:])
            return Builtin(TRUST) if is_trusted else None
        if name[0] == ".":
            methods = self._methods.get(name)
            return joined([self.read(m).summary for m in methods]) if methods else None
        paths, functions = self._imports.get(name, ()), self._functions.get(name, ())
        classes = self._classes.get(name, ())
        kinds = bool(paths) + bool(functions) + bool(classes)
        if name in self._shadowed or kinds > 1 or len(paths) > 1:
            return None
        if paths:
            return _module(next(iter(paths)))
        if functions:
            return joined([self.read(f).summary for f in functions])
        if classes:
            # `class A(A)` in a later cell adds to the A before it
            others = [c for c in classes if c not in self._open]
            self._circular |= len(others) < len(classes)
            return joined([self.read_class(c) for c in others]) if others else None
        return _builtin(name) if name in _KNOWN else None

    def read(self, node: Function) -> Reading:
        """Return a function's reading; functions that call each other are read until stable."""
        found = self._done.get(node) or self._fresh.get(node)
        if found is not None:
            return found
        if node in self._active:
            self._looped = self._circular = True
            return self._guess.get(node) or _blank(node)
        if len(self._active) >= _DEEPEST:
            self._circular = True
            return _unread(node)
        if self._active:
            return self._read_once(node)
        return self._recalled(node) or self._settled(node)

    def _recalled(self, node: Function) -> Reading | None:
        """Return what was found the last time, if all that it rests on is still so."""
        if node in self._trusted:
            return self._trusted[node]
        found = self._remembered.get(node, {}).get(node)
        if found is None:
            if self._trusted:
                raise _Stale
            return None
        first = not self._trusted
        self._trusted[node] = found
        self._depth += 1
        try:
            kept = self._depth <= _DEEPEST and holds(found.assumed.items(), self)
        except _Stale:
            kept = False
        finally:
            self._depth -= 1
        if not kept:
            if not first:
                raise _Stale
            self._trusted = {}
            return None
        if first:
            self._done.update(self._trusted)
            self._trusted = {}
        return found

    def _settled(self, node: Function) -> Reading:
        for number in range(_ROUNDS):
            self._fresh, self._looped = {}, False
            self._read_once(node)
            if not self._looped or self._fresh == self._guess:
                break
            self._guess = self._fresh
            if number == _ROUNDS - 1:
                self._fresh = {n: _worst(r) for n, r in self._fresh.items()}
        self._done.update(self._fresh)
        for other, reading in self._fresh.items():
            self._remembered.get(other, {})[other] = reading
        self._fresh, self._guess = {}, {}
        return self._done[node]

    def _read_once(self, node: Function) -> Reading:
        self._active.append(node)
        try:
            found = read_function(node, None, self)
        except RecursionError:
            found = _unread(node)
        finally:
            self._active.pop()
        self._fresh[node] = found
        return found

    def read_class(self, node: ast.ClassDef) -> Summary:
        """Return what a class stands for: its methods, and what making one does."""
        found = self._by_methods(node)
        kind = self._kind(node) if node.bases else NOTHING
        return replace(found, returns=found.returns | kind) if kind else found

    def _by_methods(self, node: ast.ClassDef) -> Summary:
        functions = methods_of(node)
        start = next((m for m in functions if m.name in {"__init__", "__post_init__"}), None)
        if start is None:
            for plain in node.bases:
                found = self._base(node, plain)
                if isinstance(found, Summary) and found.kind == "class":
                    return extended(found, read_class([self.read(m) for m in functions], None))
        first = self.read(start) if start is not None else None
        found = read_class([self.read(m) for m in functions], first)
        if start is not None and first is not None and _changes_class(node, start, first.summary):
            itself = Changes(deep=frozenset({node.name}))
            found = replace(found, changes=joined_changes([found.changes, itself]))
        makers = [self.read(m).summary for m in functions if m.name == "__new__"]
        if any("$" + m.parameters[0] in m.changes.shallow | m.changes.deep for m in makers):
            itself = Changes(deep=frozenset({node.name}))
            found = replace(
                found,
                changes=joined_changes([found.changes, itself]),
                returns=found.returns | part_of(only(node.name)),
            )
        if start is not None and any(map(_shares_all, ast.walk(start))):
            found = replace(found, returns=found.returns | part_of(only(node.name)))
        return self._made_by_metaclass(node, found)

    def _made_by_metaclass(self, node: ast.ClassDef, found: Summary) -> Summary:
        """Return what a class stands for whose metaclass makes its instances, or gives old ones."""
        kinds = [k.value.id for k in node.keywords if isinstance(k.value, ast.Name)]
        if not kinds or self.ask(METACALL) is None:
            return found
        changes = joined_changes([found.changes, Changes(deep=frozenset([node.name, *kinds]))])
        return replace(found, changes=changes, returns=found.returns | part_of(only(node.name)))

    def _kind(self, node: ast.ClassDef) -> Origins:
        """Return what an instance comes from because of the bases of its class.

        Some dictionaries grow when they are read, a handler sees whatever is logged, and the
        members of an enumeration, which is called to find them, are a part of it.
        """
        itself = part_of(only(node.name))
        found = NOTHING
        for base in node.bases:
            name, _, rest = ast.unparse(base).partition(".")
            meaning = self._base(node, ast.Name(name))
            if isinstance(meaning, Module):
                path = f"{meaning.path}.{rest}" if rest else meaning.path
                found |= ASKED if path == GROWING_KIND else NOTHING
                found |= LOGGED if path.startswith("logging.") else NOTHING
                found |= itself if path.startswith("enum.") else NOTHING
            elif isinstance(meaning, Summary):
                found |= meaning.returns & (ASKED | LOGGED)
                found |= itself if part_of(only(name)) <= meaning.returns else NOTHING
        return found

    def _base(self, node: ast.ClassDef, base: ast.expr) -> Meaning:
        if not isinstance(base, ast.Name):
            return None
        self._open.append(node)
        try:
            return self.ask(base.id)
        finally:
            self._open.pop()


def _changes_class(node: ast.ClassDef, start: Function, summary: Summary) -> bool:
    """Whether making an instance may change its class: `_ids = count()`, and `next(self._ids)`."""
    if not any("$" + itself in summary.changes.deep for itself in summary.parameters[:1]):
        return False
    inside = [n for n in ast.walk(start) if isinstance(n, ast.Attribute)]
    own = {n.attr for n in inside if isinstance(n.ctx, ast.Store) and isinstance(n.value, ast.Name)}
    shared = {
        target.id
        for statement in node.body
        if isinstance(statement, ast.Assign) and not isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    } - own
    return any(
        n.attr in shared
        or (isinstance(n.ctx, ast.Store) and ast.unparse(n.value).startswith("type("))
        or n.attr == "__class__"
        for n in inside
    )


def _shares_all(node: ast.AST) -> bool:
    """Whether it is `self.__dict__ = …`, which all instances may share."""
    stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    return stored and getattr(node, "attr", "") == "__dict__"


def _blank(node: Function) -> Reading:
    plain = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    names = tuple(a.arg for a in plain)
    summary = Summary("function", names, NOTHING, Changes(), NOTHING)
    return Reading(summary, {}, (), {}, NOTHING)


def _unread(node: Function) -> Reading:
    """Return the reading of a function that is too deep: nobody knows what it does."""
    found = _blank(node)
    return replace(found, summary=replace(found.summary, opaque=True))


def _worst(found: Reading) -> Reading:
    s = found.summary
    worst = Summary(s.kind, s.parameters, s.free, s.changes, s.returns, s.opaque, exact=False)
    return Reading(worst, found.places, found.opaque, found.assumed, found.soft)
