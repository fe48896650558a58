"""The service's OpenAPI document, from the functions' real type hints."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .service import Operation, Service

_ERRORS = {"400": "Not JSON", "422": "A wrong argument", "500": "The notebook raised"}


def openapi_document(service: Service) -> dict[str, Any]:
    """Return an OpenAPI 3.1 document with one operation an endpoint."""
    components: dict[str, Any] = {}
    paths = {
        operation.endpoint.path: {"post": _operation(operation, components)}
        for operation in service.operations.values()
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": service.app.manifest.name,
            "version": str(service.version or service.app.manifest.notebook_sha256[:12]),
        },
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(operation: Operation, components: dict[str, Any]) -> dict[str, Any]:
    arguments, result = operation.codec.schemas()
    text = inspect.getdoc(operation.function) or ""
    body: dict[str, Any] = {"schema": _lifted(arguments, components)}
    if operation.endpoint.examples:
        body["examples"] = {
            f"example{n}": {"value": example}
            for n, example in enumerate(operation.endpoint.examples, start=1)
        }
    answers: dict[str, Any] = {
        status: {"description": said, "content": {"application/problem+json": {}}}
        for status, said in _ERRORS.items()
    }
    content = {"application/json": {"schema": _lifted(result, components)}}
    answers["200"] = {"description": "The result", "content": content}
    return {
        "operationId": operation.endpoint.name,
        "summary": text.split("\n")[0],
        "description": text,
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": answers,
    }


def _lifted(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """Move `$defs` to the document's components, where OpenAPI looks for them."""
    components.update(_pointed(schema.pop("$defs", {})))
    moved: dict[str, Any] = _pointed(schema)
    return moved


def _pointed(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: value.replace("#/$defs/", "#/components/schemas/")
            if key == "$ref"
            else _pointed(value)
            for key, value in node.items()
        }
    return [_pointed(item) for item in node] if isinstance(node, list) else node
