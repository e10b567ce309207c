"""Acknowledgements: what stays without one is evidence once and never sent again; 463 holds cold contacts only."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from esteio.core.model.message import Message
from esteio.core.model.state import Reason
from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.healing import heal
from tests.engine.engine_stage import CUSTOMER, OTHER, PHONE, linked, play, until_message
from tests.narrowing import not_none

STRANGER = "5511966665555"


async def _some_acknowledged(lab: Lab) -> None:
    for i in range(4):
        message = await lab.send("loja", OTHER, f"antes {i}")
        await until_message(lab, message, "delivered", "read", within_s=60)
    await asyncio.sleep(2)  # a provider's clock knows seconds only


async def _evidence(lab: Lab, kind: str) -> int:
    return sum(line.count for line in await lab.timeline("loja") if line.code == kind)


def test_silence_of_whatsapp_is_told_once_per_message_and_nothing_is_sent_again() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await _some_acknowledged(lab)
        inject(lab.world, "prov", "loja", Fault("ack_silent"))
        sent = [await lab.send("loja", f"55119555500{i:02}", "alguém aí?") for i in range(4)]
        await asyncio.sleep(50)
        assert await _evidence(lab, "ack_missing") == 0
        await asyncio.sleep(60)
        assert await _evidence(lab, "ack_missing") == 4
        session = await lab.session("loja")
        assert (session.state, session.reason.code) == ("degraded", "acks-missing")
        await asyncio.sleep(3000)
        assert await _evidence(lab, "ack_missing") == 4
        for one in sent:
            assert (await lab.message(one)).state == "sent"
            assert (await lab.message(one)).attempts == 1

    play(story)


def test_an_acknowledgement_ends_the_suspicion() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await _some_acknowledged(lab)
        inject(lab.world, "prov", "loja", Fault("ack_silent", for_s=100))
        for i in range(4):
            await lab.send("loja", f"55119555500{i:02}", "alguém aí?")
        await lab.until_state("loja", "degraded", 150)
        await asyncio.sleep(60)
        message = await lab.send("loja", OTHER, "de novo")
        await until_message(lab, message, "delivered", within_s=60)
        await lab.until_state("loja", "connected", 60)

    play(story)


def test_a_line_that_is_slow_by_nature_is_given_its_time() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        lab.world.device_ack_s = (40.0, 50.0)
        await _some_acknowledged(lab)
        inject(lab.world, "prov", "loja", Fault("ack_silent"))
        for i in range(3):
            await lab.send("loja", f"55119555500{i:02}", "sem pressa")
        await asyncio.sleep(150)
        assert await _evidence(lab, "ack_missing") == 0
        await asyncio.sleep(200)
        assert await _evidence(lab, "ack_missing") == 3

    play(story)


def test_a_server_that_never_tells_of_acknowledgements_is_not_blamed() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, "baileys")
        asked = Counter[str]()

        def counted(name: str) -> Callable[..., Any]:
            truly = getattr(lab.store.traffic, name)

            async def ask(*how: Any) -> Any:
                asked[name] += 1
                return await truly(*how)

            return ask

        for name in ("ack_times", "late_acks"):
            setattr(lab.store.traffic, name, counted(name))
        for i in range(5):
            await lab.send("loja", OTHER, f"sem recibo {i}")
        await asyncio.sleep(900)
        assert 2 <= asked["ack_times"] <= 8, "nor asked for its acknowledgements without end"
        assert asked["ack_times"] <= asked["late_acks"] <= asked["ack_times"] + 12, "which took a minute to be late"
        assert await _evidence(lab, "ack_missing") == 0
        assert (await lab.session("loja")).state == "connected"

    play(story)


async def _restricted(lab: Lab, kind: str) -> None:
    await linked(lab, kind)
    lab.world.contact_sends(PHONE, CUSTOMER, "oi, quero comprar")
    await asyncio.sleep(5)
    inject(lab.world, "prov", "loja", Fault("ack_error_463", who="cold"))
    for i in range(3):
        await lab.send("loja", f"55119444400{i:02}", "promoção")
        await asyncio.sleep(2)
    await lab.until_state("loja", "degraded", 60)
    assert (await lab.session("loja")).reason.code == "restricted-463"


@pytest.mark.parametrize("kind", ["evolution", "wapi"])
def test_463_holds_cold_contacts_until_a_named_time_and_lets_warm_ones_through(kind: str) -> None:
    async def story(lab: Lab) -> None:
        await _restricted(lab, kind)
        until = (await lab.session("loja")).restricted_until
        cold = await lab.send("loja", STRANGER, "promoção")
        warm = await lab.send("loja", CUSTOMER, "seu pedido saiu")
        await until_message(lab, warm, "delivered", "read", within_s=60)
        await asyncio.sleep(5)
        held = await lab.message(cold)
        assert (held.state, held.attempts, held.due_at) == ("queued", 0, until)
        assert held.reason is not None
        assert held.reason.code == "held-463"
        assert held.reason.args["until"].startswith("20")
        heal(lab.world, "prov", "loja", "ack_error_463")
        await asyncio.sleep(until - lab.world.now() - 10)
        assert (await lab.message(cold)).attempts == 0
        await until_message(lab, cold, "delivered", within_s=60)
        assert lab.texts_delivered(STRANGER) == ["promoção"]
        assert (await lab.session("loja")).state == "connected"

    play(story)


def test_whoever_writes_first_gets_what_was_held_for_them_at_once() -> None:
    async def story(lab: Lab) -> None:
        await _restricted(lab, "evolution")
        held = await lab.send("loja", STRANGER, "promoção")
        other = await lab.send("loja", "5511933332222", "promoção")
        await asyncio.sleep(30)
        assert (await lab.message(held)).reason == Reason("held-463", {"until": _shown(await lab.message(held))})
        lab.world.contact_sends(PHONE, STRANGER, "vi que vocês vendem")
        await until_message(lab, held, "sent", "delivered", within_s=10)
        assert (await lab.message(other)).attempts == 0

    play(story)


def _shown(message: Message) -> str:
    return not_none(message.reason).args["until"]


def test_what_is_held_for_strangers_may_be_cancelled_or_expire() -> None:
    async def story(lab: Lab) -> None:
        await _restricted(lab, "evolution")
        short = await lab.send("loja", STRANGER, "vale um minuto", expires_in_s=60)
        gone = await lab.send("loja", "5511933332222", "desisto")
        await asyncio.sleep(10)
        await lab.commands.messages.cancel(gone)
        await asyncio.sleep(5000)
        assert (await lab.message(short)).state == "expired"
        assert (await lab.message(gone)).state == "cancelled"
        assert lab.texts_delivered(STRANGER) == []

    play(story)


def test_a_line_of_which_all_is_acknowledged_is_not_asked_about_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await _some_acknowledged(lab)
        await asyncio.sleep(300)
        truly, asked = lab.store.traffic.late_acks, []

        async def late_acks(*args: Any) -> Any:
            asked.append(args)
            return await truly(*args)

        monkeypatch.setattr(lab.store.traffic, "late_acks", late_acks)
        await asyncio.sleep(600)
        assert asked == []
        inject(lab.world, "prov", "loja", Fault("ack_silent"))
        await lab.send("loja", CUSTOMER, "alguém aí?")
        await asyncio.sleep(120)
        assert asked, "what is sent later is looked after again"
        assert await _evidence(lab, "ack_missing") == 1

    play(story)
