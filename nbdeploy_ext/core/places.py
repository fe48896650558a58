"""A syntax tree's positions in, places in the cell out: as people and editors count them.

Trees count a line's bytes, and know nothing of what was cut off the line before it was parsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping

Position = tuple[int, int]
"""A line from 1 and a column: in a tree bytes from 0, in a cell characters from 1."""


class Places:
    """The places in one cell.

    `text` is what was parsed, `cut` how many characters of a line's beginning were not.
    """

    __slots__ = ("_cut", "_lines")

    def __init__(self, text: str, cut: Mapping[int, int]) -> None:
        self._cut = cut
        self._lines = None if text.isascii() else text.split("\n")

    def of(self, node: ast.expr | ast.stmt | ast.arg) -> Position:
        """Return where a node begins."""
        return self.at((node.lineno, node.col_offset))

    def at(self, position: Position) -> Position:
        """Return the place of a position in the tree."""
        line, column = position
        if self._lines is not None and line <= len(self._lines):
            before = self._lines[line - 1].encode(errors="surrogatepass")[:column]
            column = len(before.decode(errors="ignore"))
        return line, column + self._cut.get(line, 0) + 1

    def all(self, positions: Mapping[str, Position]) -> dict[str, Position]:
        """Return the places of several."""
        if self._lines is not None or self._cut:
            return {name: self.at(position) for name, position in positions.items()}
        return {name: (line, column + 1) for name, (line, column) in positions.items()}
