"""The relay's queue: dealing the log to lanes, claiming heads, settling attempts, giving up.

All in the writer, so dealing and moving on never miss each other: a lane that ends looks for its next event up to the
cursor, and what lies behind the cursor is dealt later. Never lives here: endpoints themselves (`endpoints`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from esteio.core.webhooks import delivery_policy as law
from esteio.store.delivery import (
    WAITS_S,
    DeliveryBacklog,
    DeliveryClaim,
    DeliverySettled,
    DeliverySettlement,
    Endpoint,
    Queue,
)
from esteio.store.ports.delivery import Mine, everyone
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db, Row
from esteio.store.sql.delivery.rows import LaneRow, data_of, endpoint_of, lane_of, settled_params
from esteio.store.sql.locks import lock_endpoints
from esteio.store.sql.rows import to_text

_AT_ONCE = 5000
"""Rows that one purge removes of each table."""
_NO_FLOOR = 2**62
_ALWAYS = float("inf")
"""Dealing asks for no time: an event that a clock put into the future is told like any other."""


class SqlDeliveryQueue(SqlSubject):
    """The queue of deliveries; dealing, claims and settlements all run in the writer, one after the other."""

    async def deal(self, now: float, limit: int, *, mine: Mine = everyone) -> bool:
        """Endpoints that are open and have a lane to try are left out: their events wait in the log at no cost."""

        async def operation(db: Db) -> bool:
            await lock_endpoints(db)
            last = await db.value("event_last", {})
            ours = await _enabled(db, mine)
            dealt = [await deal(db, one, now, _ALWAYS, limit) for one in ours if await _takes(db, one)]
            return any(cursor < last for cursor in dealt)

        if not await _undealt(self._reader, await _enabled(self._reader, mine)):
            return False
        return await self._write(operation)

    async def claim(
        self, now: float, in_flight: Mapping[str, int], at_once: int, lease_s: float, *, mine: Mine = everyone
    ) -> Sequence[DeliveryClaim]:
        async def operation(db: Db) -> list[DeliveryClaim]:
            await lock_endpoints(db)
            await db.put("delivery_lanes_lapsed", {"now": now})
            claims: list[DeliveryClaim] = []
            for endpoint in await _enabled(db, mine):
                for lane in await _turns(db, endpoint, now, in_flight.get(endpoint.id, 0), at_once):
                    claim = await _claim(db, endpoint, lane, now, lease_s)
                    claims += [claim] if claim is not None else []
            return claims

        return await self._write(operation)

    async def settle(self, settlements: Sequence[DeliverySettlement]) -> Sequence[DeliverySettled | None]:
        async def operation(db: Db) -> list[DeliverySettled | None]:
            await lock_endpoints(db)
            return [await _settle(db, one) for one in settlements]

        return await self._write(operation)

    async def next_due(
        self, now: float, in_flight: Mapping[str, int], at_once: int, *, mine: Mine = everyone
    ) -> float | None:
        db = self._reader
        endpoints = await _enabled(db, mine)
        if not endpoints:
            return None
        if await _undealt(db, endpoints):
            return now
        times = [await db.value("delivery_next_lease", {})]
        for endpoint in endpoints:
            flying = in_flight.get(endpoint.id, 0)
            if flying >= at_once or (flying and endpoint.health.opened):
                continue
            due = await db.value("delivery_next_due", {"endpoint_id": endpoint.id})
            times.append(endpoint.health.probe_at if due is not None and endpoint.health.opened else due)
        return min((time for time in times if time is not None), default=None)

    async def expire(self, now: float, limit: int, *, mine: Mine = everyone) -> int:
        async def operation(db: Db) -> int:
            await lock_endpoints(db)
            overdue = [one for one in await _enabled(db, mine) if law.overdue(0.0, one.health, now)]
            return sum([await _bury(db, one, now, limit) for one in overdue])

        if not any(law.overdue(0.0, one.health, now) for one in await _enabled(self._reader, mine)):
            return 0
        return await self._write(operation)

    async def backlog(self) -> DeliveryBacklog:
        return await self._snapshot(_backlog)

    async def purge(self, before: float, dead_before: float) -> int:
        async def operation(db: Db) -> int:
            await lock_endpoints(db)
            gone = await db.run("purge_dead_letters", {"before": dead_before, "limit": _AT_ONCE})
            gone += await db.run("purge_deliveries", {"before": before, "limit": _AT_ONCE})
            gone += sum([await forget_endpoint(db, one) for one in await db.values("webhook_endpoints_ended", {})])
            floor = await db.value("delivery_floor", {})
            floor = _NO_FLOOR if floor is None else floor
            return gone + await db.run("purge_events", {"before": before, "floor": floor, "limit": _AT_ONCE})

        return await self._write(operation)


async def forget_endpoint(db: Db, endpoint_id: str) -> int:
    """With its lanes, replays, dead letters and log; how many endpoints that were."""
    for what in ("lanes", "replays", "dead_letters", "deliveries"):
        await db.put(f"webhook_endpoint_forget_{what}", {"id": endpoint_id})
    return await db.run("webhook_endpoint_delete", {"id": endpoint_id})


async def _enabled(db: Db, mine: Mine) -> list[Endpoint]:
    found = (endpoint_of(row) for row in await db.rows("webhook_endpoints", {}) if mine(row.id))
    return [
        endpoint for endpoint in found if endpoint.enabled and not endpoint.suspended
    ]  # guard: suspended-tenant-not-called


async def _undealt(db: Db, endpoints: Sequence[Endpoint]) -> bool:
    """Whether events of the log wait for an endpoint that takes them."""
    last = await db.value("event_last", {}) if endpoints else 0
    behind = [one for one in endpoints if one.cursor < min(last, one.ends_after or last)]
    return any([await _takes(db, one) for one in behind])


async def _takes(db: Db, endpoint: Endpoint) -> bool:
    return not endpoint.health.opened or await db.value("delivery_next_due", {"endpoint_id": endpoint.id}) is None


def hears(endpoint: Endpoint, event: Row) -> bool:
    """Whether an event of the log (its `tenant` and `session_name`) is inside what the endpoint may be told."""
    return law.hears(endpoint.tenant, endpoint.sessions, event.tenant, event.session_name or None)


async def deal(db: Db, endpoint: Endpoint, now: float, until: float, limit: int) -> int:
    """Make lanes for the next events of the log that happened by `until`; the new cursor."""
    cursor = endpoint.cursor
    seen: set[tuple[str, str]] = set()
    for event in await db.rows("events_to_deal", {"after": cursor, "limit": limit}):
        if event.at > until or (endpoint.ends_after is not None and event.seq > endpoint.ends_after):
            break
        cursor, session, chat = event.seq, event.session_name, event.chat
        if (session, chat) not in seen and law.wants(endpoint.types, event.type) and hears(endpoint, event):
            seen.add((session, chat))
            await open_lane(db, endpoint.id, "live", session, chat, event.seq, now)
    if cursor != endpoint.cursor:
        await db.put("webhook_endpoint_cursor", {"id": endpoint.id, "cursor": cursor})
    return cursor


async def open_lane(db: Db, endpoint_id: str, queue: Queue, session: str, chat: str, head: int, now: float) -> None:
    """A lane that begins with this event; one that stands already takes it in its turn."""
    params = {
        "endpoint_id": endpoint_id,
        "queue": queue,
        "session_name": session,
        "chat": chat,
        "head": head,
        "due_at": now,
    }
    await db.put("delivery_lane_open", params)


async def _turns(db: Db, endpoint: Endpoint, now: float, flying: int, at_once: int) -> list[LaneRow]:
    """Whose turn it is at one endpoint."""
    health = endpoint.health
    key = {"endpoint_id": endpoint.id}
    if not health.opened:
        room = at_once - flying
        rows = await db.rows("delivery_lanes_due", {**key, "now": now, "limit": room}) if room > 0 else []
    elif flying or health.probe_at > now:
        rows = []
    else:
        fresh = [] if law.probes_oldest(health) else await db.rows("delivery_lanes_fresh", {**key, "limit": 1})
        rows = fresh or await db.rows("delivery_lanes_oldest", {**key, "limit": 1})
    return [lane_of(endpoint.id, row) for row in rows]


async def _claim(db: Db, endpoint: Endpoint, lane: LaneRow, now: float, lease_s: float) -> DeliveryClaim | None:
    event = await db.row("event", {"seq": lane.head})
    if event is None:
        # Forgotten while the endpoint was disabled for longer than events are kept.
        await _move_on(db, endpoint, lane, now)
        return None
    row = await db.row("delivery_lane_claim", {**lane.key, "now": now, "lease_until": now + lease_s})
    if row is None:
        return None
    return DeliveryClaim(
        endpoint=endpoint,
        queue=row.queue,
        session=row.session_name,
        chat=row.chat,
        seq=row.head,
        type=event.type,
        at=event.at,
        data=data_of(event.data),
        trace_context=event.trace_context,
        attempt=row.attempts + 1,
        fence=row.fence,
    )


async def _settle(db: Db, settlement: DeliverySettlement) -> DeliverySettled | None:
    claim = settlement.claim
    key = {"endpoint_id": claim.endpoint.id, "queue": claim.queue, "session_name": claim.session, "chat": claim.chat}
    row = await db.row("delivery_lane_held", {**key, "fence": claim.fence, "head": claim.seq})
    found = await db.row("webhook_endpoint", {"id": claim.endpoint.id})
    if row is None or found is None:
        return None
    lane, endpoint = lane_of(claim.endpoint.id, row), endpoint_of(found)
    outcome, next_at = settlement.outcome, None
    if outcome == "delivered":
        await _learn(db, endpoint.id, law.after_success(endpoint.health, settlement.at))
        await _move_on(db, endpoint, lane, settlement.at)
        if endpoint.health.opened:
            await _wake(db, endpoint.id, settlement.at)
    elif outcome == "skipped":
        await _move_on(db, endpoint, lane, settlement.at)
        return DeliverySettled()
    elif outcome == "waits":
        next_at = settlement.at + WAITS_S
        await db.put("delivery_lane_wait", {**lane.key, "attempts": lane.attempts, "due_at": next_at})
        return DeliverySettled(next_at)
    elif outcome == "gone":
        await db.put("webhook_endpoint_disable", {"id": endpoint.id, "reason_code": "gone"})
        await db.put("delivery_lane_wait", {**lane.key, "attempts": lane.attempts, "due_at": settlement.at})
    else:
        next_at = await _try_again(db, endpoint, lane, settlement)
    dead = outcome == "failed" and next_at is None
    await db.put("delivery_add", settled_params(settlement, "dead" if dead else outcome))
    return DeliverySettled(next_at)


async def _learn(db: Db, endpoint_id: str, health: law.EndpointHealth) -> None:
    await db.put("webhook_endpoint_health", {"id": endpoint_id, "health": to_text(health)})


async def _try_again(db: Db, endpoint: Endpoint, lane: LaneRow, settlement: DeliverySettlement) -> float | None:
    """When the lane has its next attempt; None when this event is given up and the lane goes on without it."""
    claim, now = settlement.claim, settlement.at
    waits_until = law.not_before(settlement.retry_after_s, now)
    health = law.after_failure(
        endpoint.health,
        endpoint.id,
        lane.name,
        settlement.began_at,
        now,
        waits_until=waits_until,
        status=settlement.status,
        detail=settlement.detail,
    )
    await _learn(db, endpoint.id, health)
    due_at = law.retry_at(
        endpoint.id,
        claim.seq,
        claim.attempt,
        event_at=claim.at,
        tried_since=lane.tried_since,
        began_at=settlement.began_at,
        health=health,
        now=now,
        waits_until=waits_until,
    )
    if due_at is None:
        await _give_up(db, lane, claim.type, claim.at, claim.attempt, now, settlement.detail)
        await _move_on(db, endpoint, lane, now)
        return None
    await db.put("delivery_lane_wait", {**lane.key, "attempts": claim.attempt, "due_at": due_at})
    return due_at


async def _give_up(db: Db, lane: LaneRow, kind: str, event_at: float, attempts: int, now: float, detail: str) -> None:
    params = {
        "endpoint_id": lane.endpoint_id,
        "event": lane.head,
        "type": kind,
        "session_name": lane.session,
        "chat": lane.chat,
        "event_at": event_at,
        "died_at": now,
        "attempts": attempts,
        "detail": detail,
    }
    await db.put("dead_letter_add", params)


async def _move_on(db: Db, endpoint: Endpoint, lane: LaneRow, now: float) -> LaneRow | None:
    """The head is done with: the lane's next event, or the lane's end."""
    if lane.queue == "replay":
        await db.put("replay_queue_done", {**lane.key, "event": lane.head})
    following = await _next_again(db, lane) if lane.queue == "replay" else await _next_live(db, endpoint, lane)
    if following is None:
        await db.put("delivery_lane_close", lane.key)
        return None
    await db.put("delivery_lane_move", {**lane.key, "head": following, "due_at": now})
    return msgspec.structs.replace(lane, head=following, attempts=0, due_at=now, tried_since=0.0)


async def _next_again(db: Db, lane: LaneRow) -> int | None:
    found: int | None = await db.value("delivery_next_replay", lane.key)
    return found


async def _next_live(db: Db, endpoint: Endpoint, lane: LaneRow) -> int | None:
    head = lane.head
    while True:
        found = await db.rows("delivery_next_live", {**lane.key, "head": head, "cursor": endpoint.cursor})
        for event in found:
            if law.wants(endpoint.types, event.type) and law.hears(
                endpoint.tenant, endpoint.sessions, event.tenant, lane.session or None
            ):
                return int(event.seq)
        if not found:
            return None
        head = found[-1].seq


async def _wake(db: Db, endpoint_id: str, now: float) -> None:
    waiting = [
        lane_of(endpoint_id, row)
        for row in await db.rows("delivery_lanes_waiting", {"endpoint_id": endpoint_id, "now": now})
    ]
    for lane in waiting:
        await db.put("delivery_lane_wake", {**lane.key, "due_at": law.woken_at(lane.due_at, lane.last_at, now)})


async def _bury(db: Db, endpoint: Endpoint, now: float, limit: int) -> int:
    """Give up the overdue heads, oldest lane first, and what of the log is overdue behind the cursor."""
    until = now - law.GIVE_UP_S
    endpoint = msgspec.structs.replace(endpoint, cursor=await deal(db, endpoint, now, until, limit))
    lanes = (
        lane_of(endpoint.id, one)
        for one in await db.rows("delivery_lanes_oldest", {"endpoint_id": endpoint.id, "limit": limit})
    )
    return await _bury_lanes(db, endpoint, lanes, now, limit)


async def _bury_lanes(db: Db, endpoint: Endpoint, lanes: Iterable[LaneRow], now: float, limit: int) -> int:
    buried = 0
    for first in lanes:
        lane: LaneRow | None = first
        while lane is not None and buried < limit:
            event = await db.row("event", {"seq": lane.head})
            if event is not None and not law.overdue(event.at, endpoint.health, now):
                break
            if event is not None:
                await _give_up(db, lane, event.type, event.at, lane.attempts, now, "the endpoint failed for 72 h")
                buried += 1
            lane = await _move_on(db, endpoint, lane, now)
    return buried


async def _backlog(db: Db) -> DeliveryBacklog:
    (backlog,) = await db.rows("delivery_backlog", {})
    floor = await db.value("delivery_floor", {})
    return DeliveryBacklog(
        backlog.lanes, backlog.dead, None if floor is None else await db.value("event_from", {"seq": floor})
    )


async def queue_again(db: Db, endpoint_id: str, session: str, chat: str, seq: int, now: float) -> int:
    """Queue one event in the queue `replay`; 0 when it was queued already."""
    key = {"endpoint_id": endpoint_id, "session_name": session, "chat": chat, "event": seq}
    if not await db.run("replay_queue_add", key):
        return 0
    await open_lane(db, endpoint_id, "replay", session, chat, seq, now)
    return 1
