"""Wheels (PEP 427) packed from files that are installed: same files, same bytes."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .kernels import LocalDistribution

NOT_SOURCE = frozenset(
    {"__pycache__", ".git", ".hg", ".venv", "node_modules", ".ipynb_checkpoints"}
)
# Written by whoever installed it, about this machine
_INSTALLERS = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"})
_EPOCH = (1980, 1, 1, 0, 0, 0)
_CHUNK = 2**20

Files = dict[str, "Path | bytes"]
"""What stands in a wheel, by path."""


class NoWheel(Exception):
    """No wheel can be made; the text says why."""


def installed_files(local: LocalDistribution, prefix: Path) -> Files:
    """Return the files of an installed distribution as they stood in its wheel."""
    info = Path(local.info)
    found: Files = {}
    for path, *_ in csv.reader((info / "RECORD").read_text(encoding="utf-8").splitlines()):
        inside = _place(path, info, prefix)
        if inside is None:
            continue
        if not (info.parent / path).is_file():
            raise NoWheel(f"{info.parent / path}, which was installed with it, is gone")
        found[inside] = info.parent / path
    return found


def editable_files(local: LocalDistribution) -> Files:
    """Return the files of an editable distribution where its wheel would have them."""
    found: Files = {}
    for name, place in local.packages.items():
        top = name.replace(".", "/")
        if Path(place).is_file():
            found[f"{top}.py"] = Path(place)
        for file in source_files(Path(place)):
            if file.suffix != ".pyc":
                found[f"{top}/{file.relative_to(place).as_posix()}"] = file
    if not found:
        raise NoWheel(f"its folder {local.source} is gone")
    return found


def source_files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder of sources, in the order of their paths."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - NOT_SOURCE)
        yield from (Path(parent) / file for file in sorted(files))


def metadata_files(local: LocalDistribution, tag: str) -> Files:
    """Return the folder of metadata of a wheel that is made of an editable distribution."""
    info = Path(local.info)
    skipped = {*_INSTALLERS, "WHEEL", "SOURCES.txt", "requires.txt"}
    about: Files = {
        file.relative_to(info).as_posix(): file
        for file in source_files(info)
        if file.name not in skipped
    }
    if "PKG-INFO" in about:  # of `setup.py develop`
        about["METADATA"] = about.pop("PKG-INFO")
    pure = str(tag.endswith("-any")).lower()
    about["WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: nbdeploy\nRoot-Is-Purelib: {pure}\nTag: {tag}\n".encode()
    )
    return {f"{_stem(local)}.dist-info/{name}": content for name, content in about.items()}


def wheel_name(local: LocalDistribution, tags: Sequence[str]) -> str:
    """Return the file name of a wheel with these tags, `small-1.0-py2.py3-none-any.whl` say."""
    parts = [tag.split("-") for tag in tags]
    joined = [".".join(sorted({part[place] for part in parts})) for place in range(3)]
    return f"{_stem(local)}-{'-'.join(joined)}.whl"


def pack_wheel(files: Mapping[str, Path | bytes], path: Path) -> None:
    """Write a wheel whose bytes depend on nothing but its files, with a RECORD of them."""
    about = next(name for name in files if name.endswith(".dist-info/METADATA")).split("/")[0]
    record = f"{about}/RECORD"
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(set(files) - {record}):
            writer.writerow([name, *_add(archive, name, files[name])])
        writer.writerow([record, "", ""])
        _add(archive, record, rows.getvalue().encode())


def _place(path: str, info: Path, prefix: Path) -> str | None:
    """Return where an installed file stands in a wheel; None for what an installer makes."""
    parts = path.split("/")
    if "__pycache__" in parts or (parts[0] == info.name and parts[-1] in _INSTALLERS):
        return None
    if parts[0] != ".." and not Path(path).is_absolute():
        return path
    file = Path(os.path.normpath(info.parent / path))
    outside = file.relative_to(prefix) if file.is_relative_to(prefix) else None
    # Commands name this machine's interpreter, and the image has none
    if outside is None or outside.parts[0] in {"bin", "Scripts", "include"}:
        return None
    return f"{info.stem}.data/data/{outside.as_posix()}"


def _stem(local: LocalDistribution) -> str:
    """Return name and version as a wheel's file name has them."""
    info = Path(local.info)
    if info.suffix == ".dist-info":
        return info.stem
    about = HeaderParser().parsestr((info / "PKG-INFO").read_text(encoding="utf-8"))
    return f"{canonicalize_name(str(about['Name'])).replace('-', '_')}-{about['Version']}"


def _add(archive: zipfile.ZipFile, name: str, content: Path | bytes) -> tuple[str, int]:
    """Put one file into the archive; returns its hash as a RECORD has it, and its size."""
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o100644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    total, size = hashlib.sha256(), 0
    with archive.open(entry, "w", force_zip64=True) as packed:
        for piece in _pieces(content):
            packed.write(piece)
            total.update(piece)
            size += len(piece)
    return f"sha256={base64.urlsafe_b64encode(total.digest()).rstrip(b'=').decode()}", size


def _pieces(content: Path | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as opened:
        while piece := opened.read(_CHUNK):
            yield piece
