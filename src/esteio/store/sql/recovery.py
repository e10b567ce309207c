"""What a start puts right before anybody asks: acts and sends that the process before left under way.

Never lives here: opening and migrating a database, which is the dialect's.
"""

from __future__ import annotations

from esteio.store.base import CrashReport
from esteio.store.sql import rows
from esteio.store.sql.db import Db
from esteio.store.sql.messages.outbox import doubt_all_sending
from esteio.store.sql.work import interrupt


async def recover(db: Db, now: float) -> CrashReport:
    """What `Store.start` puts right after a crash, in one transaction before the first other."""
    under_way = [rows.work_of(row) for row in await db.rows("work_performing", {})]
    for work in under_way:
        await interrupt(db, work, now)
    db.restricted.update((row.id, row.restricted_until) for row in await db.rows("sessions_restricted", {}))
    await db.put("delivery_lanes_free", {"now": now})
    doubted = await doubt_all_sending(db, now)
    return CrashReport(
        interrupted=tuple(work for work in under_way if work.kind == "control"),
        doubted=tuple(message.id for message in doubted),
        last_alive=await db.value("last_alive", {}),
    )
