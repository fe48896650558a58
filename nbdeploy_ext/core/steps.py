"""What the walk of one cell read and did: enough to take it back, and to do it again.

After an edit most cells would read what they read before. Such a step is done again from its
record, which costs next to nothing; `Differences` says which ones can't be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .nodes import Node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .facts import Facts

_Key = TypeVar("_Key")
SEEDED = "@seeded"
"""Stands for the table of generators that were seeded, among names that a cell looked up."""
_content = attrgetter(*[name for name in Node.__slots__ if not name.startswith("reach")])


class Puts(NamedTuple):
    """What a cell put in a table, with what was there before; None stands for no entry."""

    table: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(slots=True, eq=False)
class Step:
    """One cell's walk.

    `names` and `nodes` are all that it looked at. `puts` are entries of tables and `links`
    attributes of older nodes, each with what was there before and is there after; `shallow` and
    `deep` are the nodes that it marked, `made` its own, `late` what its functions need.
    """

    facts: Any
    plugin: bool
    names: set[str] = field(default_factory=set)
    nodes: Any = field(default_factory=set)
    puts: list[Puts] = field(default_factory=list)
    links: dict[tuple[Node, str], tuple[Any, Any]] = field(default_factory=dict)
    shallow: list[Node] = field(default_factory=list)
    deep: list[Node] = field(default_factory=list)
    made: dict[str, Node] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    """The names of its `puts`."""
    needs: int = 0
    late: int = 0
    unbound: list[str] = field(default_factory=list)
    """Names that its functions read and that nothing bound yet."""
    waited: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """The cells before that waited for names that it binds."""

    def put(self, table: dict[str, Any], values: Mapping[str, Any]) -> None:
        """Set entries of a table; None stands for none."""
        for found in self.puts:
            if found.table is table:
                break
        else:
            found = Puts(table, {}, {})
            self.puts.append(found)
        for name in values:
            found.before.setdefault(name, table.get(name))
        found.after.update(values)
        table.update(values)

    def link(self, node: Node, name: str, value: Any) -> None:
        """Set an attribute of an older node."""
        now = getattr(node, name)
        before, _ = self.links.get((node, name), (now, now))
        self.links[node, name] = (before, value)
        setattr(node, name, value)

    def end(self) -> None:
        """Put together what it did, for those who look at it more often than it is done."""
        self.nodes = tuple(self.nodes)
        self.given = frozenset().union(*[found.after for found in self.puts])

    def is_of(self, facts: Facts, *, plugin: bool) -> bool:
        """Whether it is the walk of a cell that does this."""
        return self.plugin is plugin and (self.facts is facts or same_effect(self.facts, facts))

    def undo(self, bit: int) -> None:
        """Take back what the cell with that bit did; all later ones were taken back before."""
        for table, before, _ in self.puts:
            table.update(before)
        for (node, name), (before, _) in self.links.items():
            setattr(node, name, before)
        for node in self.shallow:
            node.shallow &= ~bit
        for node in self.deep:
            node.deep &= ~bit

    def redo(self, bit: int) -> None:
        """Do it again."""
        for table, _, after in self.puts:
            table.update(after)
        for (node, name), (_, after) in self.links.items():
            setattr(node, name, after)
        for node in self.shallow:
            node.shallow |= bit
        for node in self.deep:
            node.deep |= bit

    def renew(self, *, links: bool) -> None:
        """Note what is there now before it is done; `links` that differ, or names alone."""
        for table, before, after in self.puts:
            before.update({name: table.get(name) for name in after})
        for (node, name), (_, after) in self.links.items() if links else ():
            self.links[node, name] = (getattr(node, name), after)

    def contents(self) -> dict[str, tuple[Any, ...]]:
        """Return what its own nodes hold, while no later step is done."""
        return {key: _content(node) for key, node in self.made.items()}


def same_effect(one: Facts, other: Facts) -> bool:
    """Whether two cells do the same, wherever it stands in them."""
    return (
        one.reads == other.reads
        and one.values == other.values
        and one.changes == other.changes
        and one.functions == other.functions
        and set(one.late) == set(other.late)
        and one.maybe == other.maybe
        and one.deletes == other.deletes
        and one.wild == other.wild
        and one.imports == other.imports
    )


class Differences:
    """Names and nodes that are not what they were at this place in the walk before."""

    def __init__(self, *, all_of_it: bool) -> None:
        """Begin with nothing that is known to be different, or with all."""
        self._all = all_of_it
        self._names: set[str] = set()
        self._nodes: set[Node] = set()

    def concern(self, step: Step) -> bool:
        """Whether a cell looked at any of them: all others would find what they found."""
        names, nodes = self._names, self._nodes
        return bool(
            self._all
            or (names and not names.isdisjoint(step.names))
            or (nodes and not nodes.isdisjoint(step.nodes))
        )

    def pass_by(self, step: Step) -> None:
        """Make a step ready that looked at none: names that it gives a value are what they were."""
        if not self._names.isdisjoint(step.given):
            step.renew(links=False)
            self._names -= step.given

    def note(self, old: Step, held: Mapping[str, tuple[Any, ...]], new: Step) -> None:
        """Compare two walks of a cell; `held` is what the old one's own nodes held after it.

        Both made the same nodes for the same names.
        """
        given = ({(id(put.table), name): after for put in step.puts
                  for name, after in put.after.items()} for step in (old, new))  # fmt: skip
        changed = {name for _, name in _differing(*given)}
        self._names -= new.given
        self._names |= changed
        if any(name.startswith("@rng:") for name in changed):
            self._names.add(SEEDED)
        linked = ({link: after for link, (_, after) in step.links.items()} for step in (old, new))
        self._nodes |= {node for node, _ in _differing(*linked)}
        self._nodes |= {*old.shallow} ^ {*new.shallow} | {*old.deep} ^ {*new.deep}
        self._nodes |= {old.made[key] for key in _differing(held, new.contents()) if key in held}


def _differing(one: Mapping[_Key, Any], other: Mapping[_Key, Any]) -> set[_Key]:
    """Return the keys that both have not alike."""
    alike = one.keys() & other.keys()
    return (one.keys() ^ other.keys()) | {key for key in alike if one[key] != other[key]}
