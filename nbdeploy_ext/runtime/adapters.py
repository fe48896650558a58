"""What checks a value by its hint: pydantic, or its core alone where the hint is plain.

Most arguments are numbers, text, arrays, frames, and lists and dicts of them. What the core is told
of those is known without pydantic itself, whose import takes longer than all else that an image
does at a start. `Adapter.full` is pydantic's own, for whoever draws its JSON schema.
"""

from __future__ import annotations

import types
import typing
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic_core import SchemaSerializer, SchemaValidator

from .arrays import read_array
from .frames import read_frame
from .roles import is_array_kind, is_table_kind, unaliased
from .values import native

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import TypeAdapter

_PLAIN = {bool: "bool", float: "float", int: "int", str: "str", types.NoneType: "none"}
_UNIONS = (typing.Union, types.UnionType)
ARGUMENTS = "Arguments"


class Adapter:
    """Checks and writes values of one hint."""

    def __init__(self, hint: Any, *, is_result: bool = False) -> None:
        """Compile it; raises what pydantic raises where it has no schema for the hint."""
        self._hint = hint
        self._is_result = is_result
        schema: Any = plain_schema(hint)
        self.strict = True if schema is not None else strictness(hint)
        if schema is None:
            self.validator: Any = self.full.validator
            self.serializer = self.full.serializer
        else:
            self.validator = SchemaValidator(schema)
            self.serializer = SchemaSerializer(schema)

    @cached_property
    def full(self) -> TypeAdapter[Any]:
        """Return pydantic's own adapter of the hint."""
        from pydantic import TypeAdapter  # noqa: PLC0415  (see above)

        from .hints import RESULT, adapt  # noqa: PLC0415  (it needs pydantic, too)

        return TypeAdapter(adapt(self._hint, RESULT) if self._is_result else adapt(self._hint))


class ArgumentsAdapter:
    """Checks the arguments of a function as one JSON object."""

    def __init__(
        self, hints: Mapping[str, Any], required: frozenset[str], *, is_open: bool
    ) -> None:
        """Compile them; `is_open` says that other names are taken, too."""
        self._hints = hints
        self._required = required
        self._extra: Any = "allow" if is_open else "forbid"  # mypy knows only literal ones
        schema: Any = self._plain()
        self.strict = True if schema is not None else strictness(*hints.values())
        self.validator: Any = self.full.validator if schema is None else SchemaValidator(schema)

    @cached_property
    def full(self) -> TypeAdapter[Any]:
        """Return pydantic's own adapter of a `TypedDict` of the arguments."""
        from pydantic import ConfigDict, TypeAdapter  # noqa: PLC0415  (see above)

        from .hints import adapt, not_required, typed_dict  # noqa: PLC0415  (it needs pydantic)

        adapted = {name: adapt(hint) for name, hint in self._hints.items()}
        fields = {
            name: hint if name in self._required else not_required(hint)
            for name, hint in adapted.items()
        }
        shape = typed_dict(ARGUMENTS, fields)
        config = ConfigDict(extra=self._extra)
        if self.strict is None:  # what is no model's is read as strictly as ever
            config["strict"] = True
        shape.__pydantic_config__ = config
        return TypeAdapter(shape)

    def _plain(self) -> dict[str, Any] | None:
        fields: dict[str, Any] = {}
        for name, hint in self._hints.items():
            schema = plain_schema(hint)
            if schema is None:
                return None
            needed = name in self._required
            fields[name] = {"type": "typed-dict-field", "schema": schema, "required": needed}
        return {
            "type": "typed-dict",
            "fields": fields,
            "extra_behavior": self._extra,
            "config": {"extra_fields_behavior": self._extra, "title": ARGUMENTS},
        }


def strictness(*hints: Any) -> bool | None:
    """Return whether JSON of the hints is read strictly; None leaves that to their models.

    Those have validators that come first, behind which nothing is JSON's to pydantic.
    """
    from .models import reads_first  # noqa: PLC0415  (it needs pydantic)

    return None if any(map(reads_first, hints)) else True


def plain_schema(hint: Any) -> dict[str, Any] | None:
    """Return pydantic-core's schema of a hint that needs no pydantic, None of any other."""
    hint = unaliased(hint)
    if hint is Any or hint is object:
        return {"type": "any"}
    if hint is None:
        return {"type": "none"}
    for kind, name in _PLAIN.items():
        if hint is kind:
            return {"type": name}
    origin = get_origin(hint) or hint
    if is_array_kind(origin):
        return _ours("no-info", read_array(hint))
    if is_table_kind(origin):
        return _ours("with-info", read_frame(origin.__name__))
    return _container(origin, get_args(hint))


def _container(origin: Any, inner: tuple[Any, ...]) -> dict[str, Any] | None:
    if origin is list:
        return _of(inner or (Any,), {"type": "list"}, "items_schema")
    if origin is dict:
        return _of(inner or (Any, Any), {"type": "dict"}, "keys_schema", "values_schema")
    if origin in _UNIONS and len(inner) == 2 and types.NoneType in inner:
        given = tuple(part for part in inner if part is not types.NoneType)
        return _of(given, {"type": "nullable"}, "schema")
    return None


def _ours(kind: str, read: Callable[..., Any]) -> dict[str, Any]:
    return {
        "type": "function-plain",
        "function": {"type": kind, "function": read},
        "serialization": {
            "type": "function-plain",
            "function": native,
            "info_arg": False,
            "return_schema": {"type": "any"},
        },
    }


def _of(inner: tuple[Any, ...], schema: dict[str, Any], *names: str) -> dict[str, Any] | None:
    for name, hint in zip(names, inner, strict=True):
        schema[name] = plain_schema(hint)
        if schema[name] is None:
            return None
    return schema
