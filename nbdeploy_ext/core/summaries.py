"""Summaries and changes in, others out: one for several, or what is left for some purpose."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .facts import Changes, Summary
from .origins import NOTHING, Origins, base, merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def joined_changes(several: Sequence[Changes]) -> Changes:
    """Return all that several pieces of code may change."""
    held: dict[str, Origins] = {}
    for changes in several:
        for holder, origins in changes.held:
            held[holder] = held.get(holder, NOTHING) | origins
    return Changes(
        merged([c.shallow for c in several]),
        merged([c.deep for c in several]),
        merged([c.consumed for c in several]),
        merged([c.drawn for c in several]),
        merged([c.asked for c in several]),
        tuple(sorted(held.items())),
        frozenset().union(*(c.binds for c in several)),
    )


def global_changes(changes: Changes) -> Changes:
    """Return those changes of a function that don't depend on its arguments."""
    if not changes:
        return changes
    return Changes(
        frozenset([o for o in changes.shallow if o[0] != "$"]),
        frozenset([o for o in changes.deep if o[0] != "$"]),
        frozenset([o for o in changes.consumed if o[0] != "$"]),
        frozenset([o for o in changes.drawn if o[0] != "$"]),
        frozenset([o for o in changes.asked if o[0] != "$"]),
        tuple((h, v) for h, v in changes.held if h[0] != "$"),
        changes.binds,
    )


def extended(parent: Summary, own: Summary) -> Summary:
    """Return what a class does whose base is the notebook's too."""
    changes = joined_changes([parent.changes, own.changes])
    return Summary(
        "class", parent.parameters, parent.free | own.free, changes, parent.returns | own.returns,
        parent.opaque or own.opaque,
    )  # fmt: skip


def joined(several: Sequence[Summary]) -> Summary:
    """Return one summary for a name that is defined several times."""
    first = several[0]
    if len(several) == 1:
        return first
    alike = all(s.parameters == first.parameters for s in several)
    if not alike:  # as their callers see them: by position
        several = [_renamed(s, first.parameters) for s in several]
    changes = [s.changes for s in several]
    return Summary(
        first.kind,
        first.parameters,
        merged([s.free for s in several]),
        joined_changes(changes),
        merged([s.returns for s in several]),
        any(s.opaque for s in several),
        alike and all(s.exact for s in several),
        decorated=any(s.decorated for s in several),
    )


def _renamed(summary: Summary, parameters: tuple[str, ...]) -> Summary:
    """Return a summary in the words of other parameters; what is beyond them is starred."""
    own = summary.parameters
    if own == parameters:
        return summary
    words = {"$" + n: "$" + p for n, p in zip(own, parameters, strict=False)}

    def renamed(origins: Iterable[str]) -> Origins:
        return frozenset(
            words.get(base(o), "$...") + o[len(base(o)) :] if o[0] == "$" else o for o in origins
        )

    c = summary.changes
    held = tuple((min(renamed([holder])), renamed(held)) for holder, held in c.held)
    changes = Changes(
        renamed(c.shallow), renamed(c.deep), renamed(c.consumed), renamed(c.drawn),
        renamed(c.asked), held, c.binds,
    )  # fmt: skip
    return replace(summary, changes=changes, returns=renamed(summary.returns))
