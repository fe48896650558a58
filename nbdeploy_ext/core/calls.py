"""What a call does to the objects that it is given, to modules, files and random numbers."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from .catalog import (
    AMBIGUOUS,
    BUILTIN_CALLS,
    CONSUMERS,
    COUNTING,
    FACTORIES,
    FIGURES,
    IMPORTING,
    KNOWN_PACKAGES,
    METHODS,
    RANDOM_STATE,
    SEEDING,
    SPLITTING,
    Does,
)
from .catalog_rules import function_effect, is_setting, state_at, state_of
from .facts import METACLASS, STRANGE, TRUST, Builtin, Summary
from .file_calls import FILE_CALLS, file_token, literal_path, opened, touch_files
from .full_names import module_path
from .hidden import BEHIND, hidden_in_function, hidden_in_method, prints
from .implicit import ACCESS, implicit
from .in_place import given_in_place, is_told, put_into
from .origins import (
    ASKED,
    FIGURE,
    FOREIGN,
    NOTHING,
    ONCE,
    Origins,
    base,
    holder_of,
    iterator_of,
    keeper_of,
    merged,
    part_of,
    share_of,
)
from .patches import CLASSES, PATCHING, give, imported_module, patched
from .settings import DRAWING, SHOWING, draws, felt_after, felt_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from .arguments import Arguments
    from .scopes import Scope

_LOOKING: dict[Does, Callable[[Origins], Origins]] = {
    Does.FRESH: lambda _: NOTHING,
    Does.RANDOM: lambda _: NOTHING,
    Does.PART: part_of,
    Does.HOLD: holder_of,
    Does.SHARE: share_of,
    Does.SAME: lambda origins: origins,
    Does.ONCE: iterator_of,
}
_ACCESSORS = frozenset({"str", "dt", "cat", "plot", "plotting", "style", "sparse"})
_TAKES_AWAY = frozenset({"unlink", "rmdir"})
_PASSING_ON = frozenset({"step", "writerow", "writerows"})
"""Methods of optimizers and writers: what these hold changes."""
_MOVES = frozenset({"rename", "replace"})
_PRINTS = frozenset({"print", "str", "repr", "format"})
_LOOKS_UP = frozenset({"getattr", "hasattr"})
_ANY_RANDOM = "@rng:?"


def call_builtin(scope: Scope, name: str, given: Arguments) -> Origins:
    """Read a call of a built-in function."""
    does = BUILTIN_CALLS.get(name)
    if name in CONSUMERS:
        scope.consumed.update(map(base, given.all))
    if name == "super":
        return scope.env.get("self", NOTHING)
    if name in {"setattr", "delattr"}:
        return _set_attribute(scope, given)
    if does is Does.OPEN:
        return opened(scope, given)
    if name == "vars" and given.node.args:
        return part_of(given.all)
    if name == "type" and len(given.node.args) > 1:
        implicit(scope, METACLASS, given.all)
    if does is Does.OPAQUE or (name == "dir" and not given.node.args):
        scope.unknowable(given.node, f"{name}() can read and change any name")
        return given.all
    return _built_in(scope, name, does or Does.HOLD, given)  # exceptions hold their arguments


def _built_in(scope: Scope, name: str, does: Does, given: Arguments) -> Origins:
    if does is Does.CHANGE:
        scope.change(given.first, deep=True)
        return part_of(given.all)
    if name in _PRINTS and any(not isinstance(a, ast.Constant) for a in given.node.args):
        scope.reads.setdefault(SHOWING, (1, 0))
    if name == "__import__":
        return imported_module(scope, given)
    if name in _LOOKS_UP:
        implicit(scope, ACCESS, given.first)
    if name == "print":
        prints(scope)
        scope.change(given.keywords.get("file", NOTHING))
    if name == "dict":  # dict(rows=rows) holds them
        named = given.keywords.values()
        return share_of(merged(given.positional)) | holder_of(merged(named))
    return _LOOKING[does](given.all)


def call_module(scope: Scope, path: str, given: Arguments, *, bare: bool) -> Origins:
    """Read a call of a module's function or class, by its full name."""
    if path in IMPORTING:
        return imported_module(scope, given)
    found = _module_function(scope, path, given, bare=bare)
    top = path.partition(".")[0]
    if top in PATCHING:
        return found | patched(scope, path, given)
    return found | ASKED | {f"@{top}*"} if top in COUNTING else found


