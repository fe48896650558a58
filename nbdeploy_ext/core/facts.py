"""What one piece of code does, as values: a cell's facts, a function's summary, what names mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .origins import NOTHING, Origins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .places import Position


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something whose effect can't be known before it runs.

    Line and column are a place in the cell; while a scope is read, a position in its tree.
    """

    line: int
    column: int
    reason: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What code changes, in origins: see `origins`.

    `shallow` objects themselves change, `deep` ones with all that they hold; `consumed` ones change
    if they are iterators, `drawn` ones if they are figures, `asked` ones if they change by being
    asked. `held` says who holds what after it, `binds` which global names it may assign.
    """

    shallow: Origins = NOTHING
    deep: Origins = NOTHING
    consumed: Origins = NOTHING
    drawn: Origins = NOTHING
    asked: Origins = NOTHING
    held: tuple[tuple[str, Origins], ...] = ()
    binds: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything changes."""
        return bool(
            self.shallow
            or self.deep
            or self.drawn
            or self.consumed
            or self.asked
            or self.held
            or self.binds
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """A function or class: its parameters, the global names that it reads, and its effects.

    `exact` is false where a decorator or a base may do more than the code says.
    """

    kind: str
    parameters: tuple[str, ...]
    free: frozenset[str]
    changes: Changes
    returns: Origins
    opaque: bool = False
    exact: bool = True
    kept: tuple[str, ...] = ()
    """Parameters whose default is an object that all calls share."""
    decorated: bool = False
    """Whether a decorator may have made something else of it, which remembers its calls."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A function's summary, with where its free names stand and what was taken for granted."""

    summary: Summary
    places: Mapping[str, Position]
    opaque: tuple[Opaque, ...]
    assumed: Mapping[str, Meaning]
    soft: frozenset[str]
    remembers: bool = False
    """Whether it changes what it shares with the function around it, from call to call."""


@dataclass(frozen=True, slots=True)
class Module:
    """A name that an import binds: the full dotted path."""

    path: str


@dataclass(frozen=True, slots=True)
class Builtin:
    """A built-in that the notebook does not redefine."""

    name: str


Meaning = Module | Builtin | Summary | None
TRUST = "?"
"""Begins names that no code can have: they mean something where unknown calls are trusted."""
GROWING = "&"
"""Means something where the notebook imports what makes dictionaries that grow by being read."""
COUNTED = "&&"
"""Means something where it imports what counts objects, which operators make too."""
PRINTING = "&>"
"""Means something where it imports `sys`, whose streams can be others."""
STRANGE = "&?"
"""Means something where it imports a library that nobody knows."""
WEAK = "&-"
"""Means something where it imports `weakref`: others see that an object is gone."""
IN_PLACE = "&="
"""Means something where it makes objects that change what they are given: `Scaler(copy=False)`."""
METACALL = ".<metacall>"
"""Stands for what the notebook's metaclasses do when an instance is made."""
METACLASS = ".<metaclass>"
"""Stands for what the notebook's metaclasses do when a class is made."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one cell does. `reads` is all that it may need, `values` what it gives to names.

    `maybe` are names that it assigns under a condition, `late` what its functions read when they
    are called, `functions` those by name. `wild` code may read and assign anything.
    """

    immediate: Mapping[str, Position]
    deferred: Mapping[str, Position]
    reads: tuple[str, ...]
    late: tuple[str, ...]
    values: Mapping[str, Origins]
    maybe: frozenset[str]
    deletes: frozenset[str]
    changes: Changes
    functions: Mapping[str, tuple[Summary, ...]]
    stored: frozenset[str]
    """Names bound by anything but an import, a function or a class."""
    opaque: tuple[Opaque, ...]
    wild: bool
    assumed: tuple[tuple[str, Meaning], ...]
    """What the names stood for when this was read."""
    imports: tuple[tuple[str, str], ...] = ()
    """Names that `import` binds to modules that may be imported for what that does to others."""
