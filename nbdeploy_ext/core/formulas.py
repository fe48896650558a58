"""Texts that libraries read as code, and the names that stand in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable

_LOCAL = re.compile(r"@(\w+)")  # pandas: df.query("age > @limit")
_CALLED = re.compile(r"\b([A-Za-z_]\w*)\s*[.(]")  # a formula: "y ~ np.log(x) + square(z)"
_NAME = re.compile(r"\b[A-Za-z_]\w*")
_LOCAL_READERS = frozenset({"query", "eval"})
_NAME_READERS = frozenset({"evaluate", "eval"})


def names_in(text: str, call: ast.Call) -> Iterable[str]:
    """Return the names that a call may look up in the notebook because its text says so."""
    called = getattr(call.func, "attr", None) or getattr(call.func, "id", "")
    found: list[str] = []
    if "~" in text:
        found += _CALLED.findall(text)
    if called in _LOCAL_READERS:
        found += _LOCAL.findall(text)
    if called in _NAME_READERS:
        found += _NAME.findall(text)
    return found
