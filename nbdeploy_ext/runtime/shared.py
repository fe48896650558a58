"""Numbers and a document that all processes of one service read and write: memory, no file."""

from __future__ import annotations

import mmap
import os
import zlib
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_PAGE = 512
"""Doubles of a page of memory: no two processes write to the same one."""


class Numbers:
    """Named lists of numbers, each once for every process; a process writes to its own row.

    Make it before the processes part, and call `use_row` in each of them. A process that dies
    in the middle of an addition leaves the old number or the new one.
    """

    def __init__(self, lengths: Mapping[str, int], rows: int = 1) -> None:
        """Begin with zeros, writing to row 0."""
        firsts = accumulate(lengths.values(), initial=0)
        self._places = dict(zip(lengths, firsts, strict=False))
        self._width = (sum(lengths.values()) // _PAGE + 1) * _PAGE
        self.rows = range(rows)
        self.own = 0
        self.cells = memoryview(mmap.mmap(-1, self._width * rows * 8)).cast("d")

    def use_row(self, row: int) -> None:
        """Write to this row from now on."""
        self.own = row

    def place(self, name: str, row: int | None = None) -> int | None:
        """Return where in `cells` a list begins, in this process's row if no other; or None."""
        place = self._places.get(name)
        return None if place is None else place + (self.own if row is None else row) * self._width

    def add(self, name: str, amount: float = 1.0) -> None:
        """Add to this process's number; a name that is not there is nobody's."""
        place = self._places.get(name)
        if place is not None:
            self.cells[place + self.own * self._width] += amount

    def put(self, name: str, value: float, row: int | None = None) -> None:
        """Set this process's number, or another one's."""
        place = self.place(name, row)
        if place is not None:
            self.cells[place] = value

    def each(self, name: str, offset: int = 0) -> list[float]:
        """Return a number of every process, those that ended too, by row."""
        places = [self.place(name, row) for row in self.rows]
        return [self.cells[place + offset] for place in places if place is not None]

    def sum(self, name: str, offset: int = 0) -> float:
        """Return the sum of a number over all processes."""
        return sum(self.each(name, offset))


class Document:
    """Some bytes that one process writes and all read; the last whole ones, or none."""

    def __init__(self) -> None:
        """Begin empty."""
        if hasattr(os, "memfd_create"):
            self._file = os.memfd_create("nbdeploy", os.MFD_CLOEXEC)
        else:
            import tempfile  # noqa: PLC0415  (Linux needs none; it brings all compressors along)

            with tempfile.TemporaryFile() as file:
                self._file = os.dup(file.fileno())

    def write(self, content: bytes) -> None:
        """Replace the content."""
        head = len(content).to_bytes(8, "big") + zlib.crc32(content).to_bytes(4, "big")
        os.pwrite(self._file, head + content, 0)

    def read(self) -> bytes:
        """Return the content; looks again where the writer was just writing."""
        for _ in range(100):
            head = os.pread(self._file, 12, 0)
            content = os.pread(self._file, int.from_bytes(head[:8], "big"), 12)
            if zlib.crc32(content) == int.from_bytes(head[8:], "big"):
                return content
        return b""
