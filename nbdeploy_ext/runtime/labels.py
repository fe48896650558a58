"""Names of a frame's columns, made once: an index of them costs more than a thousand numbers."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST = 64
_LONGEST = 256


def columns_of(pd: Any, names: Sequence[str]) -> Any:
    """Return an index of names; calls share its table of places, and nothing that they can change.

    `pd` is pandas.
    """
    if len(names) > _LONGEST:
        return pd.Index(names)
    return _index(pd, tuple(names)).view()


@functools.lru_cache(maxsize=_MOST)
def _index(pd: Any, names: tuple[str, ...]) -> Any:
    return pd.Index(names)
