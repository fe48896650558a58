"""What a piece of code mentions: imports, environment variables, texts, files that it opens.

A syntax tree in, plain values out, in one walk: trees are large, so nobody should keep them.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .habits import asks_for_main, called_name, read_habits
from .implied_imports import implied_by_calls, implied_by_import
from .joined_paths import constants, globbed, joined_paths
from .variables import needed_variables, set_variables, variable_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .habits import Habit
    from .joined_paths import Pattern
    from .places import Places, Position

_READERS = frozenset(
    "open read_csv read_parquet read_json read_excel read_table read_pickle read_feather loadtxt "
    "genfromtxt".split()
)
_WRITTEN = ("w", "a", "x")
_LONGEST = 255
_NO_NODES = frozenset(
    "id attr arg ctx op ops kind type_comment conversion level module is_async simple lineno "
    "asname rest kwd_attrs tag".split()
)
_BLOCKS = ("body", "handlers", "cases", "orelse", "finalbody")
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_LEAVES: dict[type, tuple[str, ...]] = {
    ast.Constant: (), ast.MatchSingleton: (), type(None): (), str: ()
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Import:
    """A module that is imported; `members` is what a `from` takes out of it."""

    name: str
    line: int
    column: int
    members: tuple[str, ...] = ()
    optional: bool = False
    """Whether the code goes on where the import fails."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A text with its place; line and column count from 1."""

    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Mentions:
    """What a tree mentions.

    `environment` are variables that must be there before, `supplied` those that the code sets,
    `texts` literals that may be paths, `opened`
    literal paths that are read, `uses` the names that statements which run read from one another,
    `definitions` the functions and classes at the top, in branches and loops there too, `paths`
    folders that are put on `sys.path`, `habits` what works in a kernel and not in a service,
    `aliases` statements at the top that may give a type another name, `joined` paths that are put
    together, `globs` patterns of files that are looked for, `constants` the names at the top that
    such paths may hold.
    """

    imports: tuple[Import, ...] = ()
    environment: tuple[Mention, ...] = ()
    supplied: frozenset[str] = frozenset()
    texts: tuple[str, ...] = ()
    opened: tuple[Mention, ...] = ()
    uses: frozenset[str] = frozenset()
    definitions: tuple[_Definition, ...] = ()
    paths: tuple[Mention, ...] = ()
    habits: tuple[Habit, ...] = ()
    aliases: tuple[ast.stmt, ...] = ()
    joined: tuple[Pattern, ...] = ()
    globs: tuple[Pattern, ...] = ()
    constants: tuple[tuple[str, Pattern], ...] = ()


NO_MENTIONS = Mentions()


def read_mentions(tree: ast.Module, places: Places) -> Mentions:
    """Read what a module or a cell mentions; `places` are the cell's, or the module's."""
    kinds = (ast.Call, ast.Subscript, ast.Constant, ast.BinOp, ast.JoinedStr)
    found: dict[type, list[Any]] = {kind: [] for kind in kinds}
    uses: set[str] = set()
    for statement in tree.body:
        own = getattr(statement, "name", "")
        never = _never_run(statement)
        for node in walk(statement):
            kind = type(node)
            if kind is ast.Name:
                if type(node.ctx) is ast.Load and node.id != own and node not in never:  # type: ignore[attr-defined]
                    uses.add(node.id)  # type: ignore[attr-defined]
            elif kind in found:
                found[kind].append(node)
    imports = list(_imports(tree, places))
    calls = [(called_name(node.func), node) for node in found[ast.Call]]
    variables = list(set_variables(found[ast.Subscript], calls))
    return Mentions(
        (*imports, *_implied(imports, calls, places)),
        tuple(sorted(_needed(tree, found[ast.Subscript], variables, places), key=_place)),
        frozenset(name for name, _ in variables),
        tuple(dict.fromkeys(n.value for n in found[ast.Constant] if _may_be_path(n.value))),
        tuple(sorted((m for n in found[ast.Call] for m in _opened(n, places)), key=_place)),
        frozenset(uses),
        tuple(_definitions(tree)),
        tuple(m for name, node in calls for m in _search_path(name, node, places)),
        read_habits(tree, calls, found[ast.Constant], places),
        tuple(node for node in tree.body if _may_be_alias(node)),
        tuple(joined_paths(calls, [*found[ast.BinOp], *found[ast.JoinedStr]])),
        tuple(globbed(calls)),
        tuple(constants(tree)),
    )


def _never_run(statement: ast.stmt) -> frozenset[ast.AST]:
    """Return what stands under `if __name__ == "__main__"`, which no service runs."""
    if not isinstance(statement, ast.If) or not asks_for_main(statement.test):
        return frozenset()
    return frozenset(node for inner in statement.body for node in walk(inner))


def _definitions(block: ast.AST) -> Iterator[_Definition]:
    """Yield what the statements of a block define; of several branches the first one's."""
    if isinstance(block, ast.If) and (_guards_types(block.test) or asks_for_main(block.test)):
        children = block.orelse
    else:
        children = [child for name in _BLOCKS for child in getattr(block, name, ())]
    for child in children:
        if isinstance(child, _Definition):
            yield child
        else:
            first: dict[str, _Definition] = {}
            for node in _definitions(child):
                first.setdefault(node.name, node)
            yield from first.values()


