"""The ASGI application: routes onto the framework, keys, and every error as a problem.

`Front` stands before Litestar and answers the two busy addresses by itself (a message handed in, a webhook in), and the
stream of events, with the same `respond` that serves all others. Never lives here: a handler, a rule, what is started
or stopped (`gateway`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import unquote

import msgspec
from litestar import HttpMethod, Litestar, Request, Response, route
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from esteio.api import ops
from esteio.api.http import openapi, openapi_providers
from esteio.api.http.problems import Problem, of_command_error, problem
from esteio.api.http.request import PROBLEM, ApiRequest, ApiResponse, ClientGone, texts_for
from esteio.api.http.route import ApiContext, Route
from esteio.api.v1 import (
    approvals,
    contacts,
    dead_letters,
    events,
    gateway,
    inbox,
    instances,
    keys,
    media,
    messages,
    provider_webhooks,
    raw,
    servers,
    sessions,
    webhooks,
)
from esteio.core.views.catalogue import Catalogue, Translations
from esteio.engine.commands.keys import has_role
from esteio.engine.errors import CommandError
from esteio.log import logger
from esteio.store.base import StoreBroken, StoreFull

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]
TABLE: tuple[Route, ...] = (
    *servers.ROUTES,
    *instances.ROUTES,
    *sessions.ROUTES,
    *messages.ROUTES,
    *raw.ROUTES,
    *media.ROUTES,
    *approvals.ROUTES,
    *keys.ROUTES,
    *contacts.ROUTES,
    *inbox.ROUTES,
    *provider_webhooks.ROUTES,
    *webhooks.ROUTES,
    *dead_letters.ROUTES,
    *gateway.ROUTES,
    *events.ROUTES,
    *ops.ROUTES,
)
"""Every address that the description names."""
_MESSAGES = re.compile(r"/v1/sessions/([^/]+)/messages/?")
HEAD = "esteio.head"
"""Marks the scope of a `HEAD` that is answered as a `GET`."""
_IN = re.compile(r"/in/([^/]+)(?:/(.*))?")
log = logger("api")


def create_app(
    api: ApiContext,
    *,
    lifespan: Sequence[Lifespan] = (),
    handlers: Sequence[Any] = (),
    root: Route | None = ops.FRONT,
) -> HotPath:
    """The ASGI application.

    `lifespan` are context managers run around service, in order; `handlers` are further Litestar routers (the Evolution
    door, the dashboard); `root` is the page at `/`, None when `handlers` bring one.
    """
    texts = api.texts
    description = openapi.describe(TABLE, ops.program_version(), api.settings.public_url.rstrip("/") or "/")
    declared = {kind: provider.declaration for kind, provider in api.providers.items()}
    openapi_providers.describe_kinds(description["components"]["schemas"], declared, texts.by_language["en"])
    pages = ops.described(description, texts)
    table = (*TABLE, *pages, *(() if root is None else (root,)))
    app = Litestar(
        route_handlers=[*_mounted(api, table), *handlers],
        exception_handlers={HTTPException: _http_problem(texts), Exception: _crash(texts)},
        lifespan=list(lifespan),
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    return HotPath(api, app)


class HotPath:
    """The application that the server runs. While the process is stopping, new work is refused with 503."""

    def __init__(self, api: ApiContext, app: Litestar) -> None:
        self.api = api
        self.litestar = app
        self.texts = api.texts.default

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if scope["method"] == "HEAD":
                # Answered as GET is, by every route there is, also those of `handlers`.
                scope, send = {**scope, "method": "GET", HEAD: True}, without_body(send)
            found = _busy(scope["method"], scope["path"])
            if found is not None:
                busy, path = found
                call = ApiRequest(scope, receive, path, self.api.texts)
                await _send(await respond(self.api, busy, call), send, head=HEAD in scope)
                return
        await self.litestar(scope, receive, send)


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
        await _send(sent, without_body(send) if scope["method"] == "HEAD" else send)


def without_body(send: Any) -> Any:
    """The same answer to `HEAD`: its status and headers."""

    async def headers_only(message: Any) -> None:
        if message["type"] != "http.response.body":
            await send(message)
        elif not message.get("more_body", False):
            await send({"type": "http.response.body", "body": b""})

    return headers_only


class ScopeIgnored(AssertionError):
    """A handler answered a scoped key without asking what the key reaches: a defect, and nothing is shown."""


async def respond(api: ApiContext, route: Route, call: ApiRequest) -> ApiResponse:
    """Whatever happens, an answer, and how long it took."""
    began = time.perf_counter()
    given = await _respond(api, route, call)
    took_s = time.perf_counter() - began
    api.stopwatches.answered(route.method, route.path, given.status, took_s)
    keys = {"method": route.method, "route": route.path, "status": given.status}
    log.debug("request.served", **keys, duration_ms=took_s * 1000)
    return given


async def _respond(api: ApiContext, route: Route, call: ApiRequest) -> ApiResponse:
    """What went wrong is a problem with a stable code, and tells nothing of the inside."""
    try:
        call.limit = api.settings.max_carried_bytes if route.carries_media else api.settings.max_body_bytes
        await _admit(api, route, call)
        given = await route.handler(api, call)
        _check_scope_read(route, call)
        return given
    except CommandError as error:
        log.info("request.refused", method=route.method, route=route.path, reason=error.code)
        return as_answer(of_command_error(error, call.texts), call.texts)
    except StoreFull as error:
        log.warning("store.full", error=str(error))
        code = "storage-broken" if isinstance(error, StoreBroken) else "storage-full"
        return as_answer(problem("closing" if api.closing else code, call.texts), call.texts)
    except ClientGone:
        return ApiResponse(400)
    except Exception:
        log.exception("request.failed", route=route.path, method=route.method)
        return as_answer(problem("internal", call.texts), call.texts)


def _check_scope_read(route: Route, call: ApiRequest) -> None:
    """Raises `ScopeIgnored`."""
    if route.scope is not None and call.key.sessions and not call.scope_read:
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
        call.lent = api.event_tokens.redeem(call.query_word("token"), api.clock.now())
    secret = call.secret
    key = None if secret is None else await api.commands.keys.authenticate(secret)
    if key is None:
        raise CommandError("unauthorized")
    if not has_role(key, route.role):
        raise CommandError("forbidden", role=route.role)
    call.key = key
    if route.scope is not None and route.scope.check is not None:
        await route.scope.check(api, call)


def _busy(method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
    """The busy addresses and the stream, matched without the framework's detour."""
    if method != "POST":
        return (events.STREAM, {}) if method == "GET" and path in ("/v1/events", "/v1/events/") else None
    if path.startswith("/in/"):
        found = _IN.fullmatch(path)
        if found and found[2]:
            return provider_webhooks.ROUTES[1], {"token": found[1], "rest": found[2]}
        return (provider_webhooks.ROUTES[0], {"token": found[1]}) if found else None
    found = _MESSAGES.fullmatch(path)
    return (messages.SEND, {"name": unquote(found[1])}) if found else None


