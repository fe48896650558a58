"""Enums and literals: one of several values, told apart by their types as JSON has them."""

from __future__ import annotations

import dataclasses
from enum import EnumMeta, Flag
from typing import Annotated, Any, get_args

from pydantic import GetCoreSchemaHandler, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticKnownError, core_schema

from .values import native


def chosen(hint: Any) -> Any:
    """Return a hint that means the same as an enum or a literal, None where it will do as it is."""
    return _numbered(hint) if isinstance(hint, EnumMeta) else _literal(hint)


def _numbered(kind: Any) -> Any:
    """Read members by the type of their values: true is no 1, though Python calls them equal."""
    values = [member.value for member in kind]
    found = set(map(type, values))
    own = next((schema for types_, schema in _VALUES if found and found <= types_), None)
    if own is None:
        return None
    schema = {"enum": [native(member) for member in kind], "title": kind.__name__}
    if found == {int}:
        schema = {"type": "integer", **schema}
    if issubclass(kind, Flag):  # sums of its members are, too
        del schema["enum"]
    return Annotated[kind, _Numbered(kind, own), PlainSerializer(native), WithJsonSchema(schema)]


_VALUES: Any = (
    ({int}, core_schema.int_schema()),
    ({bool}, core_schema.bool_schema()),
    ({int, float}, core_schema.float_schema()),
    ({tuple}, core_schema.list_schema()),
)


def _literal(hint: Any) -> Any:
    """Read the values of a literal by their types, as above."""
    kinds = set(map(type, get_args(hint)))
    return Annotated[hint, _Literal(get_args(hint))] if kinds & {int, bool} else None


@dataclasses.dataclass(frozen=True, eq=False)
class _Numbered:
    """Finds members by their values in JSON, and leaves Python's to the hint's own check."""

    kind: Any
    own: Any

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        member = core_schema.no_info_after_validator_function(self._member, self.own)
        return core_schema.json_or_python_schema(json_schema=member, python_schema=handler(source))

    def _member(self, value: Any) -> Any:
        try:
            return self.kind(tuple(value) if isinstance(value, list) else value)
        except ValueError:
            expected = _listed([member.value for member in self.kind])
            raise PydanticKnownError("enum", {"expected": expected}) from None


@dataclasses.dataclass(frozen=True, eq=False)
class _Literal:
    """Takes whole numbers and flags for the values of their own type only."""

    values: tuple[Any, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        parts: list[Any] = []
        for kind, own in ((int, core_schema.int_schema()), (bool, core_schema.bool_schema())):
            values = [value for value in self.values if type(value) is kind]
            if values:
                parts.append(core_schema.chain_schema([own, core_schema.literal_schema(values)]))
        others = [value for value in self.values if type(value) not in {int, bool}]
        if others:
            parts.append(core_schema.literal_schema(others))
        expected = _listed([getattr(value, "value", value) for value in self.values])
        return core_schema.custom_error_schema(
            core_schema.union_schema(parts),
            custom_error_type="literal_error",
            custom_error_context={"expected": expected},
        )

    def __get_pydantic_json_schema__(self, _: Any, handler: Any) -> Any:
        return handler(core_schema.literal_schema(list(self.values)))


def _listed(values: list[Any]) -> str:
    *others, last = [repr(value) for value in values]
    return f"{', '.join(others)} or {last}" if others else last
