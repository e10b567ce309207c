"""W-API's own queue, end to end: what it took while nobody could know that the line was dead goes before what is handed
over later, whatever is lost on the way, and nothing waits for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from esteio.providers.base import HttpRequest, HttpResponse
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.sim.providers.faces import new_world
from esteio.sim.providers.wapi.instance import WapiInstance
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.transport import SimTransport
from esteio.sim.world.world import World
from tests.crash_points import MortalLab
from tests.engine.deaths import GONE, TEXTS, Life, die_at_each_step
from tests.engine.engine_stage import CUSTOMER, OTHER, PHONE, event_types, linked, outcomes, play, until_message


def the_line(lab: Lab) -> WapiInstance:
    line = lab.world.line("prov", "loja")
    assert isinstance(line, WapiInstance)
    return line


async def unseen_death(lab: Lab, *, down_s: float = 4.0) -> WapiInstance:
    """The line falls and nobody tells us; it is back by itself after a moment."""
    line = the_line(lab)
    line.habits.tells_disconnect = 0.0
    inject(lab.world, "prov", "loja", Fault("drop", code=428, down_s=down_s))
    await asyncio.sleep(0.5)
    assert not line.connected
    return line


def test_a_message_into_a_dead_line_that_takes_all_makes_us_see_that_it_is_dead() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, "wapi")
        await until_message(lab, await lab.send("loja", CUSTOMER, "oi"), "delivered", "read", within_s=30)
        await asyncio.sleep(20)
        line = await unseen_death(lab, down_s=60.0)
        sent = await lab.send("loja", CUSTOMER, "um")
        took = await lab.until_state("loja", "connecting", 10)
        assert len(line.queue) == 1
        assert (await lab.message(sent)).state in GONE
        assert took <= 5

    play(story)


@pytest.mark.parametrize("hooks", [True, False], ids=["webhooks", "no-webhooks"])
def test_what_lies_in_its_queue_goes_first(hooks: bool) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, "wapi")
        if not hooks:
            inject(lab.world, "prov", None, Fault("webhook_lost"))
        line = await unseen_death(lab)
        first = await lab.send("loja", CUSTOMER, "um")
        await until_message(lab, first, *GONE, within_s=3)
        assert len(line.queue) == 1, "it took it, and nobody knows"
        second = await lab.send("loja", CUSTOMER, "dois")
        beside = await lab.send("loja", OTHER, "outra conversa")
        while not line.connected:
            await asyncio.sleep(0.1)
        assert (await lab.message(second)).state in ("queued", "held"), "held once we see the fall for ourselves"
        assert (await lab.message(beside)).state in GONE, "only its own chat waits"
        await until_message(lab, second, *GONE, within_s=60)
        assert lab.texts_delivered(CUSTOMER) == ["um", "dois"]
        assert (await lab.message(first)).reason is None

    play(story)


def test_a_healthy_line_is_never_asked_for_its_queue() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, "wapi")
        began = lab.world.now()
        sent = [await lab.send("loja", CUSTOMER, text) for text in ("um", "dois", "três", "quatro")]
        await until_message(lab, sent[-1], *GONE, within_s=30)
        assert lab.world.now() - began < 10, "an acknowledgement each, and on"
        await asyncio.sleep(120)
        assert lab.texts_delivered(CUSTOMER) == ["um", "dois", "três", "quatro"]
        assert lab.world.ledger.calls["prov", "quere"] == 0

    play(story)


def test_while_it_is_there_people_are_told_why() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, "wapi")
        line = await unseen_death(lab)
        line._drain = lambda: None  # type: ignore[method-assign]  # its queue stands still
        first = await lab.send("loja", CUSTOMER, "um")
        await until_message(lab, first, *GONE, within_s=3)
        second = await lab.send("loja", CUSTOMER, "dois")
        await asyncio.sleep(120)
        codes = [(await lab.message(one)).reason for one in (first, second)]
        assert [one and one.code for one in codes] == ["in-its-queue", "behind-its-queue"]
        await asyncio.sleep(1500)
        assert (await lab.message(second)).state == "queued"
        await until_message(lab, second, *GONE, within_s=300)
        found = await lab.message(first)
        assert (found.state, found.reason and found.reason.code) == ("sent", "passed-in-queue")
        assert (await outcomes(lab, first))[-1] == "looked: queue"
        told = [e.data["reason"]["code"] for e in await event_types(lab, "message.state_changed") if e.data["reason"]]
        assert told == ["passed-in-queue"]

    play(story)


class Unreadable:
    """The real road, but nobody can read the queue."""

    def __init__(self, world: World) -> None:
        self._real = SimTransport(world)

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        if "/quere/" in request.url:
            return HttpResponse(404, {"content-type": "text/html"}, b"<pre>Cannot GET /quere/quere</pre>")
        return await self._real.exchange(request)

    async def aclose(self) -> None:
        await self._real.aclose()


def test_a_queue_that_nobody_can_read_holds_a_chat_up_for_a_minute() -> None:
    """And a session that only lacks its webhooks is not called dead for it."""

    async def whole() -> None:
        world = new_world(11)
        async with Lab(11, world=world, transport=Unreadable(world)) as lab:
            await linked(lab, "wapi")
            inject(lab.world, "prov", None, Fault("webhook_lost"))
            first = await lab.send("loja", CUSTOMER, "um")
            second = await lab.send("loja", CUSTOMER, "dois")
            await asyncio.sleep(40)
            codes = [(await lab.message(one)).reason for one in (first, second)]
            assert [one and one.code for one in codes] == ["queue-unread", "behind-its-queue"]
            await until_message(lab, second, *GONE, within_s=40)
            assert (await lab.session("loja")).state == "connected"
            await asyncio.sleep(100)
            codes = [(await lab.message(one)).reason for one in (first, second)]
            assert [one and one.code for one in codes] == ["passed-in-queue", "passed-in-queue"]

    run_virtual(whole, limit_s=50_000)


def test_a_lost_answer_to_what_lies_in_the_queue_lets_nobody_pass() -> None:
    """We do not know its entry, only that something for this chat is there."""

    async def story(lab: Lab) -> None:
        await linked(lab, "wapi")
        inject(lab.world, "prov", None, Fault("webhook_lost"))
        line = await unseen_death(lab, down_s=400)
        drain, line._drain = line._drain, lambda: None  # type: ignore[method-assign]
        inject(lab.world, "prov", "loja", Fault("lost_response", happens=True, how="cut"))
        first = await lab.send("loja", CUSTOMER, "um")
        await until_message(lab, first, "in_doubt", within_s=30)
        second = await lab.send("loja", CUSTOMER, "dois")
        assert len(line.queue) == 1
        while not line.connected:
            await asyncio.sleep(1)
        await asyncio.sleep(300)
        assert (await lab.message(second)).state == "queued"
        line._drain = drain  # type: ignore[method-assign]
        line._drain()
        await until_message(lab, second, *GONE, within_s=600)
        assert lab.texts_delivered(CUSTOMER) == ["um", "dois"]

    play(story)


# -- kill -9 at every step -------------------------------------------------------------------------------------------


async def _story(lab: MortalLab, begun: list[int]) -> None:
    await lab.add_server("prov", "wapi")
    await lab.adopt("prov", "loja", PHONE)
    await asyncio.sleep(20)
    inject(lab.world, "prov", None, Fault("webhook_lost"))
    await unseen_death(lab, down_s=8)
    begun.append(len(lab.fate.points))
    for text in TEXTS:
        await lab.send("loja", CUSTOMER, text)
    await asyncio.sleep(40)


STEPS = ("outbox.claim", "text", "outbox.settle", "provider_queue.settle", "quere")


def test_death_at_any_step_of_a_parked_message(tmp_path: Path) -> None:
    # In doubt stays the one that died under way.
    life = Life(_story, again_s=400, doubts=1)
    die_at_each_step(
        life, STEPS, {"after provider_queue.settle", "before provider_queue.settle", "after outbox.settle"}, tmp_path
    )
