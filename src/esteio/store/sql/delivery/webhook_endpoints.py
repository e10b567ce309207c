"""Subscribers, what was delivered to them and what was not: kept, looked at, queued again, forgotten.

Never lives here: the queue (`delivery`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from esteio.core.model.tenant import Reach
from esteio.core.webhooks import delivery_policy as law
from esteio.store.base import Exists
from esteio.store.delivery import ASKED, Delivery, Endpoint, Lane
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db, Row
from esteio.store.sql.delivery import rows
from esteio.store.sql.delivery.delivery import forget_endpoint, hears, queue_again
from esteio.store.sql.locks import lock_endpoint
from esteio.store.sql.quotas import check_room
from esteio.store.sql.rows import Params, to_text

_NO_FLOOR = 2**62


class SqlWebhookEndpoints(SqlSubject):
    """Endpoints with their lanes and the log of their deliveries."""

    async def add(self, endpoint: Endpoint) -> Endpoint:
        async def operation(db: Db) -> Endpoint:
            return await add_endpoint(db, endpoint)

        return await self._write(operation)

    async def get(self, endpoint_id: str) -> Endpoint | None:
        row = await self._reader.row("webhook_endpoint", {"id": endpoint_id})
        return None if row is None else rows.endpoint_of(row)

    async def at_door(self, session: str) -> Endpoint | None:
        row = await self._reader.row("webhook_endpoint_at_door", {"door_session": session})
        return None if row is None else rows.endpoint_of(row)

    async def put_at_door(self, endpoint: Endpoint) -> Endpoint | None:
        async def operation(db: Db) -> Endpoint | None:
            if not await db.value("session_named", {"name": endpoint.door_session}):
                return None
            found = await db.row("webhook_endpoint_at_door", {"door_session": endpoint.door_session})
            if found is None:
                return await add_endpoint(db, endpoint)
            if found.id != endpoint.id:
                raise Exists(found.id)
            await _put(db, rows.endpoint_of(found), endpoint)
            return rows.endpoint_of(
                (await db.rows("webhook_endpoint_at_door", {"door_session": endpoint.door_session}))[0]
            )

        return await self._write(operation)

    async def all(self) -> Sequence[Endpoint]:
        return [rows.endpoint_of(row) for row in await self._reader.rows("webhook_endpoints", {})]

    async def within(self, reach: Reach) -> Sequence[Endpoint]:
        found = await self._reader.rows("webhook_endpoints_within", {"tenant": reach.tenant})
        return [rows.endpoint_of(row) for row in found]

    async def change(self, endpoint: Endpoint) -> bool:
        params = rows.endpoint_params(msgspec.structs.replace(endpoint, health=law.EndpointHealth()))
        return await self._write(lambda db: db.run("webhook_endpoint_change", params)) > 0

    async def delete(self, endpoint_id: str) -> bool:
        return await self._write(lambda db: forget_endpoint(db, endpoint_id)) > 0

    async def waiting(self, endpoint_id: str) -> tuple[int, float | None]:
        db = self._reader
        (row,) = await db.rows("webhook_endpoint_lanes", {"id": endpoint_id})
        return row.lanes, None if row.head is None else await db.value("event_at", {"seq": row.head})

    async def log_delivery(self, delivery: Delivery) -> Delivery:
        async def operation(db: Db) -> Delivery:
            await db.put("delivery_add", rows.delivery_params(delivery))
            newest = {"endpoint_id": delivery.endpoint, "before": _NO_FLOOR, "limit": 1}
            return rows.delivery_of((await db.rows("deliveries", newest))[0])

        return await self._write(operation)

    async def lanes(self, endpoint_id: str, *, limit: int) -> Sequence[Lane]:
        listed = await self._reader.rows("delivery_lanes_next", {"endpoint_id": endpoint_id, "limit": limit})
        return [rows.waiting_lane_of(row) for row in listed]

    async def deliveries(
        self, endpoint_id: str, *, limit: int, before: int | None, event: int | None = None, failed: bool = False
    ) -> Sequence[Delivery]:
        params: Params = {
            "endpoint_id": endpoint_id,
            "limit": limit,
            "before": _NO_FLOOR if before is None else before,
            "event": event,
        }
        statement = "deliveries_of_event" if event is not None else "deliveries_failed" if failed else "deliveries"
        return [rows.delivery_of(row) for row in await self._reader.rows(statement, params)]

    async def replay(
        self,
        endpoint_id: str,
        since: float,
        until: float,
        after: int,
        limit: int,
        now: float,
        *,
        missing: bool = False,
        dry_run: bool = False,
    ) -> tuple[int, int | None]:
        async def operation(db: Db) -> tuple[int, int | None]:
            if not dry_run:
                await lock_endpoint(db, endpoint_id)
            row = await db.row("webhook_endpoint", {"id": endpoint_id})
            if row is None:
                return 0, None
            endpoint = rows.endpoint_of(row)
            found = await db.rows("events_of_time", {"since": since, "until": until, "after": after, "limit": limit})
            wanted = _wanted(endpoint, found)
            again = await _missing(db, endpoint, wanted) if missing else wanted
            queued = len(again) if dry_run else sum([await _again(db, endpoint_id, event, now) for event in again])
            return queued, found[-1].seq if len(found) == limit else None

        return await self._snapshot(operation) if dry_run else await self._write(operation)

    async def replay_event(self, endpoint_id: str, event: int, now: float) -> bool:
        async def operation(db: Db) -> bool:
            await lock_endpoint(db, endpoint_id)
            row = await db.row("event_lane", {"seq": event})
            found = await db.row("webhook_endpoint", {"id": endpoint_id})
            if row is None or found is None or not hears(rows.endpoint_of(found), row):  # guard: replayed-event-heard
                return False
            await _again(db, endpoint_id, row, now)
            return True

        return await self._write(operation)


async def add_endpoint(db: Db, endpoint: Endpoint) -> Endpoint:
    """In the transaction of `db`. Raises `QuotaExceeded`, `LookupError` for a tenant that is gone."""
    await check_room(db, endpoint.tenant, "webhooks")
    (row,) = await db.rows("webhook_endpoint_add", rows.endpoint_params(endpoint))
    return rows.endpoint_of(row)


def _wanted(endpoint: Endpoint, found: Sequence[Row]) -> list[Row]:
    return [one for one in found if law.wants(endpoint.types, one.type) and hears(endpoint, one)]


async def _missing(db: Db, endpoint: Endpoint, wanted: Sequence[Row]) -> list[Row]:
    """Those that were never taken, and that no queue will bring by itself."""
    listed = to_text([event.seq for event in wanted])
    taken = set(await db.values("deliveries_taken", {"endpoint_id": endpoint.id, "listed": listed}))
    heads: dict[tuple[str, str], int] = {}

    async def waits(event: Row) -> bool:
        chat = (event.session_name, event.chat)
        if chat not in heads:
            key = {"endpoint_id": endpoint.id, "session_name": event.session_name, "chat": event.chat}
            heads[chat] = await db.value("delivery_lane_live", key) or _NO_FLOOR
        return bool(event.seq > endpoint.cursor or heads[chat] <= event.seq)

    return [event for event in wanted if event.seq not in taken and not await waits(event)]


async def _again(db: Db, endpoint_id: str, event: Row, now: float) -> int:
    """Into the queue; it is a dead letter no longer."""
    await db.put("dead_letter_delete_of", {"endpoint_id": endpoint_id, "event": event.seq})
    return await queue_again(db, endpoint_id, event.session_name, event.chat, event.seq, now)


async def _put(db: Db, before: Endpoint, after: Endpoint) -> None:
    """In the place of the one before. What was switched off by its owner is told what happens from now on."""
    await db.put("webhook_endpoint_change", rows.endpoint_params(after))
    if after.enabled and not before.enabled and before.because == ASKED:
        await db.put("webhook_endpoint_forget_lanes", {"id": before.id})
        await db.put("webhook_endpoint_from_now_on", {"id": before.id})
