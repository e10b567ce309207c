"""Boots of nodes, their leases, and what they hold.

A lease is written and compared by the database's clock, read once in each transaction. A boot that has ended is never
alive again, so a renewal that waited for somebody who declared it dead finds nothing to renew. Never lives here: when
to beat or take (`engine.runtime.leases`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from esteio.core.judge import gap
from esteio.core.model.ids import SessionId
from esteio.core.nodes.chores import of_endpoint
from esteio.core.nodes.rendezvous import owner_of, session_key
from esteio.store.base import NodeTaken
from esteio.store.ports.nodes import Beat, Held, NodeRow, Taken
from esteio.store.sql import rows
from esteio.store.sql.base import SqlSubject, lives
from esteio.store.sql.db import Db, Row
from esteio.store.sql.nodes.takeover import Scope, put_right

UNHEARD_S = 10.0
"""What nobody has taken for so long after its node had left was heard by nobody."""
_LOOKED_AT = 4
"""Free sessions that are looked at for each one that may be taken: of several nodes each finds its own among them."""


class SqlNodes(SqlSubject):
    """The nodes of this database."""

    async def join(self, node_id: str, address: str, version: str, lease_s: float, now: float) -> Beat:
        async def operation(db: Db) -> Beat:
            at = await db.clock(now)
            row = {"id": node_id, "address": address, "version": version, "now": at, "lease_until": at + lease_s}
            elsewhere = await db.value("node_namesake", row)
            if elsewhere is not None:
                raise NodeTaken(elsewhere)
            epoch: int = await db.value("node_join", row)
            await db.put("node_earlier_boots", {"id": node_id, "epoch": epoch})
            return await _beat(db, epoch, at)

        return await self._database.write_apart(operation)

    async def beat(self, epoch: int, lease_s: float, now: float) -> Beat | None:
        async def operation(db: Db) -> Beat | None:
            at = await db.clock(now)
            if not await db.run("node_beat", {"node": epoch, "now": at, "lease_until": at + lease_s}):
                return None
            return await _beat(db, epoch, at)

        return await self._database.write_apart(operation)

    async def leave(self, epoch: int, now: float) -> None:
        async def operation(db: Db) -> None:
            await db.put("node_leave", {"node": epoch, "now": await db.clock(now)})

        await self._write(operation)

    async def take(self, epoch: int, chores: Sequence[str], limit: int, now: float) -> Taken | None:
        listed = rows.to_text(sorted(chores))
        if not await self._reader.value("nodes_due", {"now": await self._reader.clock(now), "listed": listed}):
            return Taken()

        async def operation(db: Db) -> Taken | None:
            at = await db.clock(now)
            if not await lives(db, epoch, now):
                return None
            await db.put("nodes_die", {"now": at})
            for name in await db.values("chores_nameless", {"listed": listed}):
                await db.put("chore_add", {"name": name})
            step = _Take(db, epoch, at, now, await db.rows("nodes_live", {"now": at}))
            return await step.take(limit)

        return await self._write(operation)

    async def release(
        self, epoch: int, sessions: Collection[SessionId], chores: Collection[str]
    ) -> tuple[frozenset[SessionId], frozenset[str]]:
        async def operation(db: Db) -> tuple[frozenset[SessionId], frozenset[str]]:
            await db.row("node_lock", {"node": epoch})
            listed = {"node": epoch, "listed": rows.to_text(sorted(sessions))}
            freed = await db.values("session_owners_release", listed)
            busy = {of_endpoint(one) for one in await db.values("delivery_lanes_leased", {})}
            idle = {"node": epoch, "listed": rows.to_text(sorted({*chores} - busy))}
            return frozenset(freed), frozenset(await db.values("chores_release", idle))

        return await self._write(operation)

    async def held(self, epoch: int) -> Held:
        async def question(db: Db) -> Held:
            sessions = {row.session_id: row.generation for row in await db.rows("session_owners_held", {"node": epoch})}
            chores = {row.name: row.generation for row in await db.rows("chores_held", {"node": epoch})}
            return Held(sessions, chores)

        return await self._snapshot(question)

    async def lives(self, epoch: int, now: float) -> bool:
        return await lives(self._reader, epoch, now)

    async def listen(self, told: Callable[[], None], others: Callable[[], bool]) -> None:
        await self._database.listen(told, others)

    async def all(self) -> Sequence[NodeRow]:
        return [_node_of(row, row.sessions) for row in await self._reader.rows("nodes", {})]

    async def forget(self, before: float) -> int:
        return await self._write(lambda db: db.run("nodes_forget", {"before": before}))


class _Take:
    """One step of a take, in its transaction."""

    def __init__(self, db: Db, epoch: int, at: float, now: float, live: Sequence[Row]) -> None:
        self._db, self._epoch, self._at, self._now = db, epoch, at, now
        self._ids = [row.id for row in live]
        self._me: str = next(row.id for row in live if row.epoch == epoch)

    async def take(self, limit: int) -> Taken:
        sessions, more = await self._sessions(limit)
        chores = await self._chores()
        report = await put_right(self._db, Scope(sessions, chores), self._now)
        return Taken(Held(sessions, chores), report.interrupted, report.doubted, more)

    def _is_mine(self, key: str) -> bool:
        return owner_of(key, self._ids) == self._me

    async def _sessions(self, limit: int) -> tuple[dict[SessionId, int], bool]:
        """The next of those that are free and mine, with their new generations; whether there may be more."""
        mine: list[Row] = []
        after, page = SessionId(0), max(1, limit * _LOOKED_AT)
        while True:
            found = await self._db.rows("session_owners_free", {"after": after, "limit": page})
            mine += [row for row in found if self._is_mine(session_key(row.session_id))]
            if len(mine) >= limit or len(found) < page:
                break
            after = found[-1].session_id
        listed = [row.session_id for row in mine[:limit]]
        if not listed:
            return {}, False
        taken = await self._db.rows("session_owners_take", {"node": self._epoch, "listed": rows.to_text(listed)})
        generations = {SessionId(row.session_id): row.generation for row in taken}
        await self._mark_gaps([row for row in mine[:limit] if row.session_id in generations])
        return generations, len(mine) > limit or len(found) == page

    async def _mark_gaps(self, taken: Sequence[Row]) -> None:
        """What was posted to a node that died, or while nobody was there, reached nobody."""
        of_dead: dict[float, list[int]] = {}
        for row in taken:
            if row.ended == "died" or (row.ended == "left" and self._at - row.beat_at > UNHEARD_S):
                of_dead.setdefault(row.beat_at, []).append(row.session_id)
        for beat_at, listed in of_dead.items():
            since = max(beat_at - gap.MARGIN_S, self._at - gap.AT_MOST_S)
            times = {"since": since, "due_at": self._now + gap.SETTLES_S}
            await self._db.put("history_gaps_mark_of", {"listed": rows.to_text(listed), **times})

    async def _chores(self) -> dict[str, int]:
        free = [name for name in await self._db.values("chores_free", {}) if self._is_mine(name)]
        if not free:
            return {}
        taken = await self._db.rows("chores_take", {"node": self._epoch, "listed": rows.to_text(free)})
        return {row.name: row.generation for row in taken}


async def _beat(db: Db, epoch: int, at: float) -> Beat:
    return Beat(epoch, at, tuple(_node_of(row) for row in await db.rows("nodes_live", {"now": at})))


def _node_of(row: Row, sessions: int = 0) -> NodeRow:
    return NodeRow(
        epoch=row.epoch,
        id=row.id,
        address=row.address,
        version=row.version,
        joined_at=row.joined_at,
        beat_at=row.beat_at,
        lease_until=row.lease_until,
        ended=row.ended,
        sessions=sessions,
    )
