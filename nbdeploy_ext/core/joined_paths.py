"""Paths that code puts together: `DATA / "rates.csv"`, `os.path.join(DATA, name)`, f-strings.

Code in, patterns out; the names in them are known when all cells and modules have been read.
"""

from __future__ import annotations

import ast
import posixpath
from itertools import islice, product
from typing import TYPE_CHECKING

from .habits import called_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Pattern = tuple[str, ...]
"""Texts and names in turn, a text first and last: `("", "DATA", "/rates.csv")`."""
_JOINS = frozenset(
    "Path PurePath Path.cwd getcwd str fspath abspath realpath normpath join".split()
)
_JOINING = ("join", "joinpath", "Path")
_KEPT = frozenset("resolve absolute as_posix".split())
_DEEPEST = 12
_ROUNDS = 3
_MOST = 8


def joined_paths(
    calls: Iterable[tuple[str, ast.Call]], nodes: Iterable[ast.expr]
) -> Iterator[Pattern]:
    """Yield the patterns of those expressions that may be paths: a text is in each."""
    joins = (call for called, call in calls if called.endswith(_JOINING))
    for node in (*joins, *nodes):
        pattern = _pattern(node, _DEEPEST)
        if pattern is not None and any(pattern[::2]):
            yield pattern


def globbed(calls: Iterable[tuple[str, ast.Call]]) -> Iterator[Pattern]:
    """Yield what `glob.glob(…)` and `folder.glob(…)` look for; not all below a folder."""
    for called, call in calls:
        if called.rpartition(".")[2] not in {"glob", "iglob"} or not call.args:
            continue
        folder = call.func.value if isinstance(call.func, ast.Attribute) else None
        is_module = folder is None or called in {"glob.glob", "glob.iglob"}
        wanted = [_pattern(call.args[0], _DEEPEST)]
        pattern = _joined(wanted if is_module else [_pattern(folder, _DEEPEST), *wanted], "/")
        if pattern is not None:
            yield pattern


def constants(tree: ast.Module) -> Iterator[tuple[str, Pattern]]:
    """Yield the names that a module's or a cell's top gives to texts and paths."""
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            pattern = _pattern(node.value, _DEEPEST)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            yield from ((name, pattern) for name in names if pattern is not None)


def bound(pattern: Pattern, name: str, text: str) -> Pattern:
    """Return the pattern with a text in place of a name."""
    whole = pattern[:1]
    for index in range(1, len(pattern), 2):
        part = (text,) if pattern[index] == name else ("", pattern[index], "")
        whole = _glued(_glued(whole, part), (pattern[index + 1],))
    return whole


def resolved(pattern: Pattern, known: Mapping[str, Iterable[Pattern]]) -> Iterator[str]:
    """Yield the relative paths that a pattern may stand for, if every name in it is `known`."""
    for text in _texts(pattern, known, _ROUNDS):
        path = posixpath.normpath(text)
        if path != "." and not path.startswith(("/", "..")):
            yield path


def _texts(pattern: Pattern, known: Mapping[str, Iterable[Pattern]], rounds: int) -> list[str]:
    """Return what a pattern may be; a name that is bound several times is any of it."""
    choices = []
    for index, part in enumerate(pattern):
        named = known.get(part, ()) if index % 2 and rounds else ()
        inner = [text for p in islice(named, _MOST) for text in _texts(p, known, rounds - 1)]
        choices.append(inner if index % 2 else [part])
    return ["".join(parts) for parts in islice(product(*choices), _MOST)]


def _pattern(node: ast.expr | None, depth: int) -> Pattern | None:
    """Return the pattern of an expression, None where it may be anything."""
    if depth == 0:
        return None
    if isinstance(node, ast.Constant):
        return (str(node.value),) if type(node.value) in {str, int} else None
    if isinstance(node, ast.Name):
        return ("", node.id, "")
    if isinstance(node, ast.JoinedStr):
        return _in_turn(node.values, "", depth)
    if isinstance(node, ast.FormattedValue):
        return _pattern(node.value, depth - 1) if node.format_spec is None else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Div)):
        between = "/" if isinstance(node.op, ast.Div) else ""
        return _in_turn([node.left, node.right], between, depth)
    if isinstance(node, ast.Attribute):
        return _attribute(node, depth)
    return _call(node, depth) if isinstance(node, ast.Call) and not node.keywords else None


def _attribute(node: ast.Attribute, depth: int) -> Pattern | None:
    if node.attr == "parent":
        return _above(node.value, depth)
    return ("", node.attr, "") if isinstance(node.value, ast.Name) else None  # config.DATA


def _call(node: ast.Call, depth: int) -> Pattern | None:
    called = called_name(node.func).removeprefix("pathlib.").removeprefix("os.")
    short = called.removeprefix("path.")
    if short in _JOINS:
        return _in_turn(node.args, "/", depth) if node.args else (".",)
    if short == "dirname" and len(node.args) == 1:
        return _above(node.args[0], depth)
    if not isinstance(node.func, ast.Attribute):
        return None
    if node.func.attr == "joinpath":
        return _in_turn([node.func.value, *node.args], "/", depth)
    return _pattern(node.func.value, depth - 1) if node.func.attr in _KEPT else None


def _above(node: ast.expr, depth: int) -> Pattern | None:
    return _joined([_pattern(node, depth - 1), ("..",)], "/")


def _in_turn(nodes: Iterable[ast.expr], between: str, depth: int) -> Pattern | None:
    return _joined([_pattern(node, depth - 1) for node in nodes], between)


def _joined(patterns: list[Pattern | None], between: str) -> Pattern | None:
    whole: Pattern = ("",)
    for index, pattern in enumerate(patterns):
        if pattern is None:
            return None
        whole = _glued(_glued(whole, (between if index else "",)), pattern)
    return whole


def _glued(first: Pattern, second: Pattern) -> Pattern:
    return (*first[:-1], first[-1] + second[0], *second[1:])
