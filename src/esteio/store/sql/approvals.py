"""Approvals: recovery steps that wait for a person.

Never lives here: which steps need one (`core.judge`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from esteio.core.model.evidence import Evidence
from esteio.core.model.recovery import Approval
from esteio.core.model.tenant import ALL, Reach
from esteio.store.sql import journal, rows
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db
from esteio.store.sql.sessions import server_of_session


class SqlApprovals(SqlSubject):
    """Approvals; a decision and its evidence are written in one transaction."""

    async def by_state(self, state: str = "open", *, reach: Reach = ALL) -> Sequence[Approval]:
        found = await self._reader.rows("approvals", {"state": state, "tenant": reach.tenant})
        return [rows.approval_of(row) for row in found]

    async def get(self, approval_id: str) -> Approval | None:
        row = await self._reader.row("approval", {"id": approval_id})
        return None if row is None else rows.approval_of(row)

    async def decide(
        self, approval_id: str, state: Literal["approved", "rejected"], now: float, evidence: Evidence
    ) -> bool:
        async def operation(db: Db) -> bool:
            session_id = await db.value("approval_decide", {"id": approval_id, "state": state, "now": now})
            if session_id is None:
                return False
            await journal.add_news(db, session_id, await server_of_session(db, session_id), [evidence])
            return True

        return await self._write(operation)
