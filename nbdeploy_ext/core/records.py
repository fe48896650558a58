"""Classes of the notebook as records: the fields of dataclasses, models, TypedDicts, enums."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from .constraints import field_alias, has_default
from .literals import constants, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ENUMS = frozenset("Enum StrEnum IntEnum Flag IntFlag".split())
_BARE = frozenset("ClassVar InitVar KW_ONLY".split())


class Kind(Enum):
    """What a class is to JSON."""

    ENUM = "enum"
    TUPLE = "tuple"
    OBJECT = "object"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RecordField:
    """One field: its name in JSON, its annotation, and what stands behind it."""

    name: str
    annotation: ast.expr
    value: ast.expr | None
    is_required: bool


def kind_of(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> Kind:
    """Return what a class is, by its bases and decorators."""
    bases = set(_ancestry(node, classes))
    if bases & _ENUMS:
        return Kind.ENUM
    if "NamedTuple" in bases:
        return Kind.TUPLE
    decorators = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    is_dataclass = any(last_name(d) == "dataclass" for d in decorators)
    return Kind.OBJECT if is_dataclass or bases & {"TypedDict", "BaseModel"} else Kind.UNKNOWN


def is_model(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> bool:
    """Say whether a class is a pydantic model."""
    return "BaseModel" in _ancestry(node, classes)


def fields_of(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> list[RecordField]:
    """Return a class's fields, its bases' before its own."""
    found: dict[str, RecordField] = {}
    for base in node.bases:
        parent = classes.get(last_name(base))
        if parent is not None and parent is not node:
            found |= {f.name: f for f in fields_of(parent, _without(classes, node.name))}
    is_total = "TypedDict" not in _ancestry(node, classes) or _is_total(node)
    of_model = is_model(node, classes)
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            field = _field(statement, is_total=is_total, of_model=of_model)
            if field is not None:
                found[field.name] = field
    return list(found.values())


def takes_more(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> bool:
    """Say whether a model takes fields that it does not name: it does if it doesn't forbid it."""
    lineage = [node, *(classes[name] for name in _ancestry(node, classes) if name in classes)]
    calls = [s.value for found in lineage for s in found.body if isinstance(s, ast.Assign)]
    return not any(
        keyword.arg == "extra" and constants([keyword.value]) == ["forbid"]
        for call in calls if isinstance(call, ast.Call) for keyword in call.keywords
    )  # fmt: skip


def members_of(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> list[Any]:
    """Return the values of an enum's members, `auto()` as Python gives them."""
    is_text = "StrEnum" in _ancestry(node, classes)
    values: list[Any] = []
    for statement in node.body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            continue
        name = statement.targets[0].id
        if isinstance(statement.value, ast.Call) and last_name(statement.value.func) == "auto":
            numbers = [value for value in values if isinstance(value, int)]
            values.append(name.lower() if is_text else max(numbers, default=0) + 1)
        elif not name.startswith("_"):
            values += constants([statement.value])
    return values


def _ancestry(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> Iterator[str]:
    for base in node.bases:
        name = last_name(base)
        yield name
        parent = classes.get(name)
        if parent is not None and parent is not node:
            yield from _ancestry(parent, _without(classes, name))


def _without(classes: Mapping[str, ast.ClassDef], name: str) -> dict[str, ast.ClassDef]:
    """Return the classes but one: a class may stand among its own bases in a broken cell."""
    return {known: node for known, node in classes.items() if known != name}


def _is_total(node: ast.ClassDef) -> bool:
    said = [constants([k.value]) for k in node.keywords if k.arg == "total"]
    return said != [[False]]


def _field(statement: ast.AnnAssign, *, is_total: bool, of_model: bool) -> RecordField | None:
    name = statement.target.id  # type: ignore[union-attr]
    annotation, value = statement.annotation, statement.value
    outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    if last_name(outer) in _BARE or (of_model and name.startswith("_")):
        return None
    mark = last_name(outer)
    is_required = mark == "Required" or (
        is_total and mark != "NotRequired" and not has_default(value)
    )
    alias = field_alias(value) if of_model else None
    return RecordField(alias or name, annotation, value, is_required)
