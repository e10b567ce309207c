"""Messages as people hand them in and look at them: accept, read, page, cancel, retry.

Never lives here: how one is accepted (`acceptance`), sending (`outbox`), what comes in (`inbox`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from esteio.core.model.content import Content
from esteio.core.model.ids import MessageId, SessionId
from esteio.core.model.message import AttemptRecord, Direction, Message, MessageState
from esteio.store.base import Accepted, Acks, FoundMessages, MessageFilter, NewMessage, Page, QuoteTarget
from esteio.store.sql import rows
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db
from esteio.store.sql.locks import lock_sessions_of
from esteio.store.sql.messages.acceptance import accept_all, replay, shown, shown_or_none
from esteio.store.sql.messages.phones import resolve_chat
from esteio.store.sql.messages.send_lanes import announce, refresh_lane
from esteio.store.sql.rows.content import stored_name

_FAR = 1e18
"""A time after all others: where a page without a cursor begins."""
REACH = 50_000
"""So many of a session's messages, the newest, are gone through for a look that no index answers."""


class SqlMessages(SqlSubject):
    """Messages by id and page; an acceptance goes before the store's own writes."""

    async def accept(self, new: NewMessage) -> Accepted:
        """Durable when it returns. Raises `LookupError` when the session is gone."""
        return await self._write_each(accept_all, new)

    async def repeated(
        self, session_id: SessionId, scope: str, key: str, fingerprint: str, now: float
    ) -> Accepted | None:
        mark = {"scope": scope, "session_id": session_id, "key": key}

        async def question(db: Db) -> Accepted | None:
            row = await db.row("idempotency", mark)
            return None if row is None else await replay(db, row, fingerprint, now)

        seen = await self._reader.row("idempotency", mark) is not None
        return await self._snapshot(question) if seen else None

    async def made_by(self, session_id: SessionId, scope: str, key: str) -> Message | None:
        row = await self._reader.row("idempotency", {"scope": scope, "session_id": session_id, "key": key})
        return None if row is None else shown_or_none(await self._reader.row("message", {"id": row.message_id}))

    async def get(self, message_id: MessageId) -> Message | None:
        return shown_or_none(await self._reader.row("message", {"id": message_id}))

    async def by_provider_id(self, session_id: SessionId, provider_id: str) -> Message | None:
        params = {"session_id": session_id, "provider_id": provider_id}
        return shown_or_none(await self._reader.row("message_by_provider_id", params))

    async def by_any_ids(self, session_id: SessionId, ids: Collection[str]) -> Sequence[Message]:
        params = {"session_id": session_id, "listed": rows.to_text(sorted(ids))}
        return [shown(row) for row in await self._reader.rows("messages_by_any_ids", params)] if ids else ()

    async def matching(
        self, session_id: SessionId, wanted: MessageFilter, *, limit: int, offset: int = 0
    ) -> FoundMessages:
        return await self._snapshot(lambda db: _matching(db, session_id, wanted, limit, offset))

    async def page(
        self,
        session_id: SessionId,
        *,
        state: MessageState | None = None,
        direction: Direction | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page:
        """Newest first, by the time they were made."""
        return await self._snapshot(lambda db: page(db, session_id, state, direction, limit, after))

    async def attempts(self, message_id: MessageId) -> Sequence[AttemptRecord]:
        found = await self._reader.rows("attempts", {"message_id": message_id})
        return [AttemptRecord(at=row.at, outcome=row.outcome, detail=row.detail) for row in found]

    async def acks(self, message_id: MessageId) -> Acks:
        row = await self._reader.row("message_acks", {"id": message_id})
        return Acks() if row is None else Acks(row.server_ack_at, row.device_ack_at, row.read_at)

    async def put_content(self, message_id: MessageId, content: Content) -> None:
        params = {"id": message_id, "content": rows.to_text(content), "stored": stored_name(content)}
        await self._write(lambda db: db.run("message_content", params))

    async def quote_target(self, session_id: SessionId, message_id: MessageId) -> QuoteTarget | None:
        row = await self._reader.row("quote_target", {"session_id": session_id, "id": message_id})
        return None if row is None else QuoteTarget(row.provider_id, bool(row.from_me), row.author)

    async def cancel(self, message_id: MessageId, now: float) -> Message | None:
        return await self._change("message_cancel", message_id, now)

    async def retry(self, message_id: MessageId, now: float) -> Message | None:
        """Back into its old place of its lane, without an expiry that has passed; as it is when it cannot be."""
        return await self._change("message_retry", message_id, now)

    async def _change(self, statement: str, message_id: MessageId, now: float) -> Message | None:
        async def operation(db: Db) -> Message | None:
            await lock_sessions_of(db, [message_id])
            row = await db.row(statement, {"id": message_id, "now": now})
            if row is not None:
                await refresh_lane(db, row.session_id, row.chat)
                await announce(db, row, now)
            return shown_or_none(await db.row("message", {"id": message_id}))

        return await self._write(operation)

    async def waiting(self, session_id: SessionId) -> int:
        count: int = await self._reader.value("session_held", {"id": session_id})
        return count

    async def waiting_by_session(self, sessions: Sequence[SessionId]) -> Mapping[SessionId, int]:
        found = await self._reader.rows("sessions_held_of", {"listed": rows.to_text(sessions)})
        return {row.session_id: row.held for row in found}


async def page(
    db: Db,
    session_id: SessionId,
    state: MessageState | None,
    direction: Direction | None,
    limit: int,
    after: str | None,
) -> Page:
    """A session's messages, newest first. Raises `ValueError` for a cursor that is none of ours."""
    created_at, seq = position(after)
    params = {
        "session_id": session_id,
        "direction": direction,
        "created_at": created_at,
        "seq": seq,
        "limit": limit + 1,
        "state": "queued" if state == "held" else state,
    }
    if state in {"held", "queued"}:
        session = await db.row("session_brief", {"id": session_id})
        if (session is not None and session.gate == "held") != (state == "held"):
            return Page((), None)
    found = await db.rows("messages_page" if state is None else "messages_page_in_state", params)
    last = found[limit - 1] if len(found) > limit else None
    return Page(tuple(shown(row) for row in found[:limit]), None if last is None else f"{last.created_at!r}:{last.seq}")


async def _matching(db: Db, session_id: SessionId, wanted: MessageFilter, limit: int, offset: int) -> FoundMessages:
    params: rows.Params = {"session_id": session_id, "reach": REACH - 1, **msgspec.structs.asdict(wanted)}
    statement = "messages_unsent" if params.pop("unsent") else "messages_matching"
    if wanted.chat is not None:
        params["chat"] = await resolve_chat(db, session_id, wanted.chat)
    total: int = await db.value(f"{statement}_count", params)
    found = await db.rows(statement, {**params, "limit": limit, "offset": offset})
    return FoundMessages(total, tuple(shown(row) for row in found))


def position(after: str | None) -> tuple[float, int]:
    """Where a page begins. Raises `ValueError` for a cursor that is none of ours."""
    if after is None:
        return _FAR, 0
    created_at, _, seq = after.partition(":")
    return float(created_at), int(seq)
