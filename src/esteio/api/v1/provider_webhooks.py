"""`/in/{token}`: a provider's webhook, onto the disk, 200. Whatever it says, it is not read here.

Never lives here: what is in it (`engine.inbox.reader`), blanking (`engine.commands.provider_webhooks`).
"""

from __future__ import annotations

import msgspec

from esteio.api.http.request import ApiRequest, ApiResponse
from esteio.api.http.route import ApiContext, Route


class Taken(msgspec.Struct, frozen=True):
    """It is on the disk."""

    ok: bool


_TAKEN = ApiResponse(200, b'{"ok":true}')


async def take(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """200 once it is durable; 404 for an unknown address, 413 for too large a body, 429 for too many bytes an hour."""
    session = await api.commands.provider_webhooks.session_of_token(call.path["token"])
    # A provider is a stranger: it names no trace of ours.
    api.begin_span(call, "POST", "/in/{token}", parent=None)
    async with api.large_bodies.place(call.headers):
        await api.commands.provider_webhooks.accept(
            session, call.path.get("rest", ""), call.headers, await call.body(), trace_context=call.trace_context
        )
    return _TAKEN


ROUTES = (
    Route(
        "POST",
        "/in/{token}",
        take,
        None,
        "A provider's webhook",
        {200: Taken},
        carries_media=True,
        errors=("webhook-budget", "busy"),
    ),
    Route(
        "POST",
        "/in/{token}/{rest:path}",
        take,
        None,
        "A provider's webhook, one address per event",
        {200: Taken},
        carries_media=True,
        errors=("webhook-budget", "busy"),
    ),
)
