"""What is known of one code cell: the names that it defines, needs and changes."""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .mentions import NO_MENTIONS, read_mentions
from .notebook import Role
from .rounds import names_of_the_round_before
from .syntax import shared_tree

if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping

    from .facts import Facts, Opaque
    from .magics import PlainSource
    from .mentions import Mentions
    from .notebook import Cell
    from .outlines import Outline

BUILTINS = frozenset(dir(builtins)) | frozenset(
    "__name__ __file__ __doc__ __annotations__ __builtins__".split()
)
_SUPPLIED: dict[Role | None, frozenset[str]] = {
    Role.MONITOR: frozenset({"calls"}),
    Role.TEST: frozenset({"client"}),
}
"""Names that the service gives to cells of a role, whatever the notebook has under them."""


@dataclass(slots=True, eq=False)
class Source:
    """What is known of a source text: read once, its facts as often as names change meaning."""

    plain: PlainSource
    fault: SyntaxError | None
    outline: Outline
    facts: list[Facts] = field(default_factory=list)
    mentions: Mentions | None = None
    flows: dict[str, CellFlow] = field(default_factory=dict)
    """What was made of the last cells with this text: an unchanged cell keeps all it has found."""


@dataclass(frozen=True)
class CellFlow:
    """The names of one code cell.

    `immediate` are read while the cell runs, `deferred` inside functions, when they are called.
    Places are (line, column), both from 1, columns in characters.
    """

    cell: Cell
    plain: PlainSource
    facts: Facts = field(repr=False)
    source: Source = field(repr=False)

    @property
    def fault(self) -> SyntaxError | None:
        """Return why the cell is no valid Python, None where it is."""
        return self.source.fault

    @property
    def mentions(self) -> Mentions:
        """Return what the cell imports, opens and names."""
        found = self.source.mentions
        if found is None:
            found = self.source.mentions = mentioned(self.tree, self.plain)
        return found

    @property
    def tree(self) -> ast.Module | None:
        """Return the syntax tree, None where there is no valid Python; nobody may change it."""
        return shared_tree(self.plain.text)

    @cached_property
    def defines(self) -> frozenset[str]:
        """Return every name that the cell may leave behind."""
        found = frozenset([n for n in self.facts.values if n[0] != "@"])
        several = [s.changes.binds for f in self.facts.functions.values() for s in f]
        return found.union(self.facts.changes.binds, *several)

    @cached_property
    def sorted_defines(self) -> tuple[str, ...]:
        """Return them in the order of the alphabet."""
        return tuple(sorted(self.defines))

    @cached_property
    def effective(self) -> Facts:
        """Return what the cell does where the service supplies some of the names that it reads."""
        facts = self.facts
        supplied = _SUPPLIED.get(self.cell.role)
        if supplied is None or supplied.isdisjoint({*facts.reads, *facts.late}):
            return facts
        reads, late = (
            tuple(n for n in ns if n not in supplied) for ns in (facts.reads, facts.late)
        )
        return replace(facts, reads=reads, late=late)

    @cached_property
    def names_of_the_round_before(self) -> frozenset[str]:
        """Return the names that a loop reads under a condition and binds for its next round."""
        return frozenset() if self.tree is None else names_of_the_round_before(self.tree)

    @cached_property
    def sha256(self) -> str:
        """Return the hash of the cell's source."""
        return self.cell.sha256

    @property
    def immediate(self) -> Mapping[str, tuple[int, int]]:
        """Return the names that the cell reads while it runs, with their first places."""
        return self.facts.immediate

    @property
    def deferred(self) -> Mapping[str, tuple[int, int]]:
        """Return the names that the cell's functions read, with their first places."""
        return self.facts.deferred

    @cached_property
    def described(self) -> Mapping[str, Any]:
        """Return what an answer says of the cell wherever it stands; nobody may change it."""
        return {
            "defines": list(self.sorted_defines),
            "references": list(self.references),
            "sha256": self.cell.sha256,
        }

    @cached_property
    def mutates(self) -> frozenset[str]:
        """Return the names from elsewhere whose objects the cell changes."""
        changes = self.facts.changes
        return frozenset([n for n in changes.shallow | changes.deep if n[0] not in "@=$~"])

    @property
    def opaque(self) -> tuple[Opaque, ...]:
        """Return what in the cell can't be known before it runs."""
        return self.facts.opaque

    @cached_property
    def references(self) -> tuple[str, ...]:
        """Return every name that the cell needs from elsewhere, sorted, built-ins left out."""
        return tuple(sorted({*self.immediate, *self.deferred} - BUILTINS))


def mentioned(tree: ast.Module | None, plain: PlainSource) -> Mentions:
    """Return what a cell's tree imports, opens and names; nothing where there is no tree."""
    try:
        return NO_MENTIONS if tree is None else read_mentions(tree, plain.places)
    except RecursionError:  # a string or an attribute that is nested beyond all reason
        return NO_MENTIONS
