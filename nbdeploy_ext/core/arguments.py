"""What a call is given."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from .catalog import SEED_ARGUMENTS
from .origins import NOTHING, Origins, holder_of, merged, part_of

if TYPE_CHECKING:
    from .facts import Summary


class Arguments:
    """What a call is given: origins by position and by keyword."""

    __slots__ = ("all", "keywords", "node", "positional")

    def __init__(
        self, node: ast.Call, positional: list[Origins], keywords: dict[str, Origins]
    ) -> None:
        self.node = node
        self.positional = positional
        self.keywords = keywords
        self.all = merged([*positional, *keywords.values()])

    @property
    def first(self) -> Origins:
        """Return the first positional argument's origins."""
        return self.positional[0] if self.positional else NOTHING

    @property
    def literal(self) -> Any:
        """Return the first argument where its value stands in the code, else None."""
        first = self.node.args[0] if self.node.args else None
        return first.value if isinstance(first, ast.Constant) else None

    def begins_with_text(self) -> bool:
        """Whether the first argument is a text that stands in the code."""
        return isinstance(self.literal, str)

    def names_seed(self) -> bool:
        """Whether the caller gives its own random state."""
        return any(k.arg in SEED_ARGUMENTS and _is_given(k.value) for k in self.node.keywords)

    def true(self, keyword: str) -> bool:
        """Whether a flag is, or may be, set."""
        value = next((k.value for k in self.node.keywords if k.arg == keyword), None)
        return value is not None and not (isinstance(value, ast.Constant) and not value.value)

    def bound(self, summary: Summary, receiver: Origins | None = None) -> dict[str, Origins]:
        """Return origins by parameter, what is left over under the starred one."""
        values = self.positional if receiver is None else [receiver, *self.positional]
        starred = any(type(a) is ast.Starred for a in self.node.args)
        parameters = summary.parameters
        found = dict(zip(parameters, values, strict=False))
        found.update({n: v for n, v in self.keywords.items() if n in parameters})
        if starred or "**" in self.keywords:
            everything = holder_of(self.all) | part_of(self.all)
            return dict.fromkeys([*parameters, "..."], everything) | (
                {parameters[0]: receiver} if receiver and parameters else {}
            )
        rest = [*values[len(parameters) :]]
        rest += [v for n, v in self.keywords.items() if n not in parameters]
        found["..."] = holder_of(merged(rest))
        return found


def is_namespace(node: ast.expr) -> bool:
    """Whether it is `globals()` or another call that gives all names."""
    called = node.func if isinstance(node, ast.Call) and not node.args else None
    return isinstance(called, ast.Name) and called.id in {"globals", "locals", "vars"}


def _is_given(node: ast.expr) -> bool:
    return not (isinstance(node, ast.Constant) and node.value is None)
