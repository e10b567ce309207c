"""The public stream of events, API keys, and what is forgotten in time.

Never lives here: when to forget.
"""

from __future__ import annotations

from esteio.store.ports.maintenance import PURGED_AT_ONCE
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
    ) -> int:
        """Also finished work and receipts of unknown messages from before `raw_before`."""

        async def operation(db: Db) -> int:
            raw = {"before": raw_before, "limit": PURGED_AT_ONCE}
            gone = 0
            if unreadable_before is not None:
                gone = await db.run("purge_unreadable", {"before": unreadable_before, "limit": PURGED_AT_ONCE})
            if history_before is not None:
                gone += await forget_before(db, history_before, PURGED_AT_ONCE)
            gone += (
                await db.run("purge_provider_webhooks", raw)
                + await db.run("purge_work", raw)
                + await db.run("purge_pending_receipts", raw)
            )
            return gone + await db.run("purge_idempotency", {"before": idem_before, "limit": PURGED_AT_ONCE})

        return await self._write(operation)

    async def strip_bodies(self, before: float) -> int:
        async def operation(db: Db) -> int:
            return sum([await _strip(db, one, before) for one in await db.values("sessions_all", {})])

        return await self._write(operation)


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
