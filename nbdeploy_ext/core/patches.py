"""Modules that are handed to somebody who may change them, as `unittest.mock` does for a while."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .catalog import state_at
from .facts import Module
from .full_names import module_path
from .origins import NOTHING, Origins, merged, only

if TYPE_CHECKING:
    from .arguments import Arguments
    from .scopes import Scope

PATCHING = frozenset({"unittest", "mock"})
_STARTED = "@unittest"
"""Stands for all that is patched, until `patch.stopall()`."""


def modules_given(scope: Scope, given: Arguments) -> list[Origins]:
    """Return the states of the modules that a call is given."""
    nodes = [*given.node.args, *(k.value for k in given.node.keywords)]
    meanings = [scope.mean(node.id) for node in nodes if type(node) is ast.Name]
    paths = [m.path for m in meanings if type(m) is Module and "." not in m.path]
    return [only(state_at(path)) for path in paths]


def patched(scope: Scope, path: str, given: Arguments) -> Origins:
    """Return what starting and stopping a patch changes: `mock.patch("time.time")`."""
    if path.endswith(".stopall"):
        scope.change(only(_STARTED), deep=True)
    if ".patch" not in path:
        return NOTHING
    found = merged(_target(scope, node) for node in given.node.args[:1])
    scope.hold(only(_STARTED), found)
    return found


def _target(scope: Scope, node: ast.expr) -> Origins:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        path = module_path(scope, node)
        return only(state_at(path)) if path else NOTHING
    top, _, rest = node.value.partition(".")
    if top == "__main__":
        return scope.load(rest.partition(".")[0], (node.lineno, node.col_offset))
    return only(state_at(node.value))
