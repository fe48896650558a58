"""Statements of which parts run or don't: what all alternatives define is defined after them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .expressions import value
from .implicit import asked_for, implicit
from .origins import NOTHING, Origins, base, part_of
from .statements import STATEMENTS, bind, body

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .scopes import Scope


_SWALLOWING = frozenset({"suppress", "raises", "assertRaises", "assertRaisesRegex"})


def _branches(scope: Scope, branches: Sequence[Callable[[], bool] | None]) -> None:
    """Read alternatives of which one runs, None where nothing does; what all define is defined."""
    env, sure, deletes = scope.env, scope.sure, scope.deletes
    ends: list[tuple[dict[str, Origins], set[str], set[str]]] = []
    for branch in branches:
        if branch is None:
            ends.append((env, sure, deletes))
            continue
        scope.env, scope.sure, scope.deletes = dict(env), set(sure), set(deletes)
        leaves = branch()
        if not leaves:
            ends.append((scope.env, scope.sure, scope.deletes))
    first, *others = ends or [(env, sure, deletes)]
    scope.env, scope.sure, scope.deletes = dict(first[0]), set(first[1]), set(first[2])
    for end in others:
        _merge_env(scope.env, end[0])
        scope.sure &= end[1]
        scope.deletes &= end[2]


def _merge_env(into: dict[str, Origins], end: dict[str, Origins]) -> None:
    for name, origins in end.items():
        before = into.get(name)
        if before is not origins:
            into[name] = origins if before is None else before | origins


def _raises(statements: Sequence[ast.stmt]) -> bool:
    return bool(statements) and isinstance(statements[-1], ast.Raise)


def _run(scope: Scope, statements: Sequence[ast.stmt]) -> Callable[[], bool] | None:
    if not statements:
        return None

    def branch() -> bool:
        body(scope, statements)
        return _raises(statements)

    return branch


def _if(scope: Scope, node: ast.If) -> None:
    asked_for(scope, value(scope, node.test))
    _branches(scope, [_run(scope, node.body), _run(scope, node.orelse)])


def _loop(
    scope: Scope, enter: Callable[[], None], node: ast.For | ast.AsyncFor | ast.While
) -> None:
    def once() -> bool:
        enter()
        body(scope, node.body)
        return False

    def rounds() -> bool:
        once()
        if not before.items() <= scope.env.items() or _grown(scope, before):
            once()
        body(scope, node.orelse)
        return False

    before = dict(scope.env)
    _branches(scope, [rounds, _run(scope, node.orelse)])


def _grown(scope: Scope, before: dict[str, Origins]) -> bool:
    if len(scope.env) == len(before):
        return False
    return any(scope.env[n] != {"=" + n} for n in scope.env.keys() - before.keys())


def _for(scope: Scope, node: ast.For | ast.AsyncFor) -> None:
    origins = value(scope, node.iter)
    scope.consumed.update(map(base, origins))
    implicit(scope, ".__iter__", origins)
    parts = part_of(origins)
    _loop(scope, lambda: bind(scope, node.target, parts), node)


def _while(scope: Scope, node: ast.While) -> None:
    _loop(scope, lambda: (value(scope, node.test), None)[1], node)
    asked_for(scope, value(scope, node.test))


def _with(scope: Scope, node: ast.With | ast.AsyncWith) -> None:
    for item in node.items:
        origins = value(scope, item.context_expr)
        lasting = [o for o in origins if o[0] != "@"]  # settings are others for a while alone
        scope.change(lasting, deep=True)  # redirect_stdout(buffer)
        if item.optional_vars is not None:
            bind(scope, item.optional_vars, origins)
    if any(map(_swallows, node.items)):
        _branches(scope, [_run(scope, node.body), None])
    else:
        body(scope, node.body)


def _swallows(item: ast.withitem) -> bool:
    """Whether an exception may end the body early, and what stands after it runs all the same."""
    call = item.context_expr
    called = call.func if isinstance(call, ast.Call) else call
    return (getattr(called, "attr", None) or getattr(called, "id", "")) in _SWALLOWING


def _try(scope: Scope, node: ast.Try) -> None:
    half: dict[str, Origins] = {}

    def smooth() -> bool:
        body(scope, [*node.body, *node.orelse])
        half.update(scope.env)
        return _raises(node.orelse or node.body)

    _branches(scope, [smooth, *(_handled(scope, h, half) for h in node.handlers)])
    body(scope, node.finalbody)


def _handled(
    scope: Scope, handler: ast.ExceptHandler, half: dict[str, Origins]
) -> Callable[[], bool]:
    """Return the branch of a handler: any part of the body may have run before it."""

    def branch() -> bool:
        for name, origins in half.items():
            scope.env[name] = scope.env.get(name, NOTHING) | origins
        if handler.type is not None:
            value(scope, handler.type)
        if handler.name:
            scope.store(handler.name, part_of(scope.raised) | scope.raised)
        body(scope, handler.body)
        if handler.name:
            scope.env.pop(handler.name, None)
            scope.sure.discard(handler.name)
        return _raises(handler.body)

    return branch


def _match(scope: Scope, node: ast.Match) -> None:
    origins = value(scope, node.subject)

    def case(found: ast.match_case) -> Callable[[], bool]:
        def branch() -> bool:
            _pattern(scope, found.pattern, origins)
            if found.guard is not None:
                value(scope, found.guard)
            body(scope, found.body)
            return _raises(found.body)

        return branch

    last = node.cases[-1]
    always = (
        last.guard is None and isinstance(last.pattern, ast.MatchAs) and not last.pattern.pattern
    )
    otherwise = [] if always else [None]
    _branches(scope, [*(case(c) for c in node.cases), *otherwise])


def _pattern(scope: Scope, pattern: ast.pattern, origins: Origins) -> None:
    for node in ast.walk(pattern):
        name = getattr(node, "name", None) or getattr(node, "rest", None)
        if isinstance(name, str):
            scope.store(name, origins | part_of(origins))
        elif isinstance(node, ast.MatchValue):
            value(scope, node.value)
        elif isinstance(node, ast.MatchClass):
            value(scope, node.cls)


STATEMENTS.update(
    {
        ast.If: _if,
        ast.For: _for,
        ast.AsyncFor: _for,
        ast.While: _while,
        ast.With: _with,
        ast.AsyncWith: _with,
        ast.Try: _try,
        ast.Match: _match,
    }
)
if hasattr(ast, "TryStar"):
    STATEMENTS[ast.TryStar] = _try
