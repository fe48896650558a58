"""Modules that are handed to somebody who may change them, as `unittest.mock` does for a while."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .catalog_rules import state_at, state_of
from .full_names import module_path
from .origins import NOTHING, Origins, merged, only

if TYPE_CHECKING:
    from .arguments import Arguments
    from .scopes import Scope

CLASSES = "@patched"
"""Stands for what libraries' classes have been given, which all their objects have then."""
PATCHING = frozenset({"unittest", "mock"})
_STARTED = "@unittest"
"""Stands for all that is patched, until `patch.stopall()`."""


ANY_MODULE = "@modules"
"""Stands for what a module has been given that is got at by a name which nobody knows."""


def module_of_table(scope: Scope, node: ast.Subscript) -> Origins:
    """Return the state of `sys.modules["name"]`."""
    return _named(node.slice) if module_path(scope, node) == "sys.modules" else NOTHING


def enter_module(scope: Scope, name: ast.expr, origins: Origins) -> None:
    """Read `sys.modules[name] = …`: that object is the module from then on."""
    module = _named(name)
    scope.touch(*module)
    scope.hold(module, origins)
    scope.hold(origins, module)


def imported_module(scope: Scope, given: Arguments) -> Origins:
    """Read that a call imports the module of that name, and return the module's state."""
    found = merged(map(_named, given.node.args[:1]))
    for state in ("@world", *found):
        scope.reads.setdefault(state, (1, 0))
    return found


def _named(node: ast.expr) -> Origins:
    name = node.value if isinstance(node, ast.Constant) else None
    return only(state_of(name) if isinstance(name, str) else ANY_MODULE)


def give(scope: Scope, path: str) -> None:
    """Note that something with a full name is given an attribute, which may be a class."""
    if path.rpartition(".")[2][:1].isupper():
        scope.shallow.add(CLASSES)


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
