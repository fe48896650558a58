"""The REST API's OpenAPI document; a test holds it against the URL table."""

from __future__ import annotations

from typing import Any


def _operation(summary: str, status: str = "200", **more: Any) -> dict[str, Any]:
    answers = {
        status: {"description": summary},
        "default": {"$ref": "#/components/responses/Error"},
    }
    return {"summary": summary, "responses": answers, **more}


def _parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _body(required: list[str], **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "required": required, "properties": properties}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_TEXT = {"type": "string"}
_VALUES = {"type": "string", "enum": ["live", "run"], "default": "live"}
_LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer", "default": 100}}
_JOB = [_parameter("id")]
_NAME = [_parameter("name")]
_PATHS: dict[str, dict[str, Any]] = {
    "/status": {"get": _operation("Version, engine and targets")},
    "/openapi.json": {"get": _operation("This document")},
    "/analysis": {
        "post": _operation(
            "Roles, slices, endpoints, requirements and diagnostics of a notebook",
            **_body(
                ["path"],
                path=_TEXT,
                content={"type": "object"},
                edited={"type": "array", "items": _TEXT},
            ),
        )
    },
    "/marks": {
        "put": _operation(
            "Set or clear cell roles",
            **_body(["path", "marks"], path=_TEXT, marks={"type": "object"}),
        )
    },
    "/deployments": {
        "get": _operation("All deployments"),
        "post": _operation(
            "Start a deploy",
            "202",
            **_body(["path"], path=_TEXT, name=_TEXT, target=_TEXT, values=_VALUES),
        ),
    },
    "/deployments/{name}": {
        "parameters": _NAME,
        "get": _operation("One deployment with health, monitors and recent errors"),
        "delete": _operation("Stop a deployment", "204"),
    },
    "/deployments/{name}/rollback": {
        "parameters": _NAME,
        "post": _operation("Start a rollback", "202", **_body([], version={"type": "integer"})),
    },
    "/deployments/{name}/logs": {"parameters": _NAME, "get": _operation("The service's log")},
    "/deployments/{name}/calls": {
        "parameters": _NAME,
        "get": _operation("Recent calls", parameters=[_LIMIT]),
    },
    "/deployments/{name}/metrics": {"parameters": _NAME, "get": _operation("Prometheus metrics")},
    "/jobs": {"get": _operation("All jobs, the newest first")},
    "/jobs/{id}": {
        "parameters": _JOB,
        "get": _operation("One job with its steps and log"),
        "delete": _operation("Cancel a job", "202"),
    },
    "/jobs/{id}/events": {"parameters": _JOB, "get": _operation("A job's news, live")},
}

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "nbdeploy", "version": "1"},
    "servers": [{"url": "/nbdeploy/api"}],
    "paths": _PATHS,
    "components": {
        "responses": {
            "Error": {
                "description": "What went wrong and what to do about it",
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["message", "code", "hint", "details"],
                            "properties": {
                                "message": _TEXT,
                                "code": _TEXT,
                                "hint": _TEXT,
                                "details": {"type": "object"},
                            },
                        }
                    }
                },
            }
        }
    },
}
