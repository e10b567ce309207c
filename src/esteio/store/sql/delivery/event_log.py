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

    async def page(self, after: int, limit: int, *, tenant: str | None = None) -> Sequence[EventRow]:
        statement = "events" if tenant is None else "events_of_tenant"
        found = await self._reader.rows(statement, {"after": after, "limit": limit, "tenant": tenant})
        return [rows.event_of(row) for row in found]

    async def last_seq(self) -> int:
        last: int = await self._reader.value("event_last", {})
        return last
