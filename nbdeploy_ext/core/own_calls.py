"""What a call of one of the notebook's own functions or classes does, by its summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .calls import unknown_call
from .implicit import iterates
from .origins import NOTHING, ONCE, Origins, holder_of, only, part_of
from .summaries import global_changes

if TYPE_CHECKING:
    from .arguments import Arguments
    from .facts import Summary
    from .scopes import Scope


def call_summary(scope: Scope, summary: Summary, callee: str, given: Arguments) -> Origins:
    """Read a call of one of the notebook's own functions or classes."""
    if summary.kind == "class":
        return _instance(scope, summary, callee, given)
    bound = given.bound(summary)
    for name in summary.kept:
        bound.setdefault(name, part_of(_itself(scope, callee)))
    result = scope.apply(summary, bound)
    if _runs_later(summary):
        result |= holder_of(_itself(scope, callee))
    return result if summary.exact else result | unknown_call(scope, NOTHING, given)


def _runs_later(summary: Summary) -> bool:
    """Whether a generator's body does what it does later on, or a function that is returned."""
    is_function = any(o[0] == "~" for o in summary.returns)
    return "!" in summary.returns or (is_function and bool(global_changes(summary.changes)))


def _instance(scope: Scope, summary: Summary, callee: str, given: Arguments) -> Origins:
    """Read that an instance is made; one that others hold from then on has a name of its own."""
    name = f"={callee}()"
    itself = {"$" + parameter for parameter in summary.parameters[:1]}
    held = any(not itself.isdisjoint(origins) for _, origins in summary.changes.held)
    if held:
        name += f"{given.node.lineno}.{given.node.col_offset}"
    found = scope.apply(summary, given.bound(summary, only(name)))
    found |= holder_of(given.all) | holder_of(_itself(scope, callee))
    found |= only(name) if held else NOTHING
    return found | (ONCE if iterates(scope) else NOTHING)


def _itself(scope: Scope, callee: str) -> Origins:
    """Return the origins of a function or class of the notebook."""
    place = scope.place_of(callee)
    known = place.env.get(callee) if place.kind != "function" else None
    return known or frozenset((callee,))
