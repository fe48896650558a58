"""Imports for what they do to others: nobody uses the names that they bind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .catalog import INERT, PLUGINS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .facts import Facts


def find_plugins(cells: Sequence[Facts]) -> list[bool]:
    """Say of each cell whether it imports a module for what that does to other modules."""
    used: dict[str, bool] = {}

    def is_used(name: str) -> bool:
        if name not in used:
            used[name] = any(name in facts.reads or name in facts.late for facts in cells)
        return used[name]

    def is_plugin(name: str, module: str) -> bool:
        top = module.partition(".")[0]
        if top in PLUGINS:
            return True
        return (top not in INERT or ".experimental." in module) and not is_used(name)

    found: dict[tuple[tuple[str, str], ...], bool] = {(): False}
    for facts in cells:
        if facts.imports not in found:
            found[facts.imports] = any(is_plugin(name, module) for name, module in facts.imports)
    return [found[facts.imports] for facts in cells]
