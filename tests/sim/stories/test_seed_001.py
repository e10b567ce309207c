"""Seed 001: the registry says open and sends say "Connection Closed": a ghost, and how it is brought back."""

from __future__ import annotations

import asyncio

import pytest

from esteio.sim.lab import Lab
from esteio.sim.providers.evolution.instance import EvolutionInstance
from esteio.sim.world.faults import Fault, inject
from tests.narrowing import not_none, of_type
from tests.sim.seed_stage import CUSTOMER, PHONE, acts, calls, gaps, play, seconds, states


async def _haunted(lab: Lab, policy: str, variant: str) -> list[str]:
    await lab.add_server("evo")
    await lab.adopt("evo", "loja", PHONE, policy=policy)
    await asyncio.sleep(40)
    inject(lab.world, "evo", "loja", Fault("ghost", variant=variant))
    return [await lab.send("loja", CUSTOMER, text, client_ref="conversa-42") for text in ("um", "dois", "três")]


def test_default_heals_by_a_restart_with_effect_and_nothing_is_lost_or_unlinked() -> None:
    async def story(lab: Lab) -> None:
        messages = await _haunted(lab, "default", "restart_cures")
        assert (await lab.message(messages[1])).state in ("queued", "held")
        at = seconds(lab)
        await asyncio.sleep(5)
        assert [verb for _, verb in calls(lab, "loja")] == ["restart"], "seen within 5 s, and restart is the first rung"
        await lab.until_state("loja", "connected", 30)
        assert seconds(lab) - at < 30
        await asyncio.sleep(15)
        assert lab.texts_delivered(CUSTOMER) == ["um", "dois", "três"]
        assert lab.world.ledger.unlinks == []
        assert [verb for _, verb in calls(lab, "loja")] == ["restart"]
        codes = [e.code for e in await lab.timeline("loja") if e.at > lab.world.epoch0 + at - 1]
        assert codes.index("send_closed") < codes.index("begin") < codes.index("effect")

    play(story)


def test_default_proposes_the_servers_restart_by_name_where_only_that_helps() -> None:
    async def story(lab: Lab) -> None:
        await _haunted(lab, "default", "restart_noop")
        await lab.until_state("loja", "disconnected", 60)
        session = await lab.session("loja")
        assert session.reason.code == "ghost-needs-server-restart"
        assert session.reason.args["server"] == "evo"
        assert "no-effect" in [e.code for e in await lab.timeline("loja")], "HTTP 200 is no effect"
        await asyncio.sleep(600)
        assert calls(lab, "loja", "logout", "delete") == []
        assert await lab.store.approvals.by_state() == []
        lab.world.restart_server("evo")
        await lab.until_state("loja", "connected", 240)
        await asyncio.sleep(45)
        assert lab.texts_delivered(CUSTOMER) == ["um", "dois", "três"]
        assert lab.world.ledger.unlinks == []
        assert lab.told.phases() == ["opened", "closed"]

    play(story)


def test_default_logs_out_only_with_consent_on_a_server_where_that_is_the_next_rung() -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("evo", version="2.3.0")
        await lab.adopt("evo", "loja", PHONE)
        await asyncio.sleep(40)
        inject(lab.world, "evo", "loja", Fault("ghost", variant="restart_noop"))
        of_type(EvolutionInstance, lab.world.line("evo", "loja")).old_logout_works = True
        await lab.send("loja", CUSTOMER, "um")
        await asyncio.sleep(400)
        assert calls(lab, "loja", "logout", "delete") == []
        approvals = await lab.store.approvals.by_state()
        quirks = {q.name for q in lab.gateway.registry.get("evolution").quirks("2.3.0")}
        if "restart-ended-socket-noop" in quirks:
            assert approvals == []
            return
        assert [a.rung for a in approvals] == ["logout"]
        assert (await lab.session("loja")).state == "disconnected"
        await lab.commands.approvals.decide(approvals[0].id, "approved", "lab")
        await asyncio.sleep(30)
        assert [verb for _, verb in calls(lab, "loja", "logout")] == ["logout"]
        await lab.until_state("loja", "connected", 60)
        assert lab.world.ledger.unlinks == [], "the older server that this variant plays keeps its credentials"

    play(story)


