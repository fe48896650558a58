"""Annotations, as written, to JSON Schema: static, so that it works before anything runs."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLAIN: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "list": {"type": "array"},
    "List": {"type": "array"},
    "dict": {"type": "object"},
    "Dict": {"type": "object"},
    "bytes": {"type": "string", "contentEncoding": "base64"},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "UUID": {"type": "string", "format": "uuid"},
    "ndarray": {"type": "array"},
    "NDArray": {"type": "array"},
    "Series": {"type": "array"},
    "DataFrame": {"type": "array", "items": {"type": "object"}},
}
_ARRAYS = frozenset(
    "list List Sequence Iterable Iterator Generator AsyncIterator AsyncGenerator "
    "set Set frozenset Collection".split()
)
_OBJECTS = frozenset("dict Dict Mapping MutableMapping".split())
_LARGEST = 1 << 4096  # Python refuses to write much longer numbers; infinity is above it too
_ENUMS = frozenset("Enum StrEnum IntEnum".split())


class SchemaReader:
    """Reads annotations, knowing the classes that the production cells define."""

    def __init__(self, trees: Sequence[ast.Module]) -> None:
        """Remember every top-level class of `trees`; the last definition of a name counts."""
        self._classes = {
            node.name: node for t in trees for node in t.body if isinstance(node, ast.ClassDef)
        }

    def arguments(self, node: ast.arguments) -> dict[str, Any]:
        """Return the object schema of a function's arguments."""
        positional = [*node.posonlyargs, *node.args]
        missing: list[ast.expr | None] = [None] * (len(positional) - len(node.defaults))
        pairs = [*zip(positional, [*missing, *node.defaults], strict=True)]
        pairs += zip(node.kwonlyargs, node.kw_defaults, strict=True)
        schema = self._object([(a.arg, a.annotation, default) for a, default in pairs], set())
        return {**schema, "additionalProperties": node.kwarg is not None}

    def document(self, annotation: ast.expr | None) -> dict[str, Any]:
        """Return one annotation's schema; `{}` (anything) where it can't be known."""
        return self._schema(annotation, set())

    def _schema(self, node: ast.expr | None, above: set[str]) -> dict[str, Any]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self._quoted(node.value, above)
        if isinstance(node, ast.Constant) and node.value is None:
            return _PLAIN["None"]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._union([node.left, node.right], above)
        if isinstance(node, ast.Subscript):
            name, items = _last_name(node.value), _items(node.slice)
            return self._generic(name, items, above) if items else {"type": "array"}  # tuple[()]
        name = _last_name(node)
        if name in self._classes and name not in above:
            return self._class(self._classes[name], above | {name})
        return dict(_PLAIN.get(name, {}))

    def _quoted(self, text: str, above: set[str]) -> dict[str, Any]:
        try:
            return self._schema(ast.parse(text, mode="eval").body, above)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return {}

    def _generic(self, name: str, items: list[ast.expr], above: set[str]) -> dict[str, Any]:
        if name == "Literal":
            return {"enum": _constants(items)}
        if name == "Optional":
            return self._union([*items, ast.Constant(None)], above)
        if name == "Union":
            return self._union(items, above)
        if name in {"Annotated", "Final", "Required", "NotRequired"}:
            return self._schema(items[0], above)
        if name in _ARRAYS:
            return {"type": "array", "items": self._schema(items[0], above)}
        if name in _OBJECTS:
            return {"type": "object", "additionalProperties": self._schema(items[-1], above)}
        if name in {"tuple", "Tuple"}:
            return self._tuple(items, above)
        return dict(_PLAIN.get(name, {}))

    def _tuple(self, items: list[ast.expr], above: set[str]) -> dict[str, Any]:
        if isinstance(items[-1], ast.Constant) and items[-1].value is ...:
            return {"type": "array", "items": self._schema(items[0], above)}
        schemas = [self._schema(item, above) for item in items]
        return {"type": "array", "prefixItems": schemas, "minItems": len(items)}

    def _union(self, items: list[ast.expr], above: set[str]) -> dict[str, Any]:
        return {"anyOf": [self._schema(item, above) for item in items]}

    def _class(self, node: ast.ClassDef, above: set[str]) -> dict[str, Any]:
        bases = {_last_name(base) for base in node.bases}
        if bases & _ENUMS:
            values = [s.value for s in node.body if isinstance(s, ast.Assign)]
            return {
                "title": node.name,
                "enum": _constants(values),
            }
        fields: list[tuple[str, ast.expr | None, ast.expr | None]] = [
            (s.target.id, s.annotation, s.value)
            for s in node.body
            if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)
        ]
        return {"title": node.name, **self._object(fields, above)} if fields else {}

    def _object(
        self, fields: list[tuple[str, ast.expr | None, ast.expr | None]], above: set[str]
    ) -> dict[str, Any]:
        properties = {}
        for name, annotation, default in fields:
            properties[name] = self._schema(annotation, above)
            for constant in _constants([default]):
                properties[name]["default"] = constant
        required = [name for name, _, default in fields if default is None]
        return {"type": "object", "properties": properties, "required": required}


def _constants(nodes: Sequence[ast.expr | None]) -> list[Any]:
    """Return the values of those literals that JSON has."""
    found = [n.value for n in nodes if isinstance(n, ast.Constant)]
    return [
        v for v in found
        if v is None or isinstance(v, str) or (isinstance(v, (int, float)) and abs(v) < _LARGEST)
    ]  # fmt: skip


def _last_name(node: ast.expr | None) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _items(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]
