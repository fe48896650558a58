"""Calls that are told to change what they are given, and objects: `StandardScaler(copy=False)`."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from .catalog import DRAWS, ESTIMATING, RESULTS
from .facts import IN_PLACE
from .origins import NOTHING, Origins, base

if TYPE_CHECKING:
    from .arguments import Arguments
    from .scopes import Scope

_HINT = re.compile(r"(?:copy(?:_?[xX])?|in_?place|overwrite_\w+)\s*=")
_COPYING = frozenset("copy copy_X copy_x copyX".split())
_REPLACING = frozenset("inplace in_place".split())


def is_told(node: ast.Call) -> bool:
    """Whether a call's keywords say that it may change what it is given, or return that."""
    return any(map(_says_in_place, node.keywords))


def _says_in_place(keyword: ast.keyword) -> bool:
    """Whether a keyword is, or may be, `copy=False`, `inplace=True` or the like."""
    name = (keyword.arg or "").rpartition("__")[2]  # of a step: scale__copy=False
    value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
    if name in _COPYING:
        return not value
    is_variable = not isinstance(keyword.value, ast.Constant)
    return (name in _REPLACING or name.startswith("overwrite_")) and (is_variable or bool(value))


def put_into(scope: Scope, path: str, given: Arguments) -> Origins:
    """Read into which array a call puts its result, and return that: it is the answer, too.

    It is `out=`, or one more argument of numpy's functions: `np.add(a, b, a)`, `np.sqrt(a, a)`.
    """
    out = given.keywords.get("out", NOTHING)
    place = RESULTS.get(path)
    if place is not None and len(given.positional) > place:
        out |= given.positional[place]
    if out:
        scope.change(out, deep=True)
    return out


def tells_objects(tree: ast.Module, text: str) -> bool:
    """Whether a cell makes an object that may change whatever its methods are given later on."""
    if "copy" not in text and "place" not in text and "overwrite_" not in text:
        return False  # at once: a pattern takes longer than all else that is read of a cell
    if _HINT.search(text) is None:
        return False
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(is_told(call) and _makes_object(call.func) for call in calls)


def _makes_object(function: ast.expr) -> bool:
    name = str(getattr(function, "attr", None) or getattr(function, "id", ""))
    return name[:1].isupper() or name in {"set_params", "partial", "dict"}


def given_in_place(scope: Scope, name: str, receiver: Origins, given: Arguments) -> Origins:
    """Read that a method may change what it is given, and return what its answer may be.

    `df.astype(float, copy=False)` may be `df`, and an estimator that was told so returns its data.
    """
    if name in DRAWS:
        scope.consumed.update(map(base, receiver))  # it may be a generator
        if name == "shuffle":
            scope.change(given.first)
    told = bool(given.keywords) and is_told(given.node)
    if name in ESTIMATING and (told or scope.mean_outside(IN_PLACE) is not None):
        scope.change(given.all, deep=True)
        return given.all
    return receiver if told else NOTHING
