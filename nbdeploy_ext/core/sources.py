"""What shipped cells reach for outside the notebook: imports, modules, files, environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from .joined_paths import bound, resolved
from .mentions import read_mentions
from .notebook import SERVING
from .pickles import pickled_modules
from .places import Places
from .syntax import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .cell_flow import CellFlow
    from .joined_paths import Pattern
    from .mentions import Mentions


_MODULE = Places("", {})
"""Of what stands in a module the line alone is told."""


@dataclass(frozen=True, slots=True)
class Place:
    """A name or path with where it is first met: line and column count from 1."""

    name: str
    cell: str
    line: int
    column: int
    members: tuple[str, ...] = ()
    """What a `from` import takes out of the module: names in it, or modules below it."""
    optional: bool = False
    """Whether the code goes on where the import fails."""
    within: str = ""
    """The local module in which it stands, with its line there; the place is its import's."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Top-level imports, environment variables read, and what stands beside the notebook.

    `modules` and `files` are POSIX paths relative to the notebook's folder, `broken` are modules
    that are no valid Python, `pickled` the modules that pickled files name, each with the file as
    `within`, `unmatched` the patterns of `image.include` that match nothing, or lie outside.
    """

    imports: tuple[Place, ...]
    environment: tuple[Place, ...]
    modules: tuple[str, ...]
    files: tuple[str, ...]
    broken: tuple[Place, ...] = ()
    pickled: tuple[Place, ...] = ()
    unmatched: tuple[str, ...] = ()


def find_sources(
    folder: Path, flows: Sequence[CellFlow], include: Sequence[str], needed: Sequence[Place] = ()
) -> Sources:
    """Collect from the shipped cells and, transitively, the local modules that they import.

    `needed` are modules that values need to be loaded.
    """
    roots = [folder, *search_folders(folder, flows)]
    search = _Search(folder, roots)
    for flow in flows:
        search.read(flow.mentions, Place("", flow.cell.cell_id, 0, 0))
        if flow.cell.role in SERVING:
            search.supply(flow.mentions.supplied)
    search.follow()
    files = dict.fromkeys(_files(search.texts, folder))
    pickled = [
        Place(module, search.texts[path], 1, 1, optional=True, within=path)
        for path in files
        if path in search.texts
        for module in sorted(pickled_modules(folder / path))
    ]
    for place in (*pickled, *needed):
        search.find(place, place)
    search.follow()
    included, unmatched = _included(folder, include)
    return Sources(
        tuple(search.imports), tuple(search.environment), tuple(search.modules),
        tuple(sorted({**files, **included})), tuple(search.broken), tuple(pickled), unmatched,
    )  # fmt: skip


def search_folders(folder: Path, flows: Iterable[CellFlow]) -> Iterator[Path]:
    """Yield the folders inside the notebook's own that cells put on `sys.path`."""
    for flow in flows:
        for added in flow.mentions.paths:
            place = Path(os.path.normpath(folder / added.text))
            if place != folder and place.is_relative_to(folder) and place.is_dir():
                yield place


class _Search:
    """Follows imports from cells into the modules that stand beside the notebook."""

    def __init__(self, folder: Path, roots: Sequence[Path]) -> None:
        self.imports: list[Place] = []
        self.environment: list[Place] = []
        self.modules: dict[str, None] = {}
        self.broken: list[Place] = []
        self.texts: dict[str, str] = {}
        self._folder = folder
        self._roots = roots
        self._beside: dict[str, tuple[Path, ...] | None] = {}
        self._waiting: list[tuple[str, Place]] = []
        self._supplied: set[str] = set()
        self._joined: dict[Pattern, str] = {}
        self._globs: dict[Pattern, str] = {}
        self._constants: dict[str, dict[Pattern, None]] = {}

    def supply(self, variables: Iterable[str]) -> None:
        """Take environment variables that a cell sets: whoever comes after it finds them."""
        self._supplied.update(variables)

    def read(self, mentions: Mentions, of: Place) -> None:
        """Take what a cell mentions, or the module that is imported at `of`."""
        for text in mentions.texts:
            self.texts.setdefault(text, of.cell)
        for name, pattern in mentions.constants:
            self._constants.setdefault(name, {})[bound(pattern, "__file__", of.name)] = None
        for pattern in mentions.joined:
            self._joined.setdefault(bound(pattern, "__file__", of.name), of.cell)
        for pattern in mentions.globs:
            self._globs.setdefault(bound(pattern, "__file__", of.name), of.cell)
        for variable in mentions.environment:
            if variable.text in self._supplied:
                continue
            at, said = _at(of, variable.line, variable.column)
            self.environment.append(Place(variable.text, of.cell, *at, within=said))
        for found in mentions.imports:
            at, said = _at(of, found.line, found.column)
            place = Place(
                found.name, of.cell, *at, found.members, found.optional or of.optional, said
            )
            self.find(place, of)

    def find(self, place: Place, of: Place) -> None:
        """Note a module: one that is installed, or files that have to be read in turn."""
        top = place.name.partition(".")[0]
        if top not in self._beside:
            found = (local_module(root, place.name, place.members) for root in self._roots)
            self._beside[top] = next(filter(None, found), None)
        local = self._beside[top]
        if local is None:
            self.imports.append(place)
        for path in _new(local or (), self._folder, self.modules):
            self.modules[path] = None
            at = (of.line, of.column) if of.line else (place.line, place.column)
            self._waiting.append((path, Place(path, place.cell, *at, optional=place.optional)))

    def follow(self) -> None:
        """Read the modules that were found, and those that they import."""
        for path, of in self._waiting:
            found = (self._folder / path).stat()
            mentions = _read_module(str(self._folder / path), found.st_size, found.st_mtime_ns)
            if isinstance(mentions, int):
                self.broken.append(replace(of, within=f"{path}, line {mentions}"))
            else:
                self.read(mentions, of)
        self._waiting.clear()
        for pattern, cell in self._joined.items():
            for path in resolved(pattern, self._constants):
                self.texts.setdefault(path, cell)
        for pattern, cell in self._globs.items():
            for wanted in resolved(pattern, self._constants):
                for path in _matching(self._folder, wanted):
                    self.texts.setdefault(path, cell)


