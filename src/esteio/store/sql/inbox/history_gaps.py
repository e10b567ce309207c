"""Gaps: what has to be read back from providers, one row a session, until it was done.

Never lives here: since when something may be missing (`core.judge.gap`), the reading (`engine.inbox.backfill`).
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.core.model.ids import ServerName, SessionId
from esteio.store.base import Gap, JournalEntry
from esteio.store.sql import journal
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db, Row
from esteio.store.sql.sessions import server_of_session


class SqlHistoryGaps(SqlSubject):
    """Gaps, one row a session; the session's gate is read with them."""

    async def mark_all(self, since: float, due_at: float) -> None:
        async def operation(db: Db) -> None:
            for row in await db.rows("servers", {}):
                await mark_linked(db, row.name, since, due_at)

        await self._write(operation)

    async def due(self, now: float, limit: int, *, node: int | None = None) -> Sequence[Gap]:
        whose = {"now": now, "limit": limit, "node": node}
        return [_gap_of(row) for row in await self._reader.rows("history_gaps_due", whose)]

    async def close(self, gap: Gap, line: JournalEntry | None) -> bool:
        async def operation(db: Db) -> bool:
            closed = await db.run("history_gap_close", _key(gap)) > 0
            if closed and line is not None:
                await journal.add_entries(db, [line], gap.session_id, await server_of_session(db, gap.session_id))
            return closed

        return await self._write(operation)

    async def postpone(self, gap: Gap, again_at: float) -> bool:
        return await self._write(lambda db: db.run("history_gap_postpone", {**_key(gap), "again_at": again_at})) > 0


async def mark_gap(db: Db, session_id: SessionId, since: float, due_at: float) -> None:
    """One more reason to read back; an older one that still waits is not forgotten."""
    await db.put("history_gap_mark", {"session_id": session_id, "since": since, "due_at": due_at})


async def mark_linked(db: Db, server: ServerName, since: float, due_at: float) -> None:
    """The same for every linked session of a server."""
    await db.put("history_gaps_mark_linked", {"server": server, "since": since, "due_at": due_at})


def _gap_of(row: Row) -> Gap:
    return Gap(session_id=row.session_id, since=row.since, due_at=row.due_at, tries=row.tries)


def _key(gap: Gap) -> dict[str, float]:
    return {"session_id": gap.session_id, "since": gap.since, "due_at": gap.due_at}
