"""The ASGI application: the route table on Starlette's router, keys, and every error as a problem.

Starlette, not Litestar: beside a table that decodes and describes itself a framework only routes, and Starlette does so
for all addresses alike, with 6 MB and 9 packages less (measured 2026-11-30, docs/explanation/benchmarks.md). Never
lives here: a handler, a rule, what is started or stopped (`engine.runtime.lifecycle`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import msgspec
from starlette import routing
from starlette.types import ASGIApp

from esteio.api import ops
from esteio.api.http import openapi, openapi_providers
from esteio.api.http.problems import Problem, of_command_error, problem
from esteio.api.http.request import PROBLEM, ApiRequest, ApiResponse, ClientGone, send_response
from esteio.api.http.route import ApiContext, Route
from esteio.api.v1 import (
    approvals,
    audit,
    contacts,
    dead_letters,
    events,
    gateway,
    inbox,
    instances,
    keys,
    login_links,
    media,
    messages,
    provider_webhooks,
    raw,
    servers,
    sessions,
    tenants,
    vault,
    webhooks,
)
from esteio.core.views.catalogue import Catalogue
from esteio.engine.audit.acting import acting
from esteio.engine.commands.keys import has_role
from esteio.engine.errors import CommandError
from esteio.log import logger
from esteio.store.base import StoreFull

TABLE: tuple[Route, ...] = (
    *servers.ROUTES,
    *instances.ROUTES,
    *sessions.ROUTES,
    *messages.ROUTES,
    *raw.ROUTES,
    *media.ROUTES,
    *approvals.ROUTES,
    *keys.ROUTES,
    *tenants.ROUTES,
    *login_links.ROUTES,
    *contacts.ROUTES,
    *inbox.ROUTES,
    *provider_webhooks.ROUTES,
    *webhooks.ROUTES,
    *dead_letters.ROUTES,
    *gateway.ROUTES,
    *audit.ROUTES,
    *vault.ROUTES,
    *events.ROUTES,
    *ops.ROUTES,
)
"""Every address that the description names."""
BUSY: tuple[Route, ...] = (messages.SEND, *provider_webhooks.ROUTES)
"""Of one place addresses are tried in turn; these first."""
UNTRACED = frozenset(route.path for route in ops.ROUTES)
"""What is asked for every few seconds, and by nobody's leave."""
log = logger("api")


def create_app(api: ApiContext, *, mounted: Sequence[routing.BaseRoute] = ()) -> Entrance:
    """The ASGI application. `mounted` are further routes of Starlette (the Evolution door, the dashboard), which answer
    their own errors."""
    addresses = _addresses(api, (*TABLE, *ops.described(lambda: _description(api), api.texts)))
    router = Entrance(addresses, mounted)
    router.default = Nowhere(api, router)
    return router


def _description(api: ApiContext) -> dict[str, Any]:
    """The API's description, with the kinds of provider that are here."""
    found = openapi.describe(TABLE, ops.program_version(), api.settings.public_url.rstrip("/") or "/")
    declared = {kind: provider.declaration for kind, provider in api.providers.items()}
    openapi_providers.describe_kinds(found["components"]["schemas"], declared, api.texts.by_language["en"])
    return found


def _addresses(api: ApiContext, table: Iterable[Route]) -> list[routing.Route]:
    by_path: dict[str, dict[str, Route]] = {}
    for route in (*BUSY, *table):
        by_path.setdefault(route.path, {})[route.method] = route
    return [routing.Route(path, Address(api, routes)) for path, routes in by_path.items()]


class Address:
    """What is answered at one address: `HEAD` as `GET` without its body, `OPTIONS`, 405 to what no route takes."""

    def __init__(self, api: ApiContext, routes: Mapping[str, Route]) -> None:
        """`routes`: by method."""
        self._api = api
        self._routes = routes
        methods = {*routes, "OPTIONS"} | ({"HEAD"} if "GET" in routes else set())
        self._allowed = {"allow": ", ".join(sorted(methods))}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        method, head = scope["method"], scope["method"] == "HEAD"
        call = ApiRequest(scope, receive, scope["path_params"], self._api.texts)
        route = self._routes.get("GET" if head else method)
        if route is not None:
            sent = await respond(self._api, route, call)
        elif method == "OPTIONS":
            sent = ApiResponse(204, headers=self._allowed)
        else:
            said = as_answer(problem("method-not-allowed", call.texts, {"method": method}), call.texts)
            sent = msgspec.structs.replace(said, headers={**said.headers, **self._allowed})
        await send_response(sent, send, head=head)


class Entrance(routing.Router):
    """The router. What lies below `/v1` and `/in` is found with its pattern alone, among the few of its place: a router
    tries all its routes in turn."""

    def __init__(self, addresses: Sequence[routing.Route], mounted: Sequence[routing.BaseRoute]) -> None:
        super().__init__([*mounted, *addresses], redirect_slashes=False)
        self._places: dict[str, list[tuple[re.Pattern[str], ASGIApp]]] = {}
        for one in addresses:
            if one.path.startswith(("/v1/", "/in/")):
                self._places.setdefault(_place(one.path), []).append((one.path_regex, one.app))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        found = self.found(scope["path"]) if scope["type"] == "http" and not scope.get("root_path") else None
        if found is None:
            await super().__call__(scope, receive, send)
            return
        address, scope["path_params"] = found
        await address(scope, receive, send)

    def found(self, path: str) -> tuple[ASGIApp, dict[str, str]] | None:
        """The application of such an address, and the words that stand in its braces."""
        for pattern, address in self._places.get(_place(path), ()):
            if (match := pattern.match(path)) is not None:
                return address, match.groupdict()
        return None


