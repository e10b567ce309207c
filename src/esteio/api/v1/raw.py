"""`/v1/messages/{id}/raw`: what the provider sent about a message, as it is stored: secrets blanked, else byte by byte.

Never lives here: how long that is kept (`retention.webhooks_s`), reading it.
"""

from __future__ import annotations

import re

from esteio.api.http import scopes
from esteio.api.http.request import JSON, ApiRequest, ApiResponse
from esteio.api.http.route import ApiContext, Route
from esteio.core.views.documents import timestamp
from esteio.engine.errors import CommandError
from esteio.engine.key_scope import Scope
from esteio.store.base import LIST_PATH

_BLANKS = b"\xef\xbb\xbf \t\r\n"
_BYTES = "application/octet-stream"


async def raw(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """The webhook's body, or the row of the provider's list that the message was read back from. Raises `CommandError`
    (`raw-gone`) when it is no longer kept."""
    message = await api.commands.lookup.message(call.path["id"], call.scope)
    found = await api.store.inbox.of_message(message.id)
    if found is None:
        raise CommandError("raw-gone")
    # Whatever a stranger says of its type: no browser may take it for a page.
    kind = JSON if found.body[:64].lstrip(_BLANKS)[:1] in (b"{", b"[") else _BYTES
    headers = {
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        "esteio-received-at": timestamp(found.received_at),
        "esteio-source": "list" if found.path == LIST_PATH else "webhook",
    }
    return ApiResponse(200, shown(found.body, call.scope, api.addresses_told), kind, headers)


def shown(body: bytes, scope: Scope, told: re.Pattern[str] | None) -> bytes:
    """A key for some sessions reads no server's address, here neither."""
    if scope.everything:
        return body
    text = scope.without_addresses(body.decode("utf-8", "surrogateescape"), told)
    return text.encode("utf-8", "surrogateescape")


ROUTES = (
    Route(
        "GET",
        "/v1/messages/{id}/raw",
        raw,
        "read",
        "What the provider sent about this message, secrets blanked",
        {200: None},
        contents={JSON: {"schema": {}}, _BYTES: {"schema": {"type": "string", "format": "binary"}}},
        errors=("raw-gone",),
        scope=scopes.MESSAGE,
    ),
)
