"""What calls do to files, databases and all else outside the notebook."""

from __future__ import annotations

import ast
import posixpath
from typing import TYPE_CHECKING

from .catalog import Does
from .origins import NOTHING, ONCE, Origins, keeper_of, merged, part_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .arguments import Arguments
    from .scopes import Scope


def _world(scope: Scope, given: Arguments) -> Origins:
    scope.touch("@world")
    touch_files(scope, given, writes=True)
    return NOTHING


def _read(scope: Scope, given: Arguments) -> Origins:
    scope.change(merged(given.positional), deep=True)  # a file handle moves on
    known = touch_files(scope, given, writes=False) is not None
    return NOTHING if known and not {"chunksize", "iterator"} & set(given.keywords) else ONCE


def _dump(scope: Scope, given: Arguments) -> Origins:
    targets = merged(given.positional[1:])
    scope.change(targets | merged(given.keywords.values()))
    scope.hold(targets, keeper_of(given.first))
    touch_files(scope, given, writes=True, start=1)
    return NOTHING


def _write(scope: Scope, given: Arguments) -> Origins:
    scope.change(given.first)  # a stream, it may be
    touch_files(scope, given, writes=True)
    return NOTHING


def opened(scope: Scope, given: Arguments) -> Origins:
    """A handle is the file itself: what changes the one changes the other."""
    mode = given.node.args[1] if len(given.node.args) > 1 else None
    mode = next((k.value for k in given.node.keywords if k.arg == "mode"), mode)
    reading = mode is None or (
        isinstance(mode, ast.Constant) and not set("wax+") & set(str(mode.value))
    )
    token = touch_files(scope, given, writes=not reading)
    scope.reads.setdefault("@world", (1, 0))
    inside = part_of(given.first | given.keywords.get("fileobj", NOTHING))  # ZipFile(stream)
    if reading:
        return ONCE | inside
    return ONCE | inside | frozenset((token or "@file:?",))


def _database(scope: Scope, given: Arguments) -> Origins:
    """A connection is the file itself, and writes to it."""
    return ONCE | frozenset((touch_files(scope, given, writes=True) or "@file:?",))


def touch_files(scope: Scope, given: Arguments, *, writes: bool, start: int = 0) -> str | None:
    """Note the files that a call reads or writes, and return the only one's token."""
    nodes = [*given.node.args[start:], *(k.value for k in given.node.keywords)]
    paths = [p for p in map(literal_path, nodes) if p]
    # numpy.save("a/b") writes a/b.npy
    tokens = [file_token(p if "." in posixpath.basename(p) else "?") for p in paths]
    for token in tokens or ["@file:?"]:
        scope.reads.setdefault(token, (1, 0))
        if writes:
            scope.shallow.add(token)
    scope.reads.setdefault("@world", (1, 0))
    return tokens[0] if len(tokens) == 1 else None


FILE_CALLS: dict[Does, Callable[[Scope, Arguments], Origins]] = {
    Does.WORLD: _world,
    Does.READ: _read,
    Does.DUMP: _dump,
    Does.WRITE: _write,
    Does.OPEN: opened,
    Does.DATABASE: _database,
}


def file_token(path: str) -> str:
    """Return the state that stands for a file; a pattern stands for its folder."""
    return "@file:" + (posixpath.normpath(path.partition("*")[0] or "/").rstrip("*+-%<") or "?")


def literal_path(node: ast.expr) -> str | None:
    """Return the text of a literal that may be a path."""
    if isinstance(node, ast.Call) and len(node.args) == 1:  # Path("…"), str("…")
        node = node.args[0]
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return None
    text = node.value
    return text if 0 < len(text) < 256 and ("." in text or "/" in text) else None
