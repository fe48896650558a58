"""A cell's syntax tree in, its outline out: what it imports and defines, read off statements."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .catalog import COUNTING, INERT, KNOWN_PACKAGES
from .facts import COUNTED, GROWING, IN_PLACE, METACALL, METACLASS, PRINTING, STRANGE, WEAK, Reading
from .implicit import CALLED_BY_PYTHON, changes_itself
from .in_place import tells_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .scopes import Function

_KNOWN = KNOWN_PACKAGES | INERT
_METACLASSES = frozenset({"type", "ABCMeta", "EnumMeta", "EnumType"})
GROWING_KIND = "collections.defaultdict"
_MAKERS_OF_GROWING = frozenset({"collections", GROWING_KIND})
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


@dataclass(frozen=True, slots=True)
class Outline:
    """What a cell imports and defines, read off its statements alone."""

    imports: tuple[tuple[str, str], ...]
    functions: tuple[tuple[str, Function], ...]
    classes: tuple[tuple[str, ast.ClassDef], ...]
    defined: frozenset[str] = frozenset()
    """The functions, classes and methods that it defines, methods with a dot before them."""
    names: frozenset[str] = frozenset()
    """All that it gives a meaning to: those, and what it imports."""
    readings: dict[ast.AST, Reading] = field(default_factory=dict)
    """What was found out of the functions the last time."""


def read_outline(tree: ast.Module | None, text: str) -> Outline:
    """Read what a cell's statements import and define, under conditions too; `text` is its own."""
    if tree is None:
        return Outline((), (), ())
    imports: list[tuple[str, str]] = []
    functions: list[tuple[str, Function]] = []
    classes: list[tuple[str, ast.ClassDef]] = []
    for node in _statements(tree.body):
        if isinstance(node, ast.Import):
            imports += [_imported(alias) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            imports += [(a.asname or a.name, f"{start}.{a.name}") for a in node.names]
        elif isinstance(node, ast.ClassDef):
            classes.append((node.name, node))
        else:
            functions.append((node.name, node))
    imports += _said_by(imports)
    if tells_objects(tree, text):
        imports.append((IN_PLACE, "copy"))
    defined = {name for several in (functions, classes) for name, _ in several}
    defined.update(name for _, node in classes for name, _ in named_methods(node))
    return Outline(
        tuple(imports), tuple(functions), tuple(classes), frozenset(defined),
        frozenset(defined.union([name for name, _ in imports])),
    )  # fmt: skip


def differing_names(some: Sequence[Outline], others: Sequence[Outline]) -> frozenset[str]:
    """Return the names that outlines do not give the same meaning as others."""
    before, after = (
        {pair for one in several for pair in one.imports} for several in (some, others)
    )
    defined = [outline.defined for outline in (*some, *others)]
    return frozenset([name for name, _ in before ^ after]).union(*defined)


def _said_by(imports: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield what imports say of the whole notebook, under names that no code can have."""
    tops = {path.partition(".")[0] for _, path in imports}
    if "collections" in tops and not _MAKERS_OF_GROWING.isdisjoint(path for _, path in imports):
        yield GROWING, GROWING_KIND
    if not COUNTING.isdisjoint(tops):
        yield COUNTED, "control"
    if "sys" in tops:
        yield PRINTING, "sys"
    if "weakref" in tops:
        yield WEAK, "weakref"
    if not tops <= _KNOWN:
        yield STRANGE, "?"


def methods_of(node: ast.ClassDef) -> list[Function]:
    """Return the functions that a class's body defines."""
    return [m for m in node.body if isinstance(m, (ast.FunctionDef, ast.AsyncFunctionDef))]


def named_methods(node: ast.ClassDef) -> Iterator[tuple[str, Function]]:
    """Yield a class's methods under every name that they may be called by, with a dot before it."""
    makes_classes = any(isinstance(b, ast.Name) and b.id in _METACLASSES for b in node.bases)
    for method in methods_of(node):
        yield "." + method.name, method
        if method.name == "__missing__":
            yield ".__getitem__", method
        elif method.name in CALLED_BY_PYTHON and changes_itself(method):
            yield CALLED_BY_PYTHON[method.name], method
        elif makes_classes and method.name in {"__new__", "__init__"}:
            yield METACLASS, method
        elif makes_classes and method.name == "__call__":
            yield METACALL, method


def _imported(alias: ast.alias) -> tuple[str, str]:
    if alias.asname:
        return alias.asname, alias.name
    top = alias.name.partition(".")[0]
    return top, top


def _statements(
    body: Iterable[ast.AST],
) -> Iterator[ast.Import | ast.ImportFrom | ast.ClassDef | Function]:
    for node in body:
        kind = type(node)
        if kind is ast.Assign or kind is ast.Expr:
            continue
        if isinstance(
            node,
            (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef),
        ):
            yield node
        else:
            for block in _BLOCKS:
                yield from _statements(getattr(node, block, ()))
