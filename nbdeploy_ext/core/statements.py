"""Statements in, effects out: what each binds, takes away and changes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from .arguments import is_namespace
from .catalog import RANDOM_STATE, SEED_ARGUMENTS
from .catalog_rules import state_at, state_of
from .expressions import call, value
from .facts import STRANGE
from .formulas import names_kept
from .full_names import module_path
from .implicit import asked_for, given_up, is_missed
from .origins import FLAGS, NOTHING, ONCE, Origins, base, holder_of, only, part_of, share_of
from .patches import ANY_MODULE, enter_module, give
from .settings import felt_in, follows_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .scopes import Scope


_STREAMS = frozenset({"stdout", "stderr"})
_QUIET = frozenset(
    "pandas.options.mode.chained_assignment sys.stdout sys.stderr sys.stdin sys.path sys.modules "
    "sys.argv".split()
)
"""Settings that no calculation follows."""
_STATES = frozenset("random rcParams options config environ modules path argv".split())
_LISTS = frozenset({"path", "argv"})


def body(scope: Scope, statements: Iterable[ast.stmt]) -> None:
    """Read statements one after the other."""
    for statement in statements:
        handler = STATEMENTS.get(type(statement))
        if handler is not None:
            handler(scope, statement)
        else:
            _children(scope, statement)


def _children(scope: Scope, node: ast.AST) -> None:
    """Read a node of a kind that nobody foresaw, so that no newer syntax is lost."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            value(scope, child)
        elif isinstance(child, ast.stmt):
            body(scope, [child])
        else:
            _children(scope, child)


def _expr(scope: Scope, node: ast.Expr) -> None:
    inner = node.value
    if type(inner) is ast.Call:
        call(scope, inner, bare=True)
    elif type(inner) is not ast.Constant:
        value(scope, inner)


def _assign(scope: Scope, node: ast.Assign) -> None:
    source = node.value
    only_one = node.targets[0] if len(node.targets) == 1 else None
    if isinstance(only_one, (ast.Tuple, ast.List)) and _pairs(scope, only_one, source):
        return
    origins = value(scope, source)
    if isinstance(source, (ast.Constant, ast.JoinedStr)):
        scope.soft.update(names_kept(source))
    elif isinstance(source, ast.Attribute) and source.attr in _STATES:
        origins |= _state(scope, source)
    # a, b = both = [x, y]: whose parts they are has its name first
    for target in sorted(node.targets, key=lambda t: not isinstance(t, ast.Name)):
        bind(scope, target, origins)
        if isinstance(target, ast.Name):  # a = b = []
            origins |= frozenset(("=" + target.id,))


def _state(scope: Scope, node: ast.Attribute) -> Origins:
    """Return what stands for a module's settings or its random numbers: `rc = plt.rcParams`."""
    path = module_path(scope, node)
    top = path.partition(".")[0]
    if not top or path == "sys.modules":
        return only(ANY_MODULE + "*") if top else NOTHING
    if node.attr in _LISTS:
        return only("@world*") if top == "sys" else NOTHING
    found = only("@world*" if top == "os" else state_of(top) + "*")
    return found | {RANDOM_STATE.get(top, "@rng:?") + "*"} if node.attr == "random" else found


def _pairs(scope: Scope, target: ast.Tuple | ast.List, source: ast.expr) -> bool:
    """Take `a, b = x, y` apart."""
    if not isinstance(source, (ast.Tuple, ast.List)) or len(source.elts) != len(target.elts):
        return False
    if any(isinstance(e, ast.Starred) for e in [*target.elts, *source.elts]):
        return False
    origins = [value(scope, element) for element in source.elts]
    for element, found in zip(target.elts, origins, strict=True):
        bind(scope, element, found)
    return True


