"""What Python calls by itself: methods behind operators, loops, attributes and tests of truth."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .catalog import METHODS, Does
from .facts import GROWING, WEAK, Summary
from .full_names import root_of
from .origins import base

if TYPE_CHECKING:
    from .origins import Origins
    from .scopes import Function, Scope

_IMPLICIT = ".<implicit>"
"""Stands for all `__bool__`, `__eq__`, `__repr__` and the like that change their object."""
ACCESS = ".<access>"
"""Stands for such methods that look up an attribute."""
CALLED_BY_PYTHON = {
    **dict.fromkeys(
        "__bool__ __len__ __repr__ __str__ __format__ __hash__ __contains__ __eq__ __ne__ __lt__ "
        "__le__ __gt__ __ge__ __neg__ __pos__ __abs__ __invert__ __int__ __float__ __index__ "
        "__radd__ __rsub__ __rmul__ __rtruediv__ __reversed__ __delitem__".split(),
        _IMPLICIT,
    ),
    **dict.fromkeys("__getattr__ __getattribute__ __get__".split(), ACCESS),
}
_CHANGING = frozenset({Does.CHANGE, Does.STORE})


def changes_itself(method: Function) -> bool:
    """Whether a method sets something in its object, or changes what is in it."""
    itself = {a.arg for a in method.args.args[:2]}  # `__get__` has its owner second
    for node in ast.walk(method):
        root = root_of(node)
        if root is not node and isinstance(root, ast.Name) and root.id in itself:
            if not isinstance(getattr(node, "ctx", None), ast.Load):
                return True
            if isinstance(node, ast.Attribute) and METHODS.get(node.attr) in _CHANGING:
                return True
    return False


def implicit(scope: Scope, method: str, *objects: Origins) -> None:
    """Read a call of a method that begins with a dot: a property, an operator, a callback."""
    own = scope.mean_outside(method)
    if type(own) is Summary and own.changes:
        count = 2 if method == ACCESS else 1  # a descriptor gets the object after itself
        for origins in objects:
            scope.apply(own, dict.fromkeys(own.parameters[:count], origins))


def asked_for(scope: Scope, origins: Origins) -> Origins:
    """Read that an object is asked whether it is true or equal, what it looks like and so on."""
    if origins:
        implicit(scope, _IMPLICIT, origins)
    return origins


def is_missed(scope: Scope) -> bool:
    """Whether anything in the notebook happens because an object is gone."""
    return any(scope.mean_outside(name) is not None for name in (WEAK, ".__del__"))


def given_up(scope: Scope, origins: Origins) -> None:
    """Note that an object may be gone from now on."""
    implicit(scope, ".__del__", origins)
    if scope.mean_outside(WEAK) is not None:
        scope.change(origins, deep=True)


def looked_up(scope: Scope, origins: Origins) -> None:
    """Read that a key is looked up in an object: some dictionaries have it from then on."""
    implicit(scope, ".__getitem__", origins)
    if origins and scope.mean_outside(GROWING) is not None:
        scope.asked.update(map(base, origins))


def iterates(scope: Scope) -> bool:
    """Whether the notebook has objects that change when one goes through them."""
    start = scope.mean(".__iter__")
    moves = isinstance(start, Summary) and bool(start.changes)
    return moves or isinstance(scope.mean(".__next__"), Summary)
