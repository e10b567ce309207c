"""Asking for a code: what comes, and where none will come what is left, at once."""

from __future__ import annotations

import asyncio

import pytest

from esteio.engine.commands.requests import PairRequest, WaitRequest
from esteio.engine.errors import CommandError
from esteio.sim.lab import Lab
from esteio.sim.providers.evolution.instance import EvolutionInstance
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.healing import heal
from tests.sim.seed_stage import CUSTOMER, PHONE, calls, play, seconds

NUMBER = "5511999990001"


def test_a_create_that_has_a_code_is_awaiting_qr_and_not_slow() -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("evo")
        opened = await lab.create("evo", "nova")
        assert opened.qr is not None
        assert (opened.session.state, opened.session.reason.code) == ("awaiting_qr", "awaiting-qr")

    play(story)


def test_a_provider_that_answers_late_and_tells_the_code_by_webhook_is_not_called_slow() -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("evo")
        inject(lab.world, "evo", None, Fault("slow", seconds=(12.0, 12.0), verbs="control"))
        opened = await lab.create("evo", "nova", wait_s=30)
        assert opened.qr is not None
        assert (opened.session.state, opened.session.reason.code) == ("awaiting_qr", "awaiting-qr")

    play(story)


def test_while_evolution_shows_a_qr_a_code_to_type_is_refused_with_a_word() -> None:
    """A7: it was 202 for ever."""

    async def story(lab: Lab) -> None:
        await lab.add_server("evo")
        await lab.create("evo", "nova")
        began = seconds(lab)
        with pytest.raises(CommandError) as refused:
            await lab.commands.pairing.pair("nova", PairRequest(phone_number=NUMBER), "lab")
        assert refused.value.code == "not-while-a-qr-is-shown"
        assert seconds(lab) - began < 1

    play(story)


def test_a_closed_session_of_evolution_gets_a_code_to_type() -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("evo")
        line = await lab.adopt("evo", "loja", PHONE)
        await asyncio.sleep(40)
        inject(lab.world, "evo", "loja", Fault("revoked"))
        await lab.until_state("loja", "disconnected", 90)
        assert not line.alive
        opened = await lab.commands.pairing.pair("loja", PairRequest(phone_number=NUMBER, wait_s=15), "lab")
        assert opened.qr is not None
        assert opened.qr.pairing_code
        assert opened.session.state == "awaiting_qr"

    play(story)


def test_baileys_has_no_code_to_type_and_says_so() -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("bai", "baileys")
        await lab.create("bai", "nova")
        with pytest.raises(CommandError) as refused:
            await lab.commands.pairing.pair("nova", PairRequest(phone_number=NUMBER), "lab")
        assert refused.value.code == "pairing-code-unsupported"

    play(story)


def test_wapi_gives_a_code_to_type_beside_the_qr_and_it_stays_on_show() -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("wapi", "wapi")
        first = await lab.create("wapi", "nova")
        assert first.session.state == "awaiting_qr"
        await asyncio.sleep(5)
        opened = await lab.commands.pairing.pair("nova", PairRequest(phone_number=NUMBER, wait_s=15), "lab")
        assert opened.qr is not None
        assert opened.qr.pairing_code
        await asyncio.sleep(20)
        shown = await lab.commands.pairing.current_qr(await lab.session("nova"))
        assert shown is not None
        assert shown.pairing_code == opened.qr.pairing_code

    play(story)


@pytest.mark.parametrize(("fault", "reason"), [("banned", "banned"), ("temp_banned", "temp-banned")])
def test_who_is_locked_out_is_told_at_once_what_is_left_and_what_it_costs(fault: str, reason: str) -> None:
    """E6: no call was made, and nothing said for the whole wait."""

    async def story(lab: Lab) -> None:
        await lab.add_server("evo")
        await lab.adopt("evo", "loja", PHONE)
        await asyncio.sleep(40)
        inject(lab.world, "evo", "loja", Fault(fault))
        await lab.until_state("loja", "disconnected", 90)
        assert (await lab.session("loja")).reason.code == reason
        began = seconds(lab)
        opened = await lab.commands.pairing.pair("loja", PairRequest(wait_s=15), "lab")
        assert seconds(lab) - began < 2
        assert opened.approval is not None
        assert (opened.approval.rung, opened.approval.cost.code) == ("recreate", "cost-recreate")
        assert opened.session.reason.code == reason
        assert calls(lab, "loja", "delete", "create") == []

    play(story)