def _place(path: str) -> str:
    """The first word of a path; below `/v1` the second."""
    words = path.split("/", 3)
    return words[2] if words[1:2] == ["v1"] and len(words) > 2 else "/".join(words[:2])


class Nowhere:
    """What is answered where no address is: 404, or the address that is meant when slashes are left out."""

    def __init__(self, api: ApiContext, router: routing.Router) -> None:
        self._api = api
        self._router = router

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # Not `redirect_slashes`: few who POST follow a redirect.
        meant = "/" + "/".join(word for word in scope["path"].split("/") if word)
        if meant != scope["path"]:
            await self._router({**scope, "path": meant}, receive, send)
            return
        texts = ApiRequest(scope, receive, {}, self._api.texts).texts
        await send_response(as_answer(problem("not-found", texts), texts), send, head=scope["method"] == "HEAD")


class Operations:
    """A small application for an address of its own (`metrics_listen`): `/metrics`, `/livez`, `/readyz`, no keys."""

    def __init__(self, api: ApiContext) -> None:
        self._api = api
        self.texts = api.texts.default
        self._routes = {route.path: msgspec.structs.replace(route, role=None, scope=None) for route in ops.ROUTES}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        found = self._routes.get(scope["path"])
        if found is None or scope["method"] not in ("GET", "HEAD"):
            sent = as_answer(problem("not-found", self.texts), self.texts)
        else:
            sent = await respond(self._api, found, ApiRequest(scope, receive, {}, self._api.texts))
        await send_response(sent, send, head=scope["method"] == "HEAD")


class ScopeIgnored(AssertionError):
    """A handler answered a scoped key without asking what the key reaches: a defect, and nothing is shown."""


async def respond(api: ApiContext, route: Route, call: ApiRequest) -> ApiResponse:
    """Whatever happens, an answer, and how long it took."""
    began = time.perf_counter()
    given = await _respond(api, route, call)
    took_s = time.perf_counter() - began
    api.end_span(call, given.status)
    api.stopwatches.answered(route.method, route.path, given.status, took_s)
    keys = {"method": route.method, "route": route.path, "status": given.status}
    log.debug("request.served", **keys, duration_ms=took_s * 1000)
    return given


async def _respond(api: ApiContext, route: Route, call: ApiRequest) -> ApiResponse:
    """What went wrong is a problem with a stable code, and tells nothing of the inside."""
    try:
        call.limit = api.settings.max_carried_bytes if route.carries_media else api.settings.max_body_bytes
        await _admit(api, route, call)
        if route.role is not None and route.path not in UNTRACED:
            api.begin_span(call, route.method, route.path, parent=call.sent_trace)
        with acting(call.key_actor) if call.key.id else nullcontext():
            given = await route.handler(api, call)
        _check_scope_read(route, call)
        return given
    except CommandError as error:
        log.info("request.refused", method=route.method, route=route.path, reason=error.code)
        return as_answer(of_command_error(error, call.texts), call.texts)
    except StoreFull as error:
        log.warning("store.full", error=str(error))
        code = f"storage-{error.trouble}"
        return as_answer(problem("closing" if api.closing else code, call.texts), call.texts)
    except ClientGone:
        return ApiResponse(400)
    except Exception:
        log.exception("request.failed", route=route.path, method=route.method)
        return as_answer(problem("internal", call.texts), call.texts)


def _check_scope_read(route: Route, call: ApiRequest) -> None:
    """Raises `ScopeIgnored`."""
    if route.scope is not None and (call.key.sessions or call.key.tenant) and not call.scope_read:
        raise ScopeIgnored(f"{route.method} {route.path} did not look at the key's scope")


def as_answer(said: Problem, texts: Catalogue) -> ApiResponse:
    """A problem, made with `texts`, as an answer."""
    headers = {"content-language": texts.language, "cache-control": "no-store"}
    if said.retry_after_s is not None:
        headers["retry-after"] = str(said.retry_after_s)
    if said.status == 401:
        headers["www-authenticate"] = 'Bearer realm="esteio"'
    return ApiResponse(said.status, msgspec.json.encode(said), PROBLEM, headers)


async def _admit(api: ApiContext, route: Route, call: ApiRequest) -> None:
    """Whether this caller may come in now. Raises `CommandError`: closing, unauthorized, forbidden."""
    if api.closing and not route.while_closing:
        raise CommandError("closing")
    if route.role is None:
        return
    if route.by_token and call.secret is None:
        token, cookies = call.query_word("token"), call.headers.get("cookie", "")
        call.lent = await api.short_lived_tokens.streams(token) or api.logins.secret(cookies)
    secret = call.secret
    key = None if secret is None else await api.commands.keys.authenticate(secret)
    if key is None:
        raise CommandError("unauthorized")
    if not has_role(key, route.role):
        raise CommandError("forbidden", role=route.role)
    call.key = key
    if route.scope is not None and route.scope.check is not None:
        await route.scope.check(api, call)
