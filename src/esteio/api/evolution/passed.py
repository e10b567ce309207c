"""Calls that the table does not own, handed through to the session's server as they are: the answer comes as it comes.

What the caller sees of Esteio is only what is missing: no cookies, no redirects, no header of the connection, no secret
of the server's. Never lives here: where a call leads (`passed_place`), what is asked of the server, and what is noted
(`engine.commands.passed_calls`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette._utils import get_route_path

from esteio.api.evolution.answers import no_such_route
from esteio.api.evolution.passed_place import Place, place_of
from esteio.api.evolution.route import Door, DoorCall, DoorRoute
from esteio.api.http.request import AnswerBroken, ApiRequest, ApiResponse, ClientGone
from esteio.engine.commands.passed_answer import BrokenOff, PassedAnswer, Write
from esteio.engine.commands.passed_journal import template
from esteio.engine.errors import CommandError
from esteio.providers.pass_through import PassedCall

T = TypeVar("T")


def passed_route(scope: Any) -> DoorRoute:
    """How this call is to be treated: a route like those of the table, made for one call. Its `{instance}` stands in
    `scope["path_params"]` from now on. Raises `EvolutionError` for what names no instance."""
    method, path = scope["method"], get_route_path(scope)
    scope["path_params"] = {}
    try:
        place = _place(scope, method)
    except CommandError as error:
        return refused_route(method, error)
    if place is None:
        raise no_such_route(method, path)
    scope["path_params"] = {"instance": place.instance}

    async def handler(door: Door, call: DoorCall) -> ApiResponse:
        return await pass_on(door, call, method, place)

    return DoorRoute(method, template(place.path), handler, place.role, "passed", carries_media=True)


def refused_route(method: Any, error: CommandError) -> DoorRoute:
    """What is done for nobody, and told to those who have a key."""

    async def handler(_door: Door, _call: DoorCall) -> ApiResponse:
        raise error

    return DoorRoute(method, "/{refused}", handler, "read", "refused")


def _place(scope: Any, method: str) -> Place | None:
    if any(name == b"upgrade" and b"websocket" in text.lower() for name, text in scope["headers"]):
        raise CommandError("door-no-websocket", path=get_route_path(scope))
    raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
    # Clients write `//` after the base address; and a query may hang on it.
    path = re.sub("/+", "/", raw.partition(b"?")[0].decode("latin-1"))
    return place_of(method, path.removeprefix(scope.get("root_path", "")), scope.get("query_string", b""))


async def pass_on(door: Door, call: DoorCall, method: str, place: Place) -> ApiResponse:
    """One call at the session's server, at most once; given up when the caller goes away. Raises `CommandError`,
    `ClientGone`."""
    request = call.request
    body = b""
    if "content-length" in request.headers or "transfer-encoding" in request.headers:
        async with door.api.large_bodies.place(request.headers):
            body = await request.body()
    return await handed_on(door, call, PassedCall(method, place.path, place.query, request.headers, body))


async def handed_on(door: Door, call: DoorCall, passed: PassedCall) -> ApiResponse:
    """The answer of the session's server as it comes. Raises `CommandError`, `ClientGone`."""
    request = call.request
    answer = await _unless_gone(request, door.passed.open(call.known, passed, who=request.who))
    headers = dict(answer.headers)
    kind = headers.pop("content-type", "")
    if passed.method == "HEAD":
        await answer.close()
    elif answer.complete:
        headers.pop("content-length", None)
        return ApiResponse(answer.status, await answer.whole(), kind, headers)
    return ApiResponse(answer.status, kind=kind, headers=headers, stream=lambda write: _written(request, answer, write))


async def _written(request: ApiRequest, answer: PassedAnswer, write: Write) -> None:
    try:
        await _unless_gone(request, answer.write_to(write))
    except BrokenOff as broken:
        raise AnswerBroken from broken


async def _unless_gone(request: ApiRequest, work: Coroutine[Any, Any, T]) -> T:
    """What the work brings. Raises `ClientGone`, the work cancelled, when the caller goes away before."""
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(request.gone())
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
    if task.cancelled():
        raise ClientGone
    return task.result()
