"""Endpoints that are missing, or that nobody could call as they are."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .diagnostics import Diagnostic, Fix
from .interface import RESERVED
from .notebook import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .service import ServiceSpec


def endpoints(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Yield what keeps production cells from being served, or makes it less than it could be."""
    if not spec.notebook.cells_of(Role.PRODUCTION):
        yield Diagnostic(
            "NBD301", "No cell is marked as production, so there is nothing to deploy.",
            fix=Fix("Right-click the cells of the final algorithm: Mark as Production Cell"),
        )  # fmt: skip
        return
    chosen = spec.config.endpoints or spec.notebook.choices.get("endpoints") or ()
    known = {endpoint.name for endpoint in spec.endpoints}
    is_read = all(flow.fault is None for flow in spec.shipped)  # else who knows what they define
    for name in chosen:
        if is_read and name not in known:
            yield _no_function(spec, name)
    if is_read and not chosen and not spec.endpoints:
        yield _no_endpoint(spec)
    yield from _defined_twice(spec)
    for endpoint in spec.endpoints:
        if endpoint.name in RESERVED and endpoint.cells is None:
            yield Diagnostic(
                "NBD304", f"/{endpoint.name} is a route of the service itself.", endpoint.cell,
                endpoint.line, 1, Fix("Give the function another name"),
            )  # fmt: skip
        if not endpoint.hinted:
            yield Diagnostic(
                "NBD305",
                f"{endpoint.name} has arguments or a result without type hints, so they are not "
                "checked.",
                endpoint.cell, endpoint.line, 1, Fix("Add type hints"),
            )  # fmt: skip


def _no_endpoint(spec: ServiceSpec) -> Diagnostic:
    """Say that there is no public function, or that each is taken for a helper: it is called."""
    production = [flow for flow in spec.shipped if flow.cell.role is Role.PRODUCTION]
    public = [
        (flow, node) for flow in production for node in flow.mentions.definitions
        if not isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]  # fmt: skip
    if not public:
        return Diagnostic(
            "NBD302", "The production cells define no function that could be an endpoint.",
            fix=Fix("Put the final step in a function, say def predict(...)"),
        )  # fmt: skip
    helpers = {
        inner.id for _, node in public for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and inner.id != node.name
    }  # fmt: skip
    flow, last = ([p for p in public if p[1].name not in helpers] or public)[-1]
    return Diagnostic(
        "NBD302", f"No function is served, as production code calls each of them: {last.name} too.",
        flow.cell.cell_id, last.lineno, 1,
        Fix(f'Move its call to a test cell, or set endpoints = ["{last.name}"] in nbdeploy.toml'),
    )  # fmt: skip


def _no_function(spec: ServiceSpec, name: str) -> Diagnostic:
    definers = list(spec.dataflow.defining(name))
    shown = [flow for flow in definers if flow.cell.role is Role.PRODUCTION]
    if shown:  # functools.partial, a lambda, an object that can be called, an import
        return Diagnostic(
            "NBD303", f"The endpoint {name} is no function that this cell defines with def.",
            shown[-1].cell.cell_id,
            fix=Fix(f"Write it as a function: def {name}(...), whose hints its callers then see"),
        )  # fmt: skip
    message = f"The endpoint {name} is no function of a production cell."
    if not definers:
        return Diagnostic("NBD303", message, fix=Fix("Mend its name, or take it off the endpoints"))
    marks = spec.marks_for([definers[-1].cell.cell_id])
    fix = Fix(f"Mark the cell that defines {name} as production", "mark", marks)
    return Diagnostic("NBD303", message, fix=fix)


def _defined_twice(spec: ServiceSpec) -> Iterator[Diagnostic]:
    for endpoint in spec.endpoints:
        for flow in spec.dataflow.defining(endpoint.name):
            others = [node for node in flow.mentions.definitions if node.name == endpoint.name]
            if flow.cell.role is Role.PRODUCTION and others and flow.cell.cell_id != endpoint.cell:
                yield Diagnostic(
                    "NBD310", f"{endpoint.name} is defined again in a later production cell, which "
                    "is the one that serves.", flow.cell.cell_id, others[0].lineno, 1,
                    Fix("Clear the mark of one of the cells, or rename the function"),
                )  # fmt: skip