async def _send(sent: ApiResponse, send: Any, *, head: bool = False) -> None:
    headers = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in sent.headers.items()]
    if sent.stream is None:
        headers.append((b"content-length", str(len(sent.body)).encode()))
    if sent.body or sent.stream:
        headers.append((b"content-type", sent.kind.encode()))
    await send({"type": "http.response.start", "status": sent.status, "headers": headers})
    if sent.stream is not None and not head:

        async def write(piece: bytes) -> None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})

        try:
            await sent.stream(write)
        except ClientGone:
            # Not even the end is written: who takes nothing would hold it up.
            return
    await send({"type": "http.response.body", "body": sent.body})


def _mounted(api: ApiContext, table: Sequence[Route]) -> list[HTTPRouteHandler]:
    return [_handler(api, one) for one in table]


def _handler(api: ApiContext, described: Route) -> HTTPRouteHandler:
    async def handle(request: Request[Any, Any, Any]) -> ASGIApp:
        path = {name: str(word).lstrip("/") for name, word in request.path_params.items()}
        call = ApiRequest(request.scope, request.receive, path, api.texts)
        sent = await respond(api, described, call)

        async def write(scope: Any, _receive: Any, send: Any) -> None:
            # Not by the framework's own response: it names the character set of texts a second time.
            await _send(sent, send, head=HEAD in scope)

        return write

    address = re.sub(r"\{(\w+)\}", r"{\1:str}", described.path)
    made: HTTPRouteHandler = route(
        address, http_method=[HttpMethod(described.method)], status_code=200, name=openapi.operation_id(described)
    )(handle)
    return made


def _response(sent: ApiResponse) -> Response[bytes]:
    kind = sent.kind if sent.body else None
    return Response(sent.body, status_code=sent.status, media_type=kind, headers=dict(sent.headers))


def _http_problem(translations: Translations) -> Callable[[Request[Any, Any, Any], HTTPException], Response[bytes]]:
    """What the framework itself refuses: an address or a method that does not exist."""

    def handle(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
        texts = texts_for(request.headers.get("accept-language", ""), translations)
        if isinstance(error, MethodNotAllowedException):
            said = as_answer(problem("method-not-allowed", texts, {"method": request.method}), texts)
            return _response(msgspec.structs.replace(said, headers={**said.headers, **_allowed(error)}))
        if isinstance(error, NotFoundException):
            return _response(as_answer(problem("not-found", texts), texts))
        log.error("request.failed", status=error.status_code, error=error.detail)
        return _response(as_answer(problem("internal", texts), texts))

    return handle


def _allowed(error: MethodNotAllowedException) -> dict[str, str]:
    """The framework's `Allow`; whoever answers GET answers HEAD."""
    words = (error.headers or {}).get("allow", "") or (error.headers or {}).get("Allow", "")
    methods = {word.strip() for word in words.split(",") if word.strip()}
    return {"allow": ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))} if methods else {}


def _crash(translations: Translations) -> Callable[[Request[Any, Any, Any], Exception], Response[bytes]]:
    def handle(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        texts = texts_for(request.headers.get("accept-language", ""), translations)
        log.error("request.failed", exc_info=error)
        return _response(as_answer(problem("internal", texts), texts))

    return handle
