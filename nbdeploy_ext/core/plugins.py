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
    found: dict[tuple[tuple[str, str], ...], bool] = {}

    def is_used(name: str) -> bool:
        if name not in used:
            used[name] = any(name in facts.reads or name in facts.late for facts in cells)
        return used[name]

    def has_plugin(imports: tuple[tuple[str, str], ...]) -> bool:
        if imports not in found:
            found[imports] = any(
                module.partition(".")[0] in PLUGINS or not is_used(name) for name, module in imports
            )
        return found[imports]

    return [bool(facts.imports) and has_plugin(facts.imports) for facts in cells]


def may_be_plugin(module: str) -> bool:
    """Whether a module may be imported for what that does to others."""
    return module.partition(".")[0] not in INERT or ".experimental." in module
