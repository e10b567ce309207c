"""For those who run it: `/livez`, `/readyz`, `/metrics`, `/openapi.json`, `/docs`.

Open without a key but for `/metrics`, which costs more than a stranger may ask for; a listener of its own
(`metrics_listen`) offers it without one. Nothing here names a session or a person. Never lives here: what is measured
(`api.metrics`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import msgspec

from esteio.api.http import docs_page, scopes
from esteio.api.http.request import ApiRequest, ApiResponse, answer
from esteio.api.http.route import ApiContext, Route
from esteio.api.metrics.scrape import metrics
from esteio.core.views.catalogue import Translations
from esteio.store.base import StoreFull, WriteError

HTML = "text/html; charset=utf-8"


class Health(msgspec.Struct, frozen=True):
    """`ok`; `full` or `broken` (the disk takes nothing); `unavailable` (the database server does not answer); or
    `closing`, from the moment it was told to stop."""

    status: Literal["ok", "full", "broken", "unavailable", "closing"]


async def livez(_api: ApiContext, _call: ApiRequest) -> ApiResponse:
    """200 as long as the event loop answers; reads nothing, and says nothing of the store or of any session."""
    return answer(Health("ok"), cache_control="no-store")


async def readyz(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """The store can be written, and the process is not stopping.

    Whoever sends a valid key has it tried now; others hear what the last write came to (the gateway itself writes every
    20 s), so that strangers cannot make it write.
    """
    if api.stepped_aside or api.closing:
        return answer(Health("closing"), 503, cache_control="no-store")
    trouble = await _tried(api) if await _known(api, call) else api.store.write_error
    return answer(Health(trouble or "ok"), 503 if trouble else 200, cache_control="no-store")


async def _known(api: ApiContext, call: ApiRequest) -> bool:
    return call.secret is not None and await api.commands.keys.authenticate(call.secret) is not None


async def _tried(api: ApiContext) -> WriteError:
    try:
        await api.store.ping(api.clock.now())
    except StoreFull as error:
        return error.trouble
    return ""


def described(describe: Callable[[], dict[str, Any]], texts: Translations) -> tuple[Route, ...]:
    """The two routes that show the description. It takes a fifth of a second, so it is made when first asked for."""
    description = cache(describe)

    @cache
    def raw() -> bytes:
        return msgspec.json.encode(description())

    @cache
    def page() -> str:
        return docs_page.documentation(description(), texts)

    async def openapi(_api: ApiContext, _call: ApiRequest) -> ApiResponse:
        return ApiResponse(200, raw())

    async def docs(_api: ApiContext, _call: ApiRequest) -> ApiResponse:
        return _html(page())

    return (
        Route("GET", "/openapi.json", openapi, None, "This description", {200: None}, tag="page"),
        Route("GET", "/docs", docs, None, "This description as a page", {200: None}, tag="page"),
    )


def program_version() -> str:
    """The installed version, `0` from a bare tree."""
    try:
        return version("esteio")
    except PackageNotFoundError:
        return "0"


def _html(page: str) -> ApiResponse:
    headers = {"content-security-policy": docs_page.POLICY, "x-content-type-options": "nosniff"}
    return ApiResponse(200, page.encode(), HTML, headers)


ROUTES = (
    Route("GET", "/livez", livez, None, "The process answers", {200: Health}, while_closing=True, tag="operations"),
    Route(
        "GET",
        "/readyz",
        readyz,
        None,
        "It can take work",
        {200: Health, 503: Health},
        while_closing=True,
        tag="operations",
    ),
    Route(
        "GET",
        "/metrics",
        metrics,
        "read",
        "Prometheus metrics",
        {200: None},
        while_closing=True,
        tag="operations",
        contents={"text/plain": {"schema": {"type": "string"}}},
        scope=scopes.GATEWAY,
    ),
)
