"""A slice alone gives what the whole notebook gives, whatever the notebook does."""

from __future__ import annotations

import ast
import contextlib
import copy
import inspect
import io
import os
import random
from typing import Any

from hypothesis import given, note, settings
from hypothesis import strategies as st

from nbdeploy_ext.core.dataflow import Dataflow, read_cells
from nbdeploy_ext.core.notebook import Cell

NAMES = ["a", "b", "c", "d"]
FUNCTIONS = ["f", "g"]

names = st.sampled_from(NAMES)
functions = st.sampled_from(FUNCTIONS)
numbers = st.integers(0, 9)


@st.composite
def expressions(draw: Any, depth: int = 0) -> str:  # noqa: C901, PLR0912  (a table of forms)
    """Write an expression that never fails for a value of any of the types used here."""
    kind = draw(st.integers(0, 20 if depth < 2 else 3))
    inner = expressions(depth + 1)
    name = draw(names)
    match kind:
        case 0 | 1:
            return str(name)
        case 2:
            return str(draw(numbers))
        case 3:
            return f"[{draw(numbers)}]"
        case 4:
            return f"[{draw(inner)}, {draw(inner)}]"
        case 5:
            return f"Box({draw(inner)})"
        case 6:
            return f"{draw(functions)}({draw(inner)})"
        case 7:
            return f"item({draw(inner)})"
        case 8:
            return f"copy.copy({draw(inner)})"
        case 9:
            return f"[x for x in items({name})]"
        case 10:
            return f"(lambda x: [x, {draw(names)}])({draw(inner)})"
        case 11:
            return f"({draw(inner)} if size({name}) > {draw(numbers)} else {draw(inner)})"
        case 12:
            return "random.random()"
        case 13:
            return f"list(items({name})) + [{draw(inner)}]"
        case 14:
            return f"size({draw(inner)})"
        case 15:
            return f"{{'k': {draw(inner)}}}"
        case 16:
            return f"(lambda: {name})"
        case 17:
            return f"box({name}).seen"
        case 18:
            return f"box({name})[{draw(inner)}]"
        case 19:
            return f"lazily({draw(inner)})"
        case _:
            return f"iter(items({name}))"


@st.composite
def statements(draw: Any, depth: int = 0) -> str:  # noqa: C901, PLR0912  (a table of forms)
    name, other = draw(names), draw(names)
    expression = draw(expressions())
    match draw(st.integers(0, 24 if depth < 2 else 9)):
        case 0 | 1 | 2:
            return f"{name} = {expression}"
        case 3:
            return f"push({name}, {expression})"
        case 4:
            return f"{name}, {other} = {expression}, {draw(names)}"
        case 5:
            return f"{name} = {other}"
        case 6:
            return f"print({expression})"
        case 7:
            return f"grow({name})"
        case 8:
            return f"{name} = take({other})"
        case 9:
            return f"random.seed({draw(numbers)})"
        case 10:
            body = draw(blocks(depth + 1))
            return f"for {name} in items({other}):\n{body}"
        case 11:
            return f"if size({name}) > {draw(numbers)}:\n{draw(blocks(depth + 1))}"
        case 12 | 13:
            body = draw(blocks(depth + 1))
            scope = f"    global {other}\n" if draw(st.booleans()) and other != "x" else ""
            tail = f"    return {expression}\n" if draw(st.booleans()) else ""
            return f"def {draw(functions)}(x):\n{scope}{body}{tail}".rstrip()
        case 14:
            return f"with Box({expression}) as {name}:\n{draw(blocks(depth + 1))}"
        case 15:
            return f"try:\n{draw(blocks(depth + 1))}\nexcept ZeroDivisionError:\n    {name} = 0"
        case 16:
            return f"{name} = [y for y in items({other}) if (d := size(y)) >= 0]"
        case 17:
            body = draw(blocks(depth + 1))
            return (
                f"class Box(Base):\n    shared = {expression}\n    def poke(self, x):\n"
                + "\n".join("    " + line for line in body.split("\n"))
            )
        case 18:
            return f"poke({name}, {other})"
        case 19:
            return f"{name} = {other} = {expression}"
        case 20:
            return f"spread({name}, {other}, more={expression})"
        case 21:
            body = draw(blocks(depth + 1))
            return (
                f"def {draw(functions)}(x, y={expression}):\n    push(y, x)\n{body}\n    return y"
            )
        case 22:
            return f"{name} = box({other}).poke"
        case 23:
            return f"Base.poke(box({name}), {expression})"
        case _:
            return f"box({name}).value = {expression}"


@st.composite
def blocks(draw: Any, depth: int) -> str:
    lines = draw(st.lists(statements(depth), min_size=1, max_size=2))
    return "\n".join("    " + line for text in lines for line in text.split("\n"))


