"""Loops that give a name its value for the next round: reading it under a condition is no fault."""

from __future__ import annotations

import ast

_Place = tuple[int, int]


def has_value_from_the_round_before(tree: ast.Module, name: str) -> bool:
    """Whether the first read of a name is in a loop that binds it, and not in every round."""
    reads = [n for n in ast.walk(tree) if _is_name(n, name, ast.Load)]
    first = min(map(_begin, reads), default=None)
    if first is None:
        return False
    loops = [n for n in ast.walk(tree) if isinstance(n, (ast.For, ast.AsyncFor, ast.While))]
    return any(
        any(_is_name(n, name, ast.Store) for n in ast.walk(loop))
        and any(_holds(part, first) for part in _conditional(loop))
        for loop in loops
    )


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


def _is_name(node: ast.AST, name: str, context: type) -> bool:
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, context)


def _begin(node: ast.AST) -> _Place:
    return node.lineno, node.col_offset  # type: ignore[attr-defined]


def _holds(node: ast.AST, place: _Place) -> bool:
    end = node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]
    return _begin(node) <= place < end