def bind(scope: Scope, target: ast.expr, origins: Origins) -> None:
    """Give a target its value: a name, an attribute, an item, or several of them."""
    if type(target) is ast.Name:
        _let_go(scope, target.id)
        scope.store(target.id, origins)
    elif isinstance(target, ast.Attribute):
        _bind_attribute(scope, target, origins)
    elif isinstance(target, ast.Subscript):
        _bind_item(scope, target, origins)
    elif isinstance(target, ast.Starred):
        bind(scope, target.value, share_of(origins))
    elif isinstance(target, (ast.Tuple, ast.List)):
        _unpack(scope, target, origins)


def _bind_attribute(scope: Scope, target: ast.Attribute, origins: Origins) -> None:
    holder = value(scope, target.value)
    path = _module_change(scope, target)
    _module_attribute(scope, path, target.attr, origins)
    _sets_property(scope, target, holder)
    scope.change(holder)
    scope.hold(holder, origins)
    if target.attr == "__dict__":
        scope.hold(origins, holder)  # who both have all attributes in common
    if target.attr in SEED_ARGUMENTS:
        scope.hold(holder, ONCE)  # whose draws move it on


def _bind_item(scope: Scope, target: ast.Subscript, origins: Origins) -> None:
    holder = value(scope, target.value)
    asked_for(scope, value(scope, target.slice))
    _global_item(scope, target, origins)
    if _module_change(scope, target) == "sys.modules":
        enter_module(scope, target.slice, origins)
    scope.change(holder)
    scope.hold(holder, origins)


def _let_go(scope: Scope, name: str) -> None:
    """Note that a name no longer stands for the object that it has, which may be gone then."""
    known = scope.env.get(name, NOTHING)
    is_global = scope.kind == "cell" or name in scope.declared
    if (known or is_global) and is_missed(scope):
        if is_global:
            scope.soft.add(name)
        given_up(scope, known or only(name))


def _sets_property(scope: Scope, target: ast.Attribute, holder: Origins) -> None:
    """Note that an attribute of a library's object may be a property, which may do anything."""
    if scope.mean_outside(".__set__") is not None:
        scope.change(holder, deep=True)  # and the descriptor in its class
    own = isinstance(target.value, ast.Name) and target.value.id == "self"
    if holder and not own and scope.mean_outside(STRANGE) is not None:
        scope.drawn.update(map(base, holder))


def _module_attribute(scope: Scope, path: str, name: str, origins: Origins) -> None:
    """Note what an attribute of a built-in module means to others that is set anew."""
    if path == "builtins":
        scope.store(name, origins)
    elif path == "os" and name == "environ":
        scope.touch("@world")
    elif path != "sys":
        give(scope, path)
    elif name in _STREAMS:
        scope.change(origins)  # by whatever is printed in this cell, and later on
        scope.shallow.add("@streams")
        scope.hold(origins, only("@printed+"))


def _global_item(scope: Scope, target: ast.Subscript, origins: Origins) -> None:
    """Read `globals()["name"] = …`, which gives a name its value."""
    if is_namespace(target.value):
        if isinstance(target.slice, ast.Constant) and isinstance(target.slice.value, str):
            scope.declared.update([target.slice.value] if scope.kind == "function" else ())
            scope.store(target.slice.value, origins)
        else:
            scope.unknowable(target, "what it puts into globals() may be any name")


def _unpack(scope: Scope, target: ast.Tuple | ast.List, origins: Origins) -> None:
    parts = part_of(origins)
    scope.consumed.update(map(base, origins))
    if origins and all(o[0] in "=~" or o[0] in FLAGS for o in origins):
        parts |= _shared(target)
    for element in target.elts:
        bind(scope, element, parts)


def _shared(target: ast.Tuple | ast.List) -> Origins:
    """Say that the names of `fig, ax = …` have to do with each other."""
    names = [e.id for e in target.elts if isinstance(e, ast.Name)]
    return frozenset((f"={','.join(names)}*",))


def _module_change(scope: Scope, target: ast.Attribute | ast.Subscript) -> str:
    """Note a change of `module.attribute` or `module.table[key]`, and return the module's name."""
    path = module_path(scope, target.value)
    if path:
        if module_path(scope, target) not in _QUIET:
            scope.shallow.update(felt_in(path))
        scope.touch(state_at(path), state_at(module_path(scope, target)))
    return path


