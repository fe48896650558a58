"""Requirements of a file that an engineer names: pip's, pyproject.toml, environment.yml."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .errors import ConfigInvalid

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_CONDA = re.compile(r"^([A-Za-z0-9._-]+)\s*(?:={1,2}\s*([^=\s]+)(?:=\S+)?|([<>!~].*))?$")
_NOT_ON_PYPI = frozenset({"python", "pip"})


def read_requirement_file(
    path: Path, named: Callable[[str, Path], str] = lambda line, _: line
) -> tuple[str, ...]:
    """Return the requirements of a file (PEP 508), as it lists them; `ConfigInvalid`.

    Of `pyproject.toml` they are the project's dependencies (PEP 621), of `environment.yml` conda's
    packages by the same name, and pip's; any other file is pip's requirements format, with the
    files that it names by `-r`. `named` gives a line that is a path, from a folder, its name.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".toml":
            found = _list(_table(tomllib.loads(text), "project"), "dependencies")
        elif path.suffix in {".yml", ".yaml"}:
            found = list(_conda(_yaml(text)))
        else:
            found = list(_pip(text, path.parent))
        return tuple(_requirement(line, named(line, path.parent)) for line in found)
    except OSError as fault:
        other = f"{fault.filename}: " if str(fault.filename) != str(path) else ""
        raise ConfigInvalid(
            f"{path.name}, which [image] requirements names, can't be read: {other}"
            f"{fault.strerror}.",
            hint="The path is relative to the notebook.",
        ) from fault
    except (TypeError, ValueError) as fault:
        said = str(fault).splitlines()[0]
        raise ConfigInvalid(
            f"{path.name}, which [image] requirements names, can't be read: {said}",
            hint="List one requirement a line, name==version say.",
        ) from fault


def _requirement(line: str, text: str) -> str:
    try:
        return str(Requirement(text))
    except InvalidRequirement as fault:
        said = line if "://" not in line else "a URL without the name of its package"
        raise ValueError(f"{said} is no requirement that an index has.") from fault


def _table(document: Any, key: str) -> dict[str, Any]:
    found = document.get(key, {}) if isinstance(document, dict) else None
    if not isinstance(found, dict):
        raise TypeError(f"{key} is no table")
    return found


def _list(table: Any, key: str) -> list[Any]:
    found = (table.get(key) or []) if isinstance(table, dict) else None
    if not isinstance(found, list):
        raise TypeError(f"{key} is no list")
    return [entry if isinstance(entry, dict) else str(entry) for entry in found]


def _yaml(text: str) -> Any:
    import yaml  # noqa: PLC0415  (few notebooks have such a file, and all would wait for it)

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as fault:
        raise ValueError(str(fault)) from fault


def disagreements(
    listed: Sequence[str], used: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Yield each distribution that shipped cells use (name, version) and that the file has not.

    The second text says how: it is not listed, or in another version.
    """
    wanted = {canonicalize_name(r.name): r for r in map(Requirement, listed)}
    for name, version in used:
        found = wanted.get(canonicalize_name(name))
        if found is None:
            yield name, "does not list it"
        elif not found.specifier.contains(version, prereleases=True):
            yield name, f"wants {found.specifier}"


def _pip(text: str, folder: Path) -> Iterator[str]:
    for line in text.replace("\\\n", " ").splitlines():
        plain = re.sub(r"(^|\s)#.*$", "", line).strip()
        plain = re.sub(r"\s--hash=\S+", "", plain).strip()
        other = re.match(r"(?:-r|--requirement)[ =]\s*(.+)", plain)
        if other:
            yield from _pip((folder / other[1]).read_text(encoding="utf-8"), folder)
        elif plain and (not plain.startswith("-") or plain.startswith(("-e ", "--editable "))):
            yield plain


def _conda(document: Any) -> Iterator[str]:
    for entry in _list(document, "dependencies"):
        if isinstance(entry, dict):
            yield from _list(entry, "pip")
            continue
        found = _CONDA.match(str(entry).split("::")[-1].strip())
        if found is None:
            raise ValueError(f"{entry!r} is no package")
        name, exact, compared = found.groups()
        if name.lower() not in _NOT_ON_PYPI:
            yield f"{name}=={exact}" if exact else f"{name}{compared or ''}"
