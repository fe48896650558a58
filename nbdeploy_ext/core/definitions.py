"""Functions and classes: their bodies run when somebody calls them, so they become summaries."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from .calls import trusts
from .catalog_rules import function_effect
from .expressions import enact, late_names, value
from .facts import METACLASS, Changes, Reading, Summary
from .full_names import module_path
from .implicit import implicit
from .origins import ASKED, NOTHING, Origins, base, holder_of, merged, only
from .outcomes import changes_of, outside
from .scopes import Scope
from .statements import STATEMENTS, bind, body
from .summaries import global_changes, joined_changes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .scopes import Meanings

Function = ast.FunctionDef | ast.AsyncFunctionDef
_CACHING = frozenset("lru_cache cache functools.lru_cache functools.cache".split())
_CACHES = _CACHING | {"cached_property", "functools.cached_property"}
_HARMLESS_DECORATORS = _CACHING | frozenset(
    "staticmethod classmethod property dataclass dataclasses.dataclass functools.wraps wraps "
    "njit jit numba.njit numba.jit "
    "abstractmethod override overload contextmanager pytest.fixture".split()
)


def read_function(node: Function, parent: Scope | None, meanings: Meanings) -> Reading:
    """Read a function's body, once for all calls."""
    scope = Scope("function", parent, meanings)
    decorators = _names(node.decorator_list)
    caches = not _CACHES.isdisjoint(decorators) and not trusts(scope)
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    names = tuple(a.arg for a in plain)
    for name in names:
        _parameter(scope, name, frozenset(("$" + name,)))
    for extra in (arguments.vararg, arguments.kwarg):
        if extra is not None:
            _parameter(scope, extra.arg, frozenset(("$...",)))
    for generic in getattr(node, "type_params", ()):
        _parameter(scope, generic.name, NOTHING)
    body(scope, node.body)
    scope.generator = scope.generator or isinstance(node, ast.AsyncFunctionDef)
    if caches and names and (names[0] == "self" or "property" in decorators[0]):
        scope.shallow.add("$" + names[0])  # an attribute that is looked up is there from then on
    summary = _summary(
        scope, names, _shared_defaults(arguments), exact=_HARMLESS_DECORATORS.issuperset(decorators)
    )
    if decorators:
        summary = replace(_wrapped(scope, summary, decorators), decorated=True)
    places = {
        n: p
        for n, p in {**scope.deferred, **scope.reads}.items()
        if n in summary.free and n[0] != "@"
    }
    return Reading(
        summary, places, tuple(scope.opaque), dict(scope.assumed), frozenset(scope.soft),
        remembers=parent is not None and _remembers(scope, node),
    )  # fmt: skip


def _wrapped(scope: Scope, summary: Summary, decorators: Sequence[str]) -> Summary:
    """Return what a function does with what the notebook's decorators do when it is called."""
    meanings = {name: scope.mean(name) for name in decorators if name.isidentifier()}
    own = {name: m for name, m in meanings.items() if isinstance(m, Summary)}
    changes = [global_changes(meaning.changes) for meaning in own.values()]
    return replace(
        summary,
        changes=joined_changes([summary.changes, *changes]),
        free=summary.free.union(own),
    )


def read_class(methods: Sequence[Reading], start: Reading | None) -> Summary:
    """Join what a class's methods do; calling the class is calling `__init__`."""
    joined = [global_changes(m.summary.changes) for m in methods]
    parameters: tuple[str, ...] = ("self",)
    if start is not None:
        joined.append(start.summary.changes)
        parameters = start.summary.parameters
    free = frozenset().union(*(m.summary.free for m in methods))
    opaque = any(m.summary.opaque for m in methods)
    changes = joined_changes(joined)
    held = merged([origins for holder, origins in changes.held if holder == "$" + parameters[0]])
    returns = holder_of(frozenset([o for o in held if o[0] not in "$="]))
    return Summary("class", parameters, free, changes, returns, opaque)


def _parameter(scope: Scope, name: str, origins: Origins) -> None:
    scope.env[name] = origins
    scope.sure.add(name)
    scope.stored.add(name)


def _names(decorators: Sequence[ast.expr]) -> list[str]:
    return [ast.unparse(_uncalled(decorator)) for decorator in decorators]


def _uncalled(decorator: ast.expr) -> ast.expr:
    """Return the decorator without what it is given."""
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def _remembers(scope: Scope, node: Function) -> bool:
    """Whether a function within another changes what is that one's, or itself."""
    if any(isinstance(inner, ast.Nonlocal) for inner in node.body):
        return True
    own = scope.stored - scope.declared
    return node.name in scope.shallow or any(
        origin[0] in "=$" and origin[1:] not in own and origin != "$..." for origin in scope.shallow
    )


