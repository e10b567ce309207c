"""What is stored of one person, and its removal; and bodies that have grown old.

What goes is what says who or what: numbers, names, words, media, the provider's bodies. What stays is what proves or
counts: that a message was, when, of which kind, how it ended, its id at the provider. Never lives here: who may ask,
how old is old.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from esteio.core.messages.transitions import MOVES, PUBLIC
from esteio.core.model.address import line_of
from esteio.core.model.content import Content
from esteio.core.model.ids import SessionId
from esteio.core.model.message import Message
from esteio.store.base import Erased
from esteio.store.sql import rows
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db, Row
from esteio.store.sql.locks import lock_session
from esteio.store.sql.messages.acceptance import shown
from esteio.store.sql.messages.media import unused
from esteio.store.sql.messages.phones import all_addresses
from esteio.store.sql.messages.send_lanes import name_of_session, refresh_lane
from esteio.store.sql.rows.content import content_of, stored_name

_AT_ONCE = 500
_BARE = frozenset(
    {"id", "session", "direction", "kind", "state", "provider_id", "created_at", "updated_at", "recovered"}
)
"""Of an event's document, what names nobody."""
_ERASED = {PUBLIC[one]: PUBLIC[other] for one, other in MOVES["erased"].items() if PUBLIC[one] != PUBLIC[other]}
"""What becomes of a message that waits when its contact is erased."""


class SqlContacts(SqlSubject):
    """What is stored of one person, found by every address of theirs."""

    async def addresses(self, session_id: SessionId, addresses: Collection[str]) -> Sequence[str]:
        return await all_addresses(self._reader, session_id, addresses)

    async def messages(self, session_id: SessionId, addresses: Collection[str]) -> Sequence[Message]:
        theirs = await all_addresses(self._reader, session_id, addresses)
        return [shown(row) for row in await self._reader.rows("contact_messages", _person(session_id, theirs))]

    async def erase(self, session_id: SessionId, addresses: Collection[str], alias: str, now: float) -> Erased:
        names = await all_addresses(self._reader, session_id, addresses)
        raws = await _raws_with(self._reader, session_id, [name.partition("@")[0].encode() for name in names])

        async def operation(db: Db) -> Erased:
            person = _person(session_id, names)
            await lock_session(db, session_id)
            await _close(db, person, now)
            theirs = await db.rows("contact_messages", person)
            found = [row for row in theirs if row.state != "sending"]
            under_way, linked = len(theirs) - len(found), 0
            files = _media(found)
            for row in found:
                linked += await db.run("provider_webhook_delete_of", {"seq": row.seq})
                await _erase_message(db, row, names, alias)
            events = await _erase_events(db, person, frozenset(names), {row.chat for row in theirs})
            webhooks = linked + sum([await db.run("provider_webhook_delete", {"id": one}) for one in raws])
            if not under_way:
                await db.put("contact_forget_lids", person)
                await db.put("contact_forget_phones", _person(session_id, [line_of(name) for name in names]))
            return Erased(len(found), events, webhooks, tuple(await unused(db, files)), under_way)

        return await self._write(operation)

    async def known_phones(self, session_id: SessionId, lines: Collection[str]) -> Mapping[str, str | None]:
        """Of these lines (`core.model.address.line_of`) those the session knows, each with WhatsApp's own spelling."""
        listed = {"session_id": session_id, "listed": rows.to_text(sorted(lines))}
        return {row.line: row.spelled for row in await self._reader.rows("phones_known", listed)}


async def _raws_with(db: Db, session_id: SessionId, marks: Sequence[bytes]) -> list[int]:
    """Bodies that name the person. What is not read yet will be a message first."""
    found: list[int] = []
    after = 0
    while True:
        page = await db.rows("provider_webhooks_page", {"session_id": session_id, "after": after, "limit": _AT_ONCE})
        found += [row.id for row in page if any(mark in row.body for mark in marks)]
        if len(page) < _AT_ONCE:
            return found
        after = page[-1].id


def _person(session_id: SessionId, addresses: Collection[str]) -> rows.Params:
    return {"session_id": session_id, "listed": rows.to_text(sorted(addresses))}


async def _close(db: Db, person: Mapping[str, Any], now: float) -> None:
    """What waits for this person is not sent any more."""
    for chat in sorted(set(await db.values("contact_waiting", person))):
        key = {"session_id": person["session_id"], "chat": chat, "now": now}
        for before, after in _ERASED.items():
            await db.put("contact_close", {**key, "before": before, "after": after})
        await db.put(
            "contact_leave_provider_queue", {"session_id": person["session_id"], "chat": chat}
        )  # guard: erased-frees-chat
        await refresh_lane(db, person["session_id"], chat)


async def _erase_message(db: Db, row: Row, names: Collection[str], alias: str) -> None:
    """What names the person becomes the alias; what names others (their group) stays."""
    params = {
        "seq": row.seq,
        "chat": alias if row.chat in names else row.chat,
        "recipient": row.recipient and (alias if row.chat in names else row.recipient),
        "sender": row.sender and alias,
        "content": bare(row.content),
    }
    await db.put("contact_erase", params)
    await db.put("attempts_blank", {"message_id": row.id})
    await db.put("media_fetch_over", {"message_id": row.id})


async def _erase_events(db: Db, person: Mapping[str, Any], names: AbstractSet[str], chats: AbstractSet[str]) -> int:
    """The events of their chats, and in the groups where they are named those that name them."""
    session_id = person["session_id"]
    whose = {"session_id": session_id, "session_name": await name_of_session(db, session_id)}
    listed = rows.to_text(sorted({*names, *chats}))
    # In a server's own words nobody can tell what of it is theirs.
    marks = [f"%{name.partition('@')[0]}%" for name in sorted(names)]
    erased = sum([await db.run("provider_events_forget", {**whose, "pattern": mark}) for mark in marks])
    for row in await db.rows("contact_events", {**whose, "listed": listed}):
        document = _document(row.data)
        if row.chat in names or document is None or _names_them(document, names):
            erased += await db.run("event_erase", {"seq": row.seq, "data": rows.to_text(_bare_event(document or {}))})
        elif (document.get("quoted") or {}).get("from") in names:
            rest = {name: value for name, value in document.items() if name != "quoted"}
            erased += await db.run("event_erase", {"seq": row.seq, "data": rows.to_text(rest)})
    return erased


def _names_them(document: Mapping[str, Any], names: AbstractSet[str]) -> bool:
    return document.get("from") in names or not names.isdisjoint(document.get("mentions", ()))


def _document(data: str) -> dict[str, Any] | None:
    """An event's document; None for one that cannot be read."""
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _bare_event(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name in _BARE} | {"erased": True}


def _media(found: Sequence[Row]) -> list[str]:
    """Names of files that these messages name."""
    return sorted({name for row in found if (name := stored_name(content_of(row.content)))})


def bare(content: str) -> str:
    """Of a message's content its kind alone."""
    return rows.to_text(Content(content_of(content).kind))
