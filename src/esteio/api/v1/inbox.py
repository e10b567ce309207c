"""`/v1/inbox`: webhooks that could not be read, kept for people to look at.

Never lives here: reading them (`engine.inbox.reader`).
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from esteio.api.http import scopes
from esteio.api.http.request import ApiRequest, ApiResponse, answer, one_of, page_size, whole_number
from esteio.api.http.route import ApiContext, Parameter, Route, page_parameters
from esteio.core.views.documents import timestamp
from esteio.engine.key_scope import Scope
from esteio.store.base import UnreadableRow

SHOWN_BYTES = 16_384
LAST_ROW = 2**53


class InboxDocument(msgspec.Struct, frozen=True):
    """One webhook as it came, secrets blanked. `body` is its beginning as text; `size` all of its bytes."""

    id: int
    session: str
    received_at: str
    note: str
    size: int
    body: str


class InboxPage(msgspec.Struct, frozen=True):
    """A page of unreadable webhooks, oldest first; `next` is the place to ask from, or null at the end."""

    items: tuple[InboxDocument, ...]
    next: str | None = None


async def unreadable(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """Webhooks that could not be read, oldest first, of the sessions that the key reaches; each body cut to
    `SHOWN_BYTES`."""
    words = call.query("state", "limit", "after")
    one_of(words, "state", Literal["unreadable"])
    limit = page_size(words)
    scope = call.scope
    after = whole_number(words, "after", 0, 0, LAST_ROW)
    rows = await api.store.inbox.unreadable(limit, after, SHOWN_BYTES, reach=scope)
    told = api.addresses_told
    items = tuple(_document(row, scope, told) for row in rows if scope.named(row.session))
    return answer(InboxPage(items, str(rows[-1].id) if len(rows) == limit else None))


def _document(row: UnreadableRow, scope: Scope, told: re.Pattern[str] | None) -> InboxDocument:
    text = scope.without_addresses(row.body.decode("utf-8", "replace"), told)
    return InboxDocument(row.id, row.session, timestamp(row.received_at), row.note, row.size, text)


ROUTES = (
    Route(
        "GET",
        "/v1/inbox",
        unreadable,
        "operate",
        "Webhooks that could not be read",
        {200: InboxPage},
        parameters=page_parameters(
            Parameter("state", "`unreadable`", schema={"type": "string", "enum": ["unreadable"]})
        ),
        scope=scopes.ITEMS,
    ),
)