def _module_function(scope: Scope, path: str, given: Arguments, *, bare: bool) -> Origins:
    does = function_effect(path)
    top, name = path.partition(".")[0], path.rpartition(".")[2]
    hidden_in_function(scope, path, given)
    if does is not Does.SEED and SEEDING.fullmatch(name):
        scope.seed_all()
    if does is None or _is_unbound(path, name):
        return _unknown_function(scope, path, given, bare=bare)
    if given.node.keywords and is_told(given.node):
        scope.change(given.all, deep=True)
        return given.all
    out = put_into(scope, path, given)
    if top in {"torch", "tensorflow", "keras", "torchvision"} or does in {
        Does.RANDOM, Does.SHUFFLE, Does.SEED,
    }:  # fmt: skip
        _draw(scope, RANDOM_STATE.get(top, _ANY_RANDOM), given, does)
    return out | _known_function(scope, does, path, given)


def _made(scope: Scope, given: Arguments) -> Origins:
    """Return what a field holds whose values come from `default_factory=lambda: shared`."""
    found = NOTHING
    for keyword in given.node.keywords:
        if keyword.arg in FACTORIES and isinstance(keyword.value, ast.Lambda):
            names = [n for n in ast.walk(keyword.value.body) if isinstance(n, ast.Name)]
            found |= merged(scope.load(n.id, (n.lineno, n.col_offset)) for n in names)
        elif keyword.arg in FACTORIES and isinstance(keyword.value, ast.Name):
            meaning = scope.mean(keyword.value.id)
            if isinstance(meaning, Summary) and meaning.kind == "function":
                found |= scope.apply(meaning, {})
    return holder_of(found)


def _is_unbound(path: str, name: str) -> bool:
    """Whether it is `Class.method`, which changes its first argument: `np.ndarray.sort(a)`."""
    owner = path.split(".")[-2:][0]
    changes = METHODS.get(name) in {Does.CHANGE, Does.STORE, Does.FIT}
    return changes and (owner[:1].isupper() or owner == "ndarray") and owner != name


def _known_function(scope: Scope, does: Does, path: str, given: Arguments) -> Origins:
    top = path.partition(".")[0]
    if FACTORIES & given.keywords.keys():
        return _made(scope, given) | holder_of(given.all)
    if top in FIGURES and does in _LOOKING:
        scope.drawn.update(map(base, given.all))
        scope.reads.setdefault(DRAWING, (1, 0))
        return FIGURE
    if does is Does.HOLD and top not in KNOWN_PACKAGES:
        return FOREIGN | holder_of(given.all)
    if does in _LOOKING:
        return _LOOKING[does](given.all)
    return _acting(scope, does, path, given)


_DRAWING_LATER = {"torch.utils.data.DataLoader": frozenset({"~@rng:torch"})}
_MAKING: dict[Does, Callable[[str, Arguments], Origins]] = {
    Does.STATE: lambda path, _: frozenset((state_of(path), *felt_in(path))),
    Does.GENERATOR: lambda path, given: (
        ONCE | holder_of(given.all) | _DRAWING_LATER.get(path, NOTHING)
    ),
    Does.ACTIVE: lambda _, given: FOREIGN | holder_of(given.all),
    Does.GROWING: lambda _, given: ASKED | holder_of(given.all),
}


def _acting(scope: Scope, does: Does, path: str, given: Arguments) -> Origins:
    if does is Does.CONFIGURE:
        scope.touch(state_at(path))
        scope.shallow.update(felt_after(path, given))
        return NOTHING
    if does in _MAKING:
        return _MAKING[does](path, given)
    if does is Does.INJECT:
        return _injected(scope, given)
    if does is Does.OPAQUE:
        scope.unknowable(given.node, "it can read and change any name")
        return NOTHING
    if does in FILE_CALLS:
        return FILE_CALLS[does](scope, given)
    scope.change(given.first)
    if does is Does.SETTING:
        scope.touch("@" + path.partition(".")[0])
        scope.shallow.update(() if given.first else felt_after(path, given))
    if does in {Does.STORE, Does.SETTING}:
        scope.hold(given.first, merged(given.positional[1:]))
    return part_of(given.first) if does is not Does.SEED else NOTHING