def test_seeds_logs_out_after_the_second_failure_then_the_reconnector_connects() -> None:
    async def story(lab: Lab) -> None:
        messages = await _haunted(lab, "seeds", "old_logout_works")
        began = seconds(lab)
        await asyncio.sleep(2.5)
        assert calls(lab, "loja") == [], "the first refusal is a hiccup: 3 s, one retry"
        await lab.until_state("loja", "disconnected", 60)
        happened = calls(lab, "loja")
        assert happened[0][1] == "logout"
        assert happened[0][0] - began == pytest.approx(3, abs=1)
        await asyncio.sleep(1)
        for message in messages:
            failed = await lab.message(message)
            assert (failed.state, failed.reason.code if failed.reason else "") == ("failed", "session-down")
        await asyncio.sleep(60)
        assert [verb for _, verb in calls(lab, "loja")] == ["logout", "connect"]
        assert (await states(lab, "loja"))[-2:] == ["disconnected", "connected"]
        assert lab.texts_delivered(CUSTOMER) == []
        await lab.send("loja", CUSTOMER, "de novo")
        await asyncio.sleep(10)
        assert lab.texts_delivered(CUSTOMER) == ["de novo"], "messages flow again"

    play(story)


def test_seeds_never_logs_out_twice_within_two_minutes_and_a_failed_logout_blocks_nothing() -> None:
    async def story(lab: Lab) -> None:
        await _haunted(lab, "seeds", "restart_noop")
        await asyncio.sleep(900)
        logouts = calls(lab, "loja", "logout")
        assert len(logouts) >= 2, "2.3.7 answers 500 and changes nothing"
        assert min(gaps(logouts)) >= 120
        begun = await acts(lab, "loja")
        first = next(i for i, (_, rung) in enumerate(begun) if rung == "logout")
        assert begun[first + 1][1] == "connect", "whether or not the logout succeeded"
        assert "disconnected" in await states(lab, "loja")

    play(story, limit_s=40_000)


def test_seeds_never_deletes_a_ghost_and_says_that_the_letter_does_not_work_on_this_server() -> None:
    """J3, E14: 2.3.7 refuses the logout of a dead socket; the third level of 002 is not for ghosts."""

    async def story(lab: Lab) -> None:
        await _haunted(lab, "seeds", "restart_noop")
        await asyncio.sleep(900)
        assert calls(lab, "loja", "delete", "create") == []
        session = await lab.session("loja")
        assert (session.state, session.reason.code) == ("disconnected", "ghost-needs-server-restart")
        codes = [e.code for e in await lab.timeline("loja")]
        assert codes.count("logout-in-vain") >= 1
        lab.world.restart_server("evo")
        await lab.until_state("loja", "connected", 240)

    play(story, limit_s=40_000)


def test_seeds_after_a_logout_that_unlinked_the_reconnector_connects_so_that_a_code_is_there() -> None:
    async def story(lab: Lab) -> None:
        await _haunted(lab, "seeds", "restart_cures")
        line = lab.world.line("evo", "loja")
        await asyncio.sleep(3.2)
        # What a logout of a living socket does on 2.3.7, and what older versions did to this one.
        line.on_close(not_none(line.sock), 401, "logout")
        await lab.until_state("loja", "awaiting_qr", 120)
        assert [verb for _, verb in calls(lab, "loja")][-1] == "connect"
        assert calls(lab, "loja", "delete", "create") == []

    play(story)


@pytest.mark.parametrize("policy", ["default", "seeds"])
def test_the_log_names_the_conversation(policy: str) -> None:
    async def story(lab: Lab) -> None:
        messages = await _haunted(lab, policy, "restart_cures")
        assert (await lab.message(messages[0])).client_ref == "conversa-42"

    play(story)
