"""Test and monitor cells that would not do what they seem to."""

from __future__ import annotations

import ast
from collections import Counter
from typing import TYPE_CHECKING

from .diagnostics import Diagnostic, Fix
from .notebook import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .cell_flow import CellFlow
    from .service import ServiceSpec

_FIXTURES = frozenset(
    "client request tmp_path tmp_path_factory tmpdir tmpdir_factory monkeypatch caplog recwarn "
    "capsys capsysbinary capfd capfdbinary pytestconfig record_property record_xml_attribute "
    "doctest_namespace".split()
)
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def proofs(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Yield tests that are lost or can't be called, and monitors that tell nothing."""
    tests = [flow for flow in spec.shipped if flow.cell.role is Role.TEST]
    given = _FIXTURES | {name for flow in tests for name in _fixtures(flow)}
    for flow in tests:
        yield from _lost(flow)
        yield from _uncallable(flow, given)
        yield from _misnamed(flow, tests)
    for flow in spec.shipped:
        if flow.cell.role is Role.MONITOR and flow.tree and _is_silent(flow.tree):
            yield Diagnostic(
                "NBD313", "The monitor tells nothing: it ends with no expression and asserts "
                "nothing.", flow.cell.cell_id,
                fix=Fix("End it with the value to be watched, or assert what has to hold"),
            )  # fmt: skip


def _lost(flow: CellFlow) -> Iterator[Diagnostic]:
    counts = Counter(node.name for node in flow.mentions.definitions)
    seen = set()
    for node in flow.mentions.definitions:
        if counts[node.name] > 1 and node.name.lower().startswith("test"):
            if node.name in seen:
                yield Diagnostic(
                    "NBD311", f"The cell defines {node.name} twice; only the last one runs.",
                    flow.cell.cell_id, *flow.plain.places.of(node),
                    Fix("Give one of them another name"),
                )  # fmt: skip
            seen.add(node.name)


def _uncallable(flow: CellFlow, given: frozenset[str]) -> Iterator[Diagnostic]:
    for node in flow.mentions.definitions:
        if not isinstance(node, _Function) or not node.name.startswith("test_"):
            continue
        if any("fixture" in text or "parametrize" in text for text in _decorators(node)):
            continue
        plain = [*node.args.posonlyargs, *node.args.args]
        required = plain[: len(plain) - len(node.args.defaults)]
        for argument in required:
            if argument.arg not in given:
                yield Diagnostic(
                    "NBD312", f"{node.name} asks for {argument.arg}, which is no fixture.",
                    flow.cell.cell_id, *flow.plain.places.of(argument),
                    Fix(f"Define {argument.arg} in the test, or as a fixture in a test cell"),
                )  # fmt: skip


def _misnamed(flow: CellFlow, tests: list[CellFlow]) -> Iterator[Diagnostic]:
    """Yield functions that look like tests and that nobody calls: the gate takes `test_…` only."""
    for node in flow.mentions.definitions:
        is_meant = isinstance(node, _Function) and node.name.lower().startswith("test")
        if not is_meant or node.name.startswith("test_") or node.decorator_list:
            continue
        if not any(node.name in other.mentions.uses for other in tests):
            yield Diagnostic(
                "NBD314", f"{node.name} is never run: names of tests begin with test_.",
                flow.cell.cell_id, *flow.plain.places.of(node),
                Fix("Give it such a name, or call it in the cell"),
            )  # fmt: skip


def _fixtures(flow: CellFlow) -> Iterator[str]:
    for node in flow.mentions.definitions:
        if isinstance(node, _Function) and any("fixture" in text for text in _decorators(node)):
            yield node.name


def _decorators(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [ast.unparse(decorator) for decorator in node.decorator_list]


def _is_silent(tree: ast.Module) -> bool:
    if not tree.body or isinstance(tree.body[-1], ast.Expr):
        return False
    return not any(isinstance(node, (ast.Assert, ast.Raise)) for node in ast.walk(tree))
