"""Gaps: what nobody told us is read back once, comes as recovered, and is never doubled by webhooks that come late."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from esteio.engine.commands.requests import SessionRequest
from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.healing import heal
from tests.engine.engine_stage import (
    CUSTOMER,
    PHONE,
    Restarts,
    came_in,
    event_types,
    linked,
    outcomes,
    play,
    play_restarts,
)


async def texts_in(lab: Lab) -> list[tuple[str | None, bool]]:
    """(text, recovered) of what came in, in the order in which it happened."""
    found = sorted(await came_in(lab), key=lambda m: m.created_at)
    return [(m.content.text, m.recovered) for m in found]


def test_what_came_while_webhooks_were_lost_in_an_outage_arrives_once_as_recovered() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        lab.world.contact_sends(PHONE, CUSTOMER, "antes")
        await asyncio.sleep(30)
        inject(lab.world, "prov", "loja", Fault("webhook_lost"))
        inject(lab.world, "prov", "loja", Fault("ghost"))
        lab.world.contact_sends(PHONE, CUSTOMER, "perdida 1")
        await lab.send("loja", CUSTOMER, "acorda")
        await lab.until_state("loja", "connecting", 60)
        await asyncio.sleep(1)  # a provider's clock knows seconds only
        lab.world.contact_sends(PHONE, CUSTOMER, "perdida 2")
        await lab.until_state("loja", "connected", 300)
        await asyncio.sleep(10)
        heal(lab.world, "prov", "loja", "webhook_lost")
        await asyncio.sleep(60)
        expected = [("antes", False), ("perdida 1", True), ("perdida 2", True)]
        assert await texts_in(lab) == expected
        events = [e.data for e in await event_types(lab, "message.received")]
        told = [data.get("recovered", False) for data in events if data["direction"] == "in"]
        assert told == [False, True, True]
        await asyncio.sleep(3600)
        assert await texts_in(lab) == expected
        lines = [line for line in await lab.timeline("loja") if line.code == "gap-read"]
        assert [line.args["count"] for line in lines] == ["2"]

    play(story)


def test_webhooks_that_come_late_find_their_messages_there() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("webhook_late", late_s=(1500, 1500)))
        inject(lab.world, "prov", "loja", Fault("drop", down_s=120))
        await lab.send("loja", CUSTOMER, "oi")
        lab.world.contact_sends(PHONE, CUSTOMER, "vinte e cinco minutos")
        await asyncio.sleep(600)
        assert await texts_in(lab) == [("vinte e cinco minutos", True)]
        await asyncio.sleep(3600)
        assert await texts_in(lab) == [("vinte e cinco minutos", True)]
        assert lab.texts_delivered(CUSTOMER) == ["oi"]

    play(story)


def test_our_own_sends_are_not_taken_for_messages_that_came() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        sent = [await lab.send("loja", CUSTOMER, f"nossa {i}") for i in range(5)]
        await asyncio.sleep(30)
        inject(lab.world, "prov", "loja", Fault("webhook_lost"))
        typed = lab.world.phone(PHONE).send(CUSTOMER, "digitada no celular")
        inject(lab.world, "prov", "loja", Fault("drop", down_s=60))
        await lab.send("loja", CUSTOMER, "nossa 5")
        await asyncio.sleep(600)
        found = (await lab.store.messages.page((await lab.session("loja")).id, direction="out", limit=100)).items
        assert len(found) == len(sent) + 2
        assert [m.content.text for m in found if m.provider_id == typed] == ["digitada no celular"]
        assert all([len(await outcomes(lab, one)) == 1 for one in sent])

    play(story)


@pytest.mark.parametrize("how", ["crash", "stop"])
def test_what_came_while_the_gateway_was_away_is_read_back_at_its_next_start(tmp_path: Path, how: str) -> None:
    async def story(run: Restarts) -> None:
        await linked(run.lab)
        run.world.contact_sends(PHONE, CUSTOMER, "antes")
        await asyncio.sleep(60)
        await (run.crash() if how == "crash" else run.stop())
        await asyncio.sleep(300)
        run.world.contact_sends(PHONE, CUSTOMER, "ninguém ouviu")
        await asyncio.sleep(7200)
        await run.begin()
        await asyncio.sleep(120)
        assert await texts_in(run.lab) == [("antes", False), ("ninguém ouviu", True)]

    play_restarts(story, tmp_path / "esteio.db")


def test_a_crash_before_the_reading_does_not_forget_it(tmp_path: Path) -> None:
    async def story(run: Restarts) -> None:
        await linked(run.lab)
        await asyncio.sleep(60)
        inject(run.world, "prov", "loja", Fault("webhook_lost"))
        run.world.contact_sends(PHONE, CUSTOMER, "há muito")
        await asyncio.sleep(2000)
        inject(run.world, "prov", "loja", Fault("drop", down_s=60))
        await run.lab.send("loja", CUSTOMER, "oi")
        await run.lab.until_state("loja", "connecting", 60)

        async def back() -> bool:
            return (await run.lab.session("loja")).gate == "open"

        await run.lab.until(back, 300)
        await run.crash()
        await asyncio.sleep(5)
        await run.begin()
        await asyncio.sleep(120)
        assert await texts_in(run.lab) == [("há muito", True)]

    play_restarts(story, tmp_path / "esteio.db")


def test_after_a_servers_outage_its_sessions_are_read_back() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("webhook_lost"))
        inject(lab.world, "prov", None, Fault("server_down", for_s=300))
        await asyncio.sleep(60)
        lab.world.contact_sends(PHONE, CUSTOMER, "durante")
        await asyncio.sleep(400)
        await lab.until_state("loja", "connected", 600)
        await asyncio.sleep(120)
        assert await texts_in(lab) == [("durante", True)]

    play(story)


def test_a_webhook_configuration_that_was_gone_is_a_gap_too() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("webhook_forgotten"))
        lab.world.contact_sends(PHONE, CUSTOMER, "sem endereço")
        await asyncio.sleep(1500)
        assert await texts_in(lab) == [("sem endereço", True)]

    play(story)


def test_a_list_that_cannot_be_read_is_asked_again_later() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("webhook_lost"))
        lab.world.contact_sends(PHONE, CUSTOMER, "espera")
        session = await lab.session("loja")
        now = lab.world.now()
        inject(lab.world, "prov", "loja", Fault("errors_5xx", rate=1.0, for_s=40))
        await lab.store.history_gaps.mark_all(now - 100, now)
        await asyncio.sleep(30)
        assert [gap.tries for gap in await lab.store.history_gaps.due(now + 1e6, 10)] == [1]
        assert await texts_in(lab) == []
        await asyncio.sleep(300)
        assert await texts_in(lab) == [("espera", True)]
        assert session.id not in [gap.session_id for gap in await lab.store.history_gaps.due(now + 1e6, 10)]

    play(story)


def test_nothing_from_before_our_time_is_told() -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("prov")
        lab.world.plant("prov", "loja", PHONE)
        for i in range(30):
            lab.world.contact_sends(PHONE, CUSTOMER, f"antes do Esteio {i}")
        await asyncio.sleep(4000)
        ask = SessionRequest("loja", "prov", PHONE, {}, "default", adopt=True, wait_s=10)
        await lab.commands.sessions.create(ask, "lab")
        await asyncio.sleep(60)
        now = lab.world.now()
        await lab.store.history_gaps.mark_all(now - 86400, now)
        await asyncio.sleep(60)
        assert await texts_in(lab) == []

    play(story)
