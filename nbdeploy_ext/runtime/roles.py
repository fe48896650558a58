"""What an argument can be to a body, by its hint: a table, rows of one, an array, a file."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import BaseModel

from .hints import direct_kind

if TYPE_CHECKING:
    from collections.abc import Callable

_SEVERAL = frozenset({list, tuple, set, frozenset, Sequence})
_OPTIONAL = frozenset({typing.Union, type(int | None)})


def bare(hint: Any) -> Any:
    """Return a hint without `Annotated`, and without the None that it may also be."""
    if get_origin(hint) is Annotated:
        return bare(get_args(hint)[0])
    if get_origin(hint) not in _OPTIONAL:
        return hint
    others = [part for part in get_args(hint) if part is not type(None)]
    return bare(others[0]) if len(others) == 1 else hint


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
    """Say whether an argument is a pandas frame."""
    kind = direct_kind(bare(hint))
    return kind is not None and kind.__name__ == "DataFrame"


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
    is_class = inspect.isclass(kind) and issubclass(kind, (Mapping, BaseModel))
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
