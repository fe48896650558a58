"""Random numbers of forked processes: each has its own, the same ones again if seeded."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Seeds:
    """What is drawn once, after the cells ran, to seed every process's generators from.

    Cells that seeded theirs get the same numbers in the same process of every run; processes
    never get each other's. It knows Python's and NumPy's global generators, and generators of
    both that are names of the notebook.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        """Draw from each generator that is there."""
        self._sow: list[Callable[[int], None]] = []
        seed = random.getrandbits(128)
        self._sow.append(lambda process: random.seed(f"{seed} {process}"))
        # Python's own seeds itself at a fork, NumPy's doesn't
        if "numpy.random" in sys.modules:
            self._know_numpy(namespace)
        for value in namespace.values():
            if type(value) is random.Random:
                self._know_random(value)

    def sow(self, process: int) -> None:
        """Seed all generators for a process: one number for each that ever was."""
        for sow in self._sow:
            sow(process)

    def _know_random(self, generator: random.Random) -> None:
        seed = generator.getrandbits(128)
        self._sow.append(lambda process: generator.seed(f"{seed} {process}"))

    def _know_numpy(self, namespace: dict[str, Any]) -> None:
        numpy = sys.modules["numpy"]
        states = [numpy.random.mtrand._rand]  # noqa: SLF001  (the global one has no public name)
        generators = []
        for value in namespace.values():
            if isinstance(value, numpy.random.Generator):
                generators.append(value)
            elif isinstance(value, numpy.random.RandomState):
                states.append(value)
        for state in {id(state): state for state in states}.values():
            self._sow.append(_seed_state(state))
        for generator in {id(generator): generator for generator in generators}.values():
            self._sow.append(_seed_generator(generator, numpy))


def _seed_state(state: Any) -> Callable[[int], None]:
    drawn = [int(number) for number in state.randint(0, 2**31, size=4)]
    return lambda process: state.seed([*drawn, process])


def _seed_generator(generator: Any, numpy: Any) -> Callable[[int], None]:
    drawn = [int(number) for number in generator.integers(0, 2**31, size=4)]
    bits = generator.bit_generator

    def sow(process: int) -> None:
        bits.state = type(bits)(numpy.random.SeedSequence([*drawn, process])).state

    return sow
