"""`chat/findMessages` and `chat/findStatusMessage`: the server's rows joined with what Esteio knows.

A message of ours is answered from here, whether the server is up or not. A list is the server's, with what never
reached it in its place; while the server does not answer, or has no such list, it is ours alone. Never lives here: what
the rows look like, which of them make a page (`core.webhooks.evolution_rows`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from esteio.api.evolution.answers import invalid
from esteio.api.evolution.route import Door, DoorCall, DoorRoute
from esteio.api.evolution.translated import exchanged, in_our_words, known, readable
from esteio.api.http.request import ApiResponse, answer
from esteio.core.model.message import Direction, Message
from esteio.core.webhooks import evolution_ids, evolution_rows
from esteio.core.webhooks.evolution_names import instance_id
from esteio.core.webhooks.evolution_queries import Query, messages_query, updates_query
from esteio.core.webhooks.evolution_rows import Row, Window
from esteio.engine.errors import CommandError
from esteio.providers.base import HttpResponse
from esteio.store.base import MessageFilter

Json = Any
MOST_UNSENT: Final = 500
"""So many of ours that never reached the server, the newest, are put among its rows."""
STALE: Final = {"x-esteio-stale": "true"}
"""The header of a list without the server's part."""
_UNASKED: Final = frozenset(
    {"not-passed", "server-not-reached", "server-unanswered", "server-key-refused", "server-wall"}
)


async def find_messages(door: Door, call: DoorCall) -> ApiResponse:
    """Recordings 087, 088, 128."""
    body = await call.document()
    query = messages_query(body)
    if query.empty_key:
        raise invalid("The property cannot be empty")
    mine = await _named(door, call, query.id)
    if mine is not None:
        return _messages(_cut(await _rows(door, call, [mine]), query), 1, query)
    unsent = await _unsent(door, call, query)
    window = evolution_rows.window(query.page, query.size, len(unsent))
    try:
        heard = await _asked(door, call, "/chat/findMessages", body, window)
    except CommandError as error:
        return await _messages_of_ours(door, call, query, error)
    pages = [evolution_rows.page_in(readable(one) if one.status == 200 else None) for one in heard]
    if pages[0] is None:
        return await in_our_words(door, call, heard[0])
    theirs = await _further(door, call, window.cut([row for page in pages if page for row in page.records]))
    rows = evolution_rows.joined(theirs, await _rows(door, call, unsent), window.skip, query.size)
    return _messages(rows, pages[0].total + len(unsent), query)


async def find_updates(door: Door, call: DoorCall) -> ApiResponse:
    """Recording 089: of one message of ours as we know it, else the server's, after those of ours that failed before
    they reached it."""
    body = await call.document()
    query = updates_query(body)
    mine = await _named(door, call, query.id)
    if mine is not None:
        return answer(_cut(_updates(call, [mine]), query))
    failed = _updates(call, await _unsent(door, call, query))
    window = evolution_rows.window(query.page, query.size, len(failed))
    try:
        heard = await _asked(door, call, "/chat/findStatusMessage", body, window)
    except CommandError as error:
        return await _updates_of_ours(door, call, query, error)
    pages = [readable(one) for one in heard]
    if heard[0].status != 200 or not all(isinstance(page, list) for page in pages):
        return await in_our_words(door, call, heard[0])
    theirs = await _translated(door, call, window.cut([row for page in pages for row in page]))
    return answer([*failed, *theirs][window.skip :][: query.size])


# -- the server's part -------------------------------------------------------------------------------------------


async def _asked(door: Door, call: DoorCall, path: str, body: dict[str, Json], window: Window) -> list[HttpResponse]:
    """The server's answers for the pages of a window, the last of them where it said no or had no more. Raises
    `CommandError` where it did not look."""
    names = evolution_ids.to_provider(await known(door, call, body))
    wanted, heard = evolution_ids.asked(body, names), []
    for page in window.pages:
        one = await exchanged(door, call, "POST", path, {**wanted, "page": page, "offset": window.size})
        if one.status >= 500 or one.status in (401, 403, 404):
            raise CommandError("server-unanswered", server=call.known.server, detail=str(one.status))
        heard.append(one)
        if one.status != 200:
            break
    return heard


async def _translated(door: Door, call: DoorCall, rows: Sequence[Row]) -> list[Row]:
    names = evolution_ids.to_ours(await known(door, call, list(rows)))
    translated: list[Row] = evolution_ids.answered(list(rows), names, instance_id(call.known))
    return translated


