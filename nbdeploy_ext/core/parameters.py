"""Parameters: the names that parameters cells assign, their types and their defaults."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..runtime.manifest import secret_name
from .notebook import Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .cell_flow import CellFlow
    from .schemas import SchemaReader

_UNKNOWN = object()
_SCALARS = (bool, int, float, complex, str, bytes)
_TYPES: dict[type, dict[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    list: {"type": "array"},
    tuple: {"type": "array"},
    set: {"type": "array"},
    dict: {"type": "object"},
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name that callers may set; `default` is what production has where it is a literal."""

    name: str
    cell: str
    annotation: ast.expr | None
    default: Any = _UNKNOWN

    @property
    def is_example(self) -> bool:
        """Whether the default can stand in a document of JSON."""
        return _is_json(self.default)

    @property
    def is_mutable(self) -> bool:
        """Whether a cell could change the default itself: it is a list, say, or computed."""
        return self.default is not None and not isinstance(self.default, _SCALARS)

    def document(self, reader: SchemaReader) -> dict[str, Any]:
        """Return the JSON Schema: of the annotation, else of what the default is."""
        schema = reader.document(self.annotation)
        if self.annotation is None:
            schema = dict(_TYPES.get(type(self.default), {}))
        elif self.default is None and schema:
            schema = {"anyOf": [schema, {"type": "null"}]}
        return {**schema, "default": self.default} if self.is_example else schema


def find_parameters(
    flows: Sequence[CellFlow], settings: Mapping[str, Any]
) -> tuple[Parameter, ...]:
    """Return what callers may set, in notebook order; `settings` are the engineer's.

    The engineer's literals are defaults like the notebook's own. What is a secret is no parameter
    of the service. Names that begin with an underscore are the cell's own.
    """
    found: dict[str, Parameter] = {}
    for flow in flows:
        for name, annotation, node in _assigned(flow):
            default = settings.get(name, _UNKNOWN)
            if name.startswith("_") or secret_name(default) is not None:
                continue
            if name not in settings:
                default = _literal(node)
            before = found.get(name)
            known = annotation or (before.annotation if before else None)
            found[name] = Parameter(name, flow.cell.cell_id, known, default)
    return tuple(found.values())


def _assigned(flow: CellFlow) -> Iterator[tuple[str, ast.expr | None, ast.expr | None]]:
    body = flow.tree.body if flow.cell.role is Role.PARAMETERS and flow.tree else ()
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if node.value is not None:
                yield node.target.id, node.annotation, node.value
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _targets(target, node.value)


def _targets(
    target: ast.expr, given: ast.expr
) -> Iterator[tuple[str, ast.expr | None, ast.expr | None]]:
    if isinstance(target, ast.Name):
        yield target.id, None, given
    elif isinstance(target, (ast.Tuple, ast.List)):
        alike = isinstance(given, (ast.Tuple, ast.List)) and len(given.elts) == len(target.elts)
        values = given.elts if isinstance(given, (ast.Tuple, ast.List)) and alike else ()
        for number, element in enumerate(target.elts):
            if isinstance(element, ast.Name):
                yield element.id, None, values[number] if values else None


def _literal(node: ast.expr | None) -> Any:
    try:
        return _UNKNOWN if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _UNKNOWN


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_json, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, (str, int))
