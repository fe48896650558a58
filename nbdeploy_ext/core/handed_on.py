"""Functions that a call is given and hands things on to: `map(fill, rows)`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .calls import trusts
from .facts import Changes, Summary
from .origins import NOTHING, base

if TYPE_CHECKING:
    from .arguments import Arguments
    from .facts import Meaning
    from .origins import Origins
    from .scopes import Scope

_CALLING = frozenset({"map", "filter", "reduce", "starmap"})
"""Functions that call the first thing that they are given."""


def hand_on(scope: Scope, meaning: Meaning, receiver: Origins, given: Arguments) -> None:
    """Note that a function which the call is given changes what it gets from it."""
    if type(meaning) is Summary:
        return
    origins = [*given.positional, *given.keywords.values()]
    nodes = [*given.node.args, *[k.value for k in given.node.keywords]]
    callee = given.node.func
    calls_it = type(callee) is ast.Name and callee.id in _CALLING
    for node, found in zip(nodes, origins, strict=False):
        changes = _changes_of(scope, node, found)
        if changes is not None:
            got = {base(o) for o in given.all | receiver}
            if _has_parameters(changes.shallow | changes.deep):
                scope.change(given.all | receiver, deep=True)
            scope.drawn |= got if _has_parameters(changes.drawn) else NOTHING
            scope.consumed |= got if _has_parameters(changes.consumed) else NOTHING
        elif calls_it and node is nodes[0] and not _is_trusted(scope, node):
            scope.change(given.all, deep=True)  # whatever function that is


def _changes_of(scope: Scope, node: ast.expr, found: Origins) -> Changes | None:
    """Return what a function changes that the notebook defines, or a lambda."""
    if type(node) is ast.Lambda:
        names = [a.arg for a in lambda_parameters(node)]
        return Changes(
            deep=frozenset(["$" + n for n in names if f"={n}+" in found]),
            drawn=frozenset(["$" + n for n in names if "=" + n in scope.drawn]),
            consumed=frozenset(["$" + n for n in names if "=" + n in scope.consumed]),
        )
    meaning = scope.mean(node.id) if type(node) is ast.Name else None
    if isinstance(meaning, Summary) and meaning.kind == "function":
        return meaning.changes
    return None


def _has_parameters(origins: Origins) -> bool:
    return any(origin[0] == "$" for origin in origins)


def _is_trusted(scope: Scope, node: ast.expr) -> bool:
    """Whether what is called is no variable, or one that is taken to change nothing."""
    if not isinstance(node, ast.Name) or scope.mean(node.id) is not None:
        return True
    return trusts(scope, node.id)


def lambda_parameters(node: ast.Lambda) -> list[ast.arg]:
    """Return all parameters of a lambda, starred ones too."""
    given = node.args
    starred = [a for a in (given.vararg, given.kwarg) if a]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *starred]
