"""The way in: raw webhooks kept before anything else, then what they said, applied once for good.

Never lives here: reading a provider's dialect; the rules (`core.messages.inbound`, `receipts`); what an event proves.
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.clock import named_id
from esteio.core.messages import inbound, receipts
from esteio.core.messages.transitions import after
from esteio.core.model.address import kind_of
from esteio.core.model.content import Content, Reaction
from esteio.core.model.ids import MessageId, SessionName
from esteio.core.model.inbound import (
    DeletedMessage,
    EditedMessage,
    InboundEvent,
    Receipt,
    ReceivedMessage,
    ReceivedReaction,
    SendEcho,
)
from esteio.core.model.message import Message
from esteio.core.model.tenant import ALL, Reach
from esteio.core.views.documents import Document, timestamp
from esteio.core.webhooks.delivery_policy import PROVIDER_EVENT, wants
from esteio.store.base import LIST_PATH, EventRow, InboxBacklog, InboxResult, InboxSettlement, RawInbound, UnreadableRow
from esteio.store.sql import journal, rows
from esteio.store.sql.base import SqlSubject, add_message_event, check_held
from esteio.store.sql.db import Db, Rollback, Row
from esteio.store.sql.delivery.rows import endpoint_of
from esteio.store.sql.locks import lock_sessions
from esteio.store.sql.messages.media import owe
from esteio.store.sql.messages.phones import file_phone, resolve_chat
from esteio.store.sql.messages.receipts import apply_receipt, catch_up, move
from esteio.store.sql.messages.restricted import thaw
from esteio.store.sql.messages.send_lanes import name_of_session
from esteio.store.sql.qr_codes import put_code
from esteio.store.sql.sessions import server_of_session

NOTHING = InboxResult((), settled_sends=False)


class SqlInbox(SqlSubject):
    """Webhooks as they came; an acceptance goes before the store's own writes."""

    async def accept(self, raw: RawInbound) -> int:
        """The row's id. Raises `LookupError` when the session is gone."""

        async def operation(db: Db) -> int:
            given: int | None = await db.value("provider_webhook_add", rows.raw_params(raw))
            if given is None:
                raise LookupError(f"no session {raw.session_id}")
            return given

        return await self._write_first(operation)

    async def unread(
        self, limit: int, most_bytes: int | None = None, *, node: int | None = None
    ) -> Sequence[RawInbound]:
        """At least one, where there is one, however large."""
        last, held = 0, 0
        whose = {"limit": limit, "node": node}
        for row in await self._reader.rows("provider_webhooks_unread_sizes", whose):
            held += row.size
            if last and most_bytes is not None and held > most_bytes:
                break
            last = row.id
        if not last:
            return []
        return [
            rows.raw_of(row) for row in await self._reader.rows("provider_webhooks_unread", {**whose, "last": last})
        ]

    async def backlog(self) -> InboxBacklog:
        (found,) = await self._reader.rows("inbox_backlog", {})
        return InboxBacklog(found.unread, found.unreadable, found.oldest_at)

    async def of_message(self, message_id: MessageId) -> RawInbound | None:
        row = await self._reader.row("provider_webhook_of_message", {"id": message_id})
        return None if row is None else rows.raw_of(row)

    async def settle(self, settlement: InboxSettlement) -> InboxResult:
        """A `raw_id` of 0 is for what was read back without a webhook. A raw row is settled once."""
        try:
            return await self._write(lambda db: _settle(db, settlement))
        except Rollback:
            return NOTHING

    async def unreadable(
        self, limit: int, after: int = 0, shown_bytes: int = 16_384, *, reach: Reach = ALL
    ) -> Sequence[UnreadableRow]:
        params = {"after": after, "limit": limit, "shown": shown_bytes, "tenant": reach.tenant}
        found = await self._reader.rows("provider_webhooks_unreadable", params)
        return [_unreadable_of(row) for row in found]


