"""Runs in the kernel's interpreter, with nothing of ours: prints what is installed, as JSON.

Its source is executed there, it is never imported; it needs the standard library only.
"""

from __future__ import annotations

import ast
import csv
import importlib.metadata
import json
import os
import pkgutil
import re
import sys
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from email.message import Message

ABOUT = (".dist-info", ".egg-info", ".data")
CODE = (".py", ".so", ".pyd")
SITE = ("site-packages", "dist-packages")
# What stands beside a package in its project and is no part of it
BESIDE = {"tests", "test", "docs", "doc", "build", "dist", "examples", "scripts", "setup",
          "conftest",
          "noxfile", "tasks", "benchmarks"}  # fmt: skip


def probe() -> dict[str, Any]:
    """Return all that `KernelEnvironment` holds."""
    sys.path[:] = [path for path in sys.path if path]  # without the asker's own folder
    found: dict[str, Any] = {
        "versions": {},
        "imports": {},
        "modules": {},
        "local": {},
        "requires": {},
    }
    files: dict[str, list[tuple[str, list[str]]]] = {}
    for distribution in importlib.metadata.distributions():
        about = headers(distribution)
        name = about["Name"]
        if not name or name in found["versions"]:
            continue
        found["versions"][name] = about["Version"]
        found["requires"][name] = about.get_all("Requires-Dist") or []
        paths = files_of(distribution)
        local = origin(distribution, paths)
        if local is not None:
            found["local"][name] = local
            paths += modules_of(local["packages"])
        tops = set((distribution.read_text("top_level.txt") or "").split())
        for top in tops | set(tops_of(paths)):
            found["imports"].setdefault(top, []).append(name)
            files.setdefault(top, []).append((name, paths))
    for top, several in files.items():
        if (
            len(several) > 1
        ):  # they share a name, as namespace packages do: each has modules below it
            share(top, several, found["modules"])
    return {
        "version": ".".join(map(str, sys.version_info[:3])),
        "executable": sys.executable,
        "prefix": sys.prefix,
        "paths": [path for path in sys.path if Path(path).is_dir()],
        "stdlib": sorted(getattr(sys, "stdlib_module_names", ())),
        "loose": loose(found["imports"]),
        **found,
    }


