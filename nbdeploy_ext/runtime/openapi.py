"""The OpenAPI 3.1 document of a service, from its functions' real type hints."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticSerializationError

from .answers import answer_types
from .bodies import body_types
from .media import BINARY, FORM, JSON, MULTIPART, NDJSON
from .roles import is_file, is_files, is_text, only_argument, table_argument
from .values import NotJson, plain_value

if TYPE_CHECKING:
    from pydantic_core.core_schema import DictSchema, SetSchema

    from .operations import Operation
    from .service import Service

_REFS = "#/components/schemas/{model}"
_EXTRAS = "**"  # no function's name holds it
_SIMPLE = frozenset({"string", "number", "integer", "boolean", "array"})
_ERRORS = {
    "400": "A body that is not what its type says",
    "406": "A result that has no form that is accepted; `offered` are those it has",
    "413": "A body that is too large",
    "415": "A body of a type that is not taken; `accepted` are those that are",
    "422": "A wrong argument",
    "500": "The notebook raised",
    "503": "More calls wait than can be answered in time; `Retry-After` says when to ask again",
    "504": "The call took too long",
}
_PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457)",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
        "accepted": {"type": "array", "items": {"type": "string"}},
        "offered": {"type": "array", "items": {"type": "string"}},
        "error_id": {"type": "string"},
        "cell": {"type": "string"},
        "line": {"type": ["integer", "null"]},
    },
    "required": ["type", "title", "status", "detail"],
}


def openapi_document(service: Service) -> dict[str, Any]:
    """Return an OpenAPI 3.1 document with one operation an endpoint."""
    schemas, definitions = _schemas(service)
    manifest = service.app.manifest
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": manifest.name,
            "version": str(service.version or manifest.notebook_sha256[:12]),
        },
        "paths": {
            operation.endpoint.path: {
                "post": _operation(operation, schemas, is_guarded=service.token is not None)
            }
            for operation in service.operations.values()
        },
        "components": {"schemas": {"Problem": _PROBLEM, **definitions}},
    }
    if service.token is not None:
        document["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"bearer": []}]
    return document


def _schemas(service: Service) -> tuple[dict[tuple[str, str], Any], dict[str, Any]]:
    """Return each endpoint's schemas by name and mode, and the definitions that they share."""
    wanted: list[tuple[str, Literal["validation", "serialization"], TypeAdapter[Any]]] = []
    for name, operation in service.operations.items():
        wanted.append((name, "validation", operation.codec.arguments.full))
        if operation.codec.extra is not None:
            wanted.append((f"{name}{_EXTRAS}", "validation", operation.codec.extra.full))
        if operation.codec.result is not None:
            wanted.append((name, "serialization", operation.codec.result.full))
    # Together, so that two classes of one name get two names
    drawn = [entry for entry in wanted if _can_be_drawn(*entry)]
    found: Any
    found, shared = TypeAdapter.json_schemas(drawn, ref_template=_REFS, schema_generator=_AsChecked)
    definitions = shared.get("$defs", {})
    schemas: dict[tuple[str, str], Any] = dict(found)
    own = {
        name: schema["$ref"].rpartition("/")[2]
        for (name, mode), schema in schemas.items()
        if mode == "validation" and "$ref" in schema
    }
    # Arguments stand in the endpoint's own operation, under no shared name
    schemas.update({(name, "validation"): definitions[ref] for name, ref in own.items()})
    shared_names = definitions.keys() - own.values()
    return schemas, {name: definitions[name] for name in sorted(shared_names)}


class _AsChecked(GenerateJsonSchema):
    """Says what is taken where pydantic's own schema says less, or more."""

    def encode_default(self, dft: Any) -> Any:
        """Say a field's default as an argument's is said: pydantic has none of arrays."""
        try:
            return super().encode_default(dft)
        except PydanticSerializationError as unknown:
            try:
                return plain_value(dft)
            except (NotJson, ValueError):
                raise unknown from None

    def set_schema(self, schema: SetSchema) -> dict[str, Any]:
        """Take what stands twice in a list: it is once in the set."""
        said = super().set_schema(schema)
        if self.mode == "validation":
            said.pop("uniqueItems", None)
        return said

    def dict_schema(self, schema: DictSchema) -> dict[str, Any]:
        """Say that keys are numbers where they are; in JSON they are text."""
        said = super().dict_schema(schema)
        keys = self.generate_inner(schema.get("keys_schema", {"type": "any"}))
        if keys.get("type") == "integer":
            values = keys.get("enum")
            names = {"enum": [*map(str, values)]} if values else {"pattern": "^-?[0-9]+$"}
            said.setdefault("propertyNames", names)
        return said


