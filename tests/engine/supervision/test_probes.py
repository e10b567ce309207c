"""Looks at the provider: how many at once, and that a line which is open is not asked for its code."""

from __future__ import annotations

import asyncio

from esteio.core.model.ids import SessionName
from esteio.engine.supervision.probes import LOOKS_AT_ONCE, _OneByOne
from esteio.providers.base import HttpRequest, HttpResponse, Transport
from esteio.sim.lab import Lab
from tests.engine.engine_stage import PHONE, linked, play
from tests.narrowing import not_none


class Noted:
    """A road that keeps what was asked."""

    def __init__(self, road: Transport) -> None:
        self.road = road
        self.asked: list[str] = []

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request.url)
        return await self.road.exchange(request)

    async def aclose(self) -> None:
        await self.road.aclose()


class Crowd:
    """A road on which every answer takes a second; how many were under way at most."""

    def __init__(self, road: Transport) -> None:
        self.road, self.now, self.most = road, 0, 0

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(1.0)
            return await self.road.exchange(request)
        finally:
            self.now -= 1

    async def aclose(self) -> None:
        await self.road.aclose()


def test_many_looks_at_one_server_leave_places_for_sends() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        session = await lab.store.sessions.by_name(SessionName("loja"))
        lookout = lab.gateway.scheduler._prober
        lookout._transport = crowd = Crowd(lookout._transport)
        seen = await asyncio.gather(*(lookout.session(not_none(session), "socket") for _ in range(100)))
        assert crowd.most == LOOKS_AT_ONCE < 32
        assert {one.kind for look in seen for one in look.session} >= {"socket_ok"}

    play(story)


def test_the_first_look_at_an_adopted_line_that_is_open_asks_for_no_code() -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("prov", "evolution")
        lookout = lab.gateway.scheduler._prober
        lookout._transport = noted = Noted(lookout._transport)
        await lab.adopt("prov", "loja", PHONE)
        await asyncio.sleep(40)
        assert not_none(await lab.store.sessions.by_name(SessionName("loja"))).state == "connected"
        assert any("connectionState" in url for url in noted.asked)
        assert not [url for url in noted.asked if "/instance/connect/" in url]
        assert len([url for url in noted.asked if "fetchInstances?instanceName=" in url]) == 1, "its name is known then"

    play(story)


def test_a_look_through_whatsapp_now_and_then_does_not_displace_the_usual_one() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        session = await lab.store.sessions.by_name(SessionName("loja"))
        lookout = lab.gateway.scheduler._prober
        await lookout.session(not_none(session), "socket")
        assert session is not None
        record = lab.gateway.memory.session(session.id)
        usual = record.probe
        assert usual is not None
        through = await lookout.session(session, "roundtrip")
        assert "round_trip_ok" in {one.kind for one in through.session}
        assert record.probe is usual
        again = await lookout.session(session, "socket")
        assert {one.kind for one in again.session} >= {"said_open", "socket_ok"}
        assert record.probe is usual

    play(story)


def test_that_a_line_lives_is_dated_by_the_question_and_the_rest_by_the_last_answer() -> None:
    """Seed 8072: a look's first answer said open, a restart closed that socket, and the second answer came after that.
    What the first had seen counted as the restart's effect."""

    async def story(lab: Lab) -> None:
        await linked(lab, "wapi")
        session = await lab.store.sessions.by_name(SessionName("loja"))
        lookout = lab.gateway.scheduler._prober
        lookout._transport = crowd = Crowd(lookout._transport)
        began = lab.clock.now()
        look = asyncio.create_task(lookout.session(not_none(session), "socket"))
        await asyncio.sleep(1.5)
        assert crowd.now == 1  # the second answer is on its way
        times = {one.kind: (one.happened_at - began, one.seen_at - began) for one in (await look).session}
        del times["webhook_config_ok"]
        answered = lab.clock.now() - began
        assert answered > 1.9
        assert times == {"said_open": (0.0, answered), "identity_seen": (answered, answered)}

    play(story)


def test_each_list_is_read_in_a_turn_of_the_loop_of_its_own() -> None:
    async def story() -> None:
        loop, turn = asyncio.get_running_loop(), 0

        def tick() -> None:
            nonlocal turn
            turn += 1
            loop.call_soon(tick)

        class Instant:
            async def exchange(self, request: HttpRequest) -> HttpResponse:
                return HttpResponse(200)

            async def aclose(self) -> None:
                return None

        road = _OneByOne(Instant())

        async def read() -> int:
            await road.exchange(HttpRequest("GET", "http://here.test/list"))
            return turn

        tick()
        turns = await asyncio.gather(*(read() for _ in range(5)))
        assert len(set(turns)) == 5

    asyncio.run(story())
