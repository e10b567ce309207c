"""G6, G7, G9, a flood of state webhooks, and a person's word that comes twice or too late."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from esteio.engine.errors import CommandError
from esteio.sim.lab import Lab
from esteio.sim.providers.evolution.instance import EvolutionInstance
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.healing import heal
from tests.narrowing import of_type
from tests.sim.ghost_stage import OTHER, STRANGER, WELL, harmless, is_told, linked, play, rungs, said, until_because
from tests.sim.seed_stage import CUSTOMER, PHONE, acts

# -- G6: restricted ------------------------------------------------------------------------------------------------


def test_463_is_no_restart_cold_waits_until_a_told_time_and_warm_goes() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("ack_error_463", who="cold"))
        for i in range(3):
            await lab.send("loja", f"55119444400{i:02}", "promoção")
            await asyncio.sleep(2)
        await until_because(lab, "restricted-463", 60)
        cold, warm = await lab.send("loja", STRANGER, "promoção"), await lab.send("loja", CUSTOMER, "seu pedido")
        await asyncio.sleep(300)
        await is_told(lab, "degraded", "restricted-463", "yes", "yes", "open")
        assert (await lab.message(warm)).state == "delivered"
        held = (await lab.message(cold)).reason
        assert held is not None
        assert (held.code, held.args["until"][:2]) == ("held-463", "20")
        assert (await rungs(lab), lab.told.phases()) == ([], [])
        harmless(lab)

    play(story)


def test_one_refusal_of_another_kind_restricts_nobody() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("ack_error_463", who="all", for_s=3))
        await lab.send("loja", CUSTOMER, "uma")
        await asyncio.sleep(120)
        await is_told(lab, *WELL)
        harmless(lab)

    play(story)


# -- G7: the webhook's configuration -------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["gone", "events", "disabled", "url"])
def test_a_forgotten_webhook_is_set_again_with_a_line_for_the_audit(variant: str) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        before = len([rung for _, rung in await acts(lab, "loja") if rung == "set_webhook"])
        inject(lab.world, "prov", "loja", Fault("webhook_forgotten", variant=variant))
        lab.world.contact_sends(PHONE, CUSTOMER, "sem endereço")
        await asyncio.sleep(1300)
        after = [rung for _, rung in await acts(lab, "loja") if rung == "set_webhook"]
        assert len(after) == before + 1
        assert await said(lab, "webhook_config_gone") >= 1
        session = await lab.session("loja")
        found = await lab.store.messages.page(session.id, direction="in", limit=100)
        assert "sem endereço" in [message.content.text for message in found.items]
        await is_told(lab, *WELL)
        assert (await rungs(lab), lab.told.phases()) == ([], [])
        harmless(lab)

    play(story)


# -- G9: another phone ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fresh", [True, False])
def test_a_session_that_is_another_number_sends_nothing_until_it_is_right_again(fresh: bool) -> None:
    async def story(lab: Lab) -> None:
        line = of_type(EvolutionInstance, await linked(lab))
        right = line.owner_jid
        line.owner_jid = "5511900000000@s.whatsapp.net"
        took = await until_because(lab, "wrong-identity", 40)
        assert took <= 35, "a healthy session's number is read from the server's list"
        held = await lab.send("loja", OTHER, "não por esse número")
        await asyncio.sleep(90)
        await is_told(lab, "error", "wrong-identity", "no", "no", "held")
        assert lab.texts_delivered(OTHER) == []
        assert lab.told.phases("loja") == ["opened"]
        if fresh:
            line.owner_jid = right
            await asyncio.sleep(120)
            assert (await lab.message(held)).state == "delivered"
            assert (await lab.session("loja")).state == "connected"
        assert await rungs(lab) == []
        harmless(lab)

    play(story)


def test_the_same_number_without_its_ninth_digit_is_the_same() -> None:
    async def story(lab: Lab) -> None:
        line = of_type(EvolutionInstance, await linked(lab))
        line.owner_jid = f"{PHONE[:4]}{PHONE[5:]}@s.whatsapp.net"
        await asyncio.sleep(120)
        await is_told(lab, *WELL)

    play(story)


# -- a flood -------------------------------------------------------------------------------------------------------


def test_a_thousand_equal_state_webhooks_in_ten_seconds_are_few_rows_and_few_judgements() -> None:
    async def story(lab: Lab) -> None:
        line = of_type(EvolutionInstance, await linked(lab))
        judged = 0
        reconcile = lab.gateway.reconciler.session

        async def counted(*args: Any, **how: Any) -> Any:
            nonlocal judged
            judged += 1
            return await reconcile(*args, **how)

        lab.gateway.reconciler.session = counted  # type: ignore[method-assign]
        rows = len(await lab.timeline("loja"))
        for _ in range(1000):
            line.tell("connection.update", {"instance": "loja", "state": "connecting", "statusReason": 200})
            await asyncio.sleep(0.01)
        await asyncio.sleep(8)
        fresh = (await lab.timeline("loja"))[rows:]
        connecting = [entry for entry in fresh if entry.code == "said_connecting"]
        assert sum(entry.count for entry in connecting) >= 1000, "none is lost"
        assert len(connecting) <= 15
        assert judged <= 60
        assert (await lab.session("loja")).state == "connected", "hearsay that ended: the socket is open all the while"
        assert await rungs(lab) == []

    play(story)


# -- a person's word -----------------------------------------------------------------------------------------------


async def _asked(lab: Lab) -> str:
    """A fall whose harmless steps are over: the next one waits for a person."""
    await linked(lab, version="2.3.0")
    inject(lab.world, "prov", "loja", Fault("ghost", variant="restart_noop"))
    await until_because(lab, "approval-awaited", 3000)
    (approval,) = await lab.store.approvals.by_state("open")
    assert lab.world.ledger.unlinks == []
    return approval.id


def test_an_approval_after_the_line_healed_by_itself_is_stale_and_does_nothing() -> None:
    async def story(lab: Lab) -> None:
        approval = await _asked(lab)
        heal(lab.world, "prov")
        await lab.until_state("loja", "connected", 900)
        for _ in range(2):
            with pytest.raises(CommandError):
                await lab.commands.approvals.decide(approval, "approved", "ana")
        await asyncio.sleep(120)
        assert lab.world.ledger.unlinks == []
        assert set(await rungs(lab)) <= {"connect", "restart"}

    play(story)


def test_approving_twice_is_one_logout_at_most() -> None:
    async def story(lab: Lab) -> None:
        approval = await _asked(lab)
        await lab.commands.approvals.decide(approval, "approved", "ana")
        with pytest.raises(CommandError):
            await lab.commands.approvals.decide(approval, "approved", "bia")
        await asyncio.sleep(300)
        assert (await rungs(lab)).count("logout") + (await rungs(lab)).count("recreate") <= 1

    play(story)
