"""Expressions in, origins out: what each reads, changes, and where its value may come from."""

from __future__ import annotations

import ast
import builtins
import sys
from typing import TYPE_CHECKING, Any

from .arguments import Arguments, is_namespace
from .calls import (
    call_builtin,
    call_method,
    call_module,
    call_value,
    trusts,
)
from .catalog import (
    BOUND,
    CANVASES,
    HIDDEN,
    LOOKING,
    METHODS,
    SEED_ARGUMENTS,
    SHELL,
    Does,
)
from .catalog_rules import state_of
from .facts import COUNTED, STRANGE, Builtin, Module, Summary
from .formulas import names_in
from .full_names import dotted_path
from .handed_on import hand_on, lambda_parameters
from .implicit import ACCESS, asked_for, implicit, looked_up
from .origins import (
    ACTING,
    ASKED,
    NOTHING,
    Origins,
    base,
    holder_of,
    made_of,
    merged,
    only,
    part_of,
    share_of,
)
from .own_calls import call_summary
from .patches import ANY_MODULE, CLASSES, module_of_table
from .settings import SHOWING, follows_settings
from .summaries import global_changes
from .trust import selection

if TYPE_CHECKING:
    from collections.abc import Callable

    from .scopes import Scope

BUILTIN_NAMES = frozenset(dir(builtins))
STANDARD = frozenset(sys.stdlib_module_names)
_OPERATORS: dict[type, str] = {
    ast.Add: ".__add__", ast.Sub: ".__sub__", ast.Mult: ".__mul__", ast.MatMult: ".__matmul__",
    ast.Div: ".__truediv__", ast.Mod: ".__mod__", ast.Pow: ".__pow__", ast.LShift: ".__lshift__",
    ast.RShift: ".__rshift__", ast.BitOr: ".__or__", ast.BitXor: ".__xor__", ast.BitAnd: ".__and__",
    ast.FloorDiv: ".__floordiv__",
}  # fmt: skip
_CHANGING = frozenset({Does.CHANGE, Does.STORE})
_FILLING = frozenset({"update", "setdefault", "__setitem__"})
_SHARING = (ast.Add, ast.Mult, ast.BitOr)


def value(scope: Scope, node: ast.expr) -> Origins:
    """Read an expression and return where its value may come from."""
    return EXPRESSIONS.get(type(node), _parts)(scope, node)


def _parts(scope: Scope, node: ast.expr) -> Origins:
    """Read an expression of a kind that nobody foresaw."""
    return merged(
        [value(scope, c) for c in ast.walk(node) if isinstance(c, ast.expr) and c is not node]
    )


def _constant(_scope: Scope, _node: ast.expr) -> Origins:
    return NOTHING


def _name(scope: Scope, node: ast.Name) -> Origins:
    name = node.id
    meaning = scope.mean(name)
    if meaning is None:
        return scope.load(name, (node.lineno, node.col_offset))
    if type(meaning) is Builtin:
        if name not in BUILTIN_NAMES:
            scope.load(name, (node.lineno, node.col_offset))
        return NOTHING
    found = scope.load(name, (node.lineno, node.col_offset))
    if type(meaning) is Module:
        top = meaning.path.partition(".")[0]
        scope.reads.setdefault("@" + top, (1, 0))
        scope.reads.setdefault(ANY_MODULE, (1, 0))
        if top not in STANDARD:
            scope.reads.setdefault("@plugins", (1, 0))
        if top in {"os", "sys"}:
            scope.reads.setdefault("@world", (1, 0))
        return NOTHING if "." in meaning.path else only(state_of(top))
    if type(meaning) is Summary:
        enact(scope, meaning)
        scope.asked.update(map(base, found if meaning.decorated else NOTHING))
    return found


def enact(scope: Scope, summary: Summary) -> None:
    """Do to the globals what a function does that may be called from here on."""
    if id(summary) in scope.enacted:
        return
    scope.enacted[id(summary)] = summary
    seen = {id(summary): summary}
    waiting = [summary]
    while waiting:
        current = waiting.pop()
        changes = global_changes(current.changes)
        if changes:
            scope.suffer(changes)
        scope.wild = scope.wild or current.opaque
        for name in sorted(current.free):  # whoever is asked first is read first
            if scope.kind == "cell" and name not in scope.sure:
                scope.soft.add(name)
            meaning = scope.mean(name) if name[0] != "@" else None
            if type(meaning) is Summary and id(meaning) not in seen:
                seen[id(meaning)] = meaning
                waiting.append(meaning)


