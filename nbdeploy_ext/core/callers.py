"""Whether code reads a global name: a parameter or a local variable of that name is another."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .habits import asks_for_main

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def reads_global(tree: ast.Module, name: str) -> bool:
    """Say whether statements read the global `name` that don't define it: recursion is no call."""
    waiting: list[ast.AST] = []
    for statement in tree.body:
        if isinstance(statement, ast.If) and asks_for_main(statement.test):
            waiting += statement.orelse  # the rest runs in no service
        elif getattr(statement, "name", "") != name:
            waiting.append(statement)
    for node in waiting:
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            return True
        waiting += _seen_from_outside(node, name)
    return False


def _seen_from_outside(node: ast.AST, name: str) -> Iterable[ast.AST]:
    """Return the children of a node in which the name is the global one."""
    if isinstance(node, _FUNCTIONS) and _is_local(node, name):
        own = {id(node.args), *map(id, _body(node))}
        arguments = node.args
        defaults = [*arguments.defaults, *filter(None, arguments.kw_defaults)]
        return [*defaults, *(n for n in ast.iter_child_nodes(node) if id(n) not in own)]
    if isinstance(node, _COMPREHENSIONS):
        targets = [inner for part in node.generators for inner in ast.walk(part.target)]
        if any(isinstance(inner, ast.Name) and inner.id == name for inner in targets):
            return [node.generators[0].iter]
    return ast.iter_child_nodes(node)


def _is_local(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, name: str) -> bool:
    found = [*_within(function)]
    if any(isinstance(node, ast.Global) and name in node.names for node in found):
        return False
    return any(_bound(node) == name for node in found)


def _bound(node: ast.AST) -> str | None:
    """Return the name that a node binds, of whichever kind it is."""
    if isinstance(node, ast.Name):
        return None if isinstance(node.ctx, ast.Load) else node.id
    if isinstance(node, ast.alias):
        return node.asname or node.name.partition(".")[0]
    return getattr(node, "arg" if isinstance(node, ast.arg) else "name", None)


def _within(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Iterator[ast.AST]:
    """Yield a function's arguments and all in its body but for the inside of other functions."""
    waiting: list[ast.AST] = [function.args, *_body(function)]
    for node in waiting:
        yield node
        if not isinstance(node, (*_FUNCTIONS, *_COMPREHENSIONS, ast.ClassDef)):
            waiting += ast.iter_child_nodes(node)


def _body(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[ast.AST]:
    return [function.body] if isinstance(function, ast.Lambda) else [*function.body]
