"""`/v1/servers`: list, one, add, change, delete.

Never lives here: a rule about servers (`engine.commands.servers`).
"""

from __future__ import annotations

import msgspec

from esteio.api.http import scopes
from esteio.api.http.request import NOTHING, ApiRequest, ApiResponse, answer
from esteio.api.http.route import ApiContext, Route
from esteio.core.views.server_documents import ServerDocument
from esteio.engine.commands.requests import ServerChange, ServerRequest


class ServerPage(msgspec.Struct, frozen=True):
    """All servers, in one page, so `next` is null."""

    items: tuple[ServerDocument, ...]
    next: str | None = None


async def add(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """201 with the server; its credentials are never shown again."""
    stored = await api.commands.servers.add(await call.ask(ServerRequest))
    return answer(api.server_document(stored, call.texts), 201)


async def list_all(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """All that the key's tenant may use: there are few."""
    call.query()
    stored = await api.store.servers.within(call.scope)
    return answer(ServerPage(tuple(api.server_shown(one, call) for one in stored)))


async def one(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """Health, version, quirks in force, budget in use; where it stands only to keys for the whole gateway."""
    return answer(api.server_shown(await api.commands.lookup.server(call.path["name"], call.scope), call))


async def change(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """What is left out stays."""
    stored = await api.commands.servers.change(call.path["name"], await call.ask(ServerChange))
    return answer(api.server_document(stored, call.texts))


async def delete(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """Takes the server away; refused while it has sessions. Nothing is done at the provider."""
    await api.commands.servers.delete(call.path["name"])
    return NOTHING


ROUTES = (
    Route(
        "POST",
        "/v1/servers",
        add,
        "admin",
        "Add a provider's server",
        {201: ServerDocument},
        body=ServerRequest,
        errors=("name-taken", "quota-servers", "unknown-tenant"),
        scope=scopes.GATEWAY,
    ),
    Route("GET", "/v1/servers", list_all, "read", "List the servers", {200: ServerPage}, scope=scopes.ITEMS),
    Route("GET", "/v1/servers/{name}", one, "read", "One server", {200: ServerDocument}, scope=scopes.ITEMS),
    Route(
        "PATCH",
        "/v1/servers/{name}",
        change,
        "admin",
        "Change a server",
        {200: ServerDocument},
        body=ServerChange,
        scope=scopes.GATEWAY,
    ),
    Route(
        "DELETE",
        "/v1/servers/{name}",
        delete,
        "admin",
        "Forget a server without sessions",
        {204: None},
        errors=("in-use",),
        scope=scopes.GATEWAY,
    ),
)