def _attribute(scope: Scope, node: ast.Attribute) -> Origins:
    path = dotted_path(scope, node)
    if path:
        scope.reads.setdefault("@import:" + path, (1, 0))
    _shell(scope, node)
    found = value(scope, node.value)
    if path:
        found = NOTHING  # what stands in a module is not changed with it
    elif found:
        scope.reads.setdefault(CLASSES, (1, 0))
    if node.attr in HIDDEN:
        scope.reads.setdefault(HIDDEN[node.attr], (1, 0))
    implicit(scope, "." + node.attr, found)  # a property, or a method that somebody calls later
    implicit(scope, ACCESS, found)
    if found and node.attr in BOUND:
        return part_of(found) | ACTING
    return part_of(found)


def _shell(scope: Scope, node: ast.Attribute) -> None:
    if node.attr in SHELL:
        scope.unknowable(node, f"{node.attr} can read and change any name")


def _subscript(scope: Scope, node: ast.Subscript) -> Origins:
    found = value(scope, node.value)
    looked_up(scope, found)
    if type(node.slice) is not ast.Constant:
        asked_for(scope, value(scope, node.slice))
    if not found and isinstance(node.value, ast.Attribute) and node.value.attr == "modules":
        return module_of_table(scope, node)
    if found and (asked := selection(node)) and trusts(scope, asked):
        return NOTHING
    return part_of(found)


def _display(scope: Scope, node: ast.List | ast.Tuple | ast.Set) -> Origins:
    found = NOTHING
    for element in node.elts:
        origins = value(scope, element)
        if origins:
            found |= holder_of(origins)
    return asked_for(scope, found) if type(node) is ast.Set else found


def _dict(scope: Scope, node: ast.Dict) -> Origins:
    found = [asked_for(scope, value(scope, key)) for key in node.keys if key is not None]
    found += [value(scope, v) for v in node.values]
    return holder_of(merged(found))


def _starred(scope: Scope, node: ast.Starred) -> Origins:
    found = value(scope, node.value)
    scope.consumed.update(map(base, found))
    return part_of(found)


def _binary(scope: Scope, node: ast.BinOp) -> Origins:
    found: list[Origins] = []
    left: ast.expr = node
    sharing = False
    operators: dict[str, None] = {}
    while isinstance(left, ast.BinOp):  # a long sum nests as deep as it is long
        found.append(value(scope, left.right))
        if type(left.op) is ast.Mod:
            looked_up(scope, found[-1])  # "%(name)s" % table
        operators[_OPERATORS[type(left.op)]] = None
        sharing = sharing or isinstance(left.op, _SHARING)
        left = left.left
    found.append(value(scope, left))
    follows_settings(scope)
    if isinstance(left, ast.Constant) and ".__mod__" in operators:
        scope.reads.setdefault(SHOWING, (1, 0))
    for operator in operators:
        implicit(scope, operator, *found)
    every = asked_for(scope, merged(found))
    if every and scope.mean(COUNTED) is not None:
        scope.asked.update(map(base, every))
        return holder_of(every)
    if sharing and not isinstance(node.op, ast.Mod):
        return share_of(every)
    return made_of(every) if every and scope.mean_outside(STRANGE) is not None else NOTHING


def _boolean(scope: Scope, node: ast.BoolOp) -> Origins:
    found = [asked_for(scope, value(scope, node.values[0]))]
    scope.conditions += 1
    found += [asked_for(scope, value(scope, v)) for v in node.values[1:]]
    scope.conditions -= 1
    return merged(found)


def _compare(scope: Scope, node: ast.Compare) -> Origins:
    follows_settings(scope)
    asked_for(scope, value(scope, node.left))
    for operator, right in zip(node.ops, node.comparators, strict=True):
        found = asked_for(scope, value(scope, right))
        if isinstance(operator, (ast.In, ast.NotIn)):
            scope.consumed.update(map(base, found))
    return NOTHING


def _unary(scope: Scope, node: ast.UnaryOp) -> Origins:
    if type(node.operand) is not ast.Constant:
        follows_settings(scope)
    asked_for(scope, value(scope, node.operand))
    return NOTHING


def _choice(scope: Scope, node: ast.IfExp) -> Origins:
    asked_for(scope, value(scope, node.test))
    scope.conditions += 1
    found = value(scope, node.body) | value(scope, node.orelse)
    scope.conditions -= 1
    return found


def _text(scope: Scope, node: ast.JoinedStr) -> Origins:
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            asked_for(scope, value(scope, part.value))
            if part.format_spec is not None:
                value(scope, part.format_spec)
                follows_settings(scope)  # f"{n:n}" has a language
            if part.format_spec is None or part.conversion > 0:
                scope.reads.setdefault(SHOWING, (1, 0))
    return NOTHING


