"""What is put right for sessions whose holder is gone: acts, sends and deliveries that it left under way.

A start of a process that is alone with its database takes over everything; a node among several takes over what it
takes. Never lives here: whose something is, opening a database.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from esteio.core.model.ids import SessionId
from esteio.core.nodes.chores import of_endpoint, servers_among
from esteio.store.base import CrashReport, Work
from esteio.store.sql import rows
from esteio.store.sql.db import Db
from esteio.store.sql.messages.outbox import doubt_sending
from esteio.store.sql.work import interrupt


class Scope(NamedTuple):
    """What is taken over; `everything`: whatever there is."""

    sessions: Collection[SessionId] = ()
    chores: Collection[str] = ()
    everything: bool = False

    @property
    def params(self) -> rows.Params:
        """As the statements ask for it."""
        return {
            "all": int(self.everything),
            "listed": rows.to_text(sorted(self.sessions)),
            "servers": rows.to_text(sorted(servers_among(self.chores))),
        }


async def put_right(db: Db, scope: Scope, now: float) -> CrashReport:
    """In the transaction of the takeover, before anything else is done with it."""
    under_way: Sequence[Work] = [rows.work_of(row) for row in await db.rows("work_performing", scope.params)]
    for work in under_way:
        await interrupt(db, work, now)
    restricted = await db.rows("sessions_restricted", scope.params)
    db.restricted.update((row.id, row.restricted_until) for row in restricted)
    await _free_lanes(db, scope, now)
    doubted = await doubt_sending(db, scope.params, now)
    return CrashReport(
        interrupted=tuple(work for work in under_way if work.kind == "control"),
        doubted=tuple(message.id for message in doubted),
    )


async def take_over_all(db: Db, now: float) -> CrashReport:
    """A process that is alone with its database starts."""
    report = await put_right(db, Scope(everything=True), now)
    return CrashReport(report.interrupted, report.doubted, await db.value("last_alive", {}))


async def _free_lanes(db: Db, scope: Scope, now: float) -> None:
    leased = await db.values("delivery_lanes_leased", {})
    free = [one for one in leased if scope.everything or of_endpoint(one) in scope.chores]
    if free:
        await db.put("delivery_lanes_free", {"listed": rows.to_text(free), "now": now})
