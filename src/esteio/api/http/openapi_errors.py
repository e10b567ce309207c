"""Which problems a route may answer with: what follows from its role, scope, body and address, and what it names.

Never lives here: the problems (`problems`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from esteio.api.http import scopes
from esteio.api.http.problems import KINDS
from esteio.api.http.route import Route

BY_SCOPE: Final[Mapping[str, tuple[str, ...]]] = {
    scopes.SESSION.name: ("session-out-of-reach", "unknown-session"),
    scopes.MESSAGE.name: ("session-out-of-reach", "unknown-message"),
    scopes.APPROVAL.name: ("session-out-of-reach", "unknown-approval"),
    scopes.KEY.name: ("unknown-key",),
    scopes.WEBHOOK.name: ("unknown-webhook",),
    scopes.TENANT.name: ("outside-scope",),
    scopes.GATEWAY.name: ("outside-scope",),
    scopes.BODY.name: ("session-out-of-reach",),
}
BY_ADDRESS: Final[Mapping[str, str]] = {
    "/v1/servers/{name}": "unknown-server",
    "/v1/tenants/{name}": "unknown-tenant",
    "/in/{token}": "unknown-token",
}
OF_BODIES: Final = ("invalid-json", "unknown-field", "invalid-value", "too-large")
OF_WRITES: Final = ("storage-full", "storage-broken")


def codes(route: Route) -> dict[int, list[str]]:
    """Status → codes, sorted. What a route names in `errors` is meant as named in a body, where that differs."""
    found: dict[int, set[str]] = {}
    for code in _of_the_route(route):
        found.setdefault(KINDS[code].status, set()).add(code)
    for code in route.errors:
        kind = KINDS[code]
        found.setdefault(kind.in_body or kind.status, set()).add(code)
    return {status: sorted(found[status]) for status in sorted(found)}


def _of_the_route(route: Route) -> list[str]:
    named = ["internal"]
    if not route.while_closing:
        named += ["closing", "storage-broken", "storage-unavailable"]
    if route.role is not None:
        named += ["unauthorized", "forbidden", "tenant-suspended"]
    if route.role is not None and (route.method == "GET" or any(one.where == "query" for one in route.parameters)):
        named += ["unknown-field", "invalid-value"]
    if route.scope is not None:
        named += BY_SCOPE.get(route.scope.name, ())
    named += [code for start, code in BY_ADDRESS.items() if route.path.startswith(start)]
    if route.body is not None or route.carries_media:
        named += OF_BODIES
    if route.method != "GET":
        named += OF_WRITES
    return named
