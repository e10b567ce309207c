"""The API's description (OpenAPI 3.1), made from the table of routes and the very shapes that decode and encode.

Nothing is described by hand twice: ranges, patterns and enumerations come from the types. Never lives here: a route.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from esteio.api.problems import KINDS, Problem
from esteio.api.routes import Route

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_REF = "#/components/schemas/{name}"


def describe(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """The whole description."""
    table = [route for route in routes if route.tag != "page"]
    shapes = {shape for route in table for shape in (route.body, *route.answers.values()) if shape is not None}
    ordered = sorted({*shapes, Problem}, key=lambda shape: str(shape.__name__))
    _, components = msgspec.json.schema_components(ordered, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        paths.setdefault(_path(route), {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Esteio",
            "version": version,
            "description": "Keeps unofficial WhatsApp sessions truly alive and loses no message.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apikey": {"type": "apiKey", "in": "header", "name": "apikey"},
            },
        },
    }


def operation_id(route: Route) -> str:
    """Unique and readable: `post_v1_sessions_name_pair`."""
    words = re.findall(r"\w+", _path(route))
    return "_".join([route.method.lower(), *words])


def _path(route: Route) -> str:
    return _PARAMETER.sub(r"{\1}", route.path)


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": operation_id(route),
        "summary": route.text,
        "tags": [route.tag or _tag(route)],
        "parameters": [*_path_parameters(route), *_other_parameters(route)],
        "responses": _responses(route),
        "security": [] if route.role is None else [{"bearer": []}, {"apikey": []}],
    }
    if route.role is not None:
        operation["x-role"] = route.role
    if route.body is not None:
        required = bool(msgspec.json.schema_components([route.body])[1][route.body.__name__].get("required"))
        operation["requestBody"] = {"required": required, "content": _json(route.body)}
    return operation


def _tag(route: Route) -> str:
    words = re.findall(r"\w+", route.path)
    return next((word for word in words if word != "v1"), "operations")


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(route.path)
    ]


def _other_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "in": one.where, "description": one.text, "required": False, "schema": dict(one.schema)}
        for one in route.parameters
    ]


def _responses(route: Route) -> Mapping[str, Any]:
    responses: dict[str, Any] = {}
    for status, shape in route.answers.items():
        responses[str(status)] = {"description": route.text}
        if shape is not None:
            responses[str(status)]["content"] = _json(shape)
    codes = sorted({kind.status for kind in KINDS.values()} | {kind.in_body for kind in KINDS.values()} - {0})
    for status in codes:
        responses.setdefault(str(status), _problem(status))
    return responses


def _problem(status: int) -> dict[str, Any]:
    names = sorted(code for code, kind in KINDS.items() if status in (kind.status, kind.in_body))
    schema = {"$ref": _REF.format(name="Problem")}
    return {"description": ", ".join(names), "content": {"application/problem+json": {"schema": schema}}}


def _json(shape: Any) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(name=shape.__name__)}}}
