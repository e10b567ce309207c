"""The relay's part of the store: dealing, lanes, fences, health, replays, dead letters, forgetting."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from esteio.core.model.ids import SessionName
from esteio.core.webhooks.delivery_policy import GIVE_UP_S, EndpointHealth
from esteio.store.base import EventRow
from esteio.store.delivery import DeadFilter, Delivery, DeliveryClaim, DeliveryOutcome, DeliverySettlement, Endpoint
from esteio.store.sql.db import Db
from esteio.store.sql.rows import event_params
from tests.narrowing import not_none
from tests.store.make import AnyStore, Make

NOW = 1_800_000_000.0
ALL = 16


async def tell(
    store: AnyStore, *chats: str | None, at: float = NOW, session: str | None = "s1", kind: str = "message.received"
) -> None:
    async def operation(db: Db) -> None:
        for chat in chats:
            await db.run(
                "event_add",
                event_params(
                    EventRow(kind, at, {"chat": chat}, None if session is None else SessionName(session), chat)
                ),
            )

    await store.database.write(operation)


async def subscribe(store: AnyStore, name: str = "wh_1", **changes: Any) -> Endpoint:
    return await store.webhook_endpoints.add(
        Endpoint(id=name, url="https://x.example", created_at=NOW, sealed=b"\x00s", **changes)
    )


async def claim(store: AnyStore, at: float = NOW, flying: Mapping[str, int] | None = None) -> list[DeliveryClaim]:
    while await store.delivery.deal(at, 100):
        pass
    return list(await store.delivery.claim(at, flying or {}, ALL, 45.0))


async def settle(
    store: AnyStore,
    claims: Sequence[DeliveryClaim],
    outcome: DeliveryOutcome = "delivered",
    at: float = NOW,
    status: int = 200,
) -> list[bool]:
    done = [DeliverySettlement(one, outcome, at, at, status, "x") for one in claims]
    return [settled is not None for settled in await store.delivery.settle(done)]


def seqs(claims: list[DeliveryClaim]) -> list[int]:
    return sorted(one.seq for one in claims)


async def test_an_endpoint_comes_back_as_it_was_written(store: AnyStore) -> None:
    made = await subscribe(
        store, events=("MESSAGES_UPSERT",), types=("message.received",), sessions=("a-*",), format="evolution",
        by_events=True,
    )  # fmt: skip
    assert await store.webhook_endpoints.get("wh_1") == made
    assert list(await store.webhook_endpoints.all()) == [made]
    assert await store.webhook_endpoints.get("wh_2") is None
    changed = msgspec.structs.replace(made, url="https://y.example", sealed=b"t", enabled=False, because="asked")
    assert await store.webhook_endpoints.change(changed)
    assert await store.webhook_endpoints.get("wh_1") == changed
    assert not await store.webhook_endpoints.change(msgspec.structs.replace(made, id="wh_2"))
    assert await store.webhook_endpoints.delete("wh_1")
    assert not await store.webhook_endpoints.delete("wh_1")


async def test_it_hears_what_happens_from_now_on_in_order_one_at_a_time_per_chat(store: AnyStore) -> None:
    await tell(store, "a")
    await subscribe(store)
    await tell(store, "a", "b", "a")
    claims = await claim(store)
    assert seqs(claims) == [2, 3]
    assert await claim(store) == []
    assert await settle(store, claims) == [True, True]
    (last,) = await claim(store)
    assert (last.seq, last.chat, last.type, dict(last.data), last.attempt) == (
        4,
        "a",
        "message.received",
        {"chat": "a"},
        1,
    )
    assert await settle(store, [last]) == [True]
    assert await claim(store) == []
    assert await store.webhook_endpoints.waiting("wh_1") == (0, None)
    assert await store.delivery.next_due(NOW, {}, ALL) is None


async def test_an_event_of_a_clock_that_went_ahead_holds_up_nothing(store: AnyStore) -> None:
    await subscribe(store)
    await tell(store, "a", at=NOW + 9999)
    await tell(store, "b")
    assert not await store.delivery.deal(NOW, 10)
    assert seqs(await claim(store)) == [1, 2]


async def test_a_settlement_counts_once_and_only_for_who_holds_the_lease(store: AnyStore) -> None:
    await subscribe(store)
    await tell(store, "a", "a")
    (first,) = await claim(store)
    (again,) = await claim(store, at=NOW + 46)
    assert (again.seq, again.fence) == (first.seq, first.fence + 1)
    assert await settle(store, [first]) == [False]
    assert await settle(store, [again]) == [True]
    assert await settle(store, [again]) == [False]
    assert seqs(await claim(store, at=NOW + 50)) == [2]


async def test_what_was_under_way_at_a_crash_is_claimed_again(file_store: Callable[[], AnyStore]) -> None:
    store = file_store()
    await store.start(NOW)
    await subscribe(store)
    await tell(store, "a")
    await claim(store)
    await store.aclose()
    store = file_store()
    await store.start(NOW + 1)
    assert seqs(await claim(store, at=NOW + 1)) == [1]
    await store.aclose()


async def test_a_failed_head_waits_and_its_lane_with_it(store: AnyStore) -> None:
    await subscribe(store)
    await tell(store, "a", "a", "b")
    claims = await claim(store)
    await settle(store, [one for one in claims if one.chat == "a"], "failed", status=500)
    await settle(store, [one for one in claims if one.chat == "b"])
    assert await claim(store) == []
    due = not_none(await store.delivery.next_due(NOW, {}, ALL))
    assert NOW < due <= NOW + 5
    (head,) = await claim(store, at=due)
    assert (head.seq, head.attempt) == (1, 2)


async def test_an_open_endpoint_gets_one_attempt_at_a_time_and_success_wakes_all(store: AnyStore) -> None:
    await subscribe(store)
    await tell(store, "a", "b", "c")
    await settle(store, await claim(store), "failed", status=500)
    endpoint = await store.webhook_endpoints.get("wh_1")
    assert endpoint is not None
    assert endpoint.health.opened
    probe_at = endpoint.health.probe_at
    assert await store.delivery.next_due(NOW, {}, ALL) == probe_at
    assert await claim(store, at=probe_at - 0.1) == []
    (probe,) = await claim(store, at=probe_at)
    assert await store.delivery.claim(probe_at, {"wh_1": 1}, ALL, 45.0) == []
    await settle(store, [probe], at=probe_at)
    assert not not_none(await store.webhook_endpoints.get("wh_1")).health.failures
    assert len(await claim(store, at=probe_at)) == 2


async def probe(store: AnyStore, outcome: DeliveryOutcome, at: float) -> tuple[int, float]:
    """The one attempt that an open endpoint gets, at its time; its event and that time."""
    at = max(at, not_none(await store.webhook_endpoints.get("wh_1")).health.probe_at)
    (one,) = await claim(store, at=at)
    await settle(store, [one], outcome, at=at)
    return one.seq, at


async def test_lanes_whose_next_attempt_is_hours_away_are_tried_at_once_after_a_success(store: AnyStore) -> None:
    await subscribe(store)
    await tell(store, "a", "b", "c", "d")
    await settle(store, await claim(store), "failed")
    at = NOW
    for _ in range(4):
        _, at = await probe(store, "failed", at)

    # The others as if they had failed often: their next step is hours away.
    async def put_off(db: Db) -> None:
        for chat in "abcd":
            lane = {"endpoint_id": "wh_1", "queue": "live", "session_name": "s1", "chat": chat}
            await db.put("delivery_lane_wake", {**lane, "due_at": at + 7200})

    await store.database.write(put_off)
    first, at = await probe(store, "delivered", at)
    assert first == 1
    assert seqs(await claim(store, at=at)) == [2, 3, 4]


async def test_an_open_endpoint_is_tried_in_turn_with_its_oldest_and_with_what_was_never_tried(
    store: AnyStore,
) -> None:
    await subscribe(store)
    await tell(store, *"abcdefgh")
    await store.delivery.deal(NOW, 100)
    claims = await store.delivery.claim(NOW, {}, 2, 45.0)
    await settle(store, claims, "failed")
    at, tried = NOW, []
    for _ in range(6):
        seq, at = await probe(store, "failed", at)
        tried.append(seq)
    assert tried == [1, 3, 1, 4, 1, 5]


async def test_an_open_endpoint_is_dealt_nothing_while_it_has_something_to_try(store: AnyStore) -> None:
    await subscribe(store)
    await subscribe(store, "wh_2")
    await tell(store, "a", "b")
    claims = await claim(store)
    await settle(store, [one for one in claims if one.endpoint.id == "wh_1"], "failed")
    await settle(store, [one for one in claims if one.endpoint.id == "wh_2"])
    await tell(store, "c", "d")
    assert seqs(await claim(store)) == [3, 4]
    assert not_none(await store.webhook_endpoints.get("wh_1")).cursor == 2
    assert not_none(await store.webhook_endpoints.get("wh_2")).cursor == 4


async def test_gone_disables_and_keeps_the_queue(store: AnyStore) -> None:
    await subscribe(store)
    await tell(store, "a", "a")
    await settle(store, await claim(store), "gone", status=410)
    endpoint = await store.webhook_endpoints.get("wh_1")
    assert endpoint is not None
    assert (endpoint.enabled, endpoint.because) == (False, "gone")
    assert await claim(store) == []
    await store.webhook_endpoints.change(msgspec.structs.replace(endpoint, enabled=True, because=""))
    assert seqs(await claim(store)) == [1]


async def test_enabling_forgets_the_bad_health_and_another_change_does_not(store: AnyStore) -> None:
    await subscribe(store)
    await tell(store, "a", "b")
    await settle(store, await claim(store), "failed")
    endpoint = not_none(await store.webhook_endpoints.get("wh_1"))
    await store.webhook_endpoints.change(
        msgspec.structs.replace(endpoint, url="https://z.example", health=EndpointHealth())
    )
    assert not_none(await store.webhook_endpoints.get("wh_1")).health.opened
    await store.webhook_endpoints.change(msgspec.structs.replace(endpoint, enabled=False))
    await store.webhook_endpoints.change(msgspec.structs.replace(endpoint, enabled=True))
    assert not not_none(await store.webhook_endpoints.get("wh_1")).health.opened


async def test_given_up_after_72_hours_the_lane_goes_on(store: AnyStore) -> None:
    await subscribe(store)
    await tell(store, "a")
    await settle(store, await claim(store), "failed")
    await tell(store, "a", at=NOW + GIVE_UP_S)
    (last,) = await claim(store, at=NOW + GIVE_UP_S + 1)
    await settle(store, [last], "failed", at=NOW + GIVE_UP_S + 1, status=500)
    (dead,) = await store.dead_letters.events(DeadFilter(), limit=10, after=0)
    assert (dead.event, dead.endpoint, dead.attempts, dead.detail) == (1, "wh_1", 2, "x")
    assert [line.outcome for line in await store.webhook_endpoints.deliveries("wh_1", limit=9, before=None)] == [
        "dead",
        "failed",
    ]
    assert seqs(await claim(store, at=NOW + GIVE_UP_S + 40)) == [2]


async def test_burying_takes_the_overdue_dealt_or_not_and_leaves_the_rest(store: AnyStore) -> None:
    await subscribe(store, types=("message.received",))
    await subscribe(store, "wh_2")
    await tell(store, "a", "b")
    claims = await claim(store)
    await settle(store, [one for one in claims if one.endpoint.id == "wh_1"], "failed")
    await settle(store, [one for one in claims if one.endpoint.id == "wh_2"])
    await tell(store, "a", "c", at=NOW + 10)
    await tell(store, "c", at=NOW + 10, kind="session.qr")
    await tell(store, "a", "c", at=NOW + 1000)
    assert await store.delivery.expire(NOW + GIVE_UP_S - 1, 100) == 0
    assert await store.delivery.expire(NOW + GIVE_UP_S + 20, 100) == 4
    dead = await store.dead_letters.events(DeadFilter(endpoint="wh_1"), limit=10, after=0)
    assert sorted(one.event for one in dead) == [1, 2, 3, 4]
    assert await store.delivery.expire(NOW + GIVE_UP_S + 20, 100) == 0
    claims = await claim(store, at=NOW + GIVE_UP_S + 20)
    assert [one.seq for one in claims if one.endpoint.id == "wh_1"] == [6], "open: one at a time"
    assert seqs([one for one in claims if one.endpoint.id == "wh_2"]) == [3, 4]


async def test_a_range_is_replayed_beside_what_is_new(store: AnyStore) -> None:
    await subscribe(store, types=("message.received",), sessions=("s1",))
    await tell(store, "a", "a", "b", at=NOW)
    await tell(store, "a", at=NOW, session=SessionName("s2"))
    await tell(store, "a", at=NOW + 50)
    while claims := await claim(store, at=NOW + 50):
        await settle(store, claims, at=NOW + 50)
    assert await store.webhook_endpoints.replay("wh_1", NOW - 5, NOW + 5, 0, 2, NOW + 60) == (2, 2)
    assert await store.webhook_endpoints.replay("wh_1", NOW - 5, NOW + 5, 2, 9, NOW + 60) == (1, None)
    assert await store.webhook_endpoints.replay("wh_1", NOW - 5, NOW + 5, 0, 9, NOW + 60) == (0, None), (
        "they wait already"
    )
    assert await store.webhook_endpoints.replay("wh_9", NOW - 5, NOW + 5, 0, 9, NOW + 60) == (0, None)
    await tell(store, "a", at=NOW + 60)
    claims = await claim(store, at=NOW + 60)
    assert sorted((one.queue, one.seq) for one in claims) == [("live", 6), ("replay", 1), ("replay", 3)]
    await settle(store, claims, at=NOW + 60)
    assert [(one.queue, one.seq) for one in await claim(store, at=NOW + 60)] == [("replay", 2)]


async def test_dead_events_go_out_again_and_are_dead_letters_no_more(store: AnyStore) -> None:
    await subscribe(store)
    await tell(store, "a")
    await settle(store, await claim(store), "failed")
    await settle(store, await claim(store, at=NOW + GIVE_UP_S), "failed", at=NOW + GIVE_UP_S)
    (dead,) = await store.dead_letters.events(DeadFilter(session="s1"), limit=10, after=0)
    assert not await store.dead_letters.events(DeadFilter(session="s2"), limit=10, after=0)
    assert not await store.dead_letters.events(DeadFilter(since=NOW + GIVE_UP_S + 1), limit=10, after=0)
    assert not await store.dead_letters.events(DeadFilter(endpoint="wh_2"), limit=10, after=0)
    assert await store.dead_letters.revive([dead.id, 99], NOW + GIVE_UP_S) == 1
    assert not await store.dead_letters.events(DeadFilter(), limit=10, after=0)
    (once_more,) = await claim(store, at=NOW + GIVE_UP_S + 1)
    assert (once_more.queue, once_more.seq, once_more.attempt) == ("replay", 1, 1)


async def test_dead_messages_are_those_that_failed_or_expired_on_their_way_out(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    other = await make.session(store, "s2")
    failed = await make.accept(store, session, chat="5511900000001")
    await make.accept(store, other, chat="5511900000002")
    expiring = await make.accept(store, other, chat="5511900000003", expires_at=NOW + 5)
    claims = {one.message.id: one for one in await make.claim(store)}
    await store.outbox.settle([make.settle(claims[failed.id], "failed")])
    await store.outbox.settle([make.settle(claims[expiring.id], "not_sent", due_at=NOW + 10)])
    assert await store.outbox.expire(NOW + 6, 10) == 1
    found = await store.dead_letters.messages(DeadFilter(), limit=10, after=0)
    assert [(one.id, one.session) for one in found] == [(failed.id, "s1"), (expiring.id, "s2")]
    (second,) = await store.dead_letters.messages(DeadFilter(), limit=10, after=found[0].seq)
    assert second == found[1]
    assert [one.id for one in await store.dead_letters.messages(DeadFilter(session="s1"), limit=9, after=0)] == [
        failed.id
    ]
    assert await store.dead_letters.messages(DeadFilter(until=NOW - 1), limit=9, after=0) == []


async def test_the_log_of_deliveries_newest_first_with_tests(store: AnyStore) -> None:
    await subscribe(store)
    await tell(store, "a", "b")
    await settle(store, await claim(store))
    await store.webhook_endpoints.log_delivery(
        Delivery(0, "wh_1", 0, NOW, "webhook.test", "", 1, NOW, 7, "delivered", 204, "")
    )
    lines = await store.webhook_endpoints.deliveries("wh_1", limit=2, before=None)
    assert [(line.id, line.event, line.status, line.took_ms) for line in lines] == [(3, 0, 204, 7), (2, 2, 200, 0)]
    assert [line.id for line in await store.webhook_endpoints.deliveries("wh_1", limit=2, before=2)] == [1]


async def test_forgetting_leaves_what_somebody_waits_for(store: AnyStore) -> None:
    await subscribe(store)
    await subscribe(store, "wh_2", enabled=False)
    await tell(store, "a", "b", "c")
    claims = await claim(store)
    await settle(store, [one for one in claims if one.chat != "b"])
    assert await store.delivery.purge(NOW + 1, NOW + 1) == 2 + 1, "two deliveries, and the event before the waiting one"
    assert [row.seq for row in await store.events.page(0, 10)] == [2, 3]
    await settle(store, [one for one in claims if one.chat == "b"])
    assert await store.delivery.purge(NOW + 1, NOW + 1) == 1 + 2
    assert await store.events.last_seq() == 3 or await store.events.page(0, 10) == []


async def test_a_dead_letter_keeps_its_event_until_it_is_forgotten_itself(store: AnyStore) -> None:
    await subscribe(store)
    await tell(store, "a")
    await settle(store, await claim(store), "failed")
    late = NOW + GIVE_UP_S
    await settle(store, await claim(store, at=late), "failed", at=late)
    await store.delivery.purge(late + 1, late - 1)
    assert [row.seq for row in await store.events.page(0, 10)] == [1]
    await store.delivery.purge(late + 1, late + 1)
    assert await store.events.page(0, 10) == []


async def test_an_event_forgotten_while_its_endpoint_was_disabled_is_passed_over(store: AnyStore) -> None:
    made = await subscribe(store)
    await tell(store, "a")
    await settle(store, await claim(store), "failed")
    await store.webhook_endpoints.change(msgspec.structs.replace(made, enabled=False))
    assert await store.delivery.purge(NOW + 1, NOW) >= 1
    await store.webhook_endpoints.change(msgspec.structs.replace(made, enabled=True))
    await tell(store, "a")
    await claim(store, at=NOW + 10)
    assert [one.chat for one in await claim(store, at=NOW + 11)] in (["a"], [])
    assert await store.webhook_endpoints.waiting("wh_1") == (1, NOW)


async def test_deleting_an_endpoint_ends_what_is_under_way(store: AnyStore) -> None:
    await subscribe(store)
    await tell(store, "a")
    claims = await claim(store)
    await store.webhook_endpoints.delete("wh_1")
    assert await settle(store, claims) == [False]
    assert await store.webhook_endpoints.deliveries("wh_1", limit=9, before=None) == []
    assert await claim(store) == []