def test_who_asks_for_a_code_of_an_instance_that_is_gone_is_told_so_and_may_have_it_made_anew() -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("evo")
        line = await lab.adopt("evo", "loja", PHONE)
        await asyncio.sleep(40)
        assert isinstance(line, EvolutionInstance)
        line._remove()

        async def missing() -> bool:
            return (await lab.session("loja")).reason.code == "instance-missing"

        await lab.until(missing, 90)
        began = seconds(lab)
        opened = await lab.commands.pairing.pair("loja", PairRequest(wait_s=15), "lab")
        assert seconds(lab) - began < 4
        assert opened.session.reason.code == "instance-missing"
        assert opened.approval is not None
        await lab.commands.approvals.decide(opened.approval.id, "approved", "lab")
        await lab.until_state("loja", "awaiting_qr", 60)

    play(story)


def test_a_late_open_after_an_unlink_is_named_and_a_refused_recreate_is_an_error_in_the_providers_words() -> None:
    """E5: `pair` answered 202 for ever, and a recreate that was refused went on saying pair again."""

    async def story(lab: Lab) -> None:
        await lab.add_server("evo")
        line = await lab.adopt("evo", "loja", PHONE)
        await asyncio.sleep(40)
        assert isinstance(line, EvolutionInstance)
        inject(lab.world, "evo", "loja", Fault("revoked"))
        await lab.until_state("loja", "disconnected", 90)
        line.state = line.db_state = "open"
        line.wuid = line.owner_jid

        async def named() -> bool:
            return (await lab.session("loja")).reason.code == "ghost-needs-server-restart"

        await lab.until(named, 400)
        began = seconds(lab)
        opened = await lab.commands.pairing.pair("loja", PairRequest(wait_s=15), "lab")
        assert seconds(lab) - began < 2
        assert opened.session.reason.code == "ghost-needs-server-restart"
        assert (opened.qr, opened.approval) == (None, None)
        refused = await lab.commands.pairing.recreate("loja", WaitRequest(wait_s=15), "lab")
        assert (refused.session.state, refused.session.reason.code) == ("error", "provider-refused")
        assert refused.session.reason.args["detail"]
        assert refused.settled
        lab.world.restart_server("evo")

        async def left_alone() -> bool:
            return (await lab.session("loja")).reason.code in ("logged-out", "awaiting-qr")

        await lab.until(left_alone, 240)
        opened = await lab.commands.pairing.pair("loja", PairRequest(wait_s=15), "lab")
        assert opened.session.state == "awaiting_qr", "after the process's restart a code comes again"

    play(story)


def test_a_late_open_beside_a_code_that_waits_is_no_link() -> None:
    """Its socket is open for the code alone: Baileys reads the login's name before it writes a presence."""

    async def story(lab: Lab) -> None:
        await lab.add_server("evo")
        line = await lab.adopt("evo", "loja", PHONE)
        await asyncio.sleep(40)
        assert isinstance(line, EvolutionInstance)
        inject(lab.world, "evo", "loja", Fault("revoked", variant="late_open"))
        await lab.until_state("loja", "disconnected", 90)
        await lab.commands.pairing.pair("loja", PairRequest(wait_s=15), "lab")
        assert line.sock is not None
        for _ in range(60):
            await asyncio.sleep(5)
            session = await lab.session("loja")
            assert session.state != "connected", (line.state, session.reason)

    play(story)


def test_a_half_open_link_that_a_restart_made_anew_does_not_wait_for_the_servers_process() -> None:
    """E8: "only a restart of the process helps" was said of all numbers, though each restart had opened a socket."""

    async def story(lab: Lab) -> None:
        await lab.add_server("evo")
        line = await lab.adopt("evo", "loja", PHONE)
        await asyncio.sleep(40)
        inject(lab.world, "evo", "loja", Fault("half_open", forever=True))
        line.road = "blackhole"
        await lab.send("loja", CUSTOMER, "um")
        await asyncio.sleep(300)
        codes = [e.code for e in await lab.timeline("loja")]
        assert "restart" in [verb for _, verb in calls(lab, "loja")]
        assert "server-restart-proposed" not in codes
        assert (await lab.session("loja")).reason.code != "ghost-needs-server-restart"
        line.road = None
        heal(lab.world, "evo")
        await lab.until_state("loja", "connected", 400)

    play(story)
