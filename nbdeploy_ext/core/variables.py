"""Environment variables: which a piece of code can't do without, and which it sets itself."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .habits import called_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_EVERYWHERE = frozenset({"HOME", "PATH"})
"""What every image has."""
_FAULTS = frozenset({"KeyError", "LookupError", "Exception", "BaseException"})
_DEFAULTS = ("environ.setdefault", "os.putenv")


def needed_variables(tree: ast.Module, subscripts: Iterable[ast.Subscript]) -> list[ast.Subscript]:
    """Return the reads of `os.environ[NAME]` that raise where nobody supplies the variable.

    None are those that a condition on the variable or a handler guards; `get` and `getenv` have
    an answer without it.
    """
    if not any(variable_of(node) for node in subscripts):
        return []  # nearly always
    needed = []
    waiting: list[tuple[ast.AST, frozenset[str]]] = [(tree, frozenset())]
    for node, asked in waiting:
        if isinstance(node, (ast.If, ast.IfExp, ast.While)):
            asked |= frozenset(_asked(node.test))  # noqa: PLW2901
        elif isinstance(node, ast.BoolOp):
            asked |= frozenset(name for value in node.values for name in _asked(value))  # noqa: PLW2901
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            name = variable_of(node)
            if name and name not in asked | _EVERYWHERE:
                needed.append(node)
        waiting += ((child, asked) for child in _unguarded(node))
    return needed


def set_variables(
    subscripts: Iterable[ast.Subscript], calls: Iterable[tuple[str, ast.Call]]
) -> Iterator[tuple[str, ast.expr]]:
    """Yield the variables that code sets, each with where it does."""
    for node in subscripts:
        if isinstance(node.ctx, ast.Store) and (name := variable_of(node)):
            yield name, node
    for called, call in calls:
        if called.endswith(_DEFAULTS):
            yield from ((name, call) for name in map(_text, call.args[:1]) if name)
        elif called.endswith("environ.update"):
            keys = [k for a in call.args if isinstance(a, ast.Dict) for k in a.keys]
            names = [*map(_text, keys), *(keyword.arg for keyword in call.keywords)]
            yield from ((name, call) for name in names if name)


def variable_of(node: ast.Subscript) -> str:
    """Return the literal name of a variable that `os.environ[NAME]` names, or nothing."""
    named = called_name(node.value)
    if named != "environ" and not (named.count(".") == 1 and named.endswith(".environ")):
        return ""
    return _text(node.slice)


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _asked(test: ast.expr) -> Iterator[str]:
    """Yield the names that a condition looks for: `"X" in os.environ`, `os.getenv("X")`."""
    for node in ast.walk(test):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            yield _text(node.left)
        elif isinstance(node, ast.Call) and called_name(node.func).endswith(("get", "getenv")):
            yield from map(_text, node.args[:1])


def _unguarded(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the children of a node but for a block whose missing keys are caught."""
    caught: list[ast.expr] = []
    if isinstance(node, ast.Try):
        caught = [handler.type or ast.Name("Exception") for handler in node.handlers]
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        calls = [i.context_expr for i in node.items if isinstance(i.context_expr, ast.Call)]
        caught = [a for c in calls if called_name(c.func).endswith("suppress") for a in c.args]
    names = {n.id for kind in caught for n in ast.walk(kind) if isinstance(n, ast.Name)}
    guarded = node.body if names & _FAULTS else ()  # type: ignore[attr-defined]
    yield from (child for child in ast.iter_child_nodes(node) if child not in guarded)
