"""Work rows: control acts, relays and notices, claimed by lane under a lease with a fence.

An act whose lease ran out was interrupted: relays and notices go back to wait; a control act is over, and its session
hears `act_interrupted`, because after it the first thing is to look.

Never lives here: messages (`store.sql.messages.outbox`).
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.core.model.evidence import seen
from esteio.core.model.ids import SessionId
from esteio.store.base import Work, WorkSettlement
from esteio.store.sql import journal, rows
from esteio.store.sql.base import SqlSubject, lives
from esteio.store.sql.db import Db
from esteio.store.sql.qr_codes import put_code
from esteio.store.sql.sessions import known_session, server_of_session


class SqlWorkQueue(SqlSubject):
    """Work rows by lane; a row whose lease ran out is put right at the next claim."""

    async def claim(
        self, now: float, limit: int, lease_s: float, lanes_busy: frozenset[str], *, node: int | None = None
    ) -> Sequence[Work]:
        """Also puts right what lost its lease. A head that is not due yet keeps its lane waiting."""

        async def operation(db: Db) -> list[Work]:
            if not await lives(db, node, now):
                return []
            for row in await db.rows("work_lapsed", {"now": now, "node": node}):
                await interrupt(db, rows.work_of(row), now)
            return await _claim(db, {"now": now, "node": node}, limit, now + lease_s, lanes_busy)

        return await self._write(operation)

    async def add(self, work: Sequence[Work]) -> None:
        """One whose `dedupe` has a row that is not done is left out."""

        async def operation(db: Db) -> None:
            for item in work:
                await db.put("work_add", rows.work_params(item))

        await self._write(operation)

    async def settle(self, settlement: WorkSettlement) -> bool:
        return await self._write(lambda db: _settle(db, settlement))

    async def next_due(self, *, node: int | None = None) -> float | None:
        """When the next free lane's head falls due, or a lease ends."""
        times = [await self._reader.value(name, {"node": node}) for name in ("work_next_due", "work_next_lease")]
        return min((at for at in times if at is not None), default=None)

    async def get(self, work_id: str) -> Work | None:
        row = await self._reader.row("work", {"id": work_id})
        return None if row is None else rows.work_of(row)


async def _claim(db: Db, whose: rows.Params, limit: int, until: float, lanes_busy: frozenset[str]) -> list[Work]:
    # A busy lane may be free here already: its row is settled, and its performer has not said so yet.
    found = await db.rows("work_heads", {**whose, "limit": limit + len(lanes_busy)})
    heads = [row.seq for row in found if row.lane not in lanes_busy]  # guard: lane-busy-until-settled
    claimed = []
    for seq in heads[:limit]:
        row = await db.row("work_claim", {"seq": seq, "now": whose["now"], "lease_until": until})
        if row is not None:
            claimed.append(rows.work_of(row))
    return claimed


async def _settle(db: Db, settlement: WorkSettlement) -> bool:
    row = await db.row("work_settle", _settle_params(settlement))
    if row is None:
        return False
    work = rows.work_of(row)
    session_id = await known_session(db, work.session_id)
    server = work.server if session_id is None else await server_of_session(db, session_id)
    await journal.add_news(db, session_id, server, settlement.evidence)
    await journal.add_entries(db, settlement.journal, session_id, server)
    if session_id is not None:
        await _learn(db, session_id, settlement)
    return True


def _settle_params(settlement: WorkSettlement) -> rows.Params:
    waits_again = "done" if settlement.due_at is None else "ready"
    return {
        "id": settlement.work_id,
        "fence": settlement.fence,
        "state": "dropped" if settlement.dropped else waits_again,
        "outcome": settlement.outcome,
        "due_at": settlement.due_at,
        "now": settlement.at,
    }


async def _learn(db: Db, session_id: SessionId, settlement: WorkSettlement) -> None:
    if settlement.qr is not None:
        await put_code(db, session_id, settlement.qr)
    if settlement.ref is not None or settlement.webhook_token is not None:
        params = {
            "id": session_id,
            "ref": rows.text_or_none(settlement.ref),
            "encrypted": None,
            "token": settlement.webhook_token,
        }
        await db.put("session_change", params)


async def interrupt(db: Db, work: Work, now: float) -> None:
    """Put right an act that was under way when its performer vanished."""
    over = work.kind == "control"
    await db.put("work_interrupt", {"id": work.id, "state": "done" if over else "ready", "now": now})
    if over and work.session_id is not None and (server := await server_of_session(db, work.session_id)) is not None:
        rung = str(work.payload.get("rung", ""))
        attempt = str(work.payload.get("attempt", ""))
        piece = seen("act_interrupted", now, "self", rung=rung, attempt=attempt, work=work.id)
        await journal.add_news(db, work.session_id, server, [piece])
