"""Imports a notebook's marked cells: one namespace, and a function where cells wait for calls."""

from __future__ import annotations
import __future__

import ast
import contextlib
import inspect
import itertools
import os
import sys
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cells import (
    COMPUTED,
    KEY,
    Cells,
    Parameter,
    bound_names,
    fresh,
    make_function,
    random_states,
    set_given,
)
from .loader import (
    App,
    CellFailed,
    compile_cell,
    execute,
    load_values,
    parse,
    python_of,
    read_app,
    remember,
    setting_value,
    wait_for,
)
from .manifest import secret_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType

    from .manifest import ManifestCell, ManifestCells, ManifestValue


def run_cells(module: str, *, notebook: str, cells: Iterable[str]) -> None:
    """Execute the named cells in `module`, the header that calls this.

    Raises `CellFailed` with the notebook's own cell and line.
    """
    namespace = vars(sys.modules[module])
    app = read_app(Path(namespace["__file__"]).parent)
    if app.manifest.notebook != notebook:
        raise ValueError(f"the manifest is of {app.manifest.notebook}, the header of {notebook}")
    for name, setting in app.manifest.env.items():
        os.environ.setdefault(name, str(setting_value(setting)))
    wanted = set(cells)
    run_app(app, namespace, [cell for cell in app.manifest.cells if cell.id in wanted])


def run_app(app: App, namespace: dict[str, Any], chosen: list[ManifestCell]) -> None:
    """Execute cells of an app in `namespace`, in their order, with its values in between.

    Where the cells are a function, those that a call runs are left to it.
    """
    offsets = _register_module(app, namespace, chosen)
    function = next((e.cells for e in app.manifest.endpoints if e.cells is not None), None)
    late = set(function.cells) if function else set()
    values = [v for v in app.manifest.values if not function or v.name not in function.values]
    for cell in chosen:
        if cell.id in late:
            continue
        values = load_values(app, values, namespace, cell.index)
        before = set(map(id, namespace.values()))
        execute(app, cell, namespace)
        if sys.version_info >= (3, 13):
            _place_classes(namespace, before, offsets[cell.id])
        if cell.role == "parameters":
            namespace.update(_settings(app))
    load_values(app, values, namespace)
    if function:
        _add_function(app, function, namespace, chosen, offsets)


def _settings(app: App) -> dict[str, Any]:
    """Return what the engineer sets for the parameters."""
    return {name: setting_value(setting) for name, setting in app.manifest.parameters.items()}


def _add_function(
    app: App,
    function: ManifestCells,
    namespace: dict[str, Any],
    chosen: list[ManifestCell],
    offsets: dict[str, int],
) -> None:
    """Add the cells as a function, as `run` too unless the cells have that name."""
    steps, shown = _steps(app, function, namespace, chosen, offsets)
    cells = Cells(dict(namespace), tuple(steps), shown, function.answer)
    parameters = _parameters(app, function, _with_defaults(app, function, namespace, chosen))
    made = make_function(cells, parameters, namespace["__name__"])
    namespace[KEY] = made
    if "run" not in bound_names(cells):
        namespace.setdefault("run", made)
    bound = bound_names(cells)

    def find(name: str) -> Any:
        """Answer for what only a call binds (PEP 562), with the names of one with the defaults."""
        if name not in bound:
            raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")
        left = default_names(app, namespace)
        namespace.update({n: left[n] for n in bound if n in left})
        return namespace[name]

    namespace.setdefault("__getattr__", find)


def _with_defaults(
    app: App, function: ManifestCells, namespace: dict[str, Any], chosen: list[ManifestCell]
) -> dict[str, Any]:
    """Return the names with the defaults, whose types are the parameters'.

    A parameters cell that runs at each call runs here only to tell. It may need what another
    such cell makes; its defaults have no type then.
    """
    names = dict(namespace)
    for cell in chosen:
        if cell.id in function.cells and cell.role == "parameters":
            with contextlib.suppress(CellFailed):
                execute(app, cell, names)
            names.update(_settings(app))
    return names


def default_names(app: App, namespace: dict[str, Any]) -> dict[str, Any]:
    """Return all names after a call with the defaults; `CellFailed` when it fails."""
    cells = namespace[KEY].cells
    try:
        found = wait_for(cells.call_async({})) if cells.is_async else cells.call({})
    except (Exception, SystemExit) as error:
        cell, line = app.place(error)
        raise CellFailed(cell or "", line, error) from error
    return {**namespace, **found[1]}