def _shared_defaults(arguments: ast.arguments) -> tuple[str, ...]:
    """Return the parameters whose default is an object, which all calls share."""
    plain = [*arguments.posonlyargs, *arguments.args]
    pairs = [*zip(plain[::-1], arguments.defaults[::-1], strict=False)]
    pairs += [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d]
    return tuple(a.arg for a, d in pairs if not isinstance(d, (ast.Constant, ast.UnaryOp)))


def _summary(
    scope: Scope, parameters: tuple[str, ...], kept: tuple[str, ...], *, exact: bool
) -> Summary:
    own = scope.stored - scope.declared
    free = frozenset([n for n in (*scope.reads, *scope.deferred, *scope.soft) if n not in own])
    returns = outside(scope, scope.returns, own)
    if scope.generator:
        returns = {base(o) + "+" for o in returns} | {"~" + n for n in free} | {"!"}
        returns |= {f"${name}+" for name in [*parameters, "..."]}
    changes = changes_of(scope, own)
    return Summary(
        "function",
        parameters,
        free,
        changes,
        frozenset(returns),
        bool(scope.opaque) or scope.wild,
        exact,
        kept,
    )


def _function(scope: Scope, node: Function) -> None:
    told = merged([_told(scope, decorator) for decorator in node.decorator_list])
    arguments = node.args
    defaults = [value(scope, d) for d in [*arguments.defaults, *arguments.kw_defaults] if d]
    _annotations(scope, node)
    if scope.kind == "function":
        found = read_function(node, scope, scope.meanings)
        _nested(scope, found)
    else:
        found = scope.meanings.read(node)
    summary = found.summary
    scope.opaque += found.opaque
    scope.assumed.update(found.assumed)
    for name, place in found.places.items():
        scope.deferred.setdefault(name, place)
    kept = merged(map(holder_of, defaults)) | _kept(scope, node, found)
    scope.store(node.name, kept, plain=scope.kind == "function")
    if scope.kind != "function":
        scope.functions[node.name] = [*scope.functions.get(node.name, ()), summary]
        scope.hold(told, only("=" + node.name))
    if node.decorator_list and not summary.exact:
        enact(scope, summary)


def _told(scope: Scope, decorator: ast.expr) -> Origins:
    """Return what may know a function from then on, as a decorator changes it."""
    found = value(scope, decorator)
    if isinstance(decorator, ast.Attribute):  # @function.register
        scope.change(found)
        return found
    plain = _uncalled(decorator)
    meaning = scope.mean(plain.id) if isinstance(plain, ast.Name) else None
    changes = global_changes(meaning.changes) if isinstance(meaning, Summary) else Changes()
    return frozenset([o for o in changes.shallow | changes.deep if o[0] != "@"])


def _kept(scope: Scope, node: Function, found: Reading) -> Origins:
    """Return what a function holds but for its defaults."""
    summary = found.summary
    if scope.kind != "function":
        remembers = summary.decorated and _decorated_remembers(scope, node, summary)
        return ASKED if remembers else NOTHING
    kept = merged([late_names(scope, s, set(summary.parameters)) for s in _loads(node)])
    kept |= frozenset(["~" + n for n in summary.free | summary.changes.binds])
    return kept | ASKED if found.remembers or summary.returns >= ASKED else kept


def _decorated_remembers(scope: Scope, node: Function, summary: Summary) -> bool:
    """Whether a decorator of the notebook keeps state, or one that caches hides what changes."""
    for decorator, name in zip(node.decorator_list, _names(node.decorator_list), strict=True):
        if name in _CACHES:
            return not trusts(scope) and _reads_variables(scope, summary)
        meaning = scope.mean(name) if isinstance(decorator, (ast.Name, ast.Call)) else None
        if isinstance(meaning, Summary):
            called = scope.mean(".__call__") if meaning.kind == "class" else None
            if meaning.returns >= ASKED or (isinstance(called, Summary) and called.changes):
                return True
    return False


def _reads_variables(scope: Scope, summary: Summary) -> bool:
    """Whether a function, or one that it calls, reads a global name that is given values."""
    waiting = sorted(summary.free)
    seen = set(waiting)
    for name in waiting:
        meaning = scope.mean(name) if name[0] not in "@." else None
        if isinstance(meaning, Summary):
            more = meaning.free - seen
            seen |= more
            waiting += sorted(more)
        elif meaning is None and name[0] != "@":
            return True
    return False


