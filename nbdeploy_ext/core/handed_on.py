"""Functions that a call is given and hands things on to: `map(fill, rows)`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .calls import trusts
from .facts import Summary

if TYPE_CHECKING:
    from .arguments import Arguments
    from .facts import Meaning
    from .origins import Origins
    from .scopes import Scope

_CALLING = frozenset({"map", "filter", "reduce", "starmap"})
"""Functions that call the first thing that they are given."""


def hand_on(scope: Scope, meaning: Meaning, receiver: Origins, given: Arguments) -> None:
    """Note that a function which the call is given changes what it gets from it."""
    if type(meaning) is not Summary and _is_given_changer(scope, given):
        scope.change(given.all | receiver, deep=True)


def _is_given_changer(scope: Scope, given: Arguments) -> bool:
    """Whether a call is given a function that changes what it gets."""
    origins = [*given.positional, *given.keywords.values()]
    nodes = [*given.node.args, *[k.value for k in given.node.keywords]]
    callee = given.node.func
    calls_it = type(callee) is ast.Name and callee.id in _CALLING
    first = nodes[0] if calls_it and nodes else None
    for node, found in zip(nodes, origins, strict=False):
        if type(node) is ast.Lambda:
            if not found.isdisjoint([f"={a.arg}+" for a in lambda_parameters(node)]):
                return True
        elif type(node) is ast.Name:
            meaning = scope.mean(node.id)
            if type(meaning) is Summary and meaning.kind == "function":
                changes = meaning.changes
                if any(origin[0] == "$" for origin in changes.shallow | changes.deep):
                    return True
            elif meaning is None and node is first and not trusts(scope, node.id):
                return True  # whatever function that is
    return False


def lambda_parameters(node: ast.Lambda) -> list[ast.arg]:
    """Return all parameters of a lambda, starred ones too."""
    given = node.args
    starred = [a for a in (given.vararg, given.kwarg) if a]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *starred]