def _steps(
    app: App,
    function: ManifestCells,
    namespace: dict[str, Any],
    chosen: list[ManifestCell],
    offsets: dict[str, int],
) -> tuple[list[Any], CodeType | None]:
    """Compile what a call runs, in notebook order; returns the last expression by itself."""
    steps: list[Any] = [*random_states(function.random)]
    shown = None
    known = dict(namespace)
    last = [cell.id for cell in chosen if cell.role == "production"][-1]
    values = [value for value in app.manifest.values if value.name in function.values]
    for cell in chosen:
        steps += [_value_step(app, value) for value in values if value.index < cell.index]
        values = [value for value in values if value.index >= cell.index]
        is_late = cell.id in function.cells
        if is_late:
            tree = parse(app, cell)
            known.update(_features(tree))
            end = tree.body.pop() if cell.id == last and not function.answer else None
            steps.append(_compiled(app, cell, tree, known))
            if isinstance(end, ast.Expr):
                shown = _compiled(app, cell, ast.Expression(end.value), known)
            if sys.version_info >= (3, 13):
                steps += _placing(tree, offsets[cell.id])
        if cell.role == "parameters":
            settings = _settings(app) if is_late else {}
            own = {n: namespace[n] for n in function.parameters if n in namespace}
            steps += [fresh(settings or ({} if is_late else own)), set_given]
    return [*steps, *(_value_step(app, value) for value in values)], shown


def _compiled(
    app: App, cell: ManifestCell, tree: ast.Module | ast.Expression, known: dict[str, Any]
) -> CodeType:
    try:
        return compile_cell(app, cell, tree, known)
    except SyntaxError as error:  # what only the compiler sees: a `return` outside of a function
        raise CellFailed(cell.id, error.lineno, error) from error


def _value_step(app: App, value: ManifestValue) -> Any:
    def step(names: dict[str, Any], _: Any) -> None:
        load_values(app, [value], names)

    return step


def _features(tree: ast.Module) -> dict[str, Any]:
    """Return the `from __future__` imports of a cell, which hold for the cells after it too."""
    names = [a.name for node in tree.body if isinstance(node, ast.ImportFrom)
             and node.module == "__future__" for a in node.names]  # fmt: skip
    return {name: getattr(__future__, name, None) for name in names}


def _placing(tree: ast.Module, offset: int) -> Any:
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]

    def step(names: dict[str, Any], _: Any) -> None:
        made = {name: names[name] for name in classes if name in names}
        _place_classes({"__name__": names["__name__"], **made}, set(), offset)

    return [step] if classes else []


def _parameters(app: App, function: ManifestCells, namespace: dict[str, Any]) -> list[Parameter]:
    """Return what callers may set, as the parameters cells have it after they ran."""
    hints: dict[str, Any] = {}
    literals = {n for n, s in app.manifest.parameters.items() if secret_name(s) is None}
    for cell in app.manifest.cells_of("parameters"):
        for node in parse(app, cell).body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and _is_literal(node.value):
                literals.update(_stored(node))
            if isinstance(node, ast.AnnAssign):
                hint = _hint(app, cell, node.annotation, namespace)
                hints.update(dict.fromkeys(_stored(node), hint))
    found = []
    for name in function.parameters:
        default = namespace.get(name)
        kind = inspect.Parameter.empty if default is None else type(default)
        shown = default if name in literals and name in namespace else COMPUTED
        found.append(Parameter(name, hints.get(name, kind), shown))
    return found


def _stored(node: ast.stmt) -> list[str]:
    names = (inner for inner in ast.walk(node) if isinstance(inner, ast.Name))
    return [name.id for name in names if isinstance(name.ctx, ast.Store)]


def _hint(app: App, cell: ManifestCell, node: ast.expr, namespace: dict[str, Any]) -> Any:
    try:
        code = compile(ast.Expression(node), app.filename(cell), "eval", dont_inherit=True)
        hint = eval(code, namespace)  # noqa: S307  (running the notebook is the whole purpose)
        alone = types.SimpleNamespace(__annotations__={"hint": hint})
        return typing.get_type_hints(alone, namespace, include_extras=True)["hint"]
    except Exception:  # noqa: BLE001  an annotation of any kind: it is not checked then
        return inspect.Parameter.empty


def _is_literal(node: ast.expr | None) -> bool:
    try:
        return node is not None and ast.literal_eval(node) is not COMPUTED
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False


def _register_module(
    app: App, namespace: dict[str, Any], cells: list[ManifestCell]
) -> dict[str, int]:
    """Let `inspect.getsource` find classes: it reads the file of the class's module.

    Returns the number of lines before each cell in that file.
    """
    path = str(app.folder / app.manifest.notebook)
    namespace["__file__"] = path
    texts = {cell.id: python_of(app, cell) for cell in cells}
    remember(path, "\n".join(texts.values()))
    counts = (text.count("\n") + 1 for text in texts.values())
    return dict(zip(texts, itertools.accumulate(counts, initial=0), strict=False))


def _place_classes(namespace: dict[str, Any], before: set[int], offset: int) -> None:
    # From 3.13 on a class carries its first line itself, counted within its cell
    for value in namespace.values():
        if isinstance(value, type) and id(value) not in before:
            first = vars(value).get("__firstlineno__")
            if first is not None and value.__module__ == namespace["__name__"]:
                type.__setattr__(value, "__firstlineno__", first + offset)
