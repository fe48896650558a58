"""Cells as a function: those that depend on the parameters run anew in each call's own names."""

from __future__ import annotations

import copy
import dis
import gc
import inspect
import itertools
import os
import re
import sys
import types
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

KEY = "__run__"
"""The name under which a notebook's namespace has its cells as a function."""
_RANDOM_STATE = {
    "random": ("getstate", "setstate"),
    "numpy": ("random.get_state", "random.set_state"),
    "torch": ("get_rng_state", "set_rng_state"),
}
_GROWN = 64 * 2**20
_EVERY = 4
_IMMUTABLE = (type(None), bool, int, float, complex, str, bytes)


class _Computed:
    """Stands for a default that no document may show: nobody wrote it down as a literal."""

    def __repr__(self) -> str:
        return "…"


COMPUTED: Any = _Computed()


class Parameter(NamedTuple):
    """What callers may set: its type hint, and its default or `COMPUTED`."""

    name: str
    hint: Any
    default: Any


class Cells(NamedTuple):
    """Code objects and other steps, in order; `shown` is the last expression, if there is one.

    A step is a cell's code, or a function of the call's names and of what its caller gave. `start`
    are the names of start-up: no call changes them, each copies them.
    """

    start: Mapping[str, Any]
    steps: tuple[types.CodeType | Callable[[dict[str, Any], Mapping[str, Any]], None], ...]
    shown: types.CodeType | None
    answer: tuple[str, ...]

    @property
    def codes(self) -> list[types.CodeType]:
        """Return all code, the last expression's too."""
        return [step for step in (*self.steps, self.shown) if isinstance(step, types.CodeType)]

    @property
    def is_async(self) -> bool:
        """Whether a cell awaits."""
        return any(code.co_flags & inspect.CO_COROUTINE for code in self.codes)

    def call(self, given: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Run a call; returns its answer and its names."""
        names = dict(self.start)
        for step in self.steps:
            if type(step) is types.CodeType:
                exec(step, names)  # noqa: S102  (running the notebook is the whole purpose)
            else:
                step(names, given)
        if self.shown is None:
            return self._assigned(names), names
        return eval(self.shown, names), names  # noqa: S307  (the same)

    async def call_async(self, given: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Run a call whose cells await on the running loop."""
        names = dict(self.start)
        for step in self.steps:
            if isinstance(step, types.CodeType):
                await _awaited(step, names)
            else:
                step(names, given)
        if self.shown is None:
            return self._assigned(names), names
        return await _awaited(self.shown, names), names

    def _assigned(self, names: Mapping[str, Any]) -> dict[str, Any]:
        return {name: names[name] for name in self.answer if name in names}


async def _awaited(code: types.CodeType, names: dict[str, Any]) -> Any:
    answer = eval(code, names)  # noqa: S307  (running the notebook is the whole purpose)
    return await answer if code.co_flags & inspect.CO_COROUTINE else answer


def make_function(cells: Cells, parameters: Iterable[Parameter], module: str) -> Callable[..., Any]:
    """Return `run(*, …)` with the parameters as its signature; asynchronous where cells await."""
    sweep = _Sweep() if any(map(_makes_functions, cells.codes)) else None

    def run(**given: Any) -> Any:
        if sweep is not None:
            sweep()
        return _shown(cells.call(given)[0])

    async def run_async(**given: Any) -> Any:
        if sweep is not None:
            sweep()
        return _shown((await cells.call_async(given))[0])

    function: Any = run_async if cells.is_async else run
    function.__name__ = function.__qualname__ = "run"
    function.__module__ = module
    function.__doc__ = "Runs the notebook's cells with these parameters."
    parameters = list(parameters)
    function.__signature__ = inspect.Signature(
        [
            inspect.Parameter(p.name, inspect.Parameter.KEYWORD_ONLY, default=p.default,
                              annotation=p.hint)
            for p in parameters
        ]
    )  # fmt: skip
    function.__annotations__ = {
        p.name: p.hint for p in parameters if p.hint is not inspect.Parameter.empty
    }
    # Whoever looks into the function finds what it reaches: the cells' own code
    inner = compile("None", module, "eval").replace(co_consts=(None, *cells.codes))
    function.__wrapped__ = types.FunctionType(inner, dict(cells.start))
    function.cells = cells
    return function  # type: ignore[no-any-return]


def _shown(answer: Any) -> Any:
    """Return what a notebook shows below its last cell: for `plt.show()` the open figure."""
    pyplot = sys.modules.get("matplotlib.pyplot") if answer is None else None
    return pyplot.gcf() if pyplot is not None and pyplot.get_fignums() else answer


def set_given(names: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Let the caller's parameters replace the defaults."""
    names.update(given)


def fresh(defaults: Mapping[str, Any]) -> Callable[[dict[str, Any], Mapping[str, Any]], None]:
    """Return the step that sets these names, a list or dict as a copy for each call."""
    kept = {n: v for n, v in defaults.items() if isinstance(v, _IMMUTABLE)}
    copied = {n: v for n, v in defaults.items() if n not in kept}

    def step(names: dict[str, Any], given: Mapping[str, Any]) -> None:
        names.update(kept)
        left = {name: value for name, value in copied.items() if name not in given}
        if left:
            names.update(copy.deepcopy(left))

    return step


def random_states(packages: Iterable[str]) -> Iterator[Callable[[dict[str, Any], Any], None]]:
    """Yield the steps that give packages the random state that they have now."""
    for package in packages:
        found = sys.modules.get(package)
        names = _RANDOM_STATE.get(package)
        if found is not None and names is not None:
            get, put = (attrgetter(name)(found) for name in names)
            yield _putting(put, get())


def _putting(put: Callable[[Any], Any], state: Any) -> Callable[[dict[str, Any], Any], None]:
    def step(_: dict[str, Any], __: Any) -> None:
        put(state)

    return step


def bound_names(cells: Cells) -> frozenset[str]:
    """Return the names that a call's cells may bind."""
    return frozenset(
        str(step.argval)
        for code in cells.codes
        for step in dis.get_instructions(code)
        if step.opname in {"STORE_NAME", "STORE_GLOBAL"}
    )


def is_used(namespace: Mapping[str, Any], sources: Iterable[str]) -> bool:
    """Say whether code names what only calls bind, so that it needs a call's names to run."""
    function = namespace.get(KEY)
    if function is None:
        return False
    words = {word for source in sources for word in re.findall(r"\w+", source)}
    return bool(words & bound_names(function.cells))


def _makes_functions(code: types.CodeType) -> bool:
    return any(isinstance(constant, types.CodeType) for constant in code.co_consts)


class _Sweep:
    """Frees what ended calls leave: a function and its globals refer to each other.

    Only the garbage collector breaks such circles, and it counts objects, not bytes: a call with
    a large frame would stay for long. So it is asked whenever the process has grown.
    """

    def __init__(self) -> None:
        self._calls: Iterator[int] = itertools.count(1)
        self._floor = 0

    def __call__(self) -> None:
        if next(self._calls) % _EVERY:
            return
        now = _resident()
        if self._floor and now - self._floor > _GROWN:
            gc.collect()
            now = _resident()
            self._floor = now
        self._floor = min(now, self._floor or now)


def _resident() -> int:
    """Return the bytes of memory that the process holds, 0 where nobody says."""
    try:
        with open("/proc/self/statm", "rb", buffering=0) as file:  # noqa: PTH123  (at each call)
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
