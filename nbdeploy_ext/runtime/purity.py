"""Which functions only compute: they reach no file, network, thread or lock, as far as is seen.

Such a function may run on any thread. Others may hold what belongs to one: a connection of
sqlite3, say, may only be used on the thread that made it.
"""

from __future__ import annotations

import builtins
import dis
import functools
import inspect
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMPUTING = frozenset(
    "base64 bisect cmath collections copy dataclasses datetime decimal enum fractions functools "
    "hashlib heapq itertools json lightgbm math numbers numpy operator pandas pydantic random re "
    "reprlib scipy sklearn statistics string time types typing typing_extensions uuid xgboost "
    "zoneinfo __future__".split()
)
_REACHING = frozenset(
    "__import__ breakpoint compile eval exec input open sleep to_csv to_parquet to_pickle to_sql "
    "read_csv read_parquet read_pickle read_sql save load tofile fromfile".split()
)
_PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray, range, type(...),
          type(NotImplemented))  # fmt: skip
_WRAPPERS = (functools.partial, types.MethodType)
_MOST = 100_000
"""Containers of more items than this are not looked into."""


def only_computes(function: Any) -> bool:
    """Say whether all that `function` reaches by name is known to do nothing but compute."""
    try:
        return _Look(function).is_pure
    except (RecursionError, ValueError):
        return False


class _Look:
    """Walks what a function reaches, once each."""

    def __init__(self, start: Any) -> None:
        self._seen: set[int] = set()
        self._home = getattr(inspect.unwrap(start), "__module__", None)
        self.is_pure = self._value(start)

    def _value(self, value: Any) -> bool:
        if isinstance(value, _PLAIN) or id(value) in self._seen:
            return True
        self._seen.add(id(value))
        if isinstance(value, types.ModuleType):
            return _is_known(value.__name__)
        if isinstance(value, types.FunctionType):
            return all(map(self._value, _reached(value)))
        if isinstance(value, (functools.partial, types.MethodType)) or hasattr(
            value, "__wrapped__"
        ):
            return self._wrapped(value)
        if isinstance(value, (dict, list, tuple, set, frozenset)):
            return self._items(value)
        return self._class(value) if isinstance(value, type) else self._object(value)

    def _wrapped(self, value: Any) -> bool:
        if isinstance(value, functools.partial):
            return all(map(self._value, (value.func, value.args, value.keywords)))
        if isinstance(value, types.MethodType):
            return self._value(value.__func__) and self._value(value.__self__)
        return self._value(value.__wrapped__)

    def _items(self, value: Any) -> bool:
        if len(value) > _MOST:
            return False
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        return all(map(self._value, inner))

    def _class(self, kind: type) -> bool:
        if kind.__module__ == "builtins" or _is_known(kind.__module__):
            return kind.__name__ not in _REACHING
        if kind.__module__ != self._home:
            return False
        own = [v for v in vars(kind).values() if isinstance(v, types.FunctionType)]
        return all(map(self._value, (*own, *kind.__bases__)))

    def _object(self, value: Any) -> bool:
        if isinstance(value, types.BuiltinFunctionType):
            of = value.__module__ or type(value.__self__).__module__
            return value.__name__ not in _REACHING and (of == "builtins" or _is_known(of))
        kind = type(value)
        if _is_known(kind.__module__):
            return True
        held = getattr(value, "__dict__", {})
        return kind.__module__ == self._home and self._class(kind) and self._items(held)


def _is_known(module: str | None) -> bool:
    return (module or "").partition(".")[0].lstrip("_") in _COMPUTING


def _reached(function: types.FunctionType) -> Iterator[Any]:
    """Yield what a function's code names: globals, what it closes over, modules it imports."""
    for cell in function.__closure__ or ():
        yield cell.cell_contents
    known = function.__globals__
    if _is_known(known.get("__name__")):  # a library's own code
        return
    for code in _codes(function.__code__):
        for step in dis.get_instructions(code):
            name = step.argval
            if step.opname == "IMPORT_NAME" and not _is_known(name):
                yield _UNKNOWN
            elif step.opname in {"LOAD_GLOBAL", "LOAD_NAME"}:
                yield known.get(name, vars(builtins).get(name))
            elif step.opname in {"STORE_GLOBAL", "DELETE_GLOBAL"} or (
                isinstance(name, str) and name in _REACHING
            ):
                yield _UNKNOWN


_UNKNOWN = object()


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)
