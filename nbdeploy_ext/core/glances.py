"""An edited cell that all others can't tell from what it was: what it needs now, without a walk.

Most edits are such: a new name that nobody else has, another argument, another text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .origins import base

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .facts import Changes, Facts
    from .origins import Origins

_FEW = 4
_LOOSE = "+-%!^"


def same_effect(one: Facts, other: Facts) -> bool:
    """Whether two cells do the same, wherever it stands in them."""
    return (
        one.reads == other.reads
        and one.values == other.values
        and one.changes == other.changes
        and one.functions == other.functions
        and set(one.late) == set(other.late)
        and one.maybe == other.maybe
        and one.deletes == other.deletes
        and one.wild == other.wild
        and one.imports == other.imports
    )


def is_private(
    before: Facts, after: Facts, earlier: Sequence[Facts], later: Sequence[Facts]
) -> bool:
    """Whether two texts of a cell differ in what it reads and in names that are nobody else's.

    `earlier` and `later` are all other cells, those behind it in their order. A name is nobody
    else's too where the next cell that has to do with it gives it a value.
    """
    own = _differing(before, after)
    return (
        len(own) <= _FEW
        and _same_outside(before, after, own)
        and _reads_alike(before, after, (*earlier, *later))
        and not any(_is_touched(name, earlier, later) for name in own)
        and not any(_is_shared(name, (before, after), earlier) for name in own)
    )


def _differing(before: Facts, after: Facts) -> frozenset[str]:
    names = before.values.keys() | after.values.keys()
    return frozenset(
        n
        for n in names
        if before.values.get(n) != after.values.get(n)
        or before.functions.get(n) != after.functions.get(n)
        or (n in before.maybe) != (n in after.maybe)
    )


def _same_outside(before: Facts, after: Facts, own: frozenset[str]) -> bool:
    """Whether all is alike but for own names, and nothing else has to do with those."""
    if before.wild != after.wild or before.imports != after.imports:
        return False
    late = set(before.late)
    if late != set(after.late) or (late and before.functions.keys() != after.functions.keys()):
        return False
    if any(name[0] == "@" for name in own) or own & late:
        return False
    if set(before.deletes) - own != set(after.deletes) - own:
        return False
    objects = own | {"=" + name for name in own} | {"~" + name for name in own}
    for facts in (before, after):
        others = [o for n, o in facts.values.items() if n not in own]
        others += [held for holder, held in facts.changes.held if base(holder) not in objects]
        if any(_mentions(origins, objects) for origins in others):
            return False
        if not _keeps_to_itself(facts, own, objects):
            return False
    return _outside(before.changes, objects) == _outside(after.changes, objects)


def _mentions(origins: Origins, objects: frozenset[str]) -> bool:
    return any(base(origin) in objects or "," in origin for origin in origins)


def _keeps_to_itself(facts: Facts, own: frozenset[str], objects: frozenset[str]) -> bool:
    """Whether what is put into own objects goes into no others that they may be a part of."""
    if not any(base(holder) in objects for holder, _ in facts.changes.held):
        return True
    return all(
        o[-1] in _LOOSE or o in objects for n in own for o in facts.values.get(n, ()) if o[0] != "~"
    )


def _outside(changes: Changes, objects: frozenset[str]) -> tuple[object, ...]:
    def left(origins: Iterable[str]) -> frozenset[str]:
        return frozenset([o for o in origins if base(o) not in objects])

    return (
        left(changes.shallow), left(changes.deep), left(changes.consumed), left(changes.drawn),
        tuple((h, v) for h, v in changes.held if base(h) not in objects), changes.binds,
    )  # fmt: skip


def _is_touched(name: str, earlier: Sequence[Facts], later: Sequence[Facts]) -> bool:
    """Whether another cell sees what the name is given here."""
    for facts in (*earlier, *later):
        if name in facts.late or name in facts.deletes or name in facts.changes.binds:
            return True
    for facts in later:
        if name in facts.reads or name in facts.maybe:
            return True
        if name in facts.values:
            return False
    return False


def _is_shared(name: str, texts: Sequence[Facts], earlier: Sequence[Facts]) -> bool:
    """Whether the cell has to do with what an earlier one gave to the name."""
    if not any(name in facts.values for facts in earlier):
        return False
    return any(name in facts.reads or name in facts.maybe for facts in texts)


def _reads_alike(before: Facts, after: Facts, others: Sequence[Facts]) -> bool:
    """Whether no function of another cell begins or ceases to be read."""
    changed = set(before.reads) ^ set(after.reads)
    return not changed or all(changed.isdisjoint(facts.functions) for facts in others)
