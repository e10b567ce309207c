"""The door as an application: mounted under `/evolution`, or alone at the root of an address (`door.listen`).

Keys are Esteio's, in the header `apikey`. Without a valid key everything is 401, also for an instance that does not
exist (Evolution says 404 first, recording 017): names are nobody's business who has no key. Never lives here: a route's
own rules.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any
from urllib.parse import unquote

from starlette import routing
from starlette._utils import get_route_path
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from esteio.api.evolution import chatwoot, lookups, media, sends, translated, webhooks, welcome
from esteio.api.evolution.addresses import addressed, candidates
from esteio.api.evolution.answers import EvolutionError, no_such_instance, no_such_route, of_error, unauthorized
from esteio.api.evolution.entrance import Entrance, decoded
from esteio.api.evolution.instances import acts, at_server, create, pairing, state
from esteio.api.evolution.instances.state import AGE
from esteio.api.evolution.passed import passed_route, refused_route
from esteio.api.evolution.passed_place import METHODS
from esteio.api.evolution.route import DOOR_PREFIX, Door, DoorCall, DoorRoute
from esteio.api.http.request import NOTHING, ApiRequest, ApiResponse, ClientGone, send_response
from esteio.engine.audit.acting import acting
from esteio.engine.commands.keys import has_role
from esteio.engine.errors import CommandError
from esteio.log import logger
from esteio.store.base import StoreFull

PREFIX = DOOR_PREFIX
TABLE: tuple[DoorRoute, ...] = (
    *sends.ROUTES,
    *welcome.ROUTES,
    *create.ROUTES,
    *pairing.ROUTES,
    *state.ROUTES,
    *acts.ROUTES,
    *at_server.ROUTES,
    *webhooks.ROUTES,
    *chatwoot.ROUTES,
    *lookups.ROUTES,
    *translated.ROUTES,
    *media.ROUTES,
)
"""Every address that Esteio itself answers; all others are passed through."""
log = logger("door")


def create_door(door: Door) -> ASGIApp:
    """The door at its own root."""
    by_path: dict[str, dict[str, DoorRoute]] = {}
    for route in TABLE:
        by_path.setdefault(route.path, {})[route.method] = route
    addresses = [routing.Route(path, _Address(door, routes)) for path, routes in by_path.items()]
    router = routing.Router(addresses, redirect_slashes=False)
    router.default = _Elsewhere(door, router, by_path)
    # As Evolution's own does: whoever asks is let in, for it is the key that opens.
    open_to_all = CORSMiddleware(
        router,
        allow_origin_regex=".*",
        allow_credentials=True,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=[AGE],
    )
    return Entrance(open_to_all)


class _Address:
    """What is answered at one address of the table."""

    def __init__(self, door: Door, routes: dict[str, DoorRoute]) -> None:
        self._door = door
        self._routes = routes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        method, head = scope["method"], scope["method"] == "HEAD"
        request = ApiRequest(scope, receive, decoded(scope["path_params"]), self._door.api.texts)
        route = self._routes.get("GET" if head else method)
        if method == "OPTIONS":
            sent = NOTHING
        elif route is None:
            sent = no_such_route(method, get_route_path(scope)).answered()
        else:
            sent = await respond(self._door, route, request)
        await send_response(sent, send, head=head)


class _Elsewhere:
    """Where the table has nothing: the address that is meant, which may be written in another case, or the session's
    server."""

    def __init__(self, door: Door, router: routing.Router, paths: Iterable[str]) -> None:
        self._door = door
        self._router = router
        self._written = {_called(path): path.strip("/").split("/")[:2] for path in paths}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self._no_websocket(scope, receive, send)
            return
        meant = self._meant(get_route_path(scope))
        if meant != get_route_path(scope):
            await self._router({**scope, "path": scope.get("root_path", "") + meant}, receive, send)
            return
        try:
            route = passed_route(scope)
        except EvolutionError as error:
            sent = error.answered()
        else:
            sent = await respond(self._door, route, self._request(scope, receive))
        await send_response(sent, send, head=scope["method"] == "HEAD")

    async def _no_websocket(self, scope: Any, receive: Any, send: Any) -> None:
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return

        async def deny(message: Any) -> None:
            await send({**message, "type": f"websocket.{message['type']}"})

        scope["path_params"] = {}
        route = refused_route("GET", CommandError("door-no-websocket", path=get_route_path(scope)))
        await send_response(await respond(self._door, route, self._request(scope, receive)), deny)

    def _request(self, scope: Any, receive: Any) -> ApiRequest:
        return ApiRequest(scope, receive, scope["path_params"], self._door.api.texts)

    def _meant(self, path: str) -> str:
        words = [word for word in path.split("/") if word]
        # Evolution pays no regard to case: `/Message/SendText` would be a send around the outbox.
        written = self._written.get(_called("/".join(words)), ())
        return "/" + "/".join([*written, *words[len(written) :]])


def _called(path: str) -> str:
    """The first two words of a path: what names a call, whatever follows and however they are encoded."""
    return "/".join(unquote(word) for word in path.strip("/").split("/")[:2]).lower()


async def respond(door: Door, route: DoorRoute, request: ApiRequest) -> ApiResponse:
    """Whatever happens, an answer in Evolution's shape, and how long it took; to a passed call, until its answer
    begins."""
    began = time.perf_counter()
    given = await _respond(door, route, request)
    method, called = _called_as(route)
    door.api.end_span(request, given.status)
    door.api.stopwatches.answered(method, PREFIX + called, given.status, time.perf_counter() - began)
    return given


def _called_as(route: DoorRoute) -> tuple[str, str]:
    """Method and path, of few different words: paths of passed calls, and strange methods, are the callers' own."""
    path = "/{passed}" if route.treatment == "passed" else route.path
    return route.method if route.method in METHODS else "other", path


async def _respond(door: Door, route: DoorRoute, request: ApiRequest) -> ApiResponse:
    api = door.api
    try:
        request.limit = api.settings.max_carried_bytes if route.carries_media else api.settings.max_body_bytes
        call = await admitted(door, route, request)
        if route.role is not None:
            door.begin_span(request, *_called_as(route))
        with acting(request.actor("key")) if request.key.id else nullcontext():
            return await route.handler(door, call)
    except EvolutionError as error:
        return error.answered()
    except CommandError as error:
        log.info("request.refused", method=route.method, route=PREFIX + route.path, reason=error.code)
        return of_error(error, request.texts)
    except StoreFull as error:
        log.warning("store.full", error=str(error))
        code = f"storage-{error.trouble}"
        return of_error(CommandError("closing" if api.closing else code), request.texts)
    except ClientGone:
        return ApiResponse(400)
    except Exception:
        log.exception("request.failed", route=PREFIX + route.path, method=route.method)
        return of_error(CommandError("internal"), request.texts)


async def admitted(door: Door, route: DoorRoute, request: ApiRequest) -> DoorCall:
    """Whether this caller may come in now, and the session that the address names. Raises `CommandError`,
    `EvolutionError`."""
    api = door.api
    if api.closing:
        raise CommandError("closing")
    if route.role is None:
        return DoorCall(request)
    key = None if request.secret is None else await api.commands.keys.authenticate(request.secret)
    if key is None:
        raise unauthorized()
    request.key = key
    name = request.path.get("instance")
    session = None
    if name is not None:
        session = await addressed(api, name, request.scope)
        if session is None:
            hidden = not request.scope.named(name) or await candidates(api, name, request.scope)
            raise unauthorized() if hidden else no_such_instance(name)
    if not has_role(key, route.role):
        raise CommandError("forbidden", role=route.role)
    return DoorCall(request, name or "", session)