def _loads(node: Function) -> list[ast.expr]:
    return [n for n in ast.walk(node) if type(n) is ast.Name and isinstance(n.ctx, ast.Load)]


def _nested(scope: Scope, found: Reading) -> None:
    """Let the outer function do all that the inner one may do when somebody calls it."""
    changes = global_changes(found.summary.changes)
    scope.shallow |= changes.shallow
    scope.deep |= changes.deep
    scope.consumed |= changes.consumed
    scope.drawn |= changes.drawn
    scope.asked |= changes.asked
    scope.binds |= changes.binds
    scope.soft |= found.soft
    for holder, held in changes.held:
        scope.hold((holder,), held)


def _class(scope: Scope, node: ast.ClassDef) -> None:
    outer = [value(scope, b) for b in [*node.bases, *node.decorator_list]]
    outer += [value(scope, k.value) for k in node.keywords]
    inner = Scope(scope.kind if scope.kind == "function" else "class", scope, scope.meanings)
    body(inner, node.body)
    for name, place in inner.reads.items():
        if name[0] == "@":
            scope.reads.setdefault(name, place)
        else:
            scope.load(name, place)
    for name, place in inner.deferred.items():
        scope.deferred.setdefault(name, place)
    scope.soft |= inner.soft - inner.stored
    scope.absorb(inner)
    kept = holder_of(merged(inner.env.values()))
    own = {"=" + name for name in inner.stored} | {"!"}
    kept = holder_of(merged(outer)) | frozenset([o for o in kept if base(o) not in own])
    if node.bases or node.keywords:
        scope.shallow.add("@classes")  # which the base lists
        implicit(scope, METACLASS, *outer)
    for decorator in node.decorator_list:
        _register(scope, node, decorator)
    top = scope.kind != "function"
    scope.store(node.name, kept, plain=not top)
    if top:
        summary = scope.meanings.read_class(node)
        scope.functions[node.name] = [*scope.functions.get(node.name, ()), summary]


def _register(scope: Scope, node: ast.ClassDef, decorator: ast.expr) -> None:
    """Note what a library's decorator does that nobody knows: it lists the class somewhere."""
    path = module_path(scope, _uncalled(decorator))
    if path and function_effect(path) is None:
        scope.touch("@" + path.partition(".")[0])
    if path.startswith("awkward.") and path.endswith("mixin_class"):
        scope.store(node.name + "Array", NOTHING)
        scope.store(node.name + "Record", NOTHING)


def _annotated(scope: Scope, node: ast.AnnAssign) -> None:
    if scope.kind != "function" or not node.simple:
        annotation(scope, node.annotation)
    if node.value is not None:
        bind(scope, node.target, value(scope, node.value))
    elif not isinstance(node.target, ast.Name):
        value(scope, node.target)
    elif scope.kind == "function":
        scope.stored.add(node.target.id)


def _annotations(scope: Scope, node: Function) -> None:
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [a for a in (arguments.vararg, arguments.kwarg) if a]
    hints = [h for h in [*(a.annotation for a in every), node.returns] if h is not None]
    if not hints:
        return
    generic = {p.name for p in getattr(node, "type_params", ())}
    with scope.bound_inside(generic):
        for name in generic:
            scope.bind_inside(name, NOTHING)
        for found in hints:
            annotation(scope, found)


def annotation(scope: Scope, node: ast.expr) -> None:
    """Read a type hint: at once, or when somebody asks for it under the future import."""
    if type(node) is ast.Constant and not isinstance(node.value, str):
        return
    if scope.mean("annotations") is not None:
        scope.soft.add("annotations")
        with scope.late():
            value(scope, node)
    else:
        value(scope, node)
    if type(node) is ast.Name:
        return
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            scope.soft.update(_forward(inner.value))


def _forward(text: str) -> set[str]:
    """Return the names of a hint that is written as a string."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}


def _type_alias(scope: Scope, node: ast.stmt) -> None:
    """Read `type X[T] = …` of Python 3.12: the value is looked at later."""
    name = node.name  # type: ignore[attr-defined]
    own = {p.name for p in node.type_params}  # type: ignore[attr-defined]
    with scope.bound_inside(own):
        for generic in own:
            scope.bind_inside(generic, NOTHING)
        with scope.late():
            value(scope, node.value)  # type: ignore[attr-defined]
    scope.store(name.id, NOTHING)


STATEMENTS.update(
    {
        ast.FunctionDef: _function,
        ast.AsyncFunctionDef: _function,
        ast.ClassDef: _class,
        ast.AnnAssign: _annotated,
    }
)
if hasattr(ast, "TypeAlias"):
    STATEMENTS[ast.TypeAlias] = _type_alias
