"""Where a value may come from: a small algebra of names, as strings that are quick to merge.

`x` is the object that `x` names before the cell, `=x` the one that the cell itself gives to `x`,
`$a` a function's argument, `@…` the state of a module, a file or the process, `~x` whatever `x`
names when a function is called, `~~x` the same where the call changes it, `~~` alone what the value
is a part of: `rows.append`. `!` stands for an iterator that can be used once, `^` for a figure, `&`
for what changes when it is asked: a defaultdict, or a function that remembers.
A suffix says how the value is related to it: none, it may be the very object; `*`, it may be a
part of it; `+`, it holds it; `-`, it keeps it and never changes it; `%`, it holds its elements;
`<`, an operator made it of that: objects of libraries that nobody knows hold what they are made of.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Origins = frozenset[str]
NOTHING: Origins = frozenset()
_SUFFIXES = "*+-%<"
FLAGS = "!^&"
"""Begin what says of an object what it is, and names none."""
_OWN = frozenset("!&")
"""What is not true of a part because it is true of the whole."""
ONCE: Origins = frozenset({"!"})
FIGURE: Origins = frozenset({"^"})
ASKED: Origins = frozenset({"&"})
_NEW = "+-%<" + FLAGS
_remembered = lru_cache(maxsize=1 << 16)
"""The same few sets come again and again: the algebra is looked up, not done anew."""
LOGGED: Origins = frozenset({"@log+"})
"""What gets whatever is logged."""
ACTING: Origins = frozenset({"~~"})
FOREIGN: Origins = FIGURE
"""An object of a library that nobody knows: like a figure, methods of any name may change it."""


def base(origin: str) -> str:
    """Return the origin without its relation."""
    return origin[:-1] if origin[-1] in _SUFFIXES else origin


@_remembered
def only(name: str) -> Origins:
    """Return the object of one name."""
    return frozenset((name,))


@_remembered
def new_of(name: str, origins: Origins) -> Origins:
    """Return what a name has when such a value is stored in it: a new object is its own."""
    for origin in origins:
        if origin[-1] in _NEW or origin[0] == "~":
            return origins | {"=" + name}
    return origins or only("=" + name)


@_remembered
def part_of(origins: Origins) -> Origins:
    """Return what an element, an attribute or a view of such a value may come from."""
    if not origins:
        return origins
    return frozenset([o if o[-1] == "<" else base(o) + "*" for o in origins if o not in _OWN])


@_remembered
def holder_of(origins: Origins) -> Origins:
    """Return what a container of such values comes from."""
    if not origins:
        return origins
    return frozenset([o if o[-1] in "-<" else base(o) + "+" for o in origins])


@_remembered
def iterator_of(origins: Origins) -> Origins:
    """Return what comes of it to go through such values: what goes through `[x]` holds `x`."""
    return part_of(origins) | ONCE | {o for o in origins if o[-1] == "+"}


@_remembered
def keeper_of(origins: Origins) -> Origins:
    """Return what a value comes from that keeps such values and never changes them."""
    return related(origins, "-")


@_remembered
def share_of(origins: Origins) -> Origins:
    """Return what a copy comes from that has the same elements: `[x]` holds `x`, and so does it."""
    return frozenset([o if o[-1] in "+-<" else base(o) + "%" for o in origins if o not in ONCE])


@_remembered
def made_of(origins: Origins) -> Origins:
    """Return what the answer of an operator comes from whose operands are such values."""
    return related(origins - _OWN - FIGURE, "<") | (origins & FIGURE)


@_remembered
def related(origins: Origins, suffix: str) -> Origins:
    """Return what a value comes from that is related so to such values."""
    return frozenset([o if o[-1] == "<" else base(o) + suffix for o in origins])


def merged(parts: Iterable[Origins]) -> Origins:
    """Return the union."""
    found = [p for p in parts if p]
    if not found:
        return NOTHING
    return found[0] if len(found) == 1 else frozenset().union(*found)