def _injected(scope: Scope, given: Arguments) -> Origins:
    """Define the names that `sympy.var("x y")` puts into the notebook."""
    texts = [a.value for a in given.node.args[:1] if isinstance(a, ast.Constant)]
    names = re.findall(r"[^\W\d]\w*", str(texts[0])) if texts else []
    if not names or ":" in str(texts[0]):
        scope.unknowable(given.node, "it can define any name")
    for name in names:
        scope.store(name, NOTHING)
    return NOTHING


def call_method(
    scope: Scope, receiver: Origins, node: ast.Attribute, given: Arguments, *, bare: bool
) -> Origins:
    """Read a call of a method of an object whose type nobody knows."""
    name = node.attr
    does = METHODS.get(name)
    if name in SPLITTING and given.begins_with_text():
        does = Does.FRESH
    elif name in BEHIND:
        hidden_in_method(scope, name, receiver, given)
    if isinstance(node.value, ast.Name) and isinstance(scope.mean(node.value.id), Builtin):
        receiver |= given.first  # list.append(rows, 1)
    own = scope.mean("." + name)
    if isinstance(own, Summary):
        found = scope.apply(own, given.bound(own, receiver)) | part_of(receiver)
        static = scope.mean(node.value.id) if isinstance(node.value, ast.Name) else None
        if isinstance(static, Summary):  # Class.method(instance, …)
            found |= scope.apply(own, given.bound(own))
        if own.exact and (does in _LOOKING or (does is None and not bare)):
            return found
        return found | _method(scope, does, receiver, node, given)
    same = put_into(scope, "", given) | given_in_place(scope, name, receiver, given)
    return same | _method(scope, does, receiver, node, given)


def _method(
    scope: Scope, does: Does | None, receiver: Origins, node: ast.Attribute, given: Arguments
) -> Origins:
    if isinstance(node.value, ast.Attribute) and node.value.attr in _ACCESSORS:
        scope.reads.setdefault(DRAWING, (1, 0))
        return FIGURE if node.value.attr == "plot" else NOTHING
    if given.true("inplace"):
        scope.change(receiver, deep=True)
        return part_of(receiver)
    if does is None and trusts(scope, "." + node.attr):
        return given.all
    if does is None or (node.attr == "eval" and not given.node.args):  # torch's model.eval()
        return _unknown_method(scope, node.attr, receiver, given)
    if receiver and scope.mean_outside(STRANGE) is not None:
        scope.reads.setdefault("@world", (1, 0))  # an object of a library may ask the environment
    if does in _LOOKING:
        return _looking(scope, does, node.attr, receiver, given)
    return _changing(scope, does, node.attr, receiver, given)


def _looking(scope: Scope, does: Does, name: str, receiver: Origins, given: Arguments) -> Origins:
    if name in AMBIGUOUS:
        scope.drawn.update(map(base, receiver))
        if name in _MOVES and len(given.positional) == 1 and not given.keywords:
            scope.touch("@file:?")  # a path's, it may be
        if name == "truncate":
            scope.consumed.update(map(base, receiver))  # a stream's
    if does is Does.RANDOM:
        scope.consumed.update(map(base, receiver))  # the receiver may be the generator itself
        if not given.names_seed():
            scope.touch(_ANY_RANDOM)
    return _LOOKING[does](receiver)


