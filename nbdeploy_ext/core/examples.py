"""Example calls: the arguments with which a notebook's own test cells call its functions."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .cell_flow import CellFlow

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Literals: TypeAlias = dict[str, Any]
_KEPT = 3
_FIRST_ERROR = 400
_UNKNOWN = object()


def example_calls(
    tests: Sequence[CellFlow], functions: Mapping[str, Function]
) -> dict[str, tuple[dict[str, Any], ...]]:
    """Return up to three sets of keyword arguments for each function, in the tests' order.

    Taken are calls of the function and of its route whose arguments are literals, or names of
    literals; calls that are meant to fail are left out.
    """
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in functions}
    known: Literals = {}
    for flow in tests:
        for statement in flow.tree.body if flow.tree else ():
            _learn(statement, known)
            for node in _calls(statement):
                name, arguments = _arguments_of(node, functions, known)
                if name and arguments is not None and arguments not in found[name]:
                    found[name].append(arguments)
    return {name: tuple(calls[:_KEPT]) for name, calls in found.items()}


def _calls(statement: ast.stmt) -> Iterator[ast.Call]:
    """Yield the calls of a test that should succeed."""
    fails = any(_expects_error(node) for node in ast.walk(statement))
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, (ast.With, ast.AsyncWith)) and "raises" in ast.unparse(node.items[0]):
            continue
        if isinstance(node, ast.Call) and not (fails and _is_post(node)):
            yield node
        waiting += ast.iter_child_nodes(node)


def _expects_error(node: ast.AST) -> bool:
    """Whether a comparison wants a status of 400 or above."""
    if not isinstance(node, ast.Compare):
        return False
    sides = [node.left, *node.comparators]
    numbers = [n.value for s in sides for n in ast.walk(s) if isinstance(n, ast.Constant)]
    asks = any(isinstance(side, ast.Attribute) and side.attr == "status_code" for side in sides)
    return asks and any(isinstance(n, int) and n >= _FIRST_ERROR for n in numbers)


def _is_post(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and node.func.attr == "post"


def _arguments_of(
    node: ast.Call, functions: Mapping[str, Function], known: Literals
) -> tuple[str, dict[str, Any] | None]:
    if isinstance(node.func, ast.Name) and node.func.id in functions:
        return node.func.id, _bound(node, functions[node.func.id], known)
    if not _is_post(node) or not node.args or not isinstance(node.args[0], ast.Constant):
        return "", None
    name = str(node.args[0].value).lstrip("/")
    body = next((k.value for k in node.keywords if k.arg == "json"), None)
    if name not in functions or body is None:
        return "", None
    value = _literal(body, known)
    return name, value if _fits(value, functions[name]) else None


def _bound(node: ast.Call, function: Function, known: Literals) -> dict[str, Any] | None:
    names = [a.arg for a in [*function.args.posonlyargs, *function.args.args]]
    pairs = zip(names, node.args, strict=False)
    arguments: dict[str, Any] = {name: _literal(value, known) for name, value in pairs}
    for keyword in node.keywords:
        value = _literal(keyword.value, known)
        if keyword.arg is not None:
            arguments[keyword.arg] = value
        elif isinstance(value, dict):
            arguments.update(value)
        else:
            return None
    return arguments if _fits(arguments, function) else None


def _fits(value: Any, function: Function) -> bool:
    """Whether a JSON object names every argument that has no default, and no other."""
    if not isinstance(value, dict) or not _is_json(value):
        return False
    positional = [*function.args.posonlyargs, *function.args.args]
    required = positional[: len(positional) - len(function.args.defaults)]
    keyword = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    required += [argument for argument, default in keyword if default is None]
    names = {argument.arg for argument in [*positional, *function.args.kwonlyargs]}
    return {argument.arg for argument in required} <= set(value) <= names


def _learn(statement: ast.stmt, known: Literals) -> None:
    """Add the names that a statement, or what is in it, sets to a literal."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            known[node.targets[0].id] = _literal(node.value, known)


def _literal(node: ast.expr, known: Literals) -> Any:
    """Return the value of a literal, or of a name of one; dicts may be made of others with `**`."""
    if isinstance(node, ast.Name):
        return known.get(node.id, _UNKNOWN)
    if isinstance(node, ast.Dict):
        return _dict(node, known)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _UNKNOWN


def _dict(node: ast.Dict, known: Literals) -> Any:
    made: dict[Any, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        found = _literal(value, known)
        if key is None:
            if not isinstance(found, dict):
                return _UNKNOWN
            made.update(found)
        elif isinstance(key, ast.Constant):
            made[key.value] = found
        else:
            return _UNKNOWN
    return made


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_json(v) for k, v in value.items())
    if isinstance(value, list):
        return all(_is_json(item) for item in value)
    return value is None or isinstance(value, (str, int, float))
