"""The texts of all cells in, their facts out, read on from where the last notebook was the same."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from itertools import compress, count
from operator import is_not
from typing import TYPE_CHECKING, Literal

from .cell_flow import Source
from .effects import read_facts
from .magics import read_plain
from .meanings import NotebookMeanings, holds
from .outlines import Outline, differing_names, read_outline
from .syntax import Parsed, parse, shared_tree
from .trust import Trust, read_trust

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .facts import Facts

Trusted = Literal["nothing", "lambdas", "libraries"]
FEW = 4
"""With no more cells that differ, a notebook is the last one, edited."""
_REMEMBERED = 20_000
_OPEN = 8
_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class _Reading:
    """A notebook as it was read: nobody may use its meanings while another one goes on from it."""

    trusted: Trusted
    sources: list[Source]
    facts: list[Facts]
    meanings: NotebookMeanings


_SOURCES: OrderedDict[str, Source] = OrderedDict()
_READINGS: list[_Reading] = []
"""The last notebooks, the latest at the end."""


def forget() -> None:
    """Drop everything that is remembered of notebooks read before."""
    _SOURCES.clear()
    _READINGS.clear()


def read_source(text: str, trees: dict[str, Parsed]) -> Source:
    """Return what is known of a text; the tree of one that is new is put with the others."""
    found = _SOURCES.get(text)
    if found is not None:
        _SOURCES.move_to_end(text)
        return found
    plain, parsed = read_plain(text)
    try:
        outline = read_outline(parsed.tree, plain.text)
    except RecursionError:
        outline, parsed = read_outline(None, ""), Parsed(None, None, too_deep=True)
    trees[plain.text] = parsed
    found = Source(plain, parsed.fault, outline)
    _SOURCES[text] = found
    if len(_SOURCES) > _REMEMBERED:
        _SOURCES.popitem(last=False)
    return found


def read_all_facts(
    sources: list[Source], trees: dict[str, Parsed], trusted: Trusted
) -> Sequence[Facts]:
    """Return the facts of every cell; `trees` are those of texts that are new."""
    for number, last in enumerate(_READINGS):
        if last.sources == sources and last.trusted == trusted:
            _READINGS.append(_READINGS.pop(number))
            return last.facts
    try:
        reading = _read_on(sources, trees) if trusted == "nothing" else None
    except RecursionError:  # of a few names alone; cells are read with care for it
        reading = None
    if reading is None:
        _drop_like(sources, trusted)
        reading = _read_anew(sources, trees, trusted)
    _READINGS.append(reading)  # one that fails is not in the list
    del _READINGS[:-_OPEN]
    return reading.facts


def _read_anew(sources: list[Source], trees: dict[str, Parsed], trusted: Trusted) -> _Reading:
    """Read every cell, again while names turn out to stand for more than was thought."""
    outlines = _outlines(sources)
    trust = None if trusted == "nothing" else _trust(sources, trusted)
    shadowed = frozenset().union(*[source.facts[0].stored for source in sources if source.facts])
    left = _ROUNDS
    while True:
        meanings = NotebookMeanings(outlines, shadowed, trust)
        found = [_facts(source, trees, meanings) for source in sources]
        more = meanings.known(frozenset().union(*[facts.stored for facts in found]))
        left -= 1
        if more <= shadowed or not left:
            return _Reading(trusted, sources, found, meanings)
        shadowed |= more


def _read_on(sources: list[Source], trees: dict[str, Parsed]) -> _Reading | None:
    """Read the cells that are new in a notebook read before, where no name changes its meaning."""
    for number in reversed(range(len(_READINGS))):
        last = _READINGS[number]
        places = edited_places(last.sources, sources)
        if last.trusted == "nothing" and max(map(len, places)) <= FEW:
            del _READINGS[number]
            break
    else:
        return None
    gone, come = [last.sources[n] for n in places[0]], [sources[n] for n in places[1]]
    names = differing_names(_outlines(gone), _outlines(come))
    if not last.meanings.go_on(_outlines(sources), names):
        return None
    new = [_facts(source, trees, last.meanings) for source in come]
    facts = [f for n, f in enumerate(last.facts) if n not in places[0]]
    for place, found in zip(places[1], new, strict=True):
        facts.insert(place, found)
    stored = [f.stored for f in (*new, *(last.facts[n] for n in places[0]))]
    for name in last.meanings.known(names.union(*stored)):
        if last.meanings.is_shadowed(name) != any(name in f.stored for f in facts):
            return None
    return _Reading("nothing", sources, facts, last.meanings)


def _drop_like(sources: list[Source], trusted: Trusted) -> None:
    """Drop the reading that is of the same notebook, most likely, as it was before."""
    for number, last in enumerate(_READINGS):
        if last.trusted == trusted and 2 * sum(_differing(last.sources, sources)) > len(sources):
            del _READINGS[number]
            return


def edited_places(
    before: Sequence[object], after: Sequence[object]
) -> tuple[Sequence[int], Sequence[int]]:
    """Return the places of what differs, in both."""
    if len(before) == len(after):
        places = list(compress(count(), map(is_not, before, after)))
        return places, places
    begin, end = _differing(before, after)
    return range(begin, len(before) - end), range(begin, len(after) - end)


def _differing(before: Sequence[object], after: Sequence[object]) -> tuple[int, int]:
    """Return how many are the same at the beginning, and how many of the others at the end."""
    shortest = min(len(before), len(after))
    begin = next((n for n in range(shortest) if before[n] is not after[n]), shortest)
    rest = shortest - begin
    end = next((n for n in range(rest) if before[-1 - n] is not after[-1 - n]), rest)
    return begin, end


def _outlines(sources: Sequence[Source]) -> list[Outline]:
    return list({id(s): s.outline for s in sources}.values())


def _trust(sources: Sequence[Source], trusted: Trusted) -> Trust:
    trees = [tree for s in sources if (tree := shared_tree(s.plain.text)) is not None]
    imports = frozenset(name for s in sources for name, _ in s.outline.imports)
    return read_trust(trees, imports, libraries=trusted == "libraries")


def _facts(source: Source, trees: dict[str, Parsed], meanings: NotebookMeanings) -> Facts:
    for facts in source.facts:
        if holds(facts.assumed, meanings):
            return facts
    parsed = trees.get(source.plain.text) or parse(source.plain.text)
    facts = read_facts(source.plain, parsed, meanings)
    source.facts[:] = [facts, *source.facts[:2]]
    return facts
