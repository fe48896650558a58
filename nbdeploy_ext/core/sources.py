"""What shipped cells reach for outside the notebook: imports, modules, files, environment."""

from __future__ import annotations

import ast
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from .mentions import read_mentions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .dataflow import CellFlow


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


@dataclass(frozen=True, slots=True)
class Sources:
    """Top-level imports, environment variables read, and what stands beside the notebook.

    `modules` and `files` are POSIX paths relative to the notebook's folder.
    """

    imports: tuple[Place, ...]
    environment: tuple[Place, ...]
    modules: tuple[str, ...]
    files: tuple[str, ...]


def find_sources(folder: Path, flows: Sequence[CellFlow], include: Sequence[str]) -> Sources:
    """Collect from the shipped cells and, transitively, the local modules that they import."""
    imports: list[Place] = []
    environment: list[Place] = []
    modules: dict[str, None] = {}
    texts: dict[str, None] = {}
    beside: dict[str, tuple[Path, ...] | None] = {}
    waiting = [(flow.mentions, flow.cell.cell_id) for flow in flows]
    for mentions, cell in waiting:
        environment += [Place(m.text, cell, m.line, m.column) for m in mentions.environment]
        texts.update(dict.fromkeys(mentions.texts))
        for found in mentions.imports:
            top = found.name.partition(".")[0]
            if top not in beside:
                beside[top] = local_module(folder, top)
            local = beside[top]
            if local is None:
                imports.append(
                    Place(found.name, cell, found.line, found.column, found.members, found.optional)
                )
            for path in _new(local or (), folder, modules):
                modules[path] = None
                waiting.append((read_mentions(ast.parse((folder / path).read_bytes())), cell))
    files = dict.fromkeys(_files(texts, folder))
    for pattern in include:
        matching = sorted(p for p in folder.glob(pattern) if p.is_file())
        files.update(dict.fromkeys(p.relative_to(folder).as_posix() for p in matching))
    return Sources(tuple(imports), tuple(environment), tuple(modules), tuple(sorted(files)))


def local_module(folder: Path, name: str) -> tuple[Path, ...] | None:
    """Return the files of a module or package that stands beside the notebook, or None."""
    top = name.split(".", maxsplit=1)[0]
    if (folder / f"{top}.py").is_file():
        return (folder / f"{top}.py",)
    if (folder / top / "__init__.py").is_file():
        return tuple(sorted((folder / top).rglob("*.py")))
    return None


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
