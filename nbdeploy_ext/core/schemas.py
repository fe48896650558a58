"""Annotations, as written, to JSON Schema: static, so that it works before anything runs.

It says what the service's own document will say, as far as the text tells it.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from .constraints import constrained
from .literals import constants, last_name
from .records import Kind, fields_of, is_model, kind_of, members_of, takes_more

if TYPE_CHECKING:
    from collections.abc import Sequence

_DECIMAL: dict[str, Any] = {"type": "string"}
_FLOATS: dict[str, dict[str, Any]] = {
    "float16": {"minimum": -65504.0, "maximum": 65504.0},
    "float32": {"minimum": -3.4028234663852886e38, "maximum": 3.4028234663852886e38},
    **{name: {} for name in "float64 floating longdouble".split()},
}
_BITS = {"integer": 64, "intp": 64, "signedinteger": 64, "unsignedinteger": 64} | {
    f"{kind}{bits}": bits for kind in ("int", "uint") for bits in (8, 16, 32, 64)
}


def _span(name: str, bits: int) -> dict[str, int]:
    """Return the least and the largest whole number that a numpy type holds."""
    if name.startswith("u"):
        return {"minimum": 0, "maximum": 2**bits - 1}
    return {"minimum": -(2 ** (bits - 1)), "maximum": 2 ** (bits - 1) - 1}


_PLAIN: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "complex": {"type": "string"},
    "bytes": {"type": "string", "contentEncoding": "base64"},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "timedelta": {"type": "string", "format": "duration"},
    "Timestamp": {"type": "string", "format": "date-time"},
    "Timedelta": {"type": "string", "format": "duration"},
    "Decimal": {"anyOf": [{"type": "number"}, _DECIMAL]},
    "UUID": {"type": "string", "format": "uuid"},
    "Path": {"type": "string", "format": "path"},
    "ndarray": {"type": "array"},
    "NDArray": {"type": "array"},
    "Series": {"anyOf": [{"type": "array"}, {"type": "object"}]},
    "Index": {"type": "array"},
    "DataFrame": {
        "anyOf": [
            {"type": "array", "items": {"type": "object"}},
            {"type": "object", "additionalProperties": {"type": "array"}},
            {"type": "object", "additionalProperties": {"type": "object"}},
        ]
    },
    "bool_": {"type": "boolean"},
    "str_": {"type": "string"},
    "datetime64": {"type": "string"},
    "timedelta64": {"type": "string", "format": "duration"},
    **{name: {"type": "number", **bounds} for name, bounds in _FLOATS.items()},
    **{name: {"type": "integer", **_span(name, bits)} for name, bits in _BITS.items()},
}
_SETS = frozenset("set Set frozenset FrozenSet AbstractSet MutableSet".split())
_ARRAYS = frozenset(
    "list List Sequence MutableSequence Iterable Collection Container Reversible deque Deque tuple "
    "Tuple".split()
)
_STREAMS = frozenset(
    "Iterator Generator AsyncIterator AsyncGenerator Iterable AsyncIterable".split()
)
_OBJECTS = frozenset(
    "dict Dict Mapping MutableMapping defaultdict DefaultDict OrderedDict Counter".split()
)
_WRAPPERS = frozenset("Final Required NotRequired ReadOnly".split())
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
_ANYTHING = ast.Name("Any")


class SchemaReader:
    """Reads annotations, knowing the classes and aliases that the production cells define."""

    def __init__(self, trees: Sequence[ast.Module], aliases: Sequence[ast.stmt] = ()) -> None:
        """Remember every top-level class of `trees`; the last definition of a name counts."""
        self._classes = {
            node.name: node for t in trees for node in t.body if isinstance(node, ast.ClassDef)
        }
        self._aliases = {name: node for found in aliases for name, node in _alias(found)}

    def arguments(self, node: ast.arguments) -> dict[str, Any]:
        """Return the object schema of a function's arguments."""
        positional = [*node.posonlyargs, *node.args]
        missing: list[ast.expr | None] = [None] * (len(positional) - len(node.defaults))
        pairs = [*zip(positional, [*missing, *node.defaults], strict=True)]
        pairs += zip(node.kwonlyargs, node.kw_defaults, strict=True)
        properties = {a.arg: self._argument(a.annotation, default) for a, default in pairs}
        if node.vararg is not None:
            items = self.document(node.vararg.annotation)
            properties[node.vararg.arg] = {"type": "array", "items": items}
        more: Any = self.document(node.kwarg.annotation) or True if node.kwarg else False
        return {
            "type": "object", "properties": properties,
            "required": [a.arg for a, default in pairs if default is None],
            "additionalProperties": more,
        }  # fmt: skip

    def document(self, annotation: ast.expr | None) -> dict[str, Any]:
        """Return one annotation's schema; `{}` (anything) where it can't be known."""
        schema = self._schema(annotation, frozenset())
        return self._settled(schema, is_closed=True, is_sent=False)  # type: ignore[no-any-return]

    def result(self, annotation: ast.expr | None, *, is_stream: bool = False) -> dict[str, Any]:
        """Return the schema of what a function gives, of one item where it streams them."""
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            annotation = _parsed(annotation.value)
        outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
        if last_name(outer) in _STREAMS:
            if not is_stream:
                return {}
            items = _items(annotation.slice) if isinstance(annotation, ast.Subscript) else []
            annotation = items[0] if items else None
        schema = self._schema(annotation, frozenset())
        return self._settled(schema, is_closed=False, is_sent=True)  # type: ignore[no-any-return]

    def _settled(self, schema: Any, *, is_closed: bool, is_sent: bool) -> Any:
        """Return the schema with what depends on where it stands.

        A class that is no model takes unknown fields where what is around it does; decimals go
        out as text.
        """
        if isinstance(schema, list):
            return [self._settled(part, is_closed=is_closed, is_sent=is_sent) for part in schema]
        if not isinstance(schema, dict):
            return schema
        if is_sent and schema == _PLAIN["Decimal"]:
            return _DECIMAL
        title = schema.get("title")
        node = self._classes.get(title) if isinstance(title, str) else None
        if node is not None and "properties" in schema:
            if is_model(node, self._classes):
                is_closed = not takes_more(node, self._classes)
            if is_closed:
                schema = {**schema, "additionalProperties": False}
        return {
            key: self._settled(part, is_closed=is_closed, is_sent=is_sent)
            for key, part in schema.items()
        }

    def _argument(self, annotation: ast.expr | None, default: ast.expr | None) -> dict[str, Any]:
        is_none = isinstance(default, ast.Constant) and default.value is None
        if is_none and annotation is not None:  # its author means that it may be None
            annotation = ast.Subscript(ast.Name("Optional"), annotation)
        schema = self.document(annotation)
        found = constants([default])
        return {**schema, "default": found[0]} if found else schema

    def _schema(self, node: ast.expr | None, above: frozenset[str]) -> dict[str, Any]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self._schema(_parsed(node.value), above)
        if isinstance(node, ast.Constant) and node.value is None:
            return {"type": "null"}
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._union([node.left, node.right], above)
        if isinstance(node, ast.Subscript):
            return self._generic(last_name(node.value), _items(node.slice), above)
        name = last_name(node)
        if name in self._classes:
            known = self._classes[name]
            return self._class(known, above | {name}) if name not in above else {}
        if name in self._aliases and name not in above:
            return self._named(self._aliases[name], above | {name})
        if name in _ARRAYS | _SETS | _OBJECTS:
            return self._generic(name, [_ANYTHING], above)
        return dict(_PLAIN.get(name, {}))

    def _named(self, node: ast.expr, above: frozenset[str]) -> dict[str, Any]:
        """Return what an alias stands for, a new type or a type variable included."""
        if not isinstance(node, ast.Call):
            return self._schema(node, above)
        name, arguments = last_name(node.func), node.args[1:]
        if name == "TypeVar":
            bounds = [k.value for k in node.keywords if k.arg == "bound"]
            return self._union(arguments or bounds or [_ANYTHING], above)
        return self._schema(arguments[0], above) if name == "NewType" and arguments else {}

    def _generic(self, name: str, items: list[ast.expr], above: frozenset[str]) -> dict[str, Any]:
        if name == "Literal":
            return _one_of(constants(items))
        if name in {"Optional", "Union"}:
            nothing = [ast.Constant(None)] if name == "Optional" else []
            return self._union([*items, *nothing], above)
        if name == "Annotated" and items:
            return constrained(self._schema(items[0], above), items[1:])
        if name in _WRAPPERS and items:
            return self._schema(items[0], above)
        if name in {"tuple", "Tuple"}:
            return self._tuple(items, above)
        if name in _ARRAYS | _SETS | _OBJECTS:
            return self._container(name, items, above)
        return dict(_PLAIN.get(name, {}))

    def _container(self, name: str, items: list[ast.expr], above: frozenset[str]) -> dict[str, Any]:
        inner = self._schema(items[-1], above) if items else {}
        if name == "Counter":
            inner = {"type": "integer"}
        if name in _OBJECTS:
            return {"type": "object", "additionalProperties": inner or True}
        return {"type": "array", "items": inner, **({"uniqueItems": True} if name in _SETS else {})}

    def _tuple(self, items: list[ast.expr], above: frozenset[str]) -> dict[str, Any]:
        if len(items) == 2 and isinstance(items[1], ast.Constant) and items[1].value is ...:
            return {"type": "array", "items": self._schema(items[0], above)}
        if items == [_ANYTHING]:
            return {"type": "array", "items": {}}
        schemas = [self._schema(item, above) for item in items]
        return _fixed(schemas, len(schemas))

    def _union(self, items: list[ast.expr], above: frozenset[str]) -> dict[str, Any]:
        found: list[dict[str, Any]] = []
        for schema in (self._schema(item, above) for item in items):
            parts = schema["anyOf"] if set(schema) == {"anyOf"} else [schema]
            found += [part for part in parts if part not in found]
        return found[0] if len(found) == 1 else {"anyOf": found}

    def _class(self, node: ast.ClassDef, above: frozenset[str]) -> dict[str, Any]:
        kind = kind_of(node, self._classes)
        if kind is Kind.ENUM:
            values = members_of(node, self._classes)
            return {"title": node.name, **_one_of(values)} if values else {}
        if kind is Kind.UNKNOWN:
            return {}
        fields = fields_of(node, self._classes)
        schemas = {
            f.name: constrained(self._schema(f.annotation, above), [f.value] if f.value else [])
            for f in fields
        }
        needed = [f.name for f in fields if f.is_required]
        if kind is Kind.TUPLE:
            return {"title": node.name, **_fixed(list(schemas.values()), len(needed))}
        for field in fields:
            for constant in constants([field.value]):
                schemas[field.name] = {**schemas[field.name], "default": constant}
        return {
            "title": node.name, "type": "object", "properties": schemas, "required": needed
        }  # fmt: skip


def _one_of(values: list[Any]) -> dict[str, Any]:
    kinds = {_TYPES.get(type(value)) for value in values}
    kind = kinds.pop() if len(kinds) == 1 else None
    return {"enum": values, **({"type": kind} if kind else {})}


def _fixed(schemas: list[dict[str, Any]], least: int) -> dict[str, Any]:
    ends = {"minItems": least, "maxItems": len(schemas)}
    return (
        {"type": "array", "prefixItems": schemas, **ends} if schemas else {"type": "array", **ends}
    )


def _alias(statement: ast.stmt) -> list[tuple[str, ast.expr]]:
    if isinstance(statement, ast.ImportFrom):
        return [(n.asname, ast.Name(n.name)) for n in statement.names if n.asname]
    value: ast.expr | None = getattr(statement, "value", None)
    # `A = …` has targets, `A: TypeAlias = …` a target, `type A = …` a name
    targets: list[Any] = getattr(statement, "targets", [])
    targets = targets or [getattr(statement, "target", None) or getattr(statement, "name", None)]
    is_one = len(targets) == 1 and isinstance(targets[0], ast.Name)
    return [(targets[0].id, value)] if is_one and value is not None else []


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _items(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]
