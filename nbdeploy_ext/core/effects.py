"""A cell in, its facts out: names, what they are given, and what changes."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from . import branches, comprehensions, definitions
from .catalog import QUIET_COMMANDS
from .facts import Facts, Opaque
from .file_calls import file_token
from .magics import NEUTRAL
from .origins import FLAGS, NOTHING
from .outcomes import changes_of
from .plugins import may_be_plugin
from .scopes import Scope
from .statements import body
from .syntax import parse

if TYPE_CHECKING:
    from .magics import Magic, PlainSource
    from .origins import Origins
    from .scopes import Meanings
    from .syntax import Parsed

__all__ = ["branches", "comprehensions", "definitions", "read_facts"]

_HISTORY = re.compile(r"_{1,3}|_i{0,3}\d*|_[iod]h|In|Out")
_SHELLS = frozenset("bash sh script system sx ! !! perl ruby".split())
_SURROUNDINGS = frozenset("cd env set_env load_ext reload_ext pushd popd mkdir rm mv cp".split())
_LOOKS = frozenset(
    "watermark tensorboard ls ll cat pwd less more man dirs pycat writefile file".split()
)
_HELP = frozenset("pinfo pinfo2 pdef pdoc pfile psource".split())
_NAME = re.compile(r"(?<![%\w])[^\W\d]\w*")
_NOT_BINDING = frozenset({"timeit", "prun"})
_FEW = 3
_OF_NONE = frozenset(f"~@{FLAGS}")


def read_facts(source: PlainSource, parsed: Parsed, meanings: Meanings) -> Facts:
    """Read one cell; code that is too deep to be read may do anything."""
    scope = Scope("cell", None, meanings)
    if parsed.too_deep:
        scope.unknowable(ast.Pass(lineno=1, col_offset=0), "it is too deeply nested to be read")
    elif parsed.tree is not None:
        try:
            body(scope, parsed.tree.body)
        except RecursionError:
            scope = Scope("cell", None, meanings)
            scope.unknowable(ast.Pass(lineno=1, col_offset=0), "it is too deeply nested to be read")
    for magic in source.magics:
        _magic(scope, magic)
    return _facts(scope, source)


def _facts(scope: Scope, source: PlainSource) -> Facts:
    places = source.places
    if any(m.mark == "%%" and m.name in _NOT_BINDING for m in source.magics):
        scope.env, scope.stored, scope.functions = {}, set(), {}
    names = {n: p for n, p in scope.reads.items() if n[0] != "@"}
    for name, position in names.items():
        if name[0] in "_IO" and _HISTORY.fullmatch(name) and name != "__":
            scope.opaque.append(Opaque(*position, f"{name} may be what another cell showed"))
    values = {n: o for n, o in scope.env.items() if o or n[0] != "@"}
    changes = changes_of(scope)
    maybe = values.keys() - scope.sure
    return Facts(
        immediate=places.all(names),
        deferred=places.all(
            {
                n: p
                for n, p in scope.deferred.items()
                if n not in names and n[0] != "@" and n not in scope.env and n not in changes.binds
            }
        ),
        reads=tuple({**scope.reads, **dict.fromkeys(scope.soft)}),
        late=tuple(_late(scope)),
        values=_without_detours(values),
        maybe=frozenset([n for n in maybe if n[0] != "@"]) if maybe else NOTHING,
        deletes=frozenset(scope.deletes),
        changes=changes,
        functions={n: tuple(s) for n, s in scope.functions.items()},
        stored=frozenset(scope.stored),
        opaque=tuple([Opaque(*places.at((o.line, o.column)), o.reason) for o in scope.opaque]),
        wild=bool(scope.opaque) or scope.wild,
        assumed=tuple(scope.assumed.items()),
        imports=tuple([i for i in scope.imports.items() if may_be_plugin(i[1])]),
    )


def _without_detours(values: dict[str, Origins]) -> dict[str, Origins]:
    """Leave out what a value shares with others by way of one that has a name before it.

    A formula of what the last line made may share whatever all lines before it made, and each of
    the names would be linked to all others.
    """
    long = [name for name, origins in values.items() if len(origins) > _FEW]
    shares: dict[str, Origins] = {}
    for name in long:
        shared = frozenset([o for o in values[name] if o[-1] == "%" and o[0] not in _OF_NONE])
        kept = values[name]
        for before in reversed(shares):
            if f"={before}%" in kept:
                kept = kept - (shares[before] - {f"={before}%"})
        values[name] = kept
        shares[name] = shared
    return values


def _late(scope: Scope) -> set[str]:
    found = set(scope.deferred)
    for several in scope.functions.values():
        for summary in several:
            found |= summary.free
    return found


def _magic(scope: Scope, magic: Magic) -> None:
    for expression in magic.interpolated:
        inner = parse(expression.strip()).tree
        if inner is not None and magic.mark != "%%":
            found = Scope("cell", None, scope.meanings)
            body(found, inner.body)
            scope.soft.update(n for n in found.reads if n not in scope.sure)
    if magic.mark == "?" or magic.name in _HELP:
        scope.soft.update(_NAME.findall(magic.rest)[:1])
    if magic.mark == "?" or (magic.mark != "!" and magic.name in NEUTRAL - {"load_ext"}):
        if magic.name == "capture" and magic.rest.split()[-1:]:
            scope.store(magic.rest.split()[-1], frozenset())
        return
    _acting_magic(scope, magic)


def _acting_magic(scope: Scope, magic: Magic) -> None:
    words = magic.rest.split()
    if magic.name in {"writefile", "file"} and words:
        scope.touch(file_token(words[-1]), *(["@world"] if words[-1].endswith(".py") else []))
    elif magic.name in _SURROUNDINGS:
        scope.reads.setdefault("@file:?", (1, 0))  # which may have another path from now on
        scope.touch("@world")
    elif magic.mark == "!" or magic.name in _SHELLS:
        quiet = words[:1] and words[0] in QUIET_COMMANDS and not set(magic.rest) & set(">;&`")
        scope.reads.setdefault("@world", (1, 0))
        scope.reads.setdefault("@file:?", (1, 0))
        if not quiet or magic.body:
            scope.touch("@world", "@file:?")
    elif magic.name not in _LOOKS:
        scope.opaque.append(
            Opaque(magic.line, 0, f"{magic.mark}{magic.name} can read and change any name")
        )
