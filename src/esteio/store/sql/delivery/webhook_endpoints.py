"""Subscribers, what was delivered to them and what was not: kept, looked at, queued again, forgotten.

Never lives here: the queue (`delivery`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from esteio.core.webhooks import delivery_policy as law
from esteio.store.delivery import DeadEvent, DeadFilter, DeadMessage, Delivery, Endpoint, RelayBacklog
from esteio.store.sql.base import Room
from esteio.store.sql.delivery import rows
from esteio.store.sql.delivery.delivery import open_lane
from esteio.store.sqlite.connection import Db

_AT_ONCE = 5000
"""Rows that one purge removes of each table."""
_NO_FLOOR = 2**62


class Endpoints(Room):
    async def add_endpoint(self, endpoint: Endpoint) -> Endpoint:
        def operation(db: Db) -> Endpoint:
            (row,) = db.rows("webhook_endpoint_add", rows.endpoint_params(endpoint))
            return rows.endpoint_of(row)

        return await self._write(operation)

    async def endpoint(self, endpoint_id: str) -> Endpoint | None:
        row = self._reader.row("webhook_endpoint", {"id": endpoint_id})
        return None if row is None else rows.endpoint_of(row)

    async def endpoints(self) -> Sequence[Endpoint]:
        return [rows.endpoint_of(row) for row in self._reader.rows("webhook_endpoints", {})]

    async def change_endpoint(self, endpoint: Endpoint) -> bool:
        params = rows.endpoint_params(msgspec.structs.replace(endpoint, health=law.EndpointHealth()))
        return await self._write(lambda db: db.run("webhook_endpoint_change", params) > 0)

    async def delete_endpoint(self, endpoint_id: str) -> bool:
        def operation(db: Db) -> bool:
            for what in ("lanes", "replays", "dead_letters", "deliveries"):
                db.run(f"webhook_endpoint_forget_{what}", {"id": endpoint_id})
            return db.run("webhook_endpoint_delete", {"id": endpoint_id}) > 0

        return await self._write(operation)

    async def endpoint_waiting(self, endpoint_id: str) -> tuple[int, float | None]:
        db = self._reader
        (lanes, head) = db.rows("webhook_endpoint_lanes", {"id": endpoint_id})[0]
        return lanes, None if head is None else db.value("event_at", {"seq": head})

    async def relay_backlog(self) -> RelayBacklog:
        return self._snapshot(_backlog)

    async def log_delivery(self, delivery: Delivery) -> Delivery:
        def operation(db: Db) -> Delivery:
            db.run("delivery_add", rows.delivery_params(delivery))
            newest = {"endpoint_id": delivery.endpoint, "before": _NO_FLOOR, "limit": 1}
            return rows.delivery_of(db.rows("deliveries", newest)[0])

        return await self._write(operation)

    async def deliveries(self, endpoint_id: str, *, limit: int, before: int | None) -> Sequence[Delivery]:
        params = {"endpoint_id": endpoint_id, "limit": limit, "before": _NO_FLOOR if before is None else before}
        return [rows.delivery_of(row) for row in self._reader.rows("deliveries", params)]

    async def replay_events(
        self, endpoint_id: str, since: float, until: float, after: int, limit: int, now: float
    ) -> tuple[int, int | None]:
        def operation(db: Db) -> tuple[int, int | None]:
            row = db.row("webhook_endpoint", {"id": endpoint_id})
            if row is None:
                return 0, None
            endpoint, queued = rows.endpoint_of(row), 0
            found = db.rows("events_of_time", {"since": since, "until": until, "after": after, "limit": limit})
            for seq, kind, session, chat, _ in found:
                if law.wants(endpoint.types, endpoint.sessions, kind, session or None):
                    queued += _again(db, endpoint_id, session, chat, seq, now)
            return queued, found[-1][0] if len(found) == limit else None

        return await self._write(operation)

    async def dead_events(self, wanted: DeadFilter, *, limit: int, after: int) -> Sequence[DeadEvent]:
        params = {**rows.filter_params(wanted), "endpoint_id": wanted.endpoint, "limit": limit, "after": after}
        return [rows.dead_event_of(row) for row in self._reader.rows("dead_letters", params)]

    async def dead_messages(self, wanted: DeadFilter, *, limit: int, after: int) -> Sequence[DeadMessage]:
        params = {**rows.filter_params(wanted), "limit": limit, "after": after}
        found = list(self._reader.rows("dead_messages", params))
        if wanted.doubtful:
            found = sorted([*found, *self._reader.rows("doubtful_messages", params)])[:limit]
        return [rows.dead_message_of(row) for row in found]

    async def revive_events(self, ids: Sequence[int], now: float) -> int:
        def operation(db: Db) -> int:
            revived = 0
            for dead_id in ids:
                row = db.row("dead_letter", {"id": dead_id})
                if row is not None:
                    dead = rows.dead_event_of(row)
                    _again(db, dead.endpoint, dead.session, dead.chat, dead.event, now)
                    revived += db.run("dead_letter_delete", {"id": dead_id})
            return revived

        return await self._write(operation)

    async def last_event(self) -> int:
        last: int = self._reader.value("event_last", {})
        return last

    async def purge_events(self, before: float, dead_before: float) -> int:
        def operation(db: Db) -> int:
            gone = db.run("purge_dead_letters", {"before": dead_before, "limit": _AT_ONCE})
            gone += db.run("purge_deliveries", {"before": before, "limit": _AT_ONCE})
            floor = db.value("delivery_floor", {})
            floor = _NO_FLOOR if floor is None else floor
            return gone + db.run("purge_events", {"before": before, "floor": floor, "limit": _AT_ONCE})

        return await self._write(operation)


def _backlog(db: Db) -> RelayBacklog:
    lanes, dead = db.rows("delivery_backlog", {})[0]
    floor = db.value("delivery_floor", {})
    return RelayBacklog(lanes, dead, None if floor is None else db.value("event_from", {"seq": floor}))


def _again(db: Db, endpoint_id: str, session: str, chat: str, seq: int, now: float) -> int:
    """Queue one event in the queue `replay`; 0 when it was queued already."""
    key = {"endpoint_id": endpoint_id, "session_name": session, "chat": chat, "event": seq}
    if not db.run("replay_queue_add", key):
        return 0
    open_lane(db, endpoint_id, "replay", session, chat, seq, now)
    return 1