def _may_be_alias(node: ast.stmt) -> bool:
    """Say whether a statement may name a type: `Rows = list[Row]`, `from x import A as B`."""
    if isinstance(node, ast.ImportFrom):
        return any(name.asname for name in node.names)
    value = getattr(node, "value", None)
    if isinstance(value, ast.Call):
        return called_name(value.func).rpartition(".")[2] in {"NewType", "TypeVar"}
    is_named = isinstance(node, (ast.Assign, ast.AnnAssign)) or type(node).__name__ == "TypeAlias"
    return is_named and isinstance(value, (ast.Subscript, ast.BinOp, ast.Name, ast.Attribute))


def _implied(
    imports: list[Import], calls: list[tuple[str, ast.Call]], places: Places
) -> Iterator[Import]:
    """Yield, as optional, what is needed without being imported."""
    for found in imports:
        for name in implied_by_import(found.name, found.members):
            yield Import(name, found.line, found.column, optional=True)
    for name, call in implied_by_calls(calls):
        if name:
            yield Import(name, *places.of(call), optional=True)


def _search_path(name: str, node: ast.Call, places: Places) -> Iterator[Mention]:
    """Yield the literal folder that `sys.path.append` or `insert` adds, however it is wrapped."""
    if name not in {"sys.path.append", "sys.path.insert"} or not node.args:
        return
    texts = [
        inner.value
        for inner in ast.walk(node.args[-1])
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
    ]
    if texts:
        yield Mention("/".join(texts), *places.of(node))


def _may_be_path(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= _LONGEST
        and "\n" not in value
        and "\0" not in value
    )


def walk(node: ast.AST) -> list[ast.AST]:
    """Return a node and all below it, as `ast.walk` does, in a fifth of its time.

    Contexts and operators are left out, and there may be None and names in between.
    """
    nodes = [node]
    for found in nodes:
        fields = _LEAVES.get(type(found))
        if fields is None:
            fields = _LEAVES[type(found)] = _fields(type(found))
        for field in fields:
            value = getattr(found, field, None)
            if type(value) is list:
                nodes += value
            elif value is not None:
                nodes.append(value)
    return nodes


def _fields(kind: type) -> tuple[str, ...]:
    """Return the fields of a kind of node that may hold other nodes."""
    texts = {"name"} if not hasattr(ast, "TypeAlias") or kind is not ast.TypeAlias else set()
    if kind in {ast.Global, ast.Nonlocal}:
        return ()
    return tuple(f for f in kind._fields if f not in _NO_NODES | texts)  # type: ignore[attr-defined]


def _place(found: Mention) -> tuple[int, int]:
    return found.line, found.column


def _opened(node: ast.Call, places: Places) -> Iterator[Mention]:
    """Yield the literal path of a file that the call reads."""
    called = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
    if called not in _READERS or not node.args:
        return
    path, mode = node.args[0], node.args[1] if len(node.args) > 1 else None
    if isinstance(mode, ast.Constant) and str(mode.value).startswith(_WRITTEN):
        return
    if isinstance(path, ast.Constant) and isinstance(path.value, str) and "://" not in path.value:
        yield Mention(path.value, *places.of(node))


def _needed(
    tree: ast.Module,
    subscripts: list[ast.Subscript],
    variables: list[tuple[str, ast.expr]],
    places: Places,
) -> Iterator[Mention]:
    """Yield the environment variables that must be there: a line above may set them."""
    for node in needed_variables(tree, subscripts):
        name = variable_of(node)
        if not any(name == own and at.lineno < node.lineno for own, at in variables):
            yield Mention(name, *places.of(node))


def _imports(tree: ast.Module, places: Places) -> Iterator[Import]:
    """Yield what is imported; under a condition, outside of functions, it is optional.

    What the kernel lacks was not imported there, as the condition did not hold: `if IN_COLAB:`,
    `if find_spec("torch"):`, or `except ImportError:` behind an import that it has.
    """
    waiting: list[tuple[ast.AST, bool, bool]] = [(tree, False, False)]
    for node, optional, later in waiting:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from _imported(node, places.of(node), optional=optional)
        elif isinstance(node, ast.If) and _guards_types(node.test):
            waiting += ((child, optional, later) for child in node.orelse)
        elif isinstance(node, ast.Try) and any(map(_catches_imports, node.handlers)):
            guarded = [*node.body, *node.handlers, *node.orelse]
            waiting += ((child, True, later) for child in guarded)
            waiting += ((child, optional, later) for child in node.finalbody)
        else:
            optional |= isinstance(node, ast.If) and not later  # noqa: PLW2901
            later |= isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))  # noqa: PLW2901
            for block in _BLOCKS:
                waiting += [(child, optional, later) for child in getattr(node, block, ())]


def _imported(
    node: ast.Import | ast.ImportFrom, place: Position, *, optional: bool
) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, *place, optional=optional)
    elif node.module and not node.level:
        members = tuple(alias.name for alias in node.names)
        yield Import(node.module, *place, members, optional)


def _guards_types(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp):
        return _guards_types(test.values[-1])
    if isinstance(test, ast.UnaryOp):
        return _guards_types(test.operand)
    name = getattr(test, "attr", None) or getattr(test, "id", "")
    return isinstance(name, str) and name.endswith("TYPE_CHECKING")


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    caught = "" if handler.type is None else ast.unparse(handler.type)
    return not caught or any(
        name in caught for name in ("ImportError", "ModuleNotFoundError", "Exception")
    )
