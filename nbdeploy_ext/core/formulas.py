"""Texts that libraries read as code, and the names that stand in them."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOCAL = re.compile(r"@(\w+)")  # pandas: df.query("age > @limit")
_NAME = re.compile(r"\b[A-Za-z_]\w*")
_TABLE = re.compile(r"\b(?:from|join)\s+([A-Za-z_]\w*)", re.IGNORECASE)  # duckdb reads variables
_LONGEST = 2_000
_LOCAL_READERS = frozenset({"query", "eval"})
_NAME_READERS = frozenset(
    "evaluate eval model_matrix dmatrix dmatrices Formula from_formula".split()
)
_TABLE_READERS = frozenset("sql query execute sqldf from_query".split())


def names_in(node: ast.expr, call: ast.Call) -> Iterable[str]:
    """Return the names that a call may look up in the notebook because its argument says so."""
    text = _text(node)
    if text is None:
        return ()
    called = getattr(call.func, "attr", None) or getattr(call.func, "id", "")
    if called in _NAME_READERS or _is_formula(text):
        return _NAME.findall(text)
    found: list[str] = []
    if called in _LOCAL_READERS:
        found += _LOCAL.findall(text)
    if called in _TABLE_READERS:
        found += _TABLE.findall(text)
    return found


def names_kept(node: ast.expr) -> Iterable[str]:
    """Return the names in a text that is stored, and that may be read as code later on."""
    text = _text(node)
    if text is None or not ("~" in text or "@" in text):
        return ()
    return _NAME.findall(text) if _is_formula(text) else _LOCAL.findall(text)


def _is_formula(text: str) -> bool:
    """Whether it is a formula, `y ~ np.log(x) + square(z)`, and no path in a home folder."""
    return "~" in text and "~/" not in text and len(text) < _LONGEST


def _text(node: ast.expr) -> str | None:
    """Return a literal text, what is put into it left out."""
    if type(node) is ast.Constant:
        return node.value if type(node.value) is str else None
    if type(node) is ast.JoinedStr:
        return " ".join([str(p.value) for p in node.values if type(p) is ast.Constant])
    return None
