"""What was given up: events that an endpoint never took, and messages that failed.

Never lives here: when something is given up (`core.webhooks.delivery_policy`, `core.messages.outbox`).
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from esteio.core.model.tenant import ALL, Reach
from esteio.store.delivery import DeadEvent, DeadFilter, DeadMessage
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db
from esteio.store.sql.delivery import rows
from esteio.store.sql.delivery.delivery import queue_again
from esteio.store.sql.locks import lock_endpoints


class SqlDeadLetters(SqlSubject):
    """Dead events have rows of their own; dead messages are read from `messages`."""

    async def event(self, dead_id: int) -> DeadEvent | None:
        row = await self._reader.row("dead_letter", {"id": dead_id})
        return None if row is None else rows.dead_event_of(row)

    async def events(self, wanted: DeadFilter, *, limit: int, after: int, reach: Reach = ALL) -> Sequence[DeadEvent]:
        place = {"limit": limit, "after": after, "tenant": reach.tenant}
        params = {**rows.filter_params(wanted), "endpoint_id": wanted.endpoint, **place}
        return [rows.dead_event_of(row) for row in await self._reader.rows("dead_letters", params)]

    async def messages(
        self, wanted: DeadFilter, *, limit: int, after: int, reach: Reach = ALL
    ) -> Sequence[DeadMessage]:
        params = {**rows.filter_params(wanted), "limit": limit, "after": after, "tenant": reach.tenant}
        found = list(await self._reader.rows("dead_messages", params))
        if wanted.doubtful:
            found += await self._reader.rows("doubtful_messages", params)
            found = sorted(found, key=attrgetter("seq"))[:limit]
        return [rows.dead_message_of(row) for row in found]

    async def revive(self, ids: Sequence[int], now: float) -> int:
        async def operation(db: Db) -> int:
            await lock_endpoints(db)
            revived = 0
            for dead_id in ids:
                row = await db.row("dead_letter", {"id": dead_id})
                if row is not None:
                    dead = rows.dead_event_of(row)
                    await queue_again(db, dead.endpoint, dead.session, dead.chat, dead.event, now)
                    revived += await db.run("dead_letter_delete", {"id": dead_id})
            return revived

        return await self._write(operation)
