"""A scope that was read to its end in, out what it did to objects that others see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .facts import Changes
from .origins import FLAGS, NOTHING, Origins, base, only

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .scopes import Scope

_FEW = 8
_CROWD = 200


def changes_of(scope: Scope, gone: Collection[str] = ()) -> Changes:
    """Return what a scope changes outside itself; `gone` names are its own, as new objects are."""
    deep = _expanded(scope.deep, scope.held) if scope.deep else scope.deep
    keep_own = scope.kind == "cell"
    held: list[tuple[str, Origins]] = []
    for holder, origins in scope.held.items():
        if holder not in gone and (keep_own or holder[0] != "="):
            kept = frozenset(outside(scope, origins, gone))
            if kept:
                held.append((holder, kept))
    return Changes(
        _left(scope.shallow - deep, gone),
        _left(deep, gone),
        _left(scope.consumed, gone),
        _left(scope.drawn, gone, own=keep_own),
        _left(scope.asked, gone),
        tuple(_by_way_of_one(held)),
        frozenset(scope.binds),
    )


def outside(scope: Scope, origins: Iterable[str], gone: Collection[str]) -> set[str]:
    """Return origins without the scope's own objects, but with what those hold."""
    if scope.kind == "cell":
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
                waiting += [base(o) + "+" for o in scope.held.get(plain, ())]
        else:
            found.add(origin)
    return found


def _expanded(deep: set[str], held: dict[str, set[str]]) -> set[str]:
    found = set(deep)
    waiting = [o for o in deep if o in held]
    while waiting:
        for origin in held[waiting.pop()]:
            plain = base(origin)
            if origin[-1] not in "-<" and plain not in found:
                found.add(plain)
                if plain in held:
                    waiting.append(plain)
    return found


def _by_way_of_one(held: list[tuple[str, Origins]]) -> list[tuple[str, Origins]]:
    """Let a crowd of objects that hold each other all hold one that holds all: it says as much.

    Functions that call each other would pass on every pair, and those grow with their square.
    """
    if len(held) < _FEW or sum(len(origins) for _, origins in held) < _CROWD:
        return held
    one = min((holder for holder, _ in held if holder[0] not in "$@="), default=None)
    if one is None:
        return held
    everything = frozenset().union(*[origins for _, origins in held])
    through = only(one + "+")
    return [(one, everything), *((holder, through) for holder, _ in held if holder != one)]


def _left(origins: set[str], gone: Collection[str], *, own: bool = False) -> Origins:
    """Return the origins that are still there outside: `gone` names are not, nor `own` objects."""
    if not origins:
        return NOTHING
    dropped = FLAGS + ("~" if own else "~=")
    return frozenset([o for o in origins if o not in gone and o[0] not in dropped])