def _at(of: Place, line: int, column: int) -> tuple[tuple[int, int], str]:
    """Return the place in the cell, and where it stands when that is in a module."""
    return ((of.line, of.column), f"{of.name}, line {line}") if of.line else ((line, column), "")


def _matching(folder: Path, pattern: str) -> list[str]:
    """Return the files that a pattern with a suffix finds: `*` alone may be anything."""
    if "**" in pattern or not PurePosixPath(pattern).suffix[1:].isalnum():
        return []  # below a large folder this would take long
    found = (path.relative_to(folder) for path in sorted(folder.glob(pattern)) if path.is_file())
    return [p.as_posix() for p in found if not any(part.startswith(".") for part in p.parts)]


def _included(folder: Path, patterns: Sequence[str]) -> tuple[dict[str, None], tuple[str, ...]]:
    """Return the files of `image.include`, and the patterns that give none."""
    files: dict[str, None] = {}
    unmatched = []
    for pattern in patterns:
        inside = not Path(pattern).is_absolute() and ".." not in Path(pattern).parts
        found = sorted(p for p in folder.glob(pattern) if p.is_file()) if inside else []
        files.update(dict.fromkeys(p.relative_to(folder).as_posix() for p in found))
        unmatched += [] if found else [pattern]
    return files, tuple(unmatched)


def local_module(folder: Path, name: str, members: Sequence[str] = ()) -> tuple[Path, ...] | None:
    """Return the files of a module or package that stands in a folder, or None.

    A folder without `__init__.py` is a package where what is imported out of it is there.
    """
    top, _, rest = name.partition(".")
    if (folder / f"{top}.py").is_file():
        return (folder / f"{top}.py",)
    package = folder / top
    wanted = [rest.partition(".")[0]] if rest else members
    is_package = (package / "__init__.py").is_file() or any(
        (package / f"{one}.py").is_file() or (package / one).is_dir() for one in wanted if one
    )
    return tuple(sorted(package.rglob("*.py"))) if is_package else None


@lru_cache(maxsize=256)
def _read_module(path: str, _size: int, _changed: int) -> Mentions | int:
    """Return what a module mentions, or the line at which it is no valid Python."""
    parsed = parse(Path(path).read_bytes())
    if parsed.tree is None:
        return (parsed.fault.lineno if parsed.fault else None) or 1
    return read_mentions(parsed.tree, _MODULE)


def _new(found: Sequence[Path], folder: Path, known: dict[str, None]) -> list[str]:
    paths = [path.relative_to(folder).as_posix() for path in found]
    return [path for path in paths if path not in known]


def _files(texts: Iterable[str], folder: Path) -> Iterator[str]:
    """Yield relative paths, written as string literals, of files that are there."""
    start = f"{folder}{os.sep}"
    for text in texts:
        # asked as text first: most literals are no paths, and a path object costs more than that
        if text[0] == "/" or not os.path.isfile(start + text):  # noqa: PTH113
            continue
        path = PurePosixPath(text)
        if ".." not in path.parts:
            yield path.as_posix()
