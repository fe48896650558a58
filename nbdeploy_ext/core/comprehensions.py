"""Comprehensions in, origins out: names of their own, and iterators that they use up."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .expressions import EXPRESSIONS, late_names, value
from .implicit import asked_for
from .origins import ONCE, Origins, base, holder_of, part_of

if TYPE_CHECKING:
    from .scopes import Scope


def _comprehension(
    scope: Scope, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
) -> Origins:
    first = value(scope, node.generators[0].iter)
    own = {name for g in node.generators for name in _targets(g.target)}
    before = scope.enter(own)
    for number, generator in enumerate(node.generators):
        origins = value(scope, generator.iter) if number else first
        scope.consumed.update(map(base, origins))
        _bind_inside(scope, generator.target, part_of(origins))
        for test in generator.ifs:
            asked_for(scope, value(scope, test))
    if isinstance(node, ast.DictComp):
        found = value(scope, node.key) | value(scope, node.value)
    else:
        found = value(scope, node.elt)
    scope.leave(own, before)
    result = holder_of(found)
    if isinstance(node, ast.GeneratorExp):
        return result | holder_of(first) | ONCE | late_names(scope, node, own)
    return result


def _targets(target: ast.expr) -> list[str]:
    if type(target) is ast.Name:
        return [target.id]
    return [
        n.id for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    ]


def _bind_inside(scope: Scope, target: ast.expr, origins: Origins) -> None:
    if isinstance(target, ast.Name):
        scope.bind_inside(target.id, origins)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            _bind_inside(scope, element, origins)
    elif isinstance(target, ast.Starred):
        _bind_inside(scope, target.value, origins)
    else:
        value(scope, target)


EXPRESSIONS.update(
    dict.fromkeys((ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp), _comprehension)
)
