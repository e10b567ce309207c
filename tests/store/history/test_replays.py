"""What is delivered again: one event, all of a time, only what never arrived; what waits, and which attempts failed."""

from __future__ import annotations

from esteio.store.delivery import DeadFilter
from tests.store.make import AnyStore
from tests.store.test_delivery import NOW, claim, seqs, settle, subscribe, tell

ALL_TIME = (NOW - 1, NOW + 1)


async def again(store: AnyStore, *, missing: bool = True, dry_run: bool = False, limit: int = 100) -> int:
    count, place = 0, 0
    while True:
        found, last = await store.webhook_endpoints.replay(
            "wh_1", *ALL_TIME, place, limit, NOW, missing=missing, dry_run=dry_run
        )
        count += found
        if last is None:
            return count
        place = last


async def test_missing_is_what_was_never_taken_and_waits_nowhere(store: AnyStore) -> None:
    await tell(store, "before", "before", kind="session.qr")
    await subscribe(store, types=("message.received", "session.qr"))
    await tell(store, "taken", "waits", "waits", "given-up")
    await tell(store, "unwanted", kind="message.edited")
    claims = await claim(store)
    await settle(store, [one for one in claims if one.chat == "taken"])
    await settle(store, [one for one in claims if one.chat == "waits"], "failed", status=500)
    dead = [one for one in claims if one.chat == "given-up"]
    lost = {"endpoint_id": "wh_1", "event": dead[0].seq, "type": "message.received", "session_name": "s1"}
    given_up = {**lost, "chat": "given-up", "event_at": NOW, "died_at": NOW, "attempts": 3, "detail": ""}
    await store.database.write(lambda db: db.run("dead_letter_add", given_up))
    lane = {"endpoint_id": "wh_1", "queue": "live", "session_name": "s1", "chat": "given-up"}
    await store.database.write(lambda db: db.run("delivery_lane_close", lane))
    await tell(store, "undealt")
    for limit in (1, 100):
        assert await again(store, dry_run=True, limit=limit) == 3
    assert await again(store, missing=False, dry_run=True) == 7
    assert len(await store.dead_letters.events(DeadFilter(), limit=9, after=0)) == 1
    assert await again(store) == 3
    assert await store.dead_letters.events(DeadFilter(), limit=9, after=0) == []
    assert {one.chat for one in await claim(store) if one.queue == "replay"} == {"before", "given-up"}


async def test_one_event_is_delivered_again_whatever_became_of_it(store: AnyStore) -> None:
    await subscribe(store)
    await tell(store, "a", "b")
    await settle(store, await claim(store))
    assert await store.webhook_endpoints.replay_event("wh_1", 1, NOW)
    assert not await store.webhook_endpoints.replay_event("wh_1", 99, NOW)
    assert not await store.webhook_endpoints.replay_event("wh_2", 1, NOW)
    assert seqs(await claim(store)) == [1]


async def test_what_waits_and_what_failed_are_told_apart(store: AnyStore) -> None:
    await subscribe(store)
    await tell(store, "a", "b", "b")
    claims = await claim(store)
    await settle(store, claims[:1])
    await settle(store, claims[1:], "failed", status=500)
    (lane,) = await store.webhook_endpoints.lanes("wh_1", limit=9)
    assert (lane.chat, lane.event, lane.type, lane.attempts, lane.queue) == ("b", 2, "message.received", 1, "live")
    assert lane.due_at > NOW

    async def attempts(event: int | None = None, *, failed: bool = False) -> list[tuple[int, str]]:
        found = await store.webhook_endpoints.deliveries("wh_1", limit=9, before=None, event=event, failed=failed)
        return [(one.event, one.outcome) for one in found]

    assert await attempts() == [(2, "failed"), (1, "delivered")]
    assert await attempts(failed=True) == await attempts(2) == [(2, "failed")]
    assert await attempts(1) == [(1, "delivered")]
    assert await attempts(3) == []
