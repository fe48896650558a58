"""What an image installs: from an index by exact version, and what no index has as wheels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .wheels import local_closure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .kernels import KernelEnvironment


def plan_pins(
    asked: Sequence[str], kernel: KernelEnvironment, folder: Path
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the lines (PEP 508) for an index, and the distributions that ship as wheels.

    Paths of this machine never travel: what was installed from one is a wheel, or its version where
    an index has it, as of conda's packages. Relative paths are looked up from `folder`.
    """
    lines = [named(line, kernel, folder) for line in asked]
    wheels = local_closure(list(_names(lines)), kernel)
    local: set[str] = set(map(canonicalize_name, wheels))
    portable = (_portable(line, local, kernel) for line in lines)
    return tuple(dict.fromkeys(line for line in portable if line)), wheels


def asked_version(line: str, kernel: KernelEnvironment) -> tuple[str, str | None] | None:
    """Return the distribution that a requirement names and the version that it will have.

    The version is the one that the line pins, else the kernel's, else None: the index decides.
    A line that names nothing, a path of another machine say, gives None.
    """
    found = _parsed(line)
    if found is None:
        return None
    pinned = (s.version for s in found.specifier if s.operator == "==" and "*" not in s.version)
    versions = {canonicalize_name(n): v for n, v in kernel.versions.items()}
    return found.name, next(pinned, versions.get(canonicalize_name(found.name)))


def named(line: str, kernel: KernelEnvironment, folder: Path) -> str:
    """Return a requirement that is a path, or a link without a name, by its distribution's name.

    It is found by what the kernel has installed from there; else the line is returned as it is.
    """
    text = line.removeprefix("-e ").removeprefix("--editable ").strip()
    parts = urlparse(text)
    if "#egg=" in text:
        return text.partition("#egg=")[2].split("&")[0]
    if parts.scheme not in {"", "file"} or " @ " in text:
        return text
    path, bracket, extras = unquote(parts.path).partition("[")
    wanted = (folder / path).resolve()
    for name, local in kernel.local.items():
        if local.source is not None and Path(local.source).resolve() == wanted:
            return f"{name}{bracket}{extras}"
    return text


def _names(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        found = _parsed(line)
        if found is not None:
            yield found.name


def _portable(line: str, local: set[str], kernel: KernelEnvironment) -> str | None:
    found = _parsed(line)
    if found is None:
        return line
    name = canonicalize_name(found.name)
    extras = f"[{','.join(sorted(found.extras))}]" if found.extras else ""
    if name in local:
        return f"{found.name}{extras}" if extras else None
    if (found.url or "").startswith("file:"):
        version = {canonicalize_name(n): v for n, v in kernel.versions.items()}.get(name)
        return f"{found.name}{extras}=={version.split('+')[0]}" if version else line
    return line


def _parsed(line: str) -> Requirement | None:
    try:
        return Requirement(line)
    except InvalidRequirement:
        return None
