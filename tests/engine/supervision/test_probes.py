"""Looks at the provider: how many at once, and that a line which is open is not asked for its code."""

from __future__ import annotations

import asyncio

import msgspec

from esteio.core.model.ids import SessionId, SessionName
from esteio.core.model.recovery import Outage
from esteio.core.model.session import Session
from esteio.engine.supervision.memory import SessionRecord
from esteio.engine.supervision.probes import LOOKS_AT_ONCE, Prober, _OneByOne, _webhook_unsure
from esteio.providers.base import HttpRequest, HttpResponse, Transport
from esteio.sim.lab import Lab
from esteio.sim.providers.evolution.instance import EvolutionInstance, WebhookRow
from esteio.sim.world.faults import Fault, inject
from tests.engine.engine_stage import CUSTOMER, PHONE, linked, play
from tests.narrowing import not_none, of_type


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


class Stuck(Crowd):
    """Nothing is answered while it is shut."""

    def __init__(self, road: Transport) -> None:
        super().__init__(road)
        self.open = asyncio.Event()

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        await self.open.wait()
        return await super().exchange(request)


def test_lines_that_hang_hold_up_no_look_at_another() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        session = not_none(await lab.store.sessions.by_name(SessionName("loja")))
        lookout = lab.gateway.scheduler._prober
        road = lookout._transport
        lookout._transport = stuck = Stuck(road)
        hanging = [asyncio.create_task(lookout.session(session, "pulse")) for _ in range(LOOKS_AT_ONCE - 1)]
        await asyncio.sleep(1.0)
        lookout._transport = road
        async with asyncio.timeout(2.0):
            await lookout.session(session, "pulse")
        assert not any(one.done() for one in hanging)
        stuck.open.set()
        await asyncio.gather(*hanging)

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


def test_what_a_look_has_read_in_passing_it_does_not_ask_for() -> None:
    """W-API tells of an instance's webhooks in the row that tells whose phone it is."""

    async def story(lab: Lab) -> None:
        await linked(lab, "wapi")
        lookout = lab.gateway.scheduler._prober
        lookout._transport = noted = Noted(lookout._transport)
        await asyncio.sleep(600)
        asked = [url for url in noted.asked if "/instance/fetch-instance" in url]
        assert len(asked) == len([url for url in noted.asked if "/instance/status-instance" in url]) > 10
        session = not_none(await lab.store.sessions.by_name(SessionName("loja")))
        assert not session.facts.webhook_gone_at
        assert session.facts.webhook_checked_at

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


async def unheard(lab: Lab) -> tuple[Noted, Session]:
    """A line that is well, and from which no webhook ever came; what its provider is asked from now on."""
    await lab.add_server("prov", "evolution")
    inject(lab.world, "prov", None, Fault("webhook_unreachable"))
    await lab.adopt("prov", "loja", PHONE)
    await asyncio.sleep(120)
    lookout = lab.gateway.scheduler._prober
    lookout._transport = noted = Noted(lookout._transport)
    return noted, await lab.session("loja")


def asked_of(noted: Noted, word: str) -> int:
    return len([url for url in noted.asked if word in url])


def test_where_the_servers_list_counts_no_more_messages_a_lines_own_is_not_read() -> None:
    async def story(lab: Lab) -> None:
        noted, session = await unheard(lab)
        await asyncio.sleep(240)
        assert asked_of(noted, "findMessages") == 0 < asked_of(noted, "setPresence")
        lab.world.contact_sends(PHONE, CUSTOMER, "nobody tells of this")
        await asyncio.sleep(62)
        assert asked_of(noted, "findMessages") > 0, "as soon as where it is read every minute"
        facts = (await lab.session("loja")).facts
        assert facts.list_only_newest_at
        lookout, record = lab.gateway.scheduler._prober, lab.gateway.memory.session(session.id)
        record.list_count = 1
        assert lookout._list_due((await lab.session("loja")), record, lab.clock.now() + 60), (
            "it is read while it matters"
        )

    play(story)


def test_a_count_that_is_old_or_proves_nothing_any_more_spares_no_reading() -> None:
    async def story(lab: Lab) -> None:
        _, session = await unheard(lab)
        lookout, memory, now = lab.gateway.scheduler._prober, lab.gateway.memory, lab.clock.now()
        record, server = memory.session(session.id), memory.server(session.server)
        assert server.listed is not None
        assert record.list_count == 0

        def due(**facts: float) -> bool:
            fresh = msgspec.structs.replace(session.facts, **{"list_compared_at": now - 60, **facts})
            return lookout._list_due(msgspec.structs.replace(session, facts=fresh), record, now)

        server.listed = (now - 60, server.listed[1])
        assert not due()
        assert due(list_compared_at=now - 600)
        assert due(silence_at=now - 1)
        assert due(webhook_missing_since=now - 61)
        assert due(list_only_newest_at=now - 300)
        server.listed = (now - 60.1, server.listed[1])
        assert due()
        server.listed = (now, {})
        assert due()

    play(story)


def test_a_webhook_is_read_once_a_minute_and_of_a_line_that_fell_a_while_ago_at_each_look() -> None:
    async def story(lab: Lab) -> None:
        noted, session = await unheard(lab)
        await asyncio.sleep(300)
        assert asked_of(noted, "setPresence") == 10
        assert asked_of(noted, "webhook/find") in (5, 6), "once more where WhatsApp was asked"
        now = lab.clock.now()
        checked = msgspec.structs.replace(session.facts, webhook_checked_at=now - 30, life_at=now)
        for ended, depth, often in ((599.0, "pulse", 1.0), (600.0, "pulse", 0.5), (600.0, "roundtrip", 1.0)):
            fell = Outage("out_1", now - 700, "dead", ended_at=now - ended)
            seen = [
                _webhook_unsure(
                    msgspec.structs.replace(session, id=SessionId(number), facts=checked, last_outage=fell),
                    depth,  # type: ignore[arg-type]
                    (),
                    now,
                )
                for number in range(400)
            ]
            assert abs(sum(seen) / 400 - often) < 0.1

    play(story)


def test_a_webhook_that_is_told_in_the_same_words_is_not_read_and_another_is() -> None:
    async def story(lab: Lab) -> None:
        await unheard(lab)
        line = of_type(EvolutionInstance, lab.world.line("prov", "loja"))
        session = await lab.session("loja")
        record = lab.gateway.memory.session(session.id)
        kept = record.webhook
        assert kept is not None
        await asyncio.sleep(120)
        assert record.webhook is kept, "the very same value"
        lookout = lab.gateway.scheduler._prober
        before, line.hook = line.hook, WebhookRow("http://8.8.4.4/else")
        assert "webhook_config_gone" in await told_by(lookout, record, session, lab)
        assert lab.gateway.memory.session(session.id).webhook is None
        line.hook = before
        assert "webhook_config_ok" in await told_by(lookout, record, session, lab)
        where = msgspec.structs.replace(not_none(record.endpoint), webhook_url="http://moved.test/in/1")
        found = await lookout._webhook(record, lookout._addresses.provider("evolution"), where, lab.clock.now())
        assert "webhook_config_gone" in {one.kind for one in found.evidence}, "ours is another one now"

    play(story)


async def told_by(lookout: Prober, record: SessionRecord, session: Session, lab: Lab) -> set[str]:
    provider, where = await lookout._addresses.of_session(session)
    return {one.kind for one in (await lookout._webhook(record, provider, where, lab.clock.now())).evidence}


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