def _unreadable_of(row: Row) -> UnreadableRow:
    return UnreadableRow(
        id=row.id,
        session=row.session_name,
        received_at=row.received_at,
        note=row.note,
        body=row.body,
        size=row.size,
    )


async def _settle(db: Db, settlement: InboxSettlement) -> InboxResult:
    session_id = settlement.session_id
    await lock_sessions(db, [session_id])
    await check_held(db, session_id, settlement.generation)
    name = await name_of_session(db, session_id)
    if not name or (settlement.raw_id and not await _settle_raw(db, settlement)):
        return NOTHING
    fresh, settled = [], False
    for index, event in enumerate(settlement.events):
        key = {"session_id": session_id, "key": inbound.dedupe_key(event), "now": settlement.at}
        if await db.run("inbound_dedupe_add", key):  # guard: event-applied-once
            fresh.append(index)
            settled |= await _Application(db, settlement, name).apply(event)
    server = await server_of_session(db, session_id)
    await journal.add_news(db, session_id, server, settlement.evidence)
    if settlement.counted and server is not None:
        await journal.add_folded(db, session_id, server, settlement.counted)
    if settlement.carried:
        await _carry(db, settlement, name)
    if settlement.qr is not None:
        await put_code(db, session_id, settlement.qr)
    return InboxResult(tuple(fresh), settled_sends=settled)


async def _carry(db: Db, settlement: InboxSettlement, name: str) -> None:
    """Only while somebody wants it: of what nobody reads nothing is kept beside the raw body."""
    endpoints = [endpoint_of(row) for row in await db.rows("webhook_endpoints", {})]
    if not any(one.enabled and wants(one.types, PROVIDER_EVENT) for one in endpoints):
        return
    for event in settlement.carried:
        told = EventRow(
            PROVIDER_EVENT,
            settlement.at,
            {"event": event.name, "data": event.data},
            SessionName(name),
            trace_context=settlement.trace_context,
        )
        await db.put("event_add", rows.event_params(told))


async def _settle_raw(db: Db, settlement: InboxSettlement) -> bool:
    params = {
        "id": settlement.raw_id,
        "session_id": settlement.session_id,
        "state": "read" if settlement.readable else "unreadable",
        "note": settlement.note,
    }
    settled = await db.run("provider_webhook_settle", params) > 0
    if settled and settlement.keep_bytes is not None:
        await db.put("provider_webhook_truncate", {"id": settlement.raw_id, "bytes": settlement.keep_bytes})
    return settled