def _changing(scope: Scope, does: Does, name: str, receiver: Origins, given: Arguments) -> Origins:
    if does is Does.FIT:
        scope.touch(_ANY_RANDOM)
        scope.change(receiver, deep=True)
        scope.hold(receiver, keeper_of(given.all))
        return NOTHING if name.startswith("fit_") else receiver
    if does is Does.DRAW:
        scope.drawn.update(map(base, receiver))
        scope.reads.setdefault(DRAWING, (1, 0))
        if name.startswith("add_"):
            scope.hold(receiver, given.all)
        return FIGURE | part_of(receiver)
    if does is Does.READ:
        touch_files(scope, given, writes=False)
        scope.reads.setdefault("@file:?", (1, 0))
        return NOTHING
    if does is Does.WRITE:
        handles = merged(given.positional)
        scope.change(handles)
        scope.hold(handles, keeper_of(receiver))
        touch_files(scope, given, writes=True)
        return NOTHING
    if does is Does.WORLD:
        scope.touch("@world", *(["@file:?"] if name in _TAKES_AWAY else []))
        return NOTHING
    scope.change(receiver)
    implicit(scope, ".__del__", receiver)
    _learns(scope, name, receiver)
    if does is Does.STORE:
        scope.hold(receiver, given.all | part_of(given.all))
        scope.consumed.update(map(base, given.all))
    return part_of(receiver)


def _learns(scope: Scope, name: str, receiver: Origins) -> None:
    if name in _PASSING_ON:
        scope.change(receiver, deep=True)
    if name == "step":
        scope.reads.setdefault("@gradients", (1, 0))
    elif name == "backward":  # gradients go to whatever the value was made of
        scope.touch("@gradients")
        scope.change([n for n in scope.reads if n[0] != "@"], deep=True)


def call_value(scope: Scope, function: Origins, given: Arguments) -> Origins:
    """Read a call of a value that is a function, nobody knows which."""
    if isinstance(given.node.func, ast.Name) and trusts(scope, given.node.func.id):
        return given.all
    scope.change(function, deep=True)
    return unknown_call(scope, function, given)


def _unknown_function(scope: Scope, path: str, given: Arguments, *, bare: bool) -> Origins:
    if bare:
        scope.touch("@" + path.partition(".")[0])
        if not given.first and is_setting(path.rpartition(".")[2]):
            scope.shallow.update(felt_after(path, given))
    return unknown_call(scope, NOTHING, given) | FOREIGN


def _unknown_method(scope: Scope, name: str, receiver: Origins, given: Arguments) -> Origins:
    if SEEDING.fullmatch(name):
        scope.seed_all()  # it may be a module by another name: r = random
    scope.change(receiver, deep=True)
    return unknown_call(scope, receiver, given)


def unknown_call(scope: Scope, receiver: Origins, given: Arguments) -> Origins:
    """Anything may change, hold anything else, and come back."""
    if not receiver and trusts(scope):
        return given.all
    everything = [o for o in [receiver, *given.positional, *given.keywords.values()] if o]
    scope.touch(_ANY_RANDOM)
    for state in ("@world", "@file:?", CLASSES):
        scope.reads.setdefault(state, (1, 0))
    if draws(given.node.func):
        scope.reads.setdefault(DRAWING, (1, 0))
    for path in filter(None, map(literal_path, given.node.args)):
        scope.touch(file_token(path))
    for origins in everything:
        scope.change(origins, deep=True)
    for origins in everything[1:]:
        scope.hold(everything[0], origins)
        scope.hold(origins, everything[0])
    return merged(everything) | ONCE


def trusts(scope: Scope, asked: str = "") -> bool:
    """Whether a call that nobody knows is taken to look only, and to keep nothing.

    Asked of a value by its global name, of a method as `.name`, or of a library's function.
    """
    inner: Scope | None = scope
    while inner is not None and inner.kind != "cell":
        if asked in inner.env:
            return False
        inner = inner.parent
    return scope.mean(TRUST + asked) is not None


def _draw(scope: Scope, token: str, given: Arguments, does: Does) -> None:
    if does is Does.SEED:
        scope.seed(token)
    elif not given.names_seed():
        scope.touch(token)


def _set_attribute(scope: Scope, given: Arguments) -> Origins:
    path = module_path(scope, given.node.args[0]) if given.node.args else ""
    if path:
        scope.touch(state_of(path))
        give(scope, path)
    scope.change(given.first)
    scope.hold(given.first, merged(given.positional[2:]))
    return NOTHING
