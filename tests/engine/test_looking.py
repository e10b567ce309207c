"""Looks at the provider: how many at once, and that a line which is open is not asked for its code."""

from __future__ import annotations

import asyncio

from engine_stage import PHONE, linked, play

from esteio.core.watch import LIST_LATE_S, ROUND_TRIP_EVERY_S
from esteio.engine.looking import LOOKS_AT_ONCE, Listed, _OneByOne, agreement
from esteio.providers.base import HttpRequest, HttpResponse, InventoryEntry
from esteio.sim.faults import Fault
from esteio.sim.lab import Lab


class Noted:
    """A road that keeps what was asked."""

    def __init__(self, road) -> None:
        self.road, self.asked = road, []

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request.url)
        return await self.road.exchange(request)


class Crowd:
    """A road on which every answer takes a second; how many were under way at most."""

    def __init__(self, road) -> None:
        self.road, self.now, self.most = road, 0, 0

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(1.0)
            return await self.road.exchange(request)
        finally:
            self.now -= 1


def test_many_looks_at_one_server_leave_places_for_sends():
    async def story(lab: Lab) -> None:
        await linked(lab)
        session = await lab.store.session("loja")
        lookout = lab.gateway.mailboxes._lookout
        crowd = lookout._transport = Crowd(lookout._transport)
        seen = await asyncio.gather(*(lookout.session(session, "socket") for _ in range(100)))
        assert crowd.most == LOOKS_AT_ONCE < 32
        assert {one.kind for look in seen for one in look.session} >= {"socket_ok"}

    play(story)


def test_the_first_look_at_an_adopted_line_that_is_open_asks_for_no_code():
    async def story(lab: Lab) -> None:
        await lab.add_server("prov", "evolution")
        lookout = lab.gateway.mailboxes._lookout
        noted = lookout._transport = Noted(lookout._transport)
        await lab.adopt("prov", "loja", PHONE)
        await asyncio.sleep(40)
        assert (await lab.store.session("loja")).state == "connected"
        assert any("connectionState" in url for url in noted.asked)
        assert not [url for url in noted.asked if "fetchInstances?instanceName=" in url]

    play(story)


def test_a_look_through_whatsapp_now_and_then_does_not_displace_the_usual_one():
    async def story(lab: Lab) -> None:
        await linked(lab)
        session = await lab.store.session("loja")
        lookout = lab.gateway.mailboxes._lookout
        await lookout.session(session, "socket")
        usual = lookout._walks[session.id]
        through = await lookout.session(session, "roundtrip")
        assert "round_trip_ok" in {one.kind for one in through.session}
        assert lookout._walks[session.id] is usual
        again = await lookout.session(session, "socket")
        assert {one.kind for one in again.session} >= {"said_open", "socket_ok"}
        assert lookout._walks[session.id] is usual

    play(story)


def test_that_a_line_lives_is_dated_by_the_question_and_the_rest_by_the_last_answer():
    """Seed 8072: a look's first answer said open, a restart closed that socket, and the second answer came after that.
    What the first had seen counted as the restart's effect."""

    async def story(lab: Lab) -> None:
        await linked(lab, "wapi")
        session = await lab.store.session("loja")
        lookout = lab.gateway.mailboxes._lookout
        crowd = lookout._transport = Crowd(lookout._transport)
        began = lab.clock.now()
        look = asyncio.create_task(lookout.session(session, "socket"))
        await asyncio.sleep(1.5)
        assert crowd.now == 1  # the second answer is on its way
        times = {one.kind: (one.happened_at - began, one.seen_at - began) for one in (await look).session}
        answered = lab.clock.now() - began
        assert answered > 1.9
        assert times == {"said_open": (0.0, answered), "identity_seen": (answered, answered)}

    play(story)


def test_each_list_is_read_in_a_turn_of_the_loop_of_its_own():
    async def story() -> None:
        loop, turn = asyncio.get_running_loop(), 0

        def tick() -> None:
            nonlocal turn
            turn += 1
            loop.call_soon(tick)

        class Instant:
            async def exchange(self, request: HttpRequest) -> HttpResponse:
                return HttpResponse(200)

        road = _OneByOne(Instant())

        async def read() -> int:
            await road.exchange(HttpRequest("GET", "http://here.test/list"))
            return turn

        tick()
        turns = await asyncio.gather(*(read() for _ in range(5)))
        assert len(set(turns)) == 5

    asyncio.run(story())


def looks_alone(lab: Lab) -> Noted:
    """What is asked from now on about a session alone, and not of the server's list."""
    lookout = lab.gateway.mailboxes._lookout
    noted = lookout._transport = Noted(lookout._transport)
    return noted


def test_where_a_row_of_the_list_is_as_good_as_a_look_an_idle_line_is_asked_only_what_no_list_tells():
    async def story(lab: Lab) -> None:
        await linked(lab, "baileys")
        await asyncio.sleep(60)
        session = await lab.session("loja")
        noted, lists = looks_alone(lab), lab.world.ledger.calls["prov", "GET sessions"]
        for _ in range(60):
            await asyncio.sleep(60)
            judged = lab.gateway.reconciler.peek(session.id)
            assert judged is not None
            assert judged.facts.life_at > lab.clock.now() - 31, "it is known to be well all the same"
        deep = sum("/contacts/" in url for url in noted.asked)
        assert 3600 / ROUND_TRIP_EVERY_S <= deep <= 7200 / ROUND_TRIP_EVERY_S
        assert len(noted.asked) <= 2 * deep + 4, "and itself when the row is to be written, every half hour"
        assert lab.world.ledger.calls["prov", "GET sessions"] - lists - len(noted.asked) >= 115

    play(story)


def test_only_a_row_that_says_open_stands_for_a_look_and_only_where_a_look_tells_no_more():
    async def story(lab: Lab) -> None:
        await linked(lab, "baileys")
        session = await lab.session("loja")

        def told(claim: str, *, tells_all: bool) -> list[tuple[str, str, float, float]]:
            row = InventoryEntry("loja", "…", claim, PHONE)
            news = agreement(session, Listed((), {"loja": row}, tells_all, 3.0, 4.0))
            return [(one.kind, one.road, one.happened_at, one.seen_at) for one in news]

        open_then = [("said_open", "state", 3.0, 4.0), ("identity_seen", "state", 4.0, 4.0)]
        assert told("said_open", tells_all=True) == open_then
        assert told("said_open", tells_all=False) == told("said_closed", tells_all=True) == []

    play(story)


def test_a_server_that_lists_nothing_any_more_has_its_lines_asked_one_by_one():
    async def story(lab: Lab) -> None:
        await linked(lab, "baileys")
        await asyncio.sleep(60)
        face = lab.world.servers["prov"].face
        truly = face.handle

        async def without_list(request: HttpRequest) -> HttpResponse:
            return HttpResponse(404, {}, b"<html>") if request.url.endswith("/sessions") else await truly(request)

        face.handle = without_list
        noted = looks_alone(lab)
        await asyncio.sleep(1000)
        period = 30 + LIST_LATE_S
        assert 1000 / period - 2 <= sum(url.endswith("/loja") for url in noted.asked) <= 1000 / period + 3
        assert (await lab.session("loja")).state == "connected"

    play(story)


def test_a_row_that_says_otherwise_is_looked_into_at_once():
    async def story(lab: Lab) -> None:
        await linked(lab, "baileys")
        await asyncio.sleep(60)
        lab.world.inject("prov", "loja", Fault("stale_registry"))
        assert await lab.until_state("loja", "connecting", 60) <= 35

    play(story)
