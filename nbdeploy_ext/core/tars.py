"""Tar archives whose bytes depend on nothing but their content, whole or as a stream."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BLOCK = tarfile.BLOCKSIZE
_CHUNK = 2**20


def pack_folder(folder: Path, prefix: str, tar: Path) -> None:
    """Write all of `folder` below `prefix` (relative, POSIX) in path order, owned by root."""
    with tarfile.open(tar, "w", format=tarfile.GNU_FORMAT) as archive:
        for parent in _parents(f"{prefix}/entry"):
            archive.addfile(_folder(parent))
        for path in sorted(folder.rglob("*")):
            entry = archive.gettarinfo(str(path), f"{prefix}/{path.relative_to(folder).as_posix()}")
            if entry.isdir():
                archive.addfile(_folder(entry.name))
            elif entry.isfile():
                entry.mode = 0o755 if entry.mode & 0o100 else 0o644
                with path.open("rb") as content:
                    archive.addfile(_plain(entry), content)
            else:
                archive.addfile(_plain(entry))


def pack_owned_folder(path: str, user: int, group: int) -> bytes:
    """Return a tar of one empty folder that only its owner may enter."""
    entry = _folder(path)
    entry.uid, entry.gid, entry.mode = user, group, 0o700
    return entry.tobuf(tarfile.GNU_FORMAT) + b"\0" * (2 * _BLOCK)


def pack_files(files: Mapping[str, bytes]) -> bytes:
    """Return a tar of files by path; every folder on the way stands in it once."""
    packed = io.BytesIO()
    folders = sorted({parent for path in files for parent in _parents(path)})
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for folder in folders:
            archive.addfile(_folder(folder))
        for path in sorted(files):
            archive.addfile(_file(path, len(files[path])), io.BytesIO(files[path]))
    return packed.getvalue()


def stream_tar(files: Mapping[str, bytes | Path], *, folders: bool = False) -> Iterator[bytes]:
    """Yield a tar of files, those given as paths read piece by piece; their `folders` first."""
    for folder in sorted({p for path in files for p in _parents(path)}) if folders else ():
        yield _folder(folder).tobuf(tarfile.GNU_FORMAT)
    for path, content in files.items():
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        yield _file(path, size).tobuf(tarfile.GNU_FORMAT)
        if isinstance(content, Path):
            yield from _pieces(content)
        else:
            yield content
        yield b"\0" * (-size % _BLOCK)
    yield b"\0" * (2 * _BLOCK)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as content:
        while piece := content.read(_CHUNK):
            yield piece


def _parents(path: str) -> list[str]:
    return [str(parent) for parent in reversed(PurePosixPath(path).parents)][1:]


def _file(path: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = size, 0o644
    return entry


def _folder(path: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    return entry


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    return entry
