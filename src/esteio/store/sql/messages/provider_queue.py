"""Parked messages: sent, and perhaps still in the provider's own queue. While one is, its chat waits.

Never lives here: how long that may last (`core.messages.provider_queue`), a queue.
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.core.messages import provider_queue
from esteio.core.messages.provider_queue import QueueSettlement
from esteio.core.model.ids import MessageId, SessionId
from esteio.core.model.message import Message
from esteio.store.sql import rows
from esteio.store.sql.base import SqlSubject, check_held
from esteio.store.sql.db import Db, Rollback, Row
from esteio.store.sql.locks import lock_sessions_of
from esteio.store.sql.messages.acceptance import shown
from esteio.store.sql.messages.send_lanes import announce, refresh_lane

_BEHIND = rows.to_text(provider_queue.BEHIND)


class SqlProviderQueue(SqlSubject):
    """Parked messages; what leaves the provider's queue frees its chat in the same transaction."""

    async def due(self, now: float, limit: int, *, node: int | None = None) -> Sequence[Message]:
        whose = {"now": now, "limit": limit, "node": node}
        return [shown(row) for row in await self._reader.rows("provider_queue_due", whose)]

    async def next_due(self, *, node: int | None = None) -> float | None:
        return await self._reader.value("provider_queue_next_due", {"node": node})  # type: ignore[no-any-return]

    async def settle(
        self, settlements: Sequence[QueueSettlement], *, held: tuple[SessionId, int] | None = None
    ) -> Sequence[MessageId]:
        async def operation(db: Db) -> list[MessageId]:
            await lock_sessions_of(db, [one.message_id for one in settlements])
            await check_held(db, *(held or (SessionId(0), None)))
            return [one.message_id for one in settlements if await _settle(db, one)]

        try:
            return await self._write(operation)
        except Rollback:
            return ()


async def _settle(db: Db, settlement: QueueSettlement) -> bool:
    reason = rows.text_or_none(settlement.reason)
    if settlement.event == "queue_shows":
        look = {"id": settlement.message_id, "due_at": settlement.due_at, "reason": reason}
        row = await db.row("provider_queue_look_again", look)
        if row is not None:
            await _tell_who_waits(db, row)
        return False
    row = await unpark(db, settlement.message_id, reason)
    if row is not None and settlement.attempt is not None:
        await db.put("attempt_add", rows.attempt_params(settlement.message_id, settlement.attempt))
        await announce(db, row, settlement.at)
    return row is not None


async def unpark(db: Db, message_id: MessageId, reason: str | None = None) -> Row | None:
    """Nobody waits for it any more; its row, None when nobody did."""
    row = await db.row("provider_queue_leave", {"id": message_id, "reason": reason})
    if row is not None:
        await go_on(db, row)
    return row


async def go_on(db: Db, row: Row) -> None:
    """The chat of a message that was parked."""
    await db.put("message_not_behind", {"session_id": row.session_id, "chat": row.chat, "reason": _BEHIND})
    await refresh_lane(db, row.session_id, row.chat)


async def _tell_who_waits(db: Db, row: Row) -> None:
    head = await db.row("send_lane_head", {"session_id": row.session_id, "chat": row.chat})
    if head is not None:
        await db.put("message_behind", {"seq": head.seq, "reason": _BEHIND})
