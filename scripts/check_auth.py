"""Check that every HTTP verb of the server asks who calls and whether they may.

Reads the handlers' source; prints `file:line: what is missing` and exits 1 where a verb lacks
`@authenticated` or `@authorized`.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VERBS = frozenset({"get", "head", "post", "put", "patch", "delete"})
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
REQUIRED = ("authenticated", "authorized")
SERVER = Path(__file__).parents[1] / "nbdeploy_ext" / "server"


def main(arguments: list[str]) -> int:
    """Check the folder or files in `arguments`, the server's own folder by default."""
    files = list(python_files([Path(argument) for argument in arguments] or [SERVER]))
    faults = [fault for file in files for fault in faults_of(file)]
    for fault in faults:
        print(fault)
    if not faults:
        print(f"check_auth: every verb in {len(files)} files is authenticated and authorised")
    return 1 if faults else 0


def python_files(places: list[Path]) -> Iterator[Path]:
    """Yield the Python files at or below `places`."""
    for place in places:
        yield from sorted(place.rglob("*.py")) if place.is_dir() else [place]


def faults_of(file: Path) -> Iterator[str]:
    """Yield a line of text for each verb of `file`'s handlers that misses a decorator."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for handler in ast.walk(tree):
        if not (isinstance(handler, ast.ClassDef) and is_handler(handler)):
            continue
        for method in verbs_of(handler):
            present = {name_of(decorator) for decorator in method.decorator_list}
            for missing in [name for name in REQUIRED if name not in present]:
                yield f"{file}:{method.lineno}: {handler.name}.{method.name} is not @{missing}"


def is_handler(node: ast.ClassDef) -> bool:
    """Say whether the class is a request handler, by the names of its bases."""
    return any(name_of(base).endswith("Handler") for base in node.bases)


def verbs_of(handler: ast.ClassDef) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the methods that answer an HTTP verb."""
    for statement in handler.body:
        if isinstance(statement, FUNCTIONS) and statement.name in VERBS:
            yield statement


def name_of(node: ast.expr) -> str:
    """Return the last name of `a.b.name`, `name` or `name(…)`."""
    if isinstance(node, ast.Call):
        return name_of(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
