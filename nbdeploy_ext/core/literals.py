"""Literals of source code that JSON has."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_LARGEST = 1 << 4096  # Python refuses to write much longer numbers; infinity is above it too


def constants(nodes: Sequence[ast.expr | None]) -> list[Any]:
    """Return the values of those literals that JSON has, negative numbers included."""
    found = [_value(node) for node in nodes]
    return [
        v for v in found
        if v is None or isinstance(v, str) or (isinstance(v, (int, float)) and abs(v) < _LARGEST)
    ]  # fmt: skip


def _value(node: ast.expr | None) -> Any:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _value(node.operand)
        return -value if isinstance(value, (int, float)) else ...
    return node.value if isinstance(node, ast.Constant) else ...


def last_name(node: ast.expr | None) -> str:
    """Return the name that an expression ends with: `Field` of `pydantic.Field`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
