"""The OpenAPI document of the routes, made from the structs. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from nb2flow import __version__
from nb2flow.server import api
from nb2flow.server.routes import PREFIX, ROUTES, Route

REFERENCES = "#/components/schemas/{name}"
_FAULTS = {
    "400": "The request cannot be understood",
    "403": "Not logged in, not allowed, or a request from another site",
    "404": "There is no such notebook, run or step",
    "405": "The route does not take this method",
    "413": "The request is too large",
    "422": "The notebook, or what was asked of it, is at fault",
    "500": "A fault of nb2flow",
    "503": "This machine is at fault: a kernel is missing, the disk is full, …",
}


def document() -> dict[str, Any]:
    """The document as JSON values."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "nb2flow",
            "version": __version__,
            "description": "What JupyterLab asks of nb2flow. Every route wants a logged-in user who is allowed to.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas()[1],
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}},
        },
        "security": [{"token": []}],
    }


def types() -> list[Any]:
    """Every struct that a route takes or gives, and the error."""
    found = [t for r in ROUTES for t in (r.request, r.reply) if t is not None and isinstance(t, type)]
    return [*dict.fromkeys(t for t in found if issubclass(t, msgspec.Struct)), api.Error]


def schemas() -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    """References to the schemas of `types()`, and all schemas by name."""
    return msgspec.json.schema_components(types(), ref_template=REFERENCES)


def _operation(route: Route) -> dict[str, Any]:
    references = dict(zip(types(), schemas()[0], strict=True))
    operation: dict[str, Any] = {"operationId": route.name, "summary": route.summary}
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    parameters: list[dict[str, Any]] = [
        {"name": n, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 63}} for n in names
    ]
    parameters += [
        {"name": q.name, "in": "query", "required": q.required, "schema": q.schema, "description": q.description}
        for q in route.query
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.request is not None:
        content = {"application/json": {"schema": references[route.request]}}
        operation["requestBody"] = {"required": True, "content": content}
    success: dict[str, Any] = {"description": route.summary}
    if route.html:
        success["content"] = {"text/html": {"schema": {"type": "string"}}}
    elif route.reply is not None:
        success["content"] = {"application/json": {"schema": references.get(route.reply, {"type": "object"})}}
    error = {"application/json": {"schema": references[api.Error]}}
    faults = {status: {"description": words, "content": error} for status, words in _FAULTS.items()}
    operation["responses"] = {str(route.status): success, **faults}
    return operation