class _Application:
    """One new event applied within a transaction; each method tells whether it settled a send."""

    def __init__(self, db: Db, settlement: InboxSettlement, name: str) -> None:
        self._db = db
        self._settlement = settlement
        self._session_id = settlement.session_id
        self._name = name

    async def apply(self, event: InboundEvent) -> bool:
        match event:
            case ReceivedMessage():
                return await self._message(event)
            case SendEcho():
                chat = await self._met(event.chat, ours=True)
                return await self._echo(event.provider_id, chat, event.content, event.happened_at)
            case Receipt():
                return await self._receipt(event)
            case EditedMessage():
                await self._edit(event)
            case DeletedMessage():
                await self._changed("message.deleted", event, {"deleted_at": timestamp(event.happened_at)})
            case ReceivedReaction():
                await self._reaction(event)
        return False

    # -- messages --------------------------------------------------------------------------------------------

    async def _message(self, event: ReceivedMessage) -> bool:
        chat = await self._met(event.chat, ours=event.from_me)
        if event.chat_lid and kind_of(chat) == "phone":
            lid = {"session_id": self._session_id, "lid": event.chat_lid, "phone": chat}
            await self._db.put("contact_lid_put", lid)
        if event.from_me and await self._echo(event.provider_id, chat, event.content, event.happened_at):
            return True
        if await self._is_new(event, chat):
            await self._keep(event, chat)
        return (
            not event.from_me
            and self._session_id in self._db.restricted
            and await thaw(self._db, self._session_id, chat, self._settlement.at)
        )

    async def _is_new(self, event: ReceivedMessage, chat: str) -> bool:
        key = {"session_id": self._session_id, "provider_id": event.provider_id}
        alike = [rows.message_of(row, self._name) for row in await self._db.rows("inbound_alike", key)]
        if inbound.is_known(event, chat, alike):
            return False
        if not alike or event.from_me:
            return True
        own = await self._db.value("session_phone", {"id": self._session_id})
        return not inbound.is_own(own, await self._chat(event.sender))  # guard: our-misread-echo-not-doubled

    async def _keep(self, event: ReceivedMessage, chat: str) -> None:
        db, at, media = self._db, self._settlement.at, event.content.media
        whose = f"{self._session_id}:{event.provider_id}{':own' if event.from_me else ''}"
        direction, state = inbound.born(event)
        message = Message(
            id=MessageId(named_id("msg", event.happened_at, whose)),
            session_id=self._session_id,
            session=self._name,  # type: ignore[arg-type]  # a NewType over what the driver gives
            direction=direction,
            chat=chat,
            content=inbound.as_stored(event.content),
            state=state,
            created_at=event.happened_at,
            updated_at=at,
            to=chat if event.from_me else None,
            sender=None if event.from_me else await self._met(event.sender),
            author=event.author,
            provider_id=event.provider_id,
            quote=await self._quoted(event.quoted_provider_id),
            sent_at=event.happened_at if event.from_me else None,
            recovered=self._settlement.recovered,
            trace_context=self._settlement.trace_context,
        )
        await db.put("message_add", {**rows.message_params(message), "provider_webhook_id": await self._raw_id(event)})
        if media is not None and media.fetching:
            await owe(db, message.id, self._session_id, media, at)
        names: Document = {"push_name": event.push_name} if event.push_name else {}
        if message.quote is None and event.quoted_provider_id:
            # It answers what was never seen here.
            names["quoted"] = {"provider_id": event.quoted_provider_id}
        await add_message_event(db, "message.received", message, at, **names)
        if event.from_me:
            await catch_up(db, self._session_id, event.provider_id)

    async def _raw_id(self, event: ReceivedMessage) -> int | None:
        """Where the provider's own words lie; those of a list are laid beside the webhooks."""
        if self._settlement.raw_id or event.source is None:
            return self._settlement.raw_id or None
        row = RawInbound(self._session_id, LIST_PATH, {}, event.source, self._settlement.at)
        given: int = await self._db.value("provider_webhook_add_read", rows.raw_params(row))
        return given

    async def _quoted(self, provider_id: str | None) -> str | None:
        if provider_id is None:
            return None
        key = {"session_id": self._session_id, "provider_id": provider_id}
        found: str | None = await self._db.value("message_id_by_provider_id", key)
        return found

    async def _echo(self, provider_id: str, chat: str, content: Content, happened_at: float) -> bool:
        """One of ours was seen leaving: the message with that id, or the oldest unconfirmed one that says the same."""
        row = await self._own(provider_id) or await self._unconfirmed(chat, content, happened_at)
        following = None if row is None else after(rows.stage_of(row), "echo_seen")
        if row is None or following is None:
            return False
        at = self._settlement.at
        freed = await move(self._db, row, following, at, happened_at=happened_at, provider_id=provider_id)
        await catch_up(self._db, self._session_id, provider_id)
        return freed

    async def _unconfirmed(self, chat: str, content: Content, happened_at: float) -> Row | None:
        params = {"session_id": self._session_id, "let_pass_after": inbound.let_pass_after(happened_at)}
        for row in await self._db.rows("messages_unconfirmed", params):
            if inbound.is_echo_of(rows.message_of(row, self._name), chat, content, happened_at):
                return row
        return None

    async def _receipt(self, event: Receipt) -> bool:
        if not receipts.counts(event):
            return False
        at = self._settlement.at
        row = await self._own(event.provider_id)
        if row is not None:
            return await apply_receipt(self._db, row, event.state, at, event.happened_at, event.error_code)
        early = {
            "session_id": self._session_id,
            "provider_id": event.provider_id,
            "state": event.state,
            "at": event.happened_at,
            "error_code": event.error_code,
        }
        await self._db.put("pending_receipt_add", early)
        return False

    # -- what happens to messages ----------------------------------------------------------------------------

    async def _edit(self, event: EditedMessage) -> None:
        row = await self._target(event.provider_id, event.chat)
        if row is not None and event.text is not None:
            content = inbound.edited(rows.message_of(row, "").content, event.text)
            params = {"seq": row.seq, "content": rows.to_text(content), "now": self._settlement.at}
            await self._db.put("message_edit", params)
        await self._changed("message.edited", event, {"text": event.text, "edited_at": timestamp(event.happened_at)})

    async def _changed(self, kind: str, event: EditedMessage | DeletedMessage, extra: Document) -> None:
        row = await self._target(event.provider_id, event.chat)
        if row is not None:
            await add_message_event(self._db, kind, rows.message_of(row, self._name), self._settlement.at, **extra)
        else:
            stranger = {"id": None, "session": self._name, "provider_id": event.provider_id}
            await self._event(
                kind, await self._chat(event.chat), {**stranger, "chat": await self._chat(event.chat), **extra}
            )

    async def _reaction(self, event: ReceivedReaction) -> None:
        target = await self._target(event.target_provider_id, event.chat)
        chat = await self._met(event.chat, ours=event.from_me)
        reaction = Reaction(
            message="" if target is None else target.id, emoji=event.emoji, provider_id=event.target_provider_id
        )
        direction, state = inbound.born(event)
        message = Message(
            id=MessageId(named_id("msg", event.happened_at, f"{self._session_id}:{event.provider_id}")),
            session_id=self._session_id,
            session=self._name,  # type: ignore[arg-type]  # a NewType over what the driver gives
            direction=direction,
            chat=chat,
            content=Content(kind="reaction", reaction=reaction),
            state=state,
            created_at=event.happened_at,
            updated_at=self._settlement.at,
            to=chat if event.from_me else None,
            sender=None if event.from_me else await self._met(event.sender),
            provider_id=event.provider_id,
            trace_context=self._settlement.trace_context,
        )
        await add_message_event(self._db, "message.reaction", message, self._settlement.at)

    # -- small questions -------------------------------------------------------------------------------------

    async def _met(self, address: str, *, ours: bool = False) -> str:
        """The same of an address that was met: from now on the session knows it. `ours`: in a message of our own, where
        the provider may have spelled it; what comes in is spelled by WhatsApp."""
        await file_phone(self._db, self._session_id, address, spelled=not ours)
        return await self._chat(address)

    async def _chat(self, chat: str) -> str:
        return await resolve_chat(self._db, self._session_id, chat)

    async def _target(self, provider_id: str, chat: str) -> Row | None:
        """What an edit, a deletion or a reaction speaks of; of two with one id that of the chat."""
        key = {"session_id": self._session_id, "provider_id": provider_id, "chat": await self._chat(chat)}
        return await self._db.row("inbound_target", key)

    async def _own(self, provider_id: str) -> Row | None:
        return await self._db.row("inbound_own", {"session_id": self._session_id, "provider_id": provider_id})

    async def _event(self, kind: str, chat: str, data: Document) -> None:
        event = EventRow(
            type=kind,
            at=self._settlement.at,
            data=data,
            session=self._name,  # type: ignore[arg-type]  # a NewType over what the driver gives
            chat=chat,
            trace_context=self._settlement.trace_context,
        )
        await self._db.put("event_add", rows.event_params(event))
