"""What shipped cells reach for outside the notebook: imports, modules, files, environment."""

from __future__ import annotations

import ast
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
    files: dict[str, None] = {}
    waiting = [(flow.tree, flow.cell.cell_id, folder) for flow in flows if flow.tree]
    while waiting:
        tree, cell, _ = waiting.pop(0)
        environment += _environment(tree, cell)
        files.update(dict.fromkeys(_files(tree, folder)))
        for place in _imports(tree, cell):
            local = local_module(folder, place.name)
            if local is None:
                imports.append(place)
            for path in _new(local or (), folder, modules):
                modules[path] = None
                waiting.append((ast.parse((folder / path).read_bytes()), cell, folder))
    for pattern in include:
        found = sorted(p for p in folder.glob(pattern) if p.is_file())
        files.update(dict.fromkeys(p.relative_to(folder).as_posix() for p in found))
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


def _imports(tree: ast.Module, cell: str) -> Iterator[Place]:
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, optional = waiting.pop(0)
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Place(alias.name, cell, node.lineno, node.col_offset + 1, optional=optional)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            members = tuple(alias.name for alias in node.names)
            yield Place(node.module, cell, node.lineno, node.col_offset + 1, members, optional)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += ((child, optional) for child in node.orelse)
        elif isinstance(node, ast.Try) and any(map(_catches_imports, node.handlers)):
            waiting += ((child, True) for child in node.body)
            rest = [*node.handlers, *node.orelse, *node.finalbody]
            waiting += ((child, optional) for child in rest)
        else:
            waiting += ((child, optional) for child in ast.iter_child_nodes(node))


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    caught = "" if handler.type is None else ast.unparse(handler.type)
    return not caught or any(
        name in caught for name in ("ImportError", "ModuleNotFoundError", "Exception")
    )


def _environment(tree: ast.Module, cell: str) -> Iterator[Place]:
    """Yield what `os.environ[NAME]` needs; `get` and `getenv` have an answer without it."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Load)
            and ast.unparse(node.value) in {"os.environ", "environ"}
            and isinstance(node.slice, ast.Constant)
        ):
            yield Place(str(node.slice.value), cell, node.lineno, node.col_offset + 1)


def _files(tree: ast.Module, folder: Path) -> Iterator[str]:
    """Yield relative paths, written as string literals, of files that are there."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        text = node.value
        if not text or len(text) > 255 or "\n" in text or "\0" in text:
            continue
        path = PurePosixPath(text)
        is_inside = not path.is_absolute() and ".." not in path.parts
        with suppress(OSError, ValueError):  # a text that no file system takes for a path
            if is_inside and (folder / path).is_file():
                yield path.as_posix()
