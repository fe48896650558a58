"""Expressions in, full names of what stands in modules out: `np.random` is `numpy.random`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .facts import Module

if TYPE_CHECKING:
    from .scopes import Scope


def module_path(scope: Scope, node: ast.expr) -> str:
    """Return the full name of `module.attribute`, or of a table `module.attribute[key]` in it."""
    return _full_name(scope, root_of(node), node)


def root_of(node: ast.AST) -> ast.AST:
    """Return what attributes and keys are looked up in: `a` of `a.b[c].d`."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node


def dotted_path(scope: Scope, node: ast.Attribute) -> str:
    """Return the full name of `module.attribute`, where nothing but attributes leads to it."""
    root = node.value
    while type(root) is ast.Attribute:
        root = root.value
    return _full_name(scope, root, node)


def _full_name(scope: Scope, root: ast.AST, node: ast.expr) -> str:
    meaning = scope.mean(root.id) if type(root) is ast.Name else None
    if type(meaning) is not Module:
        return ""
    names: list[str] = []
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Attribute):
            names.append(node.attr)
        node = node.value
    return ".".join([meaning.path, *reversed(names)])
