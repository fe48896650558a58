"""What an argument can be to a body, by its hint: a table, rows of one, an array, a file."""

from __future__ import annotations

import dataclasses
import inspect
import sys
import typing
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ForwardRef, get_args, get_origin

from .frames import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

_SEVERAL = frozenset({list, tuple, set, frozenset, Sequence})
_OF_POLARS = frozenset({"DataFrame", "Series"})
_OPTIONAL = frozenset({typing.Union, type(int | None)})


def unaliased(hint: Any) -> Any:
    """Return what an alias made by `type` (PEP 695) stands for; any other hint as it is.

    numpy's `NDArray` is such a one where Python knows them. One that holds itself has no other
    form, and is left to pydantic.
    """
    alias = get_origin(hint) or hint
    if not _is_alias(alias):
        return hint
    try:
        value = alias.__value__
    except NameError:  # of a class that is not there yet
        return hint
    if _holds(value, alias, {alias}):
        return hint
    given = dict(zip(alias.__type_params__, get_args(hint), strict=False))
    wanted = getattr(value, "__parameters__", ())
    if value in given:
        value = given[value]
    elif given and wanted:
        value = value[tuple(given[parameter] for parameter in wanted)]
    return unaliased(value)


def _is_alias(kind: Any) -> bool:
    return type(kind).__name__ == "TypeAliasType"


def _holds(hint: Any, alias: Any, seen: set[Any]) -> bool:
    """Say whether a hint has an alias in it at any depth, or text, which may be that."""
    kinds = {kind for part in (hint, *get_args(hint)) for kind in (part, get_origin(part))}
    if alias in kinds or any(isinstance(kind, (str, ForwardRef)) for kind in kinds):
        return True
    others = [kind.__value__ for kind in kinds if _is_alias(kind) and kind not in seen]
    seen.update(kinds)
    return any(_holds(inner, alias, seen) for inner in (*get_args(hint), *others))


def bare(hint: Any) -> Any:
    """Return a hint without `Annotated`, and without the None that it may also be."""
    hint = unaliased(hint)
    if get_origin(hint) is Annotated:
        return bare(get_args(hint)[0])
    if get_origin(hint) not in _OPTIONAL:
        return hint
    others = [part for part in get_args(hint) if part is not type(None)]
    return bare(others[0]) if len(others) == 1 else hint


def direct_kind(hint: Any) -> type | None:
    """Return the class of numpy's or pandas' that a hint is of as a whole, or None."""
    hint = unaliased(hint)
    if get_origin(hint) is Annotated:
        return direct_kind(get_args(hint)[0])
    kind = get_origin(hint) or hint
    return kind if is_array_kind(kind) or is_table_kind(kind) else None


def is_array_kind(kind: Any) -> bool:
    """Say whether a class is numpy's array."""
    return package_of(kind) == "numpy" and getattr(kind, "__name__", "") == "ndarray"


def is_table_kind(kind: Any) -> bool:
    """Say whether a class is one of pandas' tables."""
    return package_of(kind) == "pandas" and getattr(kind, "__name__", "") in KINDS


def polars_kind(hint: Any) -> str:
    """Return `DataFrame` or `Series` where a hint is that class of polars', else nothing."""
    name = getattr(hint, "__name__", "")
    return name if name in _OF_POLARS and package_of(hint) == "polars" else ""


def package_of(kind: Any) -> str:
    """Return the name of the package that a class comes from."""
    return str(getattr(kind, "__module__", "")).split(".")[0]


def is_file(hint: Any) -> bool:
    """Say whether an argument is the bytes of a file."""
    return bare(hint) is bytes


def is_files(hint: Any) -> bool:
    """Say whether an argument is a list of files."""
    return _is_several(hint) and is_file(get_args(bare(hint))[0])


def is_text(hint: Any) -> bool:
    """Say whether an argument is text."""
    return bare(hint) is str


def is_frame(hint: Any) -> bool:
    """Say whether an argument is a frame, of pandas' or polars'."""
    kind = direct_kind(bare(hint))
    return is_polars_frame(hint) or (kind is not None and kind.__name__ == "DataFrame")


def is_polars_frame(hint: Any) -> bool:
    """Say whether an argument is a polars frame."""
    return polars_kind(bare(hint)) == "DataFrame"


def is_array(hint: Any) -> bool:
    """Say whether an argument is a numpy array."""
    kind = direct_kind(bare(hint))
    return kind is not None and kind.__name__ == "ndarray"


def is_rows(hint: Any) -> bool:
    """Say whether an argument is a list of records: dicts, dataclasses, models."""
    if not _is_several(hint):
        return False
    return is_record(bare(get_args(bare(hint))[0]))


def is_record(hint: Any) -> bool:
    """Say whether a hint is of dicts, dataclasses or models."""
    kind = get_origin(hint) or hint
    is_class = inspect.isclass(kind) and (issubclass(kind, Mapping) or _is_model(kind))
    return is_class or typing.is_typeddict(kind) or dataclasses.is_dataclass(kind)


def table_argument(hints: Mapping[str, Any]) -> str | None:
    """Return the argument that a whole table is, None where there is none or more than one.

    A frame goes before a list of rows, and that before an array.
    """
    for is_one in (is_frame, is_rows, is_array):
        found = [name for name, hint in hints.items() if is_one(hint)]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def only_argument(hints: Mapping[str, Any], is_one: Callable[[Any], bool]) -> str | None:
    """Return the only argument of a kind; None where there is none, or more than one."""
    found = [name for name, hint in hints.items() if is_one(hint)]
    return found[0] if len(found) == 1 else None


def _is_several(hint: Any) -> bool:
    return get_origin(bare(hint)) in _SEVERAL and bool(get_args(bare(hint)))


def _is_model(kind: type) -> bool:
    pydantic: Any = sys.modules.get("pydantic")  # without it there are no models
    return pydantic is not None and issubclass(kind, pydantic.BaseModel)
