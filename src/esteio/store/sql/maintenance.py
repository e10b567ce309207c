"""The public stream of events, API keys, and what is forgotten in time.

Never lives here: when to forget.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esteio.core.messages.inbound import CLOCKS_APART_S
from esteio.store.ports.maintenance import PIECE_ROWS, PURGED_AT_ONCE, PurgedPiece, WalkedTable
from esteio.store.sql import rows
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db
from esteio.store.sql.history.outages import forget_before
from esteio.store.sql.messages.contacts import bare


class SqlMaintenance(SqlSubject):
    """Deletes what has grown old, a bounded number of rows at a time where many may go."""

    async def clock_put_back(self, now: float, seconds: float) -> None:
        """Leases stay: whoever holds one may be at it, and writes it back under its fence."""
        back = {"now": now, "seconds": seconds}

        async def operation(db: Db) -> None:
            for table in ("work", "messages", "send_lanes", "history_gaps", "delivery_lanes"):
                await db.put(f"clock_back_{table}", back)

        await self._write(operation)

    async def purge(
        self,
        now: float,
        *,
        raw_before: float,
        idem_before: float,
        unreadable_before: float | None = None,
        history_before: float | None = None,
        dedupe_before: float | None = None,
    ) -> int:
        """Also finished work, receipts of unknown messages and boots of nodes that hold nothing, from before
        `raw_before`. One transaction a table: between two the writer belongs to others."""
        gone = await self._purge("provider_webhooks", raw_before) + await self._purge("work", raw_before)
        gone += await self._purge("pending_receipts", raw_before) + await self._purge("idempotency", idem_before)
        gone += await self._write(lambda db: db.run("nodes_forget", {"before": raw_before}))
        if unreadable_before is not None:
            gone += await self._purge("unreadable", unreadable_before)
        if dedupe_before is not None:
            gone += await self._purge("inbound_dedupe", dedupe_before, seconds=CLOCKS_APART_S)
        if history_before is not None:
            gone += await self._purge("approvals", history_before)
            gone += await self._write(lambda db: forget_before(db, history_before, PURGED_AT_ONCE))
        return gone

    async def _purge(self, what: str, before: float, **more: float) -> int:
        params = {"before": before, "limit": PURGED_AT_ONCE, **more}
        return await self._write(lambda db: db.run(f"purge_{what}", params))

    async def purge_piece(self, table: WalkedTable, before: float, after: int, now: float) -> PurgedPiece:
        piece = await self._reader.row(f"retention_{table}", {"after": after, "limit": PIECE_ROWS})
        if piece is None or piece.oldest is None or piece.oldest >= before:
            return PurgedPiece(0, None)
        bounds = {"after": after, "through": piece.through, "before": before}
        if table == "messages":
            gone = await self._write(lambda db: _purge_messages(db, {**bounds, "now": now}))
        else:
            gone = await self._write(lambda db: db.run(f"purge_{table}", bounds))
        return PurgedPiece(gone, piece.through)

    async def strip_bodies(self, before: float) -> int:
        async def operation(db: Db) -> int:
            return sum([await _strip(db, one, before) for one in await db.values("sessions_all", {})])

        return await self._write(operation)


async def _purge_messages(db: Db, bounds: Mapping[str, Any]) -> int:
    """With the attempts at them; how many."""
    gone = await db.values("purge_messages", bounds)
    if gone:
        await db.put("attempts_of_messages_forget", {"listed": rows.to_text(gone)})
    return len(gone)


async def _strip(db: Db, session_id: int, before: float) -> int:
    """The words of settled messages from before then; how many. What stands before the mark was stripped already."""
    params = {"session_id": session_id, "before": before, "limit": PURGED_AT_ONCE}
    found = await db.rows("body_retention_due", params)
    for row in found:
        await db.put("message_strip", {"seq": row.seq, "content": bare(row.content)})
    if found:
        last = found[-1]
        await db.put("body_retention_mark", {"session_id": session_id, "at": last.created_at, "seq": last.seq})
    return len(found)
