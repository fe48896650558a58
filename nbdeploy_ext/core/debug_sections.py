"""Takes debugging sections out of shared libraries: nobody debugs C in a service.

Some wheels carry them, uvloop's for one: 12 of its 14 MB. What a process loads is described by the
program headers (System V ABI, chapter 5) and stays byte for byte; all behind it goes.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian: all that wheels for Linux are today
_HEADER = struct.Struct("<16xHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_LOADED = 1
_WORTH = 2**20
"""Files from which fewer bytes than this could go are left alone."""


def strip_folder(folder: Path) -> None:
    """Strip the shared libraries of installed distributions, and their records with them."""
    changed: dict[str, bytes] = {}
    for file in sorted(folder.rglob("*.so")):
        if file.stat().st_size < _WORTH:
            continue
        content = file.read_bytes()
        kept = stripped(content)
        if len(kept) < len(content):
            file.write_bytes(kept)
            changed[file.relative_to(folder).as_posix()] = kept
    if changed:
        for record in folder.glob("*.dist-info/RECORD"):
            _record(record, changed)


def stripped(content: bytes) -> bytes:
    """Return a shared library without what is never loaded; as it is where that is little."""
    if not content.startswith(_MAGIC) or len(content) < _HEADER.size:
        return content
    try:
        end = _loaded_end(content) if _has_debugging(content) else len(content)
    except (struct.error, IndexError, OverflowError):
        return content
    if not 0 < end <= len(content) - _WORTH:
        return content
    fields = list(_HEADER.unpack_from(content))
    fields[5] = fields[11] = fields[12] = 0  # e_shoff, e_shnum, e_shstrndx: no sections
    kept = bytearray(content[:end])
    # The first 16 bytes, e_ident, are none of the structure's
    kept[16 : _HEADER.size] = _HEADER.pack(*fields)[16:]
    return bytes(kept)


def _loaded_end(content: bytes) -> int:
    fields = _HEADER.unpack_from(content)
    start, size, count = fields[4], fields[8], fields[9]
    ends = [start + size * count]
    for number in range(count):
        segment = _SEGMENT.unpack_from(content, start + number * size)
        if segment[0] == _LOADED:
            ends.append(segment[2] + segment[5])
    return max(ends) if len(ends) > 1 else 0


def _has_debugging(content: bytes) -> bool:
    fields = _HEADER.unpack_from(content)
    start, size, count, names = fields[5], fields[10], fields[11], fields[12]
    table = _SECTION.unpack_from(content, start + names * size)
    texts = content[table[4] : table[4] + table[5]]
    for number in range(count):
        name = _SECTION.unpack_from(content, start + number * size)[0]
        if texts[name:].startswith(b".debug_info\0"):
            return True
    return False


def _record(record: Path, changed: dict[str, bytes]) -> None:
    """Write hash and size of changed files anew (PEP 376)."""
    lines = record.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        kept = changed.get(line.split(",")[0])
        if kept is not None:
            digest = base64.urlsafe_b64encode(hashlib.sha256(kept).digest()).rstrip(b"=").decode()
            lines[number] = f"{line.split(',')[0]},sha256={digest},{len(kept)}"
    record.write_text("\n".join(lines) + "\n", encoding="utf-8")
