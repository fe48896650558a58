"""An app's cells: read, compiled and run, so that tracebacks name the cell and its line."""

from __future__ import annotations
import __future__

import ast
import asyncio
import hashlib
import inspect
import json
import linecache
import math
import os
import traceback
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .manifest import Manifest, ManifestCell, ManifestValue, Setting, read_manifest, secret_name

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import CodeType

SECRETS_FOLDER = "/run/secrets"
_LAST = "__nbdeploy_last__"
LOOP: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("LOOP", default=None)
"""The loop that cells await on and calls are served on; unset, each cell has its own."""


class CellFailed(Exception):
    """A cell raised while it was imported, or in an example call of `endpoint`.

    `line` counts from 1 within the cell.
    """

    def __init__(
        self, cell: str, line: int | None, error: BaseException, endpoint: str | None = None
    ) -> None:
        """Keep the place and the cell's own exception."""
        during = f"an example call of {endpoint}: " if endpoint else ""
        self.said = f"{during}{type(error).__name__}: {error}"
        super().__init__(f"cell {cell}, line {line}: {self.said}")
        self.cell = cell
        self.line = line
        self.error = error


class SecretUnset(Exception):
    """The manifest names a secret that this process was not given."""


class App(NamedTuple):
    """An app folder: the manifest, and each shipped cell's source, checked against it."""

    folder: Path
    manifest: Manifest
    sources: dict[str, str]
    values_folder: Path | None = None
    """Where values lie when not in the app folder's own `values`."""

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

    def place(
        self, error: BaseException, within: str | None = None
    ) -> tuple[str | None, int | None]:
        """Return cell id and line of the innermost frame in a cell (only in cell `within`)."""
        cause = error.__cause__
        if isinstance(error, RuntimeError) and isinstance(cause, StopIteration):
            # Python's own: it leaves the coroutine or generator out that the first one came from
            place = self.place(cause, within)
            if place[0] is not None:
                return place
        if isinstance(error, SyntaxError) and error.filename:
            cell = self.cell_of(error.filename)
            if cell is not None and within in {None, cell.id}:
                return cell.id, error.lineno
        for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
            cell = self.cell_of(frame.f_code.co_filename)
            if cell is not None and within in {None, cell.id}:
                return cell.id, line
        return None, None


def read_app(folder: Path) -> App:
    """Read the app folder; `ValueError` when the notebook is not the one of the manifest."""
    manifest = read_manifest((folder / "manifest.json").read_bytes())
    notebook = json.loads((folder / manifest.notebook).read_bytes())
    sources = {}
    for cell in manifest.cells:
        source = _source(notebook, cell.index)
        if hashlib.sha256(source.encode()).hexdigest() != cell.sha256:
            raise ValueError(f"cell {cell.id} of {manifest.notebook} is not the manifest's")
        sources[cell.id] = source
    return App(folder, manifest, sources)


def _source(notebook: Any, index: int) -> str:
    try:
        raw = notebook["cells"][index]["source"]
    except (KeyError, IndexError, TypeError):
        raise ValueError(f"the notebook has no cell {index}") from None
    return "".join(raw) if isinstance(raw, list) else str(raw)


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
    raise SecretUnset(f"secret {name} has no value: set it in the environment or as {path}")


def load_values(
    app: App, values: list[ManifestValue], namespace: dict[str, Any], before: float = math.inf
) -> list[ManifestValue]:
    """Load the values that come in before cell `before`; returns those that are left.

    Raises `CellFailed` with the cell that made the value.
    """
    for value in values:
        if value.index < before:
            from .objects import load_object  # noqa: PLC0415  (many notebooks ship no value)

            try:
                folder = app.values_folder or app.folder / "values"
                namespace[value.name] = load_object(folder / value.sha256, namespace)
            except Exception as error:  # a value's own code may raise anything
                raise CellFailed(value.cell, None, error) from error
    return [value for value in values if value.index >= before]


def execute(app: App, cell: ManifestCell, namespace: dict[str, Any]) -> Any:
    """Run one cell and return its last expression's value, None where it ends otherwise."""
    tree = parse(app, cell)
    _keep_last(tree)
    try:
        # As one piece: what a cell begins before it awaits belongs to the same run of the loop
        run_code(compile_cell(app, cell, tree, namespace), namespace)
        return namespace.pop(_LAST, None)
    except (Exception, SystemExit, asyncio.CancelledError) as error:
        # `exit()` in a cell must not end the service unsaid
        place = app.place(error)
        raise CellFailed(place[0] or cell.id, place[1], error) from error


def _keep_last(tree: ast.Module) -> None:
    """Let a last expression leave its value under a name."""
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        name = ast.copy_location(ast.Name(_LAST, ast.Store()), last.value)
        tree.body[-1] = ast.copy_location(ast.Assign([name], last.value), last)


def parse(app: App, cell: ManifestCell) -> ast.Module:
    """Parse a cell with its magics replaced; lines stay where they are."""
    filename = app.filename(cell)
    remember(filename, app.sources[cell.id])
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        tree = compile(python_of(app, cell), filename, "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        raise CellFailed(cell.id, error.lineno, error) from error
    assert isinstance(tree, ast.Module)  # noqa: S101  (PyCF_ONLY_AST answers nothing else)
    return tree


def compile_cell(
    app: App,
    cell: ManifestCell,
    tree: ast.Module | ast.Expression,
    namespace: dict[str, Any],
) -> CodeType:
    """Compile under the cell's file name; top-level `await` may stand in it."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    for value in namespace.values():
        # As in a kernel, `from __future__ import …` holds for the cells after it too
        if isinstance(value, __future__._Feature):  # noqa: SLF001  (it has no public name)
            flags |= value.compiler_flag
    mode = "exec" if isinstance(tree, ast.Module) else "eval"
    code: CodeType = compile(tree, app.filename(cell), mode, flags, dont_inherit=True)
    return code


def run_code(code: CodeType, namespace: dict[str, Any]) -> Any:
    """Run a cell's code, on the service's event loop where it awaits."""
    answer = eval(code, namespace)  # noqa: S307  (running the notebook is the whole purpose)
    return wait_for(answer) if code.co_flags & inspect.CO_COROUTINE else answer


def wait_for(answer: Coroutine[Any, Any, Any]) -> Any:
    """Await on the service's loop, or on one of its own."""
    loop = LOOP.get()
    return asyncio.run(answer) if loop is None else loop.run_until_complete(answer)


def python_of(app: App, cell: ManifestCell) -> str:
    """Return a cell's source with its magics replaced; lines stay where they are."""
    lines = app.sources[cell.id].split("\n")
    return "\n".join(cell.lines.get(str(n), line) for n, line in enumerate(lines, start=1))


def remember(filename: str, source: str) -> None:
    """Let tracebacks and `inspect` find the source of code that carries `filename`."""
    # An entry without a modification time survives linecache.checkcache
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
