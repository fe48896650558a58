"""The names and values of one scope while its code is read: a cell, a function or a class body."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from .facts import Changes, Meaning, Opaque, Reading, Summary
from .origins import NOTHING, Origins, base

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Iterator

    from .facts import Position

    Function = ast.FunctionDef | ast.AsyncFunctionDef


class Meanings(Protocol):
    """What names stand for in the whole notebook; `.name` asks for a method."""

    def ask(self, name: str) -> Meaning: ...  # noqa: D102

    def read(self, node: Function) -> Reading: ...  # noqa: D102

    def read_class(self, node: ast.ClassDef) -> Summary: ...  # noqa: D102


class Scope:
    """Names with the origins of their values, and everything that the code does to objects.

    A function's names are resolved when it ends: a name that it stores anywhere is its own.
    """

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
        self.held: dict[str, set[str]] = {}
        self.binds: set[str] = set()
        self.returns: Origins = NOTHING
        self.opaque: list[Opaque] = []
        self.functions: dict[str, list[Summary]] = {}
        self.assumed: dict[str, Meaning] = {}
        self.imports: dict[str, str] = {}
        self.conditions = 0
        self.generator = False
        self.wild = False
        self.hidden: set[str] = set()
        self.enacted: set[int] = set()

    # names -----------------------------------------------------------------------------------
    def load(self, name: str, position: Position) -> Origins:
        """Return where the name's value comes from; a name from outside goes on record."""
        found = self.env.get(name)
        if found is not None and name not in self.declared:
            if name not in self.sure:
                self.soft.add(name)
                return found | {name} if self.kind == "cell" else found
            return found
        enclosing = self._enclosing(name)
        if enclosing is not None:
            self.soft.add(name)
            return enclosing
        if name not in self.reads:
            self.reads[name] = position
        return frozenset((name,))

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
        own = frozenset(("=" + name,)) if not origins or self._is_new(origins) else NOTHING
        value = origins | own if origins else own
        if self.conditions and name in self.env:
            value |= self.env[name]
        self.env[name] = value
        if not self.conditions:
            self.sure.add(name)
        if plain:
            self.stored.add(name)
            self.functions.pop(name, None)
        self.deletes.discard(name)

    @staticmethod
    def _is_new(origins: Origins) -> bool:
        return any(o[-1] in "+-%!^" or o[0] == "~" for o in origins)

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
        if self.kind != "cell" and name in self.env:
            return None
        scope = self.parent
        while scope is not None and scope.kind != "cell":
            if scope.kind == "function" and name in scope.env:
                return None
            scope = scope.parent
        if self.kind == "cell" and name in self.hidden:
            return None
        if name in self.assumed:
            return self.assumed[name]
        found = self.meanings.ask(name)
        self.assumed[name] = found
        return found

    @contextmanager
    def bound_inside(self, names: set[str]) -> Iterator[None]:
        """Keep names of a comprehension or a lambda to themselves."""
        hidden, self.hidden = self.hidden, self.hidden | names
        env = {n: self.env[n] for n in names if n in self.env}
        sure = self.sure & names
        self.conditions += 1
        yield
        self.conditions -= 1
        self.hidden = hidden
        for name in names:
            self.env.pop(name, None)
        self.env.update(env)
        self.sure = (self.sure - names) | sure

    def bind_inside(self, name: str, origins: Origins) -> None:
        """Give such a name its value."""
        self.env[name] = origins or frozenset(("=" + name,))
        self.sure.add(name)

    @contextmanager
    def late(self) -> Iterator[None]:
        """Read code that runs when it is called: what it reads is deferred, and may be now."""
        before, self.reads = self.reads, {}
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
            elif last != "-" and last not in "!^" and origin[0] != "~":
                (self.deep if deep else self.shallow).add(origin)
            elif origin[0] == "~" and deep:
                self.deep.add(origin[1:])

    def hold(self, holders: Iterable[str], held: Origins) -> None:
        """Note that objects are stored in others."""
        if held:
            for origin in holders:
                self.held.setdefault(base(origin), set()).update(held)

    def unknowable(self, node: ast.AST, reason: str) -> None:
        """Note what can't be known."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        self.wild = True
        self.opaque.append(Opaque(line, column + 1, reason))

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
        changes = summary.changes
        if not changes:
            return self._mapped(summary.returns, arguments) if summary.returns else NOTHING
        self.change(self._mapped(changes.shallow, arguments))
        self.change(self._mapped(changes.deep, arguments), deep=True)
        self.consumed.update(map(base, self._mapped(changes.consumed, arguments)))
        self.drawn.update(map(base, self._mapped(changes.drawn, arguments)))
        for holder, held in changes.held:
            self.hold(self._mapped((holder,), arguments), self._mapped(held, arguments))
        return self._mapped(summary.returns, arguments)

    def _mapped(self, origins: Iterable[str], arguments: dict[str, Origins]) -> Origins:
        found: set[str] = set()
        for origin in origins:
            if origin[0] == "@":
                found.add(origin)
            else:
                found |= self._from_caller(origin, arguments)
        return frozenset(found)

    def _recall(self, name: str) -> Origins:
        """Load a name that stands in a function called here: needed, but not read by this text."""
        is_read = name in self.reads
        found = self.load(name, (1, 0))
        if not is_read and self.reads.pop(name, None) is not None:
            self.soft.add(name)
        return found

    def _from_caller(self, origin: str, arguments: dict[str, Origins]) -> Origins:
        plain = base(origin)
        suffix = origin[len(plain) :]
        if plain[0] == "$":
            found = arguments.get(plain[1:], NOTHING)
        elif plain[0] in "@~!^=":
            return frozenset((origin,))
        else:
            found = self._recall(plain) if self.kind != "cell" else self._own(plain)
        return frozenset([base(o) + suffix for o in found]) if suffix else found

    def _own(self, name: str) -> Origins:
        if name not in self.sure:
            self.soft.add(name)
        return self.env.get(name, frozenset((name,)))

    def absorb(self, inner: Scope) -> None:
        """Take over what a nested scope did to objects."""
        self.shallow |= inner.shallow
        self.deep |= inner.deep
        self.consumed |= inner.consumed
        self.drawn |= inner.drawn
        self.binds |= inner.binds
        self.opaque += inner.opaque
        self.assumed.update(inner.assumed)
        for holder, held in inner.held.items():
            self.held.setdefault(holder, set()).update(held)

    # results ---------------------------------------------------------------------------------
    def changes(self, drop: set[str] | None = None) -> Changes:
        """Return what the scope changes outside itself; objects of the scope's own are dropped."""
        deep = self._expanded(self.deep, self.held)
        gone = drop or set()
        held = [(h, frozenset(self.outside(v, gone))) for h, v in self.held.items()]
        keep_own = self.kind == "cell"
        return Changes(
            frozenset(self._left(self.shallow - deep, gone, own=False)),
            frozenset(self._left(deep, gone, own=False)),
            frozenset(self._left(self.consumed, gone, own=False)),
            frozenset(self._left(self.drawn, gone, own=keep_own)),
            tuple((h, v) for h, v in held if v and not self._is_own(h, gone, keep_own)),
            frozenset(self.binds),
        )

    @staticmethod
    def _is_own(origin: str, gone: set[str], keep: bool) -> bool:
        return origin in gone or (origin[0] == "=" and not keep)

    def _left(self, origins: Iterable[str], gone: set[str], *, own: bool) -> Iterator[str]:
        return (o for o in origins if not self._is_own(o, gone, own) and o[0] not in "!^~")

    def outside(self, origins: Iterable[str], gone: set[str]) -> set[str]:
        """Return origins without the scope's own objects, but with what those hold."""
        if self.kind == "cell":
            return set(origins)
        found: set[str] = set()
        seen: set[str] = set()
        waiting = list(origins)
        while waiting:
            origin = waiting.pop()
            plain = base(origin)
            if plain[0] == "=" or plain in gone:
                if plain not in seen:
                    seen.add(plain)
                    waiting += [base(o) + "+" for o in self.held.get(plain, ())]
            else:
                found.add(origin)
        return found

    @staticmethod
    def _expanded(deep: set[str], held: dict[str, set[str]]) -> set[str]:
        found = set(deep)
        waiting = [o for o in deep if o in held]
        while waiting:
            for origin in held[waiting.pop()]:
                plain = base(origin)
                if origin[-1] != "-" and plain not in found:
                    found.add(plain)
                    if plain in held:
                        waiting.append(plain)
        return found


def global_changes(changes: Changes) -> Changes:
    """Return those changes of a function that don't depend on its arguments."""
    return Changes(
        frozenset([o for o in changes.shallow if o[0] != "$"]),
        frozenset([o for o in changes.deep if o[0] != "$"]),
        frozenset([o for o in changes.consumed if o[0] != "$"]),
        frozenset([o for o in changes.drawn if o[0] != "$"]),
        tuple((h, v) for h, v in changes.held if h[0] != "$"),
        changes.binds,
    )
