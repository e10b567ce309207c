"""`/v1/contacts`: what is stored of a person, and its removal.

Never lives here: what counts as naming somebody.
"""

from __future__ import annotations

import msgspec

from esteio.api.http import scopes
from esteio.api.http.request import ApiRequest, ApiResponse, answer
from esteio.api.http.route import ApiContext, Route, speaker
from esteio.core.model.address import kind_of
from esteio.core.views import documents
from esteio.core.views.documents import MessageDocument
from esteio.engine.commands.requests import EmptyRequest


class PersonDocument(msgspec.Struct, frozen=True):
    """Everything that names this person, in every session that the key reaches."""

    address: str
    phone: str | None
    """Null for an address that is no phone."""
    lids: tuple[str, ...]
    messages: tuple[MessageDocument, ...]


class ErasedDocument(msgspec.Struct, frozen=True):
    """How many rows lost what they said. `under_way`: messages that were being sent just then; ask again."""

    messages: int
    events: int
    webhooks: int
    media: int
    under_way: int


async def export(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """All of it, in one document."""
    call.query()
    who, lids, messages = await api.commands.contacts.export(call.path["address"], call.scope)
    say = speaker(call.texts)
    phone = who if kind_of(who) == "phone" else None
    shown = tuple(documents.message(one, say, link=api.link) for one in messages)
    found = PersonDocument(who, phone, tuple(lids), shown)
    return answer(found, cache_control="no-store")


async def erase(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """Gone for good; proofs and counts stay."""
    await call.ask(EmptyRequest)
    done = await api.commands.contacts.erase(call.path["address"], call.scope)
    return answer(ErasedDocument(done.messages, done.events, done.webhooks, len(done.media), done.under_way))


ROUTES = (
    Route(
        "GET",
        "/v1/contacts/{address}/export",
        export,
        "admin",
        "What is stored of a person",
        {200: PersonDocument},
        errors=("invalid-phone", "ambiguous-phone"),
        scope=scopes.ITEMS,
    ),
    Route(
        "POST",
        "/v1/contacts/{address}/erase",
        erase,
        "admin",
        "Remove what is stored of a person",
        {200: ErasedDocument},
        body=EmptyRequest,
        errors=("invalid-phone", "ambiguous-phone"),
        scope=scopes.ITEMS,
    ),
)
