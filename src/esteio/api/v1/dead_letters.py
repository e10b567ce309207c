"""`/v1/dead-letters`: what failed, expired, could not be delivered, or is in doubt and waits for a person; and sending
it again, in bulk, but for what is in doubt: that may have arrived, so a person looks at each.

Never lives here: when something becomes one, how it goes out again (`engine.commands.dead_letters`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from esteio.api.http import scopes
from esteio.api.http.openapi_schemas import literal
from esteio.api.http.request import ApiRequest, ApiResponse, answer, one_of, page_size, whole_number
from esteio.api.http.route import ApiContext, Parameter, Route, page_parameters, speaker
from esteio.core.model.ids import MessageId
from esteio.core.views import documents
from esteio.core.views.documents import MessageDocument, timestamp
from esteio.core.webhooks.event_formats import event_id
from esteio.engine.commands.dead_letters import Replayed, wanted_of
from esteio.engine.commands.requests import DeadLetterRequest
from esteio.engine.errors import invalid
from esteio.store.delivery import DeadEvent, DeadFilter

Kind = Literal["message", "event"]
_FILTERS = ("kind", "session", "webhook", "from", "to")


class DeadEventDocument(msgspec.Struct, frozen=True):
    """An event that one webhook never took."""

    id: str
    webhook: str
    type: str
    chat: str | None
    happened_at: str
    attempts: int
    detail: str


class DeadLetterDocument(msgspec.Struct, frozen=True):
    """Exactly one of `message` and `event`."""

    kind: Kind
    session: str | None
    died_at: str
    message: MessageDocument | None = None
    event: DeadEventDocument | None = None


class DeadLetterPage(msgspec.Struct, frozen=True):
    """A page of dead letters; `next` is the place to ask from, or null at the end."""

    items: tuple[DeadLetterDocument, ...]
    next: str | None = None


async def list_some(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """Messages first, then events; each in the order in which they came. A page may hold fewer than `limit`."""
    words = call.query(*_FILTERS, "limit", "after")
    limit, wanted = page_size(words), msgspec.structs.replace(_wanted(words), doubtful=True)
    kind = one_of(words, "kind", Kind)
    part, place = _place(words)
    scope = call.scope
    if part == "m" and kind != "event" and wanted.endpoint is None:
        items, last = await _messages(api, call, wanted, limit, place)
        following = f"m{last}" if last is not None else None if kind == "message" else "e0"
        if items or last is not None or kind == "message":
            return answer(DeadLetterPage(tuple(items), following))
    events = await api.store.dead_letters.events(wanted, limit=limit, after=place if part == "e" else 0, reach=scope)
    following = f"e{events[-1].id}" if len(events) == limit else None
    reached = [dead for dead in events if (scope.named(dead.session) if dead.session else scope.whole)]
    # What somebody else's webhook answered is not for a scoped key.
    mine = None if scope.everything else {one.id for one in await api.commands.webhooks.within(scope)}
    shown = tuple(_event(dead, tell=mine is None or dead.endpoint in mine) for dead in reached)
    return answer(DeadLetterPage(shown, following))


async def _messages(
    api: ApiContext, call: ApiRequest, wanted: DeadFilter, limit: int, after: int
) -> tuple[list[DeadLetterDocument], int | None]:
    """(those that the caller reaches, where to go on or None when that was all)."""
    found = await api.store.dead_letters.messages(wanted, limit=limit, after=after, reach=call.scope)
    items, say, scope = [], speaker(call.texts), call.scope
    for dead in found:
        message = await api.store.messages.get(MessageId(dead.id)) if scope.named(dead.session) else None
        if message is not None:
            shown = documents.message(message, say, link=api.link)
            items.append(DeadLetterDocument("message", dead.session, shown.updated_at, message=shown))
    return items, found[-1].seq if len(found) == limit else None


async def replay(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """200 with how many went, or would go, out again."""
    return answer(await api.commands.dead_letters.replay(await call.ask(DeadLetterRequest), call.scope))


def _event(dead: DeadEvent, *, tell: bool) -> DeadLetterDocument:
    event = DeadEventDocument(
        event_id(dead.event, dead.event_at),
        dead.endpoint,
        dead.type,
        dead.chat or None,
        timestamp(dead.event_at),
        dead.attempts,
        dead.detail if tell else "",
    )
    return DeadLetterDocument("event", dead.session or None, timestamp(dead.died_at), event=event)


def _wanted(words: Mapping[str, str]) -> DeadFilter:
    ask = DeadLetterRequest(
        session=words.get("session"), webhook=words.get("webhook"), since=words.get("from"), until=words.get("to")
    )
    return wanted_of(ask)


def _place(words: Mapping[str, str]) -> tuple[str, int]:
    """Where a page begins: `m12` or `e7`. Raises `CommandError("invalid-value")`."""
    cursor = words.get("after", "m0")
    if cursor[:1] not in ("m", "e"):
        raise invalid("after", "must be the `next` of a page of this list")
    return cursor[0], whole_number({"after": cursor[1:]}, "after", 0, 0, 2**62)


_TIME = {"type": "string", "format": "date-time"}
_PARAMETERS = (
    Parameter("kind", "only these", schema=literal(Kind)),
    Parameter("session", "only of this session"),
    Parameter("webhook", "only events for this webhook"),
    Parameter("from", "died at this time or later, RFC 3339", schema=_TIME),
    Parameter("to", "died at this time or before, RFC 3339", schema=_TIME),
)
ROUTES = (
    Route(
        "GET",
        "/v1/dead-letters",
        list_some,
        "read",
        "What failed, expired or could not be delivered, and what is in doubt and waits for a person",
        {200: DeadLetterPage},
        parameters=page_parameters(*_PARAMETERS),
        scope=scopes.ITEMS,
    ),
    Route(
        "POST",
        "/v1/dead-letters/replay",
        replay,
        "operate",
        "Send dead letters again; with `dry_run` only count them",
        {200: Replayed},
        body=DeadLetterRequest,
        scope=scopes.ITEMS,
    ),
)