SETUP = """\
import copy
import random
class Base:
    def __init__(self, value): self.value = value
    def __enter__(self): return self
    def __exit__(self, *error): return False
    def poke(self, x): self.value = x
    @property
    def seen(self):
        push(self.value, 1)
        return self.value
    def __getitem__(self, key):
        self.value = key
        return key
class Box(Base): pass
def f(x): return x
def g(x): return [x]
def items(x):
    if isinstance(x, dict): return list(x.values())
    if isinstance(x, Base): return [x.value]
    return x if isinstance(x, list) else []
def item(x):
    found = items(x)
    return found[0] if len(found) else 0
def size(x): return len(items(x))
def push(x, y):
    if isinstance(x, list) and len(x) < 30: x.append(y)
    elif isinstance(x, Base): x.value = y
    elif isinstance(x, dict): x["k"] = y
def grow(x):
    if isinstance(x, list) and len(x) < 30:
        x += [len(x)]
def take(x):
    if hasattr(x, "__next__"): return next(x, 0)
    if isinstance(x, list) and len(x): return x.pop()
    return x() if callable(x) and not isinstance(x, type) and not hasattr(x, "__self__") else x
def spread(*xs, **more):
    for x in xs: push(x, more["more"])
def lazily(x):
    push(a, x)
    yield x
def box(x): return x if isinstance(x, Base) else Box(x)
def poke(x, y): box(x).poke(y)
a, b, c, d = [1], [2, [3]], Box([4]), 5
random.seed(0)
"""


@st.composite
def notebooks(draw: Any) -> list[str]:
    cells = st.lists(statements(), min_size=1, max_size=3).map("\n".join)
    found = draw(st.lists(cells, min_size=2, max_size=9))
    return [SETUP, *(f"{text}\n{draw(names)}" if draw(st.booleans()) else text for text in found)]


class Stopped(Exception):
    """The notebook does not run through."""


def run(sources: list[tuple[str, str]], of_interest: set[str]) -> tuple[dict[str, str], str]:
    """Run cells in a fresh namespace; return the last one's names and its last value."""
    space: dict[str, Any] = {"__name__": "__main__"}
    random.seed(99)
    shown = ""
    for _, source in sources:
        tree, shown = ast.parse(source), ""
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(tree, "cell", "exec"), space)
            if isinstance(last, ast.Expr):
                shown = describe(eval(compile(ast.Expression(last.value), "cell", "eval"), space))
    return {n: describe(space[n]) for n in sorted(of_interest) if n in space}, shown


def describe(value: Any, depth: int = 0) -> str:
    """Write a value so that equal ones are written alike."""
    if depth > 12:
        return "…"
    if isinstance(value, list):
        return f"[{', '.join(describe(v, depth + 1) for v in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{k}: {describe(v, depth + 1)}' for k, v in value.items())}}}"
    if type(value).__name__ == "Box":
        return f"Box({describe(value.value, depth + 1)})"
    if inspect.isgenerator(value):
        return f"generator {inspect.getgeneratorstate(value)}"
    if hasattr(value, "__next__"):
        return f"iter {describe(list(copied(value)), depth + 1)}"
    return str(value) if isinstance(value, (int, float)) else type(value).__name__


def copied(iterator: Any) -> Any:
    return copy.copy(iterator)


def flow_of(sources: list[str]) -> Dataflow:
    return read_cells([Cell(f"c{n}", n, "code", s, ()) for n, s in enumerate(sources)])


def check(sources: list[str]) -> None:
    flow = flow_of(sources)
    ids = [f"c{n}" for n in range(len(sources))]
    texts = dict(zip(ids, sources, strict=True))
    for number, cell in enumerate(ids):
        wanted = set(flow.flow(cell).defines)
        try:
            whole = run([(c, texts[c]) for c in ids[: number + 1]], wanted)
        except Exception:  # noqa: BLE001  (a notebook that fails has no values to compare)
            return
        kept = [c for c in flow.slice(cell) if ids.index(c) < number]
        try:
            part = run([(c, texts[c]) for c in [*kept, cell]], wanted)
        except Exception as fault:
            raise AssertionError(f"{cell} {kept} failed: {fault!r}") from fault
        assert part == whole, f"{cell} needs more than {kept}"


# The same notebooks each time, NBDEPLOY_SEEDS=1 searches anew
@settings(max_examples=150, deadline=None, derandomize="NBDEPLOY_SEEDS" not in os.environ)
@given(notebooks())
def test_a_slice_gives_the_values_of_the_whole_notebook(sources: list[str]) -> None:
    note("\n# ----\n".join(sources[1:]))
    check(sources)