def headers(
    distribution: importlib.metadata.Distribution,
) -> Message | importlib.metadata.PackageMetadata:
    """Return a distribution's metadata without the description, which is most of its text."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO")
    if not text:
        return distribution.metadata
    return HeaderParser().parsestr(re.split(r"\r?\n\r?\n", text, maxsplit=1)[0])


def files_of(distribution: importlib.metadata.Distribution) -> list[str]:
    """Return the files that a distribution lists."""
    record = distribution.read_text("RECORD")
    if record is None:
        return list(map(str, distribution.files or ()))
    return [row[0] for row in csv.reader(record.splitlines()) if row]


def tops_of(paths: Iterable[str]) -> Iterator[str]:
    """Yield the top-level import names of files that a distribution lists."""
    for path in paths:
        top, _, rest = path.partition("/")
        if top.endswith(ABOUT) or top in ("..", "__pycache__"):
            continue
        if rest:
            yield top
        elif top.endswith(CODE):
            yield top.split(".")[0]


def share(top: str, several: list[tuple[str, list[str]]], modules: dict[str, list[str]]) -> None:
    """Note which distribution holds each module below a shared top-level name."""
    for name, paths in several:
        for path in paths:
            parts = path.split("/")
            if parts[0] == top and parts[-1].endswith(CODE) and "__pycache__" not in parts:
                last = [] if parts[-1] == "__init__.py" else [parts[-1].split(".")[0]]
                owners = modules.setdefault(".".join(parts[:-1] + last), [])
                if name not in owners:
                    owners.append(name)


def origin(
    distribution: importlib.metadata.Distribution, paths: list[str]
) -> dict[str, Any] | None:
    """Return how a distribution came here when no index has it as it is, else None."""
    info = getattr(distribution, "_path", None)
    text = distribution.read_text("direct_url.json")
    if info is None or not (text or is_develop(info)):
        return None
    raw: dict[str, Any] = json.loads(text) if text else {"dir_info": {"editable": True}}
    url = str(raw.get("url") or "")
    installer = (distribution.read_text("INSTALLER") or "").strip()
    if installer == "conda" or "/croot/" in url or "feedstock_root" in url:
        return None  # a path of the machine that built the conda package: its version is enough
    editable = bool((raw.get("dir_info") or {}).get("editable"))
    source = unquote(urlparse(url).path) if url.startswith("file:") else None
    if not text:
        source = project_of(Path(str(info)))
    wheel = distribution.read_text("WHEEL") or ""
    return {
        "url": url,
        "source": source,
        "editable": editable,
        "info": str(info),
        "tags": [
            line.split(":", 1)[1].strip() for line in wheel.splitlines() if line.startswith("Tag:")
        ],
        "record": distribution.read_text("RECORD") is not None,
        "packages": editable_packages(distribution, Path(str(info)), paths) if editable else {},
    }


def is_develop(info: object) -> bool:
    """Whether it is the mark of `setup.py develop`: an .egg-info outside of site-packages."""
    return str(info).endswith(".egg-info") and not any(
        part in SITE for part in Path(str(info)).parts
    )


def project_of(info: Path) -> str:
    """Return the folder of the project that an .egg-info is in."""
    for folder in info.parents:
        if (folder / "setup.py").exists() or (folder / "pyproject.toml").exists():
            return str(folder)
    return str(info.parent)


def editable_packages(
    distribution: importlib.metadata.Distribution, info: Path, paths: list[str]
) -> dict[str, str]:
    """Return the import names of an editable distribution, with the folder or file of each."""
    packages: dict[str, str] = {}
    for path in paths:
        file = info.parent / path
        if path.endswith(".pth") and file.exists():
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                if line and Path(line).is_dir():
                    packages.update(packages_in(Path(line)))
        elif path.startswith("__editable__") and path.endswith("_finder.py") and file.exists():
            packages.update(mapping_of(file.read_text(encoding="utf-8")))
    if is_develop(info):
        packages.update(packages_in(info.parent))
    tops = set((distribution.read_text("top_level.txt") or "").split())
    return {name: path for name, path in packages.items() if not tops or name.split(".")[0] in tops}


def mapping_of(text: str) -> dict[str, str]:
    """Return what setuptools' finder of an editable package maps, without running it."""
    for node in ast.parse(text).body:
        if not isinstance(node, ast.AnnAssign) or node.value is None:
            continue
        if getattr(node.target, "id", "") == "MAPPING":
            found = ast.literal_eval(node.value)
            return {
                name: path if Path(path).exists() else path + ".py" for name, path in found.items()
            }
    return {}


def packages_in(folder: Path) -> dict[str, str]:
    """Return the packages and modules that stand in a folder."""
    is_project = (folder / "pyproject.toml").exists() or (folder / "setup.py").exists()
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        name = path.stem if path.suffix == ".py" else path.name
        if not name.isidentifier() or (is_project and name in BESIDE):
            continue
        is_module = path.suffix == ".py" or (path / "__init__.py").exists()
        # A folder without __init__.py may be a namespace package
        if is_module or (not is_project and path.is_dir() and next(path.rglob("*.py"), None)):
            found[name] = str(path)
    return found


def modules_of(packages: dict[str, str]) -> list[str]:
    """Return the modules of editable packages as a distribution's list of files has them."""
    found: list[str] = []
    for name, path in packages.items():
        place = name.replace(".", "/")
        if Path(path).is_file():
            found.append(place + ".py")
        for folder, _, files in os.walk(path):
            inside = os.path.relpath(folder, path).replace(os.sep, "/")
            parent = place if inside == "." else place + "/" + inside
            found += [parent + "/" + file for file in files if file.endswith(CODE)]
    return found


def loose(imports: Iterable[str]) -> dict[str, str]:
    """Return modules outside of site-packages that no distribution holds, with their folder."""
    base = (sys.base_prefix, sys.prefix)
    folders = [path for path in sys.path if Path(path).is_dir() and not path.startswith(base)]
    return {
        found.name: path
        for path in reversed(folders)
        if not any(part in SITE for part in Path(path).parts)
        for found in pkgutil.iter_modules([path])
        if found.name not in imports
    }


if __name__ == "__main__":
    json.dump(probe(), sys.stdout)
