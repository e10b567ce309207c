"""Outages, changes of state, and when nobody watched: written with the commits that they belong to, read for pages.

Never lives here: when an outage begins or ends (`core.judge.outage`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from esteio.core.model.history import OutageCost, OutageRecord, StateChange, Unwatched
from esteio.core.model.ids import ServerName, SessionId
from esteio.core.model.recovery import Outage
from esteio.core.model.session import Session
from esteio.core.model.state import SessionState
from esteio.core.model.tenant import ALL, Reach
from esteio.store.sql import rows
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db

MISSED_S = 60.0
"""Without a sign of life for so long nobody watched; there is one every 20 s."""
_FIRST = (1e18, "")
"""Before every outage: the newest are first."""


class SqlHistory(SqlSubject):
    """The past of this database's sessions and servers."""

    async def outage(self, outage_id: str) -> OutageRecord | None:
        row = await self._reader.row("outage", {"id": outage_id})
        return None if row is None else rows.outage_of(row)

    async def open_outages(
        self,
        *,
        reach: Reach = ALL,
        server: ServerName | None = None,
        session_id: SessionId | None = None,
        each: bool = False,
    ) -> Sequence[OutageRecord]:
        meant = {"server": server, "session_id": session_id, "each": int(each), "tenant": reach.tenant}
        return [rows.outage_of(row) for row in await self._reader.rows("outages_open", meant)]

    async def ended_outages(
        self,
        *,
        reach: Reach = ALL,
        server: ServerName | None = None,
        session_id: SessionId | None = None,
        each: bool = False,
        before: tuple[float, str] | None = None,
        limit: int = 50,
    ) -> Sequence[OutageRecord]:
        at, last = before or _FIRST
        meant = {"server": server, "session_id": session_id, "each": int(each), "tenant": reach.tenant}
        page = {**meant, "before": at, "before_id": last, "limit": limit}
        return [rows.outage_of(row) for row in await self._reader.rows("outages_ended", page)]

    async def parts_of(self, outage_id: str) -> Sequence[OutageRecord]:
        return [rows.outage_of(row) for row in await self._reader.rows("outages_parts", {"id": outage_id})]

    async def outages_of(
        self, sessions: Sequence[SessionId], since: float
    ) -> Mapping[SessionId, Sequence[OutageRecord]]:
        found: dict[SessionId, list[OutageRecord]] = defaultdict(list)
        for row in await self._reader.rows("outages_of", {"listed": rows.to_text(sessions), "since": since}):
            found[row.session_id].append(rows.outage_of(row))
        return found

    async def server_outages(self, since: float) -> Sequence[OutageRecord]:
        return [rows.outage_of(row) for row in await self._reader.rows("outages_of_servers", {"since": since})]

    async def states_of(self, sessions: Sequence[SessionId], since: float) -> Mapping[SessionId, Sequence[StateChange]]:
        found: dict[SessionId, list[StateChange]] = defaultdict(list)
        for row in await self._reader.rows("states_of", {"listed": rows.to_text(sessions), "since": since}):
            found[row.session_id].append(StateChange(row.at, row.previous, row.state))
        return found

    async def unwatched(self, since: float) -> Sequence[Unwatched]:
        return [Unwatched(row.since, row.until) for row in await self._reader.rows("unwatched", {"since": since})]

    async def cost(self, session_id: SessionId, since: float, until: float) -> OutageCost:
        row = await self._reader.row("outage_cost", {"session_id": session_id, "since": since, "until": until})
        return OutageCost() if row is None else OutageCost(row.accepted, row.waiting, row.failed)


async def keep_session_outage(db: Db, session: Session, outage: Outage) -> None:
    """A session's outage as it now is, in the commit that changed it."""
    known = {"session_id": session.id, "server": session.server}
    await db.put("outage_keep_of_session", {**rows.outage_params(outage), **known})


async def keep_server_outage(db: Db, server: ServerName, outage: Outage) -> None:
    """A server's outage as it now is; sessions that fell since it began are parts of it."""
    await db.put("outage_keep_of_server", {**rows.outage_params(outage), "server": server})
    if outage.ended_at is None:
        await db.put("outage_gather", {"id": outage.id, "server": server, "since": outage.since})


async def keep_state(db: Db, session: Session, previous: SessionState) -> None:
    """A session's new state, from `session.since` on."""
    change = {"session_id": session.id, "at": session.since, "previous": previous, "state": session.state}
    await db.put("state_keep", change)


async def beat(db: Db, now: float) -> None:
    """A sign of life. Whoever gives it has seen nothing since the last one, if that was too long ago."""
    await db.put("unwatched_add", {"now": now, "before": now - MISSED_S})
    await db.run("heartbeat", {"now": now})


async def forget_before(db: Db, before: float, limit: int) -> int:
    """At most `limit` rows of each kind that were over before then; returns how many."""
    old = {"before": before, "limit": limit}
    return (
        await db.run("purge_outages", old)
        + await db.run("purge_states", old)
        + await db.run("purge_unwatched", {"before": before})
    )
