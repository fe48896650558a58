"""Loops that give a name its value for the next round: reading it under a condition is no fault."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeGuard

_Place = tuple[int, int]


def names_of_the_round_before(tree: ast.Module) -> frozenset[str]:
    """Return the names whose first read is in a loop that binds them, and not in every round."""
    nodes = list(ast.walk(tree))
    loops = [n for n in nodes if isinstance(n, (ast.For, ast.AsyncFor, ast.While))]
    first: dict[str, _Place] = {}
    for node in nodes if loops else ():
        if _is_name(node, ast.Load):
            first[node.id] = min(_begin(node), first.get(node.id, _begin(node)))
    found: set[str] = set()
    for loop in loops:
        bound = {node.id for node in ast.walk(loop) if _is_name(node, ast.Store)}
        parts = _conditional(loop)
        found |= {n for n in bound & first.keys() if any(_holds(part, first[n]) for part in parts)}
    return frozenset(found)


def _conditional(loop: ast.stmt) -> list[ast.AST]:
    """Return what in a loop runs under a condition."""
    found: list[ast.AST] = []
    for node in ast.walk(loop):
        if isinstance(node, ast.If):
            found += [*node.body, *node.orelse]
        elif isinstance(node, ast.IfExp):
            found += [node.body, node.orelse]
        elif isinstance(node, ast.BoolOp):
            found += node.values[1:]
    return found


def _is_name(node: ast.AST, context: type) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, context)


def _begin(node: ast.AST) -> _Place:
    return node.lineno, node.col_offset  # type: ignore[attr-defined]


def _holds(node: ast.AST, place: _Place) -> bool:
    end = node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]
    return _begin(node) <= place < end
