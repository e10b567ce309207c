"""The API's description (OpenAPI 3.1), made from the table of routes and the very shapes that decode and encode.

Nothing is described by hand twice: ranges, patterns and enumerations come from the types, problems from what a route
takes (`openapi_errors`). Never lives here: a route, an example (`openapi_examples`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from esteio.api.http import openapi_errors, openapi_events, openapi_examples
from esteio.api.http.openapi_samples import samples
from esteio.api.http.openapi_schemas import REF, Schema, components
from esteio.api.http.problems import Problem
from esteio.api.http.route import Route

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
GROUPS: Final[Mapping[str, str]] = {
    "servers": "Provider deployments, each of a kind that an adapter speaks",
    "sessions": "WhatsApp numbers: made or adopted, paired, watched, recovered",
    "messages": "Handed in, looked at, tried again, taken back",
    "approvals": "Destructive steps that wait for a person",
    "webhooks": "Who is told what happens, and what became of it",
    "events": "What happens, as a stream",
    "dead-letters": "What failed, expired or could not be delivered",
    "contacts": "What is stored of a person, and its removal",
    "inbox": "Provider webhooks that could not be read",
    "keys": "API keys: roles, and the sessions that they reach",
    "in": "Where providers post their webhooks",
    "gateway": "What this gateway is, and what it knows",
    "apply": "A file of servers and sessions, put into force",
    "tenants": "The customers of one gateway; for its operator",
    "notices": "Who is told of outages",
    "login-links": "A way into the dashboard, good for once",
    "operations": "For those who run it",
}
_ABOUT = """Keeps unofficial WhatsApp sessions truly alive and loses no message.

Send your key as `Authorization: Bearer KEY` or as `apikey: KEY`. Roles: `read`, `send`, `operate`, `admin`, each with \
what those before it may; a key may be for some sessions only. Errors are `application/problem+json` (RFC 9457) with a \
stable `code`. Times are RFC 3339 UTC. `GET` routes answer `HEAD` too."""
_NAME: Schema = {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}


def describe(routes: Iterable[Route], version: str, base_url: str = "/") -> dict[str, Any]:
    """The whole description. `base_url` is where this gateway is reached."""
    table = [route for route in routes if route.tag != "page"]
    schemas = components(
        (route.body for route in table if route.body is not None),
        [Problem, *openapi_events.shapes(), *(one for route in table for one in route.answers.values() if one)],
    )
    for name, example in openapi_examples.SHAPES.items():
        if name in schemas:
            schemas[name]["examples"] = [example]
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        paths.setdefault(_path(route), {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Esteio",
            "version": version,
            "summary": "A gateway in front of unofficial WhatsApp servers",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_url, "description": "This gateway"}],
        "tags": [{"name": name, "description": text} for name, text in _groups(table).items()],
        "paths": paths,
        "webhooks": openapi_events.webhooks(),
        "components": {
            "schemas": {**schemas, **openapi_events.schemas()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apikey": {"type": "apiKey", "in": "header", "name": "apikey"},
                "token": {"type": "apiKey", "in": "query", "name": "token"},
            },
        },
    }


def operation_id(route: Route) -> str:
    """Unique and readable: `post_v1_sessions_name_pair`."""
    words = re.findall(r"\w+", _path(route))
    return "_".join([route.method.lower(), *words])


def _path(route: Route) -> str:
    return _PARAMETER.sub(r"{\1}", route.path)


def _groups(table: Iterable[Route]) -> dict[str, str]:
    """The known groups in their order, then those that have no text yet."""
    used = {_tag(route) for route in table} | {"webhooks"}
    return {name: GROUPS.get(name, name) for name in (*GROUPS, *sorted(used - set(GROUPS))) if name in used}


def _operation(route: Route, schemas: Mapping[str, Schema]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": operation_id(route),
        "summary": route.text,
        "description": " ".join((route.handler.__doc__ or route.text).split()),
        "tags": [_tag(route)],
        "parameters": [*_path_parameters(route), *_other_parameters(route)],
        "responses": _responses(route),
        "security": _security(route),
    }
    if route.role is not None:
        operation["x-role"] = route.role
    if route.body is not None:
        required = bool(schemas[route.body.__name__].get("required"))
        operation["requestBody"] = {"required": required, "content": _json(route.body)}
        shown = openapi_examples.REQUESTS.get(f"{route.method} {_path(route)}")
        if shown is not None:
            operation["requestBody"]["content"]["application/json"]["example"] = shown
    elif route.carries_media:
        operation["requestBody"] = {"required": False, "content": {"application/json": {"schema": {}}}}
    operation["x-codeSamples"] = [
        {"lang": one.language, "label": one.label, "source": one.text} for one in samples(route, _path(route))
    ]
    return operation


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.role is None:
        return []
    ways = ["bearer", "apikey", *(["token"] if route.by_token else [])]
    return [{way: []} for way in ways]


def _tag(route: Route) -> str:
    words = re.findall(r"[\w-]+", route.path)
    if words[-1] == "messages":
        return "messages"
    return route.tag or next((word for word in words if word != "v1"), "operations")


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": dict(_NAME) if name == "name" else {"type": "string"},
            "example": openapi_examples.words(route.path).get(name, name),
        }
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
        content = {**({} if shape is None else _json(shape)), **(route.contents if status == 200 else {})}
        responses[str(status)] = {"description": route.text, **({"content": content} if content else {})}
    for status, codes in openapi_errors.codes(route).items():
        found = _problem(codes)
        if str(status) in responses:
            responses[str(status)].setdefault("content", {}).update(found["content"])
        else:
            responses[str(status)] = found
    return responses


def _problem(codes: list[str]) -> dict[str, Any]:
    schema = {"allOf": [{"$ref": REF.format(name="Problem")}, {"properties": {"code": {"enum": codes}}}]}
    return {"description": ", ".join(codes), "content": {"application/problem+json": {"schema": schema}}}


def _json(shape: Any) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": REF.format(name=shape.__name__)}}}


def encoded(description: Mapping[str, Any]) -> bytes:
    """As it is served."""
    return msgspec.json.encode(description)
