"""The journal as people and programs read it, and evidence handed in from outside a decision.

Never lives here: how repeated evidence is counted (`journal`).
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import ServerName, SessionId
from esteio.store.base import JournalEntry, JournalKind
from esteio.store.sql import journal, rows
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db
from esteio.store.sql.sessions import known_session


class SqlJournal(SqlSubject):
    """The timeline read by line number; evidence is appended unfolded."""

    async def page(self, session_id: SessionId, after: int, limit: int) -> Sequence[JournalEntry]:
        params = {"session_id": session_id, "after": after, "limit": limit}
        return [rows.entry_of(row) for row in await self._reader.rows("timeline", params)]

    async def page_back(
        self, session_id: SessionId, before: int, limit: int, kind: JournalKind | None = None
    ) -> Sequence[JournalEntry]:
        params = {"session_id": session_id, "before": before, "limit": limit, "kind": kind}
        return [rows.entry_of(row) for row in await self._reader.rows("timeline_back", params)]

    async def page_of_server(self, server: ServerName, after: int, limit: int) -> Sequence[JournalEntry]:
        params = {"server": server, "after": after, "limit": limit}
        return [rows.entry_of(row) for row in await self._reader.rows("timeline_of_server", params)]

    async def page_back_of_server(self, server: ServerName, before: int, limit: int) -> Sequence[JournalEntry]:
        params = {"server": server, "before": before, "limit": limit}
        return [rows.entry_of(row) for row in await self._reader.rows("timeline_back_of_server", params)]

    async def add_evidence(
        self, session_id: SessionId | None, server: ServerName, evidence: Sequence[Evidence], now: float
    ) -> None:
        """About a session that is gone nothing is kept: nobody would ever fold it."""

        async def operation(db: Db) -> None:
            await journal.add_news(db, await known_session(db, session_id), server, evidence)

        await self._write(operation)

    async def add_operator_lines(self, lines: Sequence[JournalEntry]) -> None:
        async def write(db: Db) -> None:
            await journal.add_operator_lines(
                db, [one for one in lines if await known_session(db, one.session_id) is not None]
            )

        await self._write(write)
