"""Imports a notebook's marked cells: one namespace, tracebacks that name cell and line."""

from __future__ import annotations

import ast
import asyncio
import hashlib
import inspect
import json
import linecache
import os
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .manifest import Manifest, ManifestCell, Setting, read_manifest, secret_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType, TracebackType

SECRETS_FOLDER = "/run/secrets"


class CellFailed(Exception):
    """A cell raised while it was imported; `line` counts from 1 within the cell."""

    def __init__(self, cell: str, line: int | None, error: BaseException) -> None:
        """Keep the place and the cell's own exception."""
        super().__init__(f"cell {cell}, line {line}: {type(error).__name__}: {error}")
        self.cell = cell
        self.line = line
        self.error = error


class SecretUnset(Exception):
    """The manifest names a secret that this process was not given."""


@dataclass(frozen=True)
class App:
    """An app folder: the manifest, and each shipped cell's source, checked against it."""

    folder: Path
    manifest: Manifest
    sources: dict[str, str]

    @property
    def module(self) -> str:
        """Return the header module's name."""
        return self.manifest.notebook.removesuffix(".ipynb")

    def filename(self, cell: ManifestCell) -> str:
        """Return the file name that the cell's code objects carry."""
        return f"{self.manifest.notebook}[{cell.index}]"

    def cell_of(self, filename: str) -> ManifestCell | None:
        """Return the cell whose code carries `filename`, or None."""
        return next((c for c in self.manifest.cells if self.filename(c) == filename), None)

    def place(self, trace: TracebackType | None) -> tuple[str | None, int | None]:
        """Return cell id and line of the innermost frame that belongs to a cell."""
        for frame in reversed(traceback.extract_tb(trace)):
            cell = self.cell_of(frame.filename)
            if cell is not None:
                return cell.id, frame.lineno
        return None, None


def read_app(folder: Path) -> App:
    """Read the app folder; `ValueError` when the notebook is not the one of the manifest."""
    manifest = read_manifest((folder / "manifest.json").read_bytes())
    notebook = json.loads((folder / manifest.notebook).read_bytes())
    sources = {}
    for cell in manifest.cells:
        raw = notebook["cells"][cell.index]["source"]
        source = "".join(raw) if isinstance(raw, list) else raw
        if hashlib.sha256(source.encode()).hexdigest() != cell.sha256:
            message = f"cell {cell.id} of {manifest.notebook} is not the one of the manifest"
            raise ValueError(message)
        sources[cell.id] = source
    return App(folder, manifest, sources)


def setting_value(setting: Setting) -> Any:
    """Return a literal as it is, or the secret's value from environment or secrets folder."""
    name = secret_name(setting)
    if name is None:
        return setting
    if name in os.environ:
        return os.environ[name]
    path = Path(os.environ.get("NBDEPLOY_SECRETS_DIR", SECRETS_FOLDER)) / name
    if path.is_file():
        return path.read_text(encoding="utf-8").removesuffix("\n")
    message = f"secret {name} has no value: set it in the environment or as {path}"
    raise SecretUnset(message)


def run_cells(module: str, *, notebook: str, cells: Iterable[str]) -> None:
    """Execute the named cells in `module`, the header that calls this.

    Raises `CellFailed` with the notebook's own cell and line.
    """
    namespace = vars(sys.modules[module])
    app = read_app(Path(namespace["__file__"]).parent)
    if app.manifest.notebook != notebook:
        message = f"the manifest is of {app.manifest.notebook}, the header of {notebook}"
        raise ValueError(message)
    for name, setting in app.manifest.env.items():
        os.environ.setdefault(name, str(setting_value(setting)))
    wanted = set(cells)
    chosen = [cell for cell in app.manifest.cells if cell.id in wanted]
    _register_module(app, namespace, chosen)
    for cell in chosen:
        execute(app, cell, namespace)
        if cell.role == "parameters":
            for name, setting in app.manifest.parameters.items():
                namespace[name] = setting_value(setting)


def execute(app: App, cell: ManifestCell, namespace: dict[str, Any]) -> Any:
    """Run one cell and return its last expression's value, None where it ends otherwise."""
    tree = parse(app, cell)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    try:
        _run(compile_cell(app, cell, tree), namespace)
        if not isinstance(last, ast.Expr):
            return None
        expression = ast.Expression(last.value)
        return _run(compile_cell(app, cell, expression, mode="eval"), namespace)
    except Exception as error:
        place = app.place(error.__traceback__)
        raise CellFailed(place[0] or cell.id, place[1], error) from error


def parse(app: App, cell: ManifestCell) -> ast.Module:
    """Parse a cell with its magics replaced; lines stay where they are."""
    lines = app.sources[cell.id].split("\n")
    text = "\n".join(cell.lines.get(str(n), line) for n, line in enumerate(lines, start=1))
    filename = app.filename(cell)
    _remember(filename, app.sources[cell.id])
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        tree = compile(text, filename, "exec", flags)
    except SyntaxError as error:
        raise CellFailed(cell.id, error.lineno, error) from error
    assert isinstance(tree, ast.Module)  # noqa: S101  (PyCF_ONLY_AST answers nothing else)
    return tree


def compile_cell(
    app: App, cell: ManifestCell, tree: ast.Module | ast.Expression, *, mode: str = "exec"
) -> CodeType:
    """Compile under the cell's file name; top-level `await` may stand in it."""
    code: CodeType = compile(
        tree, app.filename(cell), mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
    )
    return code


def _run(code: CodeType, namespace: dict[str, Any]) -> Any:
    answer = eval(code, namespace)  # noqa: S307  (running the notebook is the whole purpose)
    if code.co_flags & inspect.CO_COROUTINE:
        return asyncio.run(answer)
    return answer


def _register_module(app: App, namespace: dict[str, Any], cells: list[ManifestCell]) -> None:
    """Let `inspect.getsource` find classes: it reads the file of the class's module."""
    path = str(app.folder / app.manifest.notebook)
    namespace["__file__"] = path
    _remember(path, "\n".join(app.sources[cell.id] for cell in cells))


def _remember(filename: str, source: str) -> None:
    # An entry without a modification time survives linecache.checkcache
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
