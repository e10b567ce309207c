"""The public stream of events.

Never lives here: what an event says.
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.store.base import EventRow
from esteio.store.sql import rows
from esteio.store.sql.base import SqlSubject


class SqlEventLog(SqlSubject):
    """The public stream of events, read from the table `events`."""

    async def page(self, after: int, limit: int) -> Sequence[EventRow]:
        return [rows.event_of(row) for row in await self._reader.rows("events", {"after": after, "limit": limit})]

    async def last_seq(self) -> int:
        last: int = await self._reader.value("event_last", {})
        return last
