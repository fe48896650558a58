"""Which modules a pickled file needs to be loaded, read from its opcodes; nothing is unpickled."""

from __future__ import annotations

import pickletools
import re
import zipfile
import zlib
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUFFIXES = frozenset(
    ".pkl .pickle .p .joblib .jl .sav .dill .cpkl .cloudpickle .pt .pth .model".split()
)
_MOST = 2**22
_OPCODES = 50_000
# In files where raw arrays stand between the opcodes, as joblib's: a module's name and another name
_NAMED = re.compile(rb"\x8c[\x01-\x7f]([A-Za-z_][\w.]*)\x94\x8c|c([A-Za-z_][\w.]*)\n[A-Za-z_]")


def pickled_modules(path: Path) -> frozenset[str]:
    """Return the dotted names of the modules that a file names; none where it is no pickle."""
    if path.suffix.lower() not in _SUFFIXES:
        return frozenset()
    found = path.stat()
    return _read(str(path), found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: str, _size: int, _changed: int) -> frozenset[str]:
    with suppress(OSError, zipfile.BadZipFile, zlib.error):
        return frozenset(_modules(_content(Path(path))))
    return frozenset()


def _content(path: Path) -> bytes:
    """Return the beginning of the pickle in a file: as it is, compressed, or in torch's archive."""
    with path.open("rb") as file:
        begun = file.read(_MOST)
    if begun.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            inside = [name for name in archive.namelist() if name.endswith("data.pkl")]
            return archive.read(inside[0])[:_MOST] if inside else b""
    if begun[:2] in {b"\x1f\x8b", b"x\x01", b"x\x9c", b"x\xda", b"x^"}:
        return zlib.decompressobj(wbits=47).decompress(begun, _MOST)
    return begun


def _modules(content: bytes) -> Iterator[str]:
    strings = [""]  # those that were pushed, or taken from the memo
    memo: list[str] = []
    reached = 0
    try:
        for opcode, argument, position in islice(pickletools.genops(content), _OPCODES):
            reached = position or 0
            if opcode.name == "GLOBAL":
                yield str(argument).split(" ")[0]
            elif opcode.name == "STACK_GLOBAL":
                yield strings[-2]
            elif opcode.name == "MEMOIZE":
                memo.append(strings[-1])
            elif opcode.name.endswith("BINGET"):
                strings.append(memo[int(argument or 0)])
            strings += [argument] if isinstance(argument, str) else []
    except (ValueError, IndexError, EOFError):
        yield from _named(content, reached)


def _named(content: bytes, begin: int) -> Iterator[str]:
    for found in _NAMED.finditer(content, begin):
        name = (found[1] or found[2]).decode()
        if name != "__main__":  # it may be no more than what a class says of itself
            yield name