async def _further(door: Door, call: DoorCall, rows: Sequence[Row]) -> list[Row]:
    """The server's rows with our ids, and with what we know beyond them of what went out."""
    ours = {one.id: one for one in await known(door, call, list(rows)) if one.direction == "out"}
    found = []
    for row in await _translated(door, call, rows):
        message = ours.get(evolution_rows.id_of(row))
        found.append(row if message is None else evolution_rows.further(row, message))
    return found


# -- our part ----------------------------------------------------------------------------------------------------


async def _named(door: Door, call: DoorCall, named: str | None) -> Message | None:
    """The message of this session that has this id: ours, or the provider's of one that went out."""
    if named is None:
        return None
    found = await door.api.store.messages.by_any_ids(call.known.id, [named])
    mine = [one for one in found if one.id == named or one.direction == "out"]
    return mine[0] if mine and mine[0].state != "cancelled" else None


async def _unsent(door: Door, call: DoorCall, query: Query) -> tuple[Message, ...]:
    """What the server has no row of, newest first. None where it was asked for something that only a row of the
    server's can tell."""
    if query.id is not None or query.beyond_us or query.from_me is False:
        return ()
    wanted = msgspec.structs.replace(_filter(query), unsent=True)
    return (await door.api.store.messages.matching(call.known.id, wanted, limit=MOST_UNSENT)).items


def _filter(query: Query) -> MessageFilter:
    direction: Direction | None = None if query.from_me is None else "out" if query.from_me else "in"
    return MessageFilter(query.chat, direction, query.kind, query.since, query.until)


async def _messages_of_ours(door: Door, call: DoorCall, query: Query, error: CommandError) -> ApiResponse:
    messages = door.api.store.messages
    headers = _alone(query, error)
    if query.id is not None:
        found = await messages.by_any_ids(call.known.id, [query.id])
        shown = [one for one in found if one.state != "cancelled"]
        return _messages(_cut(await _rows(door, call, shown), query), len(shown), query, headers)
    page = await messages.matching(
        call.known.id, _filter(query), limit=query.size, offset=(query.page - 1) * query.size
    )
    return _messages(await _rows(door, call, page.items), page.total, query, headers)


async def _updates_of_ours(door: Door, call: DoorCall, query: Query, error: CommandError) -> ApiResponse:
    headers = _alone(query, error)
    wanted = msgspec.structs.replace(_filter(query), direction="out")
    most = 0 if query.id is not None else min(query.page * query.size, evolution_rows.DEEPEST)
    found = await door.api.store.messages.matching(call.known.id, wanted, limit=most)
    return msgspec.structs.replace(answer(_cut(_updates(call, found.items), query)), headers=headers)


def _alone(query: Query, error: CommandError) -> dict[str, str]:
    """The headers of an answer without the server's part. Raises the error where that part is all that was asked for,
    or where it is no word about the server."""
    if error.code not in _UNASKED or query.beyond_us:
        raise error
    return {} if error.code == "not-passed" else STALE


async def _rows(door: Door, call: DoorCall, messages: Sequence[Message]) -> list[Row]:
    """Each with what it quotes."""
    quotes = {one.quote for one in messages if one.quote}
    quoted: dict[str, Message] = {
        one.id: one for one in await door.api.store.messages.by_any_ids(call.known.id, quotes)
    }
    instance = instance_id(call.known)
    link = door.api.link
    return [evolution_rows.row(one, instance, quoted.get(one.quote or ""), link) for one in messages]


def _updates(call: DoorCall, messages: Sequence[Message]) -> list[Row]:
    instance = instance_id(call.known)
    return [row for one in messages for row in evolution_rows.updates(one, instance)]


# -- the answers -------------------------------------------------------------------------------------------------


def _cut(rows: Sequence[Row], query: Query) -> Sequence[Row]:
    begin = (query.page - 1) * query.size
    return rows[begin : begin + query.size]


def _messages(rows: Sequence[Row], total: int, query: Query, headers: dict[str, str] | None = None) -> ApiResponse:
    page = answer(evolution_rows.page_of(rows, total=total, page=query.page, size=query.size))
    return msgspec.structs.replace(page, headers=headers or {})


ROUTES = (
    DoorRoute("POST", "/chat/findMessages/{instance}", find_messages, "read"),
    DoorRoute("POST", "/chat/findStatusMessage/{instance}", find_updates, "read"),
)
