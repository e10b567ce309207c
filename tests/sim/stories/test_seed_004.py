"""Seed 004: "Connection Closed" is a hiccup first: one retry, no cascade, nobody connects but the one who may."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from esteio.core.model.ids import MessageId
from esteio.engine.commands.requests import MediaRequest
from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from tests.sim.seed_stage import CUSTOMER, PHONE, acts, calls, play, seconds, states

BOTH = pytest.mark.parametrize("policy", ["default", "seeds"])
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@BOTH
@pytest.mark.parametrize("kind", ["text", "media"])
def test_one_retry_after_three_seconds_and_success_changes_nothing(policy: str, kind: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("evo")
        await lab.adopt("evo", "loja", PHONE, policy=policy)
        await asyncio.sleep(40)
        before = await states(lab, "loja")
        inject(lab.world, "evo", "loja", Fault("drop"))
        sent_at = seconds(lab)
        more = {"media": MediaRequest("image", base64=PNG)} if kind == "media" else {}
        message = await lab.send("loja", CUSTOMER, "oi" if not more else None, **more)
        await asyncio.sleep(20)
        tries = list(await lab.store.messages.attempts(MessageId(message)))
        assert [a.outcome for a in tries] == ["not_sent:socket", "accepted"]
        assert tries[1].at - tries[0].at == pytest.approx(3, abs=0.2)
        assert tries[0].at - lab.world.epoch0 == pytest.approx(sent_at, abs=0.2)
        assert await states(lab, "loja") == before
        assert await acts(lab, "loja") == [a for a in await acts(lab, "loja") if a[1] == "set_webhook"]
        assert calls(lab, "loja") == []
        assert lab.told.notices == []

    play(story)


@BOTH
def test_second_failure_means_connecting_never_disconnected_and_nobody_connects_from_the_send(policy: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("evo")
        await lab.adopt("evo", "loja", PHONE, policy=policy)
        await asyncio.sleep(40)
        inject(lab.world, "evo", "loja", Fault("stuck_connecting"))
        message = await lab.send("loja", CUSTOMER, "oi")
        at = seconds(lab)
        await lab.until_state("loja", "connecting", 5)
        assert seconds(lab) - at == pytest.approx(3, abs=0.6)
        session = await lab.session("loja")
        assert session.gate == "held"
        assert calls(lab, "loja") == []
        found = await lab.message(message)
        assert found.state == ("held" if policy == "default" else "failed")
        await asyncio.sleep(10)
        assert (await states(lab, "loja"))[-1] in ("connected", "connecting"), "never worse at the second failure"

    play(story)


@BOTH
def test_a_worse_state_is_never_overwritten(policy: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("evo")
        await lab.adopt("evo", "loja", PHONE, policy=policy)
        await asyncio.sleep(40)
        inject(lab.world, "evo", "loja", Fault("revoked"))
        await lab.until_state("loja", "disconnected", 40)
        await lab.send("loja", CUSTOMER, "oi")
        await asyncio.sleep(60)
        assert (await states(lab, "loja"))[-1] == "disconnected"
        assert (await lab.session("loja")).reason.code == "logged-out"

    play(story)


@BOTH
def test_no_cascade_across_a_server(policy: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("evo")
        names = [f"loja{i}" for i in range(8)]
        for i, name in enumerate(names):
            await lab.adopt("evo", name, f"55119999900{i:02}", policy=policy)
        await asyncio.sleep(60)
        for name in names:
            inject(
                lab.world,
                "evo",
                name,
                Fault("ghost", variant="old_logout_works" if policy == "seeds" else "restart_cures"),
            )
            await lab.send(name, CUSTOMER, "oi")
        await asyncio.sleep(600)
        opening = sorted(t for name in names for t, verb in calls(lab, name) if verb in ("restart", "connect"))
        assert len(opening) >= 8 if policy == "default" else opening
        assert all(round(b - a, 1) >= 2.9 for a, b in itertools.pairwise(opening)), opening
        assert lab.world.ledger.duels == []
        if policy == "default":
            assert {(await lab.session(name)).state for name in names} == {"connected"}
            assert lab.world.ledger.unlinks == []

    play(story)