def call(scope: Scope, node: ast.Call, *, bare: bool = False) -> Origins:
    """Read a call; `bare` where nobody takes the answer."""
    function = node.func
    receiver = path = meaning = None
    if type(function) is ast.Name:
        meaning = scope.mean(function.id)
        callee = value(scope, function)
        path = meaning.path if type(meaning) is Module else None
    elif type(function) is ast.Attribute:
        _shell(scope, function)
        path = dotted_path(scope, function)
        callee = receiver = value(scope, function.value)
    else:
        callee = value(scope, function)
    given = _arguments(scope, node)
    asked_for(scope, given.all)
    hand_on(scope, meaning, path, receiver or NOTHING, given)
    if path:
        return call_module(scope, path, given, bare=bare)
    if receiver is not None and isinstance(function, ast.Attribute):
        if function.attr in _FILLING and is_namespace(function.value):
            scope.unknowable(node, "what it puts into globals() may be any name")
        return call_method(scope, receiver, function, given, bare=bare)
    if type(meaning) is Builtin:
        return call_builtin(scope, meaning.name, given)
    if type(meaning) is Summary and isinstance(function, ast.Name):
        return call_summary(scope, meaning, function.id, given)
    return call_value(scope, callee, given)


def _arguments(scope: Scope, node: ast.Call) -> Arguments:
    given = node.args
    if type(node.func) is not ast.Name or node.func.id not in LOOKING:
        follows_settings(scope)
    positional = [value(scope, a) for a in given]
    keywords: dict[str, Origins] = {}
    if node.keywords:
        keywords = _keywords(scope, node)
        given = [*given, *[k.value for k in node.keywords]]
    implicit(scope, ".__call__", *positional, *keywords.values())
    for argument in given:
        if isinstance(argument, (ast.Constant, ast.JoinedStr)):
            scope.soft.update(names_in(argument, node))
        elif isinstance(argument, ast.Attribute):
            if METHODS.get(argument.attr) in _CHANGING:
                scope.change(value(scope, argument.value))  # callback=history.append
            elif argument.attr == "__getitem__":
                looked_up(scope, value(scope, argument.value))
    return Arguments(node, positional, keywords)


def _keywords(scope: Scope, node: ast.Call) -> dict[str, Origins]:
    found = {k.arg or "**": value(scope, k.value) for k in node.keywords}
    for name, origins in found.items():
        if name in CANVASES:
            scope.change(origins, deep=True)
        elif name in SEED_ARGUMENTS:
            scope.consumed.update(map(base, origins))
    return found


def _walrus(scope: Scope, node: ast.NamedExpr) -> Origins:
    found = value(scope, node.value)
    scope.store(node.target.id, found)
    return found | scope.env.get(node.target.id, NOTHING)


def _yield(scope: Scope, node: ast.Yield | ast.YieldFrom) -> Origins:
    scope.generator = True
    if node.value is not None:
        scope.returns |= value(scope, node.value)
    return NOTHING


def _await(scope: Scope, node: ast.Await) -> Origins:
    return value(scope, node.value)


def _slice(scope: Scope, node: ast.Slice) -> Origins:
    for part in filter(None, (node.lower, node.upper, node.step)):
        value(scope, part)
    return NOTHING


def late_names(scope: Scope, node: ast.expr, own: set[str]) -> Origins:
    """Return what code refers to that runs later: global names, and objects of the function."""
    found: set[str] = set()
    for inner in ast.walk(node):
        if type(inner) is ast.Name and inner.id not in own and inner.id not in BUILTIN_NAMES:
            captured = scope.env.get(inner.id) if scope.kind == "function" else None
            found |= {"~" + inner.id} if captured is None else holder_of(captured)
    return frozenset(found)


def _lambda(scope: Scope, node: ast.Lambda) -> Origins:
    arguments = node.args
    defaults = [value(scope, d) for d in [*arguments.defaults, *arguments.kw_defaults] if d]
    own = {a.arg for a in lambda_parameters(node)}
    with scope.bound_inside(own):
        for name in own:
            scope.bind_inside(name, NOTHING)
        before = scope.shallow, scope.deep
        scope.shallow, scope.deep = set(), set()
        with scope.late():
            found = value(scope, node.body)
        changed = frozenset([o for o in scope.shallow | scope.deep if o[0] != "@"])
        scope.shallow |= before[0]
        scope.deep |= before[1]
    found = (found & ASKED) | holder_of(changed)  # and whoever calls it changes them
    found |= frozenset(["~~" + n for o in changed if (n := o.lstrip("=")).isidentifier()])
    return merged([found, late_names(scope, node.body, own), *map(holder_of, defaults)])


EXPRESSIONS: dict[type, Callable[[Scope, Any], Origins]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.Call: call,
    ast.List: _display,
    ast.Tuple: _display,
    ast.Set: _display,
    ast.Dict: _dict,
    ast.Starred: _starred,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.Compare: _compare,
    ast.UnaryOp: _unary,
    ast.IfExp: _choice,
    ast.JoinedStr: _text,
    ast.NamedExpr: _walrus,
    ast.Yield: _yield,
    ast.YieldFrom: _yield,
    ast.Await: _await,
    ast.Lambda: _lambda,
}
