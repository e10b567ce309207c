"""The relay under virtual time: nothing is lost, order holds, one endpoint is nobody else's trouble."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

from esteio.engine.commands.requests import EndpointChange
from esteio.engine.delivery.client import retry_after
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.store.delivery import DeadFilter
from esteio.store.sqlite import SqliteStore
from tests.engine.delivery.conftest import Relay
from tests.engine.delivery.delivery_lab import Room, in_order, numbers, once

HOUR = 3600.0


def test_events_arrive_in_order_and_chats_in_parallel(relay: Relay) -> None:
    async def test(room: Room) -> None:
        one, _, _ = await room.subscriber()
        one.takes_s = 1.0
        for chat in "abcd":
            await room.tell(5, chat=chat)
        await asyncio.sleep(6.5)
        for chat in "abcd":
            assert numbers(one, chat) == [0, 1, 2, 3, 4]

    relay(test)


def test_a_new_subscriber_hears_what_happens_from_now_on(relay: Relay) -> None:
    async def test(room: Room) -> None:
        await room.tell(3)
        one, _, _ = await room.subscriber()
        await room.tell(2, start=3)
        await asyncio.sleep(2)
        assert numbers(one) == [3, 4]

    relay(test)


def test_down_for_hours_then_back_loses_nothing_and_wakes_the_whole_queue(relay: Relay) -> None:
    async def test(room: Room) -> None:
        one, endpoint, _ = await room.subscriber()
        one.up = False
        for number in range(8 * 60):
            for chat in "ab":
                await room.tell(1, chat=chat, start=number)
            await asyncio.sleep(60)
        assert (await room.endpoint(endpoint)).health.opened
        one.up = True
        back = room.now
        await asyncio.sleep(5 * 60)
        first = one.taken[0].at
        assert [once(numbers(one, chat)) for chat in "ab"] == [list(range(480))] * 2
        assert all(in_order(numbers(one, chat)) for chat in "ab")
        assert one.taken[-1].at - first < 15, "one success wakes the whole queue"
        assert first - back <= 300
        assert (await room.endpoint(endpoint)).health.failures == 0

    relay(test)


def test_a_failing_endpoint_is_tried_with_its_oldest_event_every_30_s_in_the_first_hour(relay: Relay) -> None:
    async def test(room: Room) -> None:
        one, _, _ = await room.subscriber()
        one.status = 503
        for chat in "abc":
            await room.tell(1, chat=chat)
        began = room.now
        for number in range(1, 3600 // 20):
            await asyncio.sleep(20)
            await room.tell(1, chat=f"later{number}")
        oldest = one.arrived[0].id
        tries = [a.at for a in one.arrived if a.id == oldest]
        gaps = [b - a for a, b in pairwise(tries)]
        assert max(gaps) <= 31
        assert tries[-1] >= began + HOUR - 90

    relay(test)


def test_while_everybody_is_down_an_event_costs_no_row_of_the_relay(relay: Relay) -> None:
    async def test(room: Room) -> None:
        one, endpoint, _ = await room.subscriber()
        one.up = False
        await room.tell(1, chat="a")
        await room.tell(1, chat="b")
        await asyncio.sleep(60)
        cursor = (await room.endpoint(endpoint)).cursor
        for number in range(500):
            await room.tell(1, chat=f"c{number}")
        await asyncio.sleep(600)
        assert (await room.endpoint(endpoint)).cursor == cursor
        assert (await room.store.webhook_endpoints.waiting(endpoint.id))[0] == 2

    relay(test)


def test_one_dead_endpoint_does_not_slow_another(relay: Relay) -> None:
    async def test(room: Room) -> None:
        dead, _, _ = await room.subscriber("dead.example")
        hanging, _, _ = await room.subscriber("hanging.example")
        well, _, _ = await room.subscriber("well.example")
        dead.up, hanging.takes_s = False, 100.0
        for number in range(300):
            await room.tell(1, chat=f"c{number % 40}", start=number)
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        assert len(well.taken) == 300
        late = [one.at - room.lab.world.epoch0 for one in well.taken]
        assert late == sorted(late)
        assert late[-1] < 32

    relay(test)


def test_an_event_that_its_receiver_cannot_take_holds_up_its_own_chat_only(relay: Relay) -> None:
    async def test(room: Room) -> None:
        one, endpoint, _ = await room.subscriber()
        one.refuses = lambda body: body["data"]["chat"] == "poison"
        await room.tell(2, chat="poison")
        for number in range(120):
            await room.tell(1, chat="a", start=number)
            await asyncio.sleep(30)
        assert numbers(one) == list(range(120))
        assert not (await room.endpoint(endpoint)).health.opened
        tries = [a.at for a in one.arrived if a.body["data"]["chat"] == "poison"]
        assert 4 <= len(tries) <= 20, "by its own steps, not at every success of others"

    relay(test)


def test_two_such_chats_do_not_make_a_storm_of_attempts(relay: Relay) -> None:
    async def test(room: Room) -> None:
        one, _, _ = await room.subscriber()
        one.refuses = lambda body: body["data"]["chat"].startswith("poison")
        await room.tell(1, chat="poison1")
        await room.tell(1, chat="poison2")
        for number in range(1000):
            await room.tell(1, chat="a", start=number)
            await asyncio.sleep(0.5)
        await asyncio.sleep(20)
        assert numbers(one) == list(range(1000))
        tries = [a for a in one.arrived if a.status == 500]
        assert len(tries) <= 2 * (520 / 5 + 2)

    relay(test)


def test_dead_letters_after_72_hours_and_none_of_them_lost(relay: Relay) -> None:
    async def test(room: Room) -> None:
        one, _, _ = await room.subscriber()
        one.up = False
        await room.tell(3, chat="a")
        await room.tell(3, chat="b")
        for day in range(5):
            await room.tell(2, chat="c", start=2 * day)
            # What was told on the third day has longer to live than the longest pause between two probes.
            await asyncio.sleep(85_000)
        dead = await room.store.dead_letters.events(DeadFilter(), limit=100, after=0)
        age = [letter.died_at - letter.event_at for letter in dead]
        assert min(age) >= 72 * HOUR
        assert max(age) <= 74 * HOUR
        assert [d.event for d in dead if d.chat == "a"] == [1, 2, 3]
        assert len(dead) == 6 + 2 * 2
        one.up = True
        await asyncio.sleep(2 * HOUR)
        assert numbers(one, "c") == list(range(4, 10))
        assert await room.store.dead_letters.revive([letter.id for letter in dead], room.now) == 10
        room.lab.gateway.deliveries.wake()
        await asyncio.sleep(5)
        assert sorted(numbers(one, "a")) == sorted(numbers(one, "b")) == [0, 1, 2]
        assert numbers(one, "c") == [*range(4, 10), *range(4)]
        assert not await room.store.dead_letters.events(DeadFilter(), limit=100, after=0)

    relay(test)


def test_one_event_gets_its_steps_and_then_is_a_dead_letter(relay: Relay) -> None:
    async def test(room: Room) -> None:
        one, _, _ = await room.subscriber()
        one.refuses = lambda body: body["data"]["chat"] == "poison"
        await room.tell(1, chat="poison")
        for number in range(75 * 2):
            await room.tell(1, chat="a", start=number)
            await asyncio.sleep(1800)
        dead = await room.store.dead_letters.events(DeadFilter(), limit=10, after=0)
        assert [letter.chat for letter in dead] == ["poison"]
        assert 72 * HOUR <= dead[0].died_at - dead[0].event_at < 72.1 * HOUR
        assert numbers(one) == list(range(150))

    relay(test)


def test_410_disables_and_enabling_goes_on_where_it_stopped(relay: Relay) -> None:
    async def test(room: Room) -> None:
        one, endpoint, _ = await room.subscriber()
        one.status = 410
        await room.tell(2)
        await asyncio.sleep(10)
        there = await room.endpoint(endpoint)
        assert (there.enabled, there.because) == (False, "gone")
        await room.tell(2, start=2)
        await asyncio.sleep(HOUR)
        assert len(one.arrived) == 1
        one.status = 200
        await room.lab.commands.webhooks.change(endpoint.id, EndpointChange(enabled=True))
        await asyncio.sleep(5)
        assert numbers(one) == [0, 1, 2, 3]

    relay(test)


def test_a_subscriber_that_asks_for_time_is_left_alone_and_then_gets_everything(relay: Relay) -> None:
    async def test(room: Room) -> None:
        one, endpoint, _ = await room.subscriber()
        one.status, one.retry_after = 429, "900"
        await room.tell(1, chat="a")
        await room.tell(1, chat="b")
        await asyncio.sleep(5)
        tried = len(one.knocks)
        await room.tell(3, chat="c")
        await asyncio.sleep(880)
        assert len(one.knocks) == tried, "nobody knocks before the time"
        health = (await room.endpoint(endpoint)).health
        assert (health.last_status, health.opened) == (429, True)
        one.status = 200
        await asyncio.sleep(60)
        assert [len(numbers(one, chat)) for chat in "abc"] == [1, 1, 3]

    relay(test)


def test_more_than_an_hour_is_not_waited_for(relay: Relay) -> None:
    async def test(room: Room) -> None:
        one, _, _ = await room.subscriber()
        one.status, one.retry_after = 503, "86400"
        await room.tell(1)
        await asyncio.sleep(10)
        one.status = 200
        await asyncio.sleep(HOUR + 60)
        assert numbers(one) == [0]

    relay(test)


def test_how_a_retry_after_is_read() -> None:
    now = 1_800_000_000.0
    table = {
        "120": 120.0, " 7 ": 7.0, "Fri, 15 Jan 2027 08:02:00 GMT": 120.0, "Fri, 15 Jan 2027 07:00:00 GMT": 0.0,
        "": None, "soon": None, "-1": None, "1e3": None, "9" * 400: 999_999_999.0, "١٢": None,
    }  # fmt: skip
    assert {text: retry_after(text, now) for text in table} == table


def test_redirects_are_failures(relay: Relay) -> None:
    async def test(room: Room) -> None:
        one, endpoint, _ = await room.subscriber()
        one.status = 302
        await room.tell(1)
        await asyncio.sleep(1)
        (line,) = await room.store.webhook_endpoints.deliveries(endpoint.id, limit=1, before=None)
        assert (line.outcome, line.status, line.detail) == ("failed", 302, "redirects are not followed")

    relay(test)


def test_only_what_was_subscribed_to(relay: Relay) -> None:
    async def test(room: Room) -> None:
        one, _, _ = await room.subscriber(sessions=("shop-*",), events=("message.received",))
        other, _, _ = await room.subscriber("other.example", events=("session.qr",))
        await room.tell(1, session="shop-1")
        await room.tell(1, session="s1")
        await asyncio.sleep(2)
        assert [a.body["data"]["session"] for a in one.taken] == ["shop-1"]
        assert not other.arrived

    relay(test)


def test_a_change_of_the_subscription_holds_for_what_waits(relay: Relay) -> None:
    async def test(room: Room) -> None:
        one, endpoint, _ = await room.subscriber()
        one.up = False
        await room.tell(3, session="s1")
        await room.tell(3, session="s2")
        await asyncio.sleep(5)
        await room.lab.commands.webhooks.change(endpoint.id, EndpointChange(sessions=("s2",)))
        one.up = True
        await asyncio.sleep(60)
        assert numbers(one, session="s1") == []
        assert numbers(one, session="s2") == [0, 1, 2]

    relay(test)


def test_killed_in_the_middle_the_next_gateway_goes_on(tmp_path: Path) -> None:
    """The first gateway is dropped with calls in the air: nothing it knew outlives it but the file."""
    path = tmp_path / "esteio.db"

    async def main() -> None:
        first = Lab(3, store=SqliteStore(path, inline=True))
        room = Room(first)
        await first.__aenter__()
        one, endpoint, _ = await room.subscriber()
        one.takes_s = 3.0
        for chat in "abc":
            await room.tell(4, chat=chat)
        await asyncio.sleep(4.5)
        assert any(numbers(one, chat) for chat in "abc")
        assert first.gateway.deliveries._flying.total()
        await _kill(first)
        second = Lab(4, world=first.world, store=SqliteStore(path, inline=True))
        second.subscribers = first.subscribers
        second.gateway = second._gateway()
        async with second:
            await asyncio.sleep(60)
            for chat in "abc":
                assert once(numbers(one, chat)) == [0, 1, 2, 3]
                assert in_order(numbers(one, chat))
            assert len(one.taken) > 12, "what was under way is delivered again"
            assert (await second.store.webhook_endpoints.waiting(endpoint.id))[0] == 0

    run_virtual(main, limit_s=1000)


async def _kill(lab: Lab) -> None:
    gateway = lab.gateway
    for task in gateway.deliveries._tasks:
        task.cancel()
    await gateway.supervisor.aclose()
    gateway.deliveries._done.clear()
    await gateway.store.aclose()


def test_in_the_whole_gateway_a_received_message_and_a_sent_one_reach_the_subscriber() -> None:
    async def main() -> None:
        async with Lab(5) as lab:
            await lab.add_server("evo")
            await lab.adopt("evo", "shop", "5511900000001")
            room = Room(lab)
            one, _, _ = await room.subscriber(events=("message.received", "message.state_changed"))
            await asyncio.sleep(5)
            lab.world.contact_sends("5511900000001", "5511977776666", "bom dia")
            sent = await lab.send("shop", "5511977776666", "oi")
            await asyncio.sleep(20)
            told = [a.body for a in one.taken]
            received = [t["data"] for t in told if t["type"] == "message.received"]
            assert [(d["session"], d["text"], d["from"]) for d in received] == [("shop", "bom dia", "5511977776666")]
            states = [t["data"]["state"] for t in told if t["data"]["id"] == sent]
            assert states[:1] == ["sent"]
            assert states == [s for s in ("sent", "delivered", "read") if s in states]

    run_virtual(main, limit_s=1000)


def test_a_code_to_scan_is_told_once_each() -> None:
    async def main() -> None:
        async with Lab(6) as lab:
            await lab.add_server("evo")
            room = Room(lab)
            one, _, _ = await room.subscriber(events=("session.qr",))
            await lab.create("evo", "new", wait_s=10)
            await asyncio.sleep(60)
            codes = [a.body["data"]["qr"]["code"] for a in one.taken]
            assert codes
            assert len(codes) == len(set(codes))
            assert {a.body["data"]["session"] for a in one.taken} == {"new"}

    run_virtual(main, limit_s=1000)
