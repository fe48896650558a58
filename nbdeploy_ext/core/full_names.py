"""Expressions in, full names of what stands in modules out: `np.random` is `numpy.random`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .facts import Module

if TYPE_CHECKING:
    from .scopes import Scope


def module_path(scope: Scope, node: ast.expr) -> str:
    """Return the full name of `module.attribute`, or of a table `module.attribute[key]` in it."""
    root = node
    while isinstance(root, (ast.Attribute, ast.Subscript)):
        root = root.value
    return _full_name(scope, root, node)


def dotted_path(scope: Scope, node: ast.Attribute) -> str:
    """Return the full name of `module.attribute`, where nothing but attributes leads to it."""
    root = node.value
    while type(root) is ast.Attribute:
        root = root.value
    return _full_name(scope, root, node)


def _full_name(scope: Scope, root: ast.expr, node: ast.expr) -> str:
    meaning = scope.mean(root.id) if type(root) is ast.Name else None
    if type(meaning) is not Module:
        return ""
    names: list[str] = []
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Attribute):
            names.append(node.attr)
        node = node.value
    return ".".join([meaning.path, *reversed(names)])
