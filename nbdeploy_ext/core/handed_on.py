"""Functions that a call is given and hands things on to: `map(fill, rows)`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .calls import trusts
from .catalog import CALLING
from .facts import Builtin, Changes, Summary
from .origins import NOTHING, base

if TYPE_CHECKING:
    from .arguments import Arguments
    from .facts import Meaning
    from .origins import Origins
    from .scopes import Scope


def hand_on(
    scope: Scope, meaning: Meaning, path: str | None, receiver: Origins, given: Arguments
) -> None:
    """Note that a function which the call is given changes what it gets from it.

    What is called means that, or has the full name `path` in a module.
    """
    if type(meaning) is Summary:
        return
    full_name = (meaning.name if type(meaning) is Builtin else path) or ""
    origins = [*given.positional, *given.keywords.values()]
    nodes = [*given.node.args, *[k.value for k in given.node.keywords]]
    called = _called(CALLING[full_name], given.node) if full_name in CALLING else []
    for node, found in zip(nodes, origins, strict=False):
        changes = _changes_of(scope, node, found)
        if changes is not None:
            got = {base(o) for o in given.all | receiver}
            if _has_parameters(changes.shallow | changes.deep):
                scope.change(given.all | receiver, deep=True)
            scope.drawn |= got if _has_parameters(changes.drawn) else NOTHING
            scope.consumed |= got if _has_parameters(changes.consumed) else NOTHING
        elif node in called and not _is_trusted(scope, node):
            scope.change(given.all, deep=True)  # whatever function that is


def _called(places: tuple[int | str, ...], node: ast.Call) -> list[ast.expr]:
    """Return the arguments in those places: positions and keywords."""
    found = [argument for place, argument in enumerate(node.args) if place in places]
    return found + [k.value for k in node.keywords if k.arg in places]


def _changes_of(scope: Scope, node: ast.expr, found: Origins) -> Changes | None:
    """Return what a function changes that the notebook defines, or a lambda."""
    if type(node) is ast.Lambda:
        names = [a.arg for a in lambda_parameters(node)]
        return Changes(
            deep=frozenset(["$" + n for n in names if f"={n}+" in found]),
            drawn=frozenset(["$" + n for n in names if "=" + n in scope.drawn]),
            consumed=frozenset(["$" + n for n in names if "=" + n in scope.consumed]),
        )
    if type(node) is ast.Attribute:
        method = scope.mean_outside("." + node.attr)
        return _but_for_itself(method) if type(method) is Summary else None
    meaning = scope.mean(node.id) if type(node) is ast.Name else None
    if isinstance(meaning, Summary) and meaning.kind == "function":
        return meaning.changes
    return None


def _but_for_itself(method: Summary) -> Changes:
    """Return what a method changes apart from the object that it belongs to, which is known."""
    itself = frozenset(["$" + name for name in method.parameters[:1]])
    changes = method.changes
    return Changes(
        changes.shallow - itself,
        changes.deep - itself,
        changes.consumed - itself,
        changes.drawn - itself,
    )


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
