"""The names and values of one scope while its code is read: a cell, a function or a class body."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

from .facts import Changes, Meaning, Opaque, Reading, Summary
from .origins import FLAGS, NOTHING, Origins, base, merged, new_of, only, related

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Iterator

    from .places import Position

    Function = ast.FunctionDef | ast.AsyncFunctionDef


Inside = tuple[set[str], dict[str, Origins], set[str]]


class Meanings(Protocol):
    """What names stand for in the whole notebook; `.name` asks for a method."""

    def ask(self, name: str) -> Meaning: ...  # noqa: D102

    def read(self, node: Function) -> Reading: ...  # noqa: D102

    def read_class(self, node: ast.ClassDef) -> Summary: ...  # noqa: D102


class Scope:
    """Names with the origins of their values, and everything that the code does to objects.

    A function's names are resolved when it ends: a name that it stores anywhere is its own.
    """

    __slots__ = (
        "asked", "assumed", "binds", "conditions", "consumed", "declared", "deep", "deferred",
        "deletes", "drawn", "enacted", "env", "functions", "generator", "held", "hidden", "imports",
        "kind", "meanings", "opaque", "parent", "raised", "reads", "returns", "shallow", "soft",
        "stored", "sure", "wild",
    )  # fmt: skip

    def __init__(self, kind: str, parent: Scope | None, meanings: Meanings) -> None:
        self.kind = kind
        self.parent = parent
        self.meanings = meanings
        self.env: dict[str, Origins] = {}
        self.sure: set[str] = set()
        self.declared: set[str] = set()
        self.stored: set[str] = set()
        self.deletes: set[str] = set()
        self.reads: dict[str, Position] = {}
        self.soft: set[str] = set()
        self.deferred: dict[str, Position] = {}
        self.shallow: set[str] = set()
        self.deep: set[str] = set()
        self.consumed: set[str] = set()
        self.drawn: set[str] = set()
        self.asked: set[str] = set()
        self.held: dict[str, set[str]] = {}
        self.binds: set[str] = set()
        self.returns: Origins = NOTHING
        self.raised: Origins = NOTHING
        self.opaque: list[Opaque] = []
        self.functions: dict[str, list[Summary]] = {}
        self.assumed: dict[str, Meaning] = {}
        self.imports: dict[str, str] = {}
        self.conditions = 0
        self.generator = False
        self.wild = False
        self.hidden: set[str] = set()
        self.enacted: dict[int, Summary] = {}
        """By identity; kept, as another object may get the identity of one that is gone."""

    # names -----------------------------------------------------------------------------------
    def load(self, name: str, position: Position) -> Origins:
        """Return where the name's value comes from; a name from outside goes on record."""
        found = self.env.get(name)
        if found is not None and name not in self.declared:
            if name not in self.sure:
                self.soft.add(name)
                return found | {name} if self.kind == "cell" else found
            return found
        if self.parent is not None:
            enclosing = self._enclosing(name)
            if enclosing is not None:
                self.soft.add(name)
                return enclosing
            place = self.place_of(name)
            if place is not self and name[0] != "@":
                return place.load(name, position)
        if name not in self.reads:
            self.reads[name] = position
        return only(name)

    def place_of(self, name: str) -> Scope:
        """Return whose name it is: a class's body runs at once, and finds the names around it."""
        scope = self
        while scope.kind == "class" and scope.parent is not None and name not in scope.env:
            scope = scope.parent
        return scope

    def _enclosing(self, name: str) -> Origins | None:
        scope = self.parent
        while scope is not None and scope.kind != "cell":
            if scope.kind == "function" and name in scope.env and name not in self.declared:
                return scope.env[name]
            scope = scope.parent
        return None

    def store(self, name: str, origins: Origins, *, plain: bool = True) -> None:
        """Give the name a value; under a condition it may keep the one that it had."""
        if name in self.declared:
            self.binds.add(name)
            if origins:
                self.hold(frozenset((name,)), origins)
            return
        value = new_of(name, origins)
        if self.conditions:
            if name in self.env:
                value |= self.env[name]
        else:
            self.sure.add(name)
        self.env[name] = value
        if plain:
            self.stored.add(name)
            if self.functions:
                self.functions.pop(name, None)
        if self.deletes:
            self.deletes.discard(name)

    def delete(self, name: str) -> None:
        """Take the name away."""
        if name in self.declared:
            self.binds.add(name)
        elif not self.conditions:
            self.env.pop(name, None)
            self.sure.discard(name)
            self.deletes.add(name)

    def mean(self, name: str) -> Meaning:
        """Return what the name stands for in the notebook, unless it is this scope's own."""
        if self.kind == "cell":
            if name in self.hidden:
                return None
        elif name in self.env:
            return None
        scope = self.parent
        while scope is not None and scope.kind != "cell":
            if scope.kind == "function" and name in scope.env:
                return None
            scope = scope.parent
        return self.mean_outside(name)

    def mean_outside(self, name: str) -> Meaning:
        """Return what a name stands for that is no variable: one that begins with a dot, say."""
        if name in self.assumed:
            return self.assumed[name]
        found = self.assumed[name] = self.meanings.ask(name)
        return found

    @contextmanager
    def bound_inside(self, names: set[str]) -> Iterator[None]:
        """Keep names of a comprehension or a lambda to themselves."""
        before = self.enter(names)
        yield
        self.leave(names, before)

    def enter(self, names: set[str]) -> Inside:
        """Begin what `bound_inside` does; the answer is for `leave`."""
        before = self.hidden, {n: self.env[n] for n in names if n in self.env}, self.sure & names
        self.hidden = self.hidden | names
        self.conditions += 1
        return before

    def leave(self, names: set[str], before: Inside) -> None:
        """End what `enter` began."""
        self.conditions -= 1
        self.hidden, env, sure = before
        for name in names:
            self.env.pop(name, None)
        self.env.update(env)
        self.sure -= names
        self.sure |= sure

    def bind_inside(self, name: str, origins: Origins) -> None:
        """Give such a name its value."""
        self.env[name] = origins or only("=" + name)
        self.sure.add(name)

    @contextmanager
    def late(self) -> Iterator[None]:
        """Read code that runs when it is called: what it reads is deferred, and may be now."""
        before, self.reads = self.reads, {}
        # What a class's body reads is its parent's to read
        with self.parent.late() if self.kind == "class" and self.parent else nullcontext():
            yield
        found, self.reads = self.reads, before
        for name, place in found.items():
            if name[0] == "@":
                before.setdefault(name, place)
            else:
                self.deferred.setdefault(name, place)
                self.soft.add(name)

    # objects ---------------------------------------------------------------------------------
    def change(self, origins: Iterable[str], *, deep: bool = False) -> None:
        """Note that such objects change; parts change what they are parts of."""
        for origin in origins:
            last = origin[-1]
            if last == "*":
                self.deep.add(origin[:-1])
            elif last in "+%":
                if deep:
                    self.deep.add(origin[:-1])
            elif last not in "-<" and last not in FLAGS and origin[0] != "~":
                (self.deep if deep else self.shallow).add(origin)
            elif origin[0] == "~" and deep and (name := origin.lstrip("~")):
                self.deep.add(name)

    def hold(self, holders: Iterable[str], held: Origins) -> None:
        """Note that objects are stored in others."""
        if held:
            for origin in holders:
                self.held.setdefault(base(origin), set()).update(held)

    def unknowable(self, node: ast.AST, reason: str) -> None:
        """Note what can't be known, at the node's place in the tree."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        self.wild = True
        self.opaque.append(Opaque(line, column, reason))

    def touch(self, *tokens: str) -> None:
        """Read and change states, named with their `@`."""
        for token in tokens:
            if token not in self.env:
                self.reads.setdefault(token, (1, 0))
            self.shallow.add(token)

    def seed(self, token: str) -> None:
        """Set the state of random numbers anew: what was drawn before counts no more."""
        self.shallow.add("@seed:" + token.partition(":")[2])
        if self.kind == "cell" and not self.conditions:
            self.env[token] = NOTHING
        self.touch(token)

    def seed_all(self) -> None:
        """Note that all random states there are may be set anew."""
        for name in ("random", "numpy", "torch", "tensorflow"):
            self.shallow.add("@seed:" + name)
            self.touch("@rng:" + name)

    def apply(self, summary: Summary, arguments: dict[str, Origins]) -> Origins:
        """Do what a function does when it is called so, and return where its result comes from."""
        known: dict[str, Origins] = {}
        if summary.changes:
            self._apply(summary.changes, arguments, known)
        return self._mapped(summary.returns, arguments, known)

    def suffer(self, changes: Changes) -> None:
        """Let changes happen that don't depend on arguments."""
        self._apply(changes, {}, {})
        self.binds |= changes.binds

    def _apply(
        self, changes: Changes, arguments: dict[str, Origins], known: dict[str, Origins]
    ) -> None:
        if changes.shallow:
            self.change(self._mapped(changes.shallow, arguments, known))
        if changes.deep:
            self.change(self._mapped(changes.deep, arguments, known), deep=True)
        if changes.consumed:
            self.consumed.update(map(base, self._mapped(changes.consumed, arguments, known)))
        if changes.drawn:
            self.drawn.update(map(base, self._mapped(changes.drawn, arguments, known)))
        if changes.asked:
            self.asked.update(map(base, self._mapped(changes.asked, arguments, known)))
        for holder, held in changes.held:
            holders = self._mapped((holder,), arguments, known)
            self.hold(holders, self._mapped(held, arguments, known))

    def _mapped(
        self, origins: Iterable[str], arguments: dict[str, Origins], known: dict[str, Origins]
    ) -> Origins:
        """Return a function's origins as its caller sees them; `known` are those of this call."""
        found: list[Origins] = []
        for origin in origins:
            mapped = known.get(origin)
            if mapped is None:
                mapped = known[origin] = self._from_caller(origin, arguments)
            found.append(mapped)
        return merged(found)

    def _from_caller(self, origin: str, arguments: dict[str, Origins]) -> Origins:
        first, last = origin[0], origin[-1]
        if first in "@~=" or first in FLAGS:
            return only(origin)
        if last in "*+-%<":
            return related(self._from_caller(origin[:-1], arguments), last)
        if first == "$":
            return arguments.get(origin[1:], NOTHING)
        if self.kind != "cell":
            place = self.place_of(origin)
            if place is not self:
                return place._from_caller(origin, arguments)  # noqa: SLF001  (a scope, too)
            return self._recall(origin)
        if origin not in self.sure:
            self.soft.add(origin)
        found = self.env.get(origin)
        return only(origin) if found is None else found

    def _recall(self, name: str) -> Origins:
        """Load a name that stands in a function called here: needed, but not read by this text."""
        is_read = name in self.reads
        found = self.load(name, (1, 0))
        if not is_read and self.reads.pop(name, None) is not None:
            self.soft.add(name)
        return found

    def absorb(self, inner: Scope) -> None:
        """Take over what a nested scope did to objects."""
        self.shallow |= inner.shallow
        self.deep |= inner.deep
        self.consumed |= inner.consumed
        self.drawn |= inner.drawn
        self.asked |= inner.asked
        self.binds |= inner.binds
        self.opaque += inner.opaque
        self.assumed.update(inner.assumed)
        for holder, held in inner.held.items():
            self.held.setdefault(holder, set()).update(held)