def _can_be_drawn(
    _: str, mode: Literal["validation", "serialization"], adapter: TypeAdapter[Any]
) -> bool:
    try:
        adapter.json_schema(mode=mode, schema_generator=_AsChecked)
    except PydanticInvalidForJsonSchema:
        return False
    return True


def _operation(
    operation: Operation, schemas: dict[tuple[str, str], Any], *, is_guarded: bool
) -> dict[str, Any]:
    endpoint, function = operation.endpoint, operation.function
    text = inspect.getdoc(function) or ""
    arguments = _with_defaults(schemas.get((endpoint.name, "validation"), {}), operation)
    extras = schemas.get((f"{endpoint.name}{_EXTRAS}", "validation"))
    if extras is not None:
        arguments["additionalProperties"] = extras
    result = schemas.get((endpoint.name, "serialization"), {})
    body: dict[str, Any] = {"schema": arguments}
    if endpoint.examples:
        body["examples"] = {
            f"example{n}": {"value": example} for n, example in enumerate(endpoint.examples, 1)
        }
    problem = {"schema": {"$ref": _REFS.format(model="Problem")}}
    answers: dict[str, Any] = {
        "200": {"description": "The result", "content": _results(operation, result)}
    }
    errors = {**({"401": "No token, or a wrong one"} if is_guarded else {}), **_ERRORS}
    for status, said in errors.items():
        answers[status] = {"description": said, "content": {"application/problem+json": problem}}
    return {
        "operationId": endpoint.name,
        "summary": text.split("\n")[0],
        "description": text,
        **_beside(operation, arguments),
        "requestBody": {
            "required": bool(arguments.get("required")),
            "content": {JSON: body, **_other_bodies(operation, arguments)},
        },
        "responses": answers,
    }


def _other_bodies(operation: Operation, arguments: dict[str, Any]) -> dict[str, Any]:
    codec = operation.codec
    properties = dict(arguments.get("properties", {}))
    for name, hint in codec.hints.items():
        if is_file(hint):
            properties[name] = {"type": "string", "contentMediaType": BINARY}
        elif is_files(hint):
            file = {"type": "string", "contentMediaType": BINARY}
            properties[name] = {"type": "array", "items": file}
    forms = {FORM: arguments, MULTIPART: {**arguments, "properties": properties}}
    return {
        kind: {"schema": forms[kind]} if kind in forms else _raw(kind)
        for kind in body_types(codec)[1:]
    }


def _beside(operation: Operation, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what the query may hold beside a body that is one argument as a whole."""
    hints = operation.codec.hints
    wholes = {
        table_argument(hints),
        *(only_argument(hints, is_one) for is_one in (is_file, is_text)),
    }
    if wholes == {None}:
        return {}
    properties = arguments.get("properties", {})
    told = [
        {"name": name, "in": "query", "required": False, "schema": schema,
         "description": "Beside a body that is another argument"}
        for name, schema in properties.items()
        if (name not in wholes or len(wholes) > 2) and str(schema.get("type")) in _SIMPLE
    ]  # fmt: skip
    return {"parameters": told} if told else {}


def _results(operation: Operation, schema: dict[str, Any]) -> dict[str, Any]:
    function = operation.function
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return {NDJSON: {"schema": schema}}
    kinds = answer_types(operation.codec.returns)
    return {kind: {"schema": schema} if kind == JSON else _raw(kind) for kind in kinds}


def _raw(kind: str) -> dict[str, Any]:
    is_text = kind.startswith("text/") or kind == NDJSON
    return {"schema": {"type": "string"}} if is_text else {}


def _with_defaults(schema: dict[str, Any], operation: Operation) -> dict[str, Any]:
    properties = dict(schema.get("properties", {}))
    for name, parameter in inspect.signature(operation.function).parameters.items():
        if name not in properties or parameter.default is parameter.empty:
            continue
        try:
            default = plain_value(parameter.default)
        except (NotJson, ValueError):  # an object as default has no form in a document
            continue
        if default is not None or parameter.default is None:  # NaN has none either
            properties[name] = {**properties[name], "default": default}
    return {**schema, "properties": properties}
