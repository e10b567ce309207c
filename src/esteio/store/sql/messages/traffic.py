"""What does not come: messages that wait for an acknowledgement, how long others waited, and when something came in.

Never lives here: how long is too long (`core.judge.ack_timeout`).
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import MessageId, SessionId
from esteio.store.base import LateAck
from esteio.store.sql import journal
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db
from esteio.store.sql.sessions import server_of_session


class SqlTraffic(SqlSubject):
    """Times of acknowledgements and of incoming messages, read from `messages`."""

    async def late_acks(self, session_id: SessionId, after: float, before: float, limit: int) -> Sequence[LateAck]:
        params = {"session_id": session_id, "after": after, "before": before, "limit": limit}
        return [LateAck(row.id, row.sent_at) for row in await self._reader.rows("acks_late", params)]

    async def ack_times(self, session_id: SessionId, after: float, before: float, limit: int) -> Sequence[float]:
        params = {"session_id": session_id, "after": after, "before": before, "limit": limit}
        return [waited for waited in await self._reader.values("acks_times", params) if waited is not None]

    async def busy_slots(self, session_id: SessionId, after: float, before: float, slot_s: float) -> Sequence[int]:
        params = {"session_id": session_id, "after": after, "before": before, "slot_s": slot_s}
        return [int(slot) for slot in await self._reader.values("messages_busy", params)]

    async def report_missing_acks(
        self, session_id: SessionId, messages: Sequence[MessageId], evidence: Sequence[Evidence], now: float
    ) -> int:
        async def operation(db: Db) -> int:
            keys = [{"session_id": session_id, "key": f"k:{one}", "now": now} for one in messages]
            told = sum([await db.run("inbound_dedupe_add", key) for key in keys])
            if told:
                await journal.add_news(db, session_id, await server_of_session(db, session_id), evidence)
            return told

        return await self._write(operation)