def _augmented(scope: Scope, node: ast.AugAssign) -> None:
    origins = value(scope, node.value)
    target = node.target
    follows_settings(scope)
    if isinstance(target, ast.Name):
        found = scope.load(target.id, (target.lineno, target.col_offset))
        scope.change(found)
        scope.hold(found, share_of(origins))
        scope.consumed.update(map(base, origins))
        scope.store(target.id, found | share_of(origins))
    else:
        bind(scope, target, share_of(origins))
        scope.change(value(scope, target))


def _delete(scope: Scope, node: ast.Delete) -> None:
    for target in node.targets:
        _delete_target(scope, target)


def _delete_target(scope: Scope, target: ast.expr) -> None:
    if isinstance(target, ast.Name):
        found = scope.load(target.id, (target.lineno, target.col_offset))
        scope.change(found, deep=True)  # it may be a file that is written now
        _let_go(scope, target.id)
        scope.delete(target.id)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            _delete_target(scope, element)
    else:
        bind(scope, target, NOTHING)


def _return(scope: Scope, node: ast.Return) -> None:
    if node.value is not None:
        scope.returns |= value(scope, node.value)


def _raise(scope: Scope, node: ast.Raise) -> None:
    for part in filter(None, (node.exc, node.cause)):
        scope.raised |= holder_of(value(scope, part))


def _assert(scope: Scope, node: ast.Assert) -> None:
    asked_for(scope, value(scope, node.test))
    if node.msg is not None:
        value(scope, node.msg)


def _import(scope: Scope, node: ast.Import) -> None:
    for alias in node.names:
        name = alias.asname or alias.name.partition(".")[0]
        scope.store(name, NOTHING, plain=scope.kind == "function")
        scope.imports.setdefault(name, alias.name)
        _loaded(scope, alias.name)
    _imported(scope, *(alias.name for alias in node.names))


def _import_from(scope: Scope, node: ast.ImportFrom) -> None:
    for alias in node.names:
        if alias.name == "*":
            scope.unknowable(node, f"from {node.module or '.'} import * may define any name")
        else:
            scope.store(alias.asname or alias.name, NOTHING, plain=scope.kind == "function")
            if alias.name.startswith("enable_"):
                scope.imports.setdefault(alias.name, f"{node.module}.{alias.name}")
            if not node.level:
                _loaded(scope, f"{node.module}.{alias.name}")
    _imported(scope, node.module or ".")


def _loaded(scope: Scope, module: str) -> None:
    """Note that `package.module` is there from now on, whatever name leads to the package."""
    while "." in module and scope.kind == "cell":
        scope.store("@import:" + module, NOTHING, plain=False)
        module = module.rpartition(".")[0]


def _imported(scope: Scope, *modules: str) -> None:
    for state in ("@world", ANY_MODULE):
        scope.reads.setdefault(state, (1, 0))
    for module in modules:
        scope.reads.setdefault("@" + module.partition(".")[0], (1, 0))


def _global(scope: Scope, node: ast.Global | ast.Nonlocal) -> None:
    if isinstance(node, ast.Global):
        scope.declared.update(node.names if scope.kind != "cell" else ())
        return
    for name in node.names:
        outer = scope.parent
        while outer is not None and name not in outer.env:
            outer = outer.parent
        if outer is not None:
            scope.env[name] = outer.env[name]
            scope.stored.add(name)


STATEMENTS: dict[type, Callable[[Scope, Any], None]] = {
    ast.Expr: _expr,
    ast.Assign: _assign,
    ast.AugAssign: _augmented,
    ast.Delete: _delete,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Assert: _assert,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Global: _global,
    ast.Nonlocal: _global,
    ast.Pass: lambda _scope, _node: None,
    ast.Break: lambda _scope, _node: None,
    ast.Continue: lambda _scope, _node: None,
}
