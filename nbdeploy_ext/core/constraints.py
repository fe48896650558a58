"""What pydantic's `Field(…)` and annotated-types say of a value, as JSON Schema's keywords."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from .literals import constants, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NUMBERS = {
    "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}  # fmt: skip
_SINGLE = {
    "Ge": "ge", "Gt": "gt", "Le": "le", "Lt": "lt", "MultipleOf": "multiple_of",
    "MinLen": "min_length", "MaxLen": "max_length",
}  # fmt: skip
_LENGTHS = {
    ("min_length", "string"): "minLength", ("max_length", "string"): "maxLength",
    ("min_length", "array"): "minItems", ("max_length", "array"): "maxItems",
    ("min_length", "object"): "minProperties", ("max_length", "object"): "maxProperties",
}  # fmt: skip
_HEADED = frozenset({"ge", "gt", "le", "lt", "min_length", "max_length", "pattern"})


def constrained(schema: dict[str, Any], metadata: Sequence[ast.expr]) -> dict[str, Any]:
    """Return a schema with what stands behind it in `Annotated`."""
    for node in metadata:
        for name, value in _told(node):
            schema = _with(schema, name, value)
    return schema


def field_alias(node: ast.expr | None) -> str | None:
    """Return the name that a field has in JSON, None where it has its own."""
    told = dict(_told(node)) if node is not None else {}
    alias = told.get("validation_alias") or told.get("alias")
    return alias if isinstance(alias, str) else None


def has_default(node: ast.expr | None) -> bool:
    """Say whether what stands behind a field's `=` gives it a default."""
    if not isinstance(node, ast.Call):
        return node is not None and not _is_ellipsis(node)
    if last_name(node.func) not in {"Field", "field"}:
        return True
    named = {keyword.arg for keyword in node.keywords}
    is_first = bool(node.args) and not _is_ellipsis(node.args[0])
    return is_first or bool(named & {"default", "default_factory"})


def _told(node: ast.expr) -> Iterator[tuple[str, Any]]:
    if not isinstance(node, ast.Call):
        return
    name = last_name(node.func)
    if name in _SINGLE and node.args:
        for value in constants(node.args[:1]):
            yield _SINGLE[name], value
    elif name in {"Field", "StringConstraints", "Interval", "Len"}:
        for keyword in node.keywords:
            for value in constants([keyword.value]):
                yield str(keyword.arg), value


def _with(schema: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    if "anyOf" in schema and name in _HEADED:
        return {**schema, "anyOf": [_with(part, name, value) for part in schema["anyOf"]]}
    kind = schema.get("type")
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if name in _NUMBERS and kind in {"number", "integer"} and is_number:
        return {**schema, _NUMBERS[name]: value}
    if name == "pattern" and kind == "string" and isinstance(value, str):
        return {**schema, "pattern": value}
    length = _LENGTHS.get((name, str(kind)))
    is_length = length is not None and type(value) is int and value >= 0
    return {**schema, str(length): value} if is_length else schema


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...
