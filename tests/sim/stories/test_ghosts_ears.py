"""G4 and G5: lines from which nothing comes. Told apart, cured without an unlink, and silence that is no ghost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.healing import heal
from tests.sim.ghost_stage import (
    HOUR,
    OTHER,
    WELL,
    goes_on,
    harmless,
    is_told,
    linked,
    play,
    play_known,
    rungs,
    said,
    send_some,
    until_because,
)
from tests.sim.seed_stage import CUSTOMER, PHONE


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """Where the gateway's store lies while it is away."""
    return tmp_path / "known.db"


async def _came_in(lab: Lab) -> set[str]:
    session = await lab.session("loja")
    found = await lab.store.messages.page(session.id, direction="in", limit=1000)
    return {message.content.text or "" for message in found.items}


# -- G5: deaf -----------------------------------------------------------------------------------------------------


def test_a_deaf_line_is_restarted_and_what_waited_comes(known: Path) -> None:
    async def story(lab: Lab) -> None:
        inject(lab.world, "prov", "loja", Fault("deaf"))
        lab.world.contact_sends(PHONE, CUSTOMER, "ninguém ouve")
        began = lab.world.now()
        await goes_on(lab, 0.9 * HOUR)
        assert await rungs(lab) == [], "an hour says nothing yet on this line"
        await goes_on(lab, 1.5 * HOUR)
        assert await rungs(lab) == ["restart"]
        assert "ninguém ouve" in await _came_in(lab)
        await is_told(lab, *WELL)
        harmless(lab, "restart")
        assert await said(lab, "silence") == 1
        lines = [line for line in await lab.timeline("loja") if line.at >= began]
        order = [line.code for line in lines if line.code in ("silence", "list_heard", "begin")]
        assert order == ["silence", "list_heard", "begin"], "looked into before anything is done"
        assert lab.told.phases() == [], "heard again before anybody had to be told"

    play_known(story, known)


def test_a_deaf_line_that_a_restart_does_not_help_is_told_once_and_the_servers_is_proposed(known: Path) -> None:
    async def story(lab: Lab) -> None:
        inject(lab.world, "prov", "loja", Fault("deaf", variant="only_server_restart"))
        lab.world.contact_sends(PHONE, CUSTOMER, "ninguém ouve")
        await goes_on(lab, 4.5 * HOUR)
        await is_told(lab, "degraded", "deaf", "yes", "no", "open")
        assert await rungs(lab) == ["restart"]
        assert await said(lab, "server-restart-proposed") == 1
        assert lab.told.phases("loja") == ["opened"]
        inject(lab.world, "prov", None, Fault("server_boot", down_s=4, boot_s=5))
        await goes_on(lab, 0.5 * HOUR)
        assert "ninguém ouve" in await _came_in(lab)
        await is_told(lab, *WELL)
        assert lab.told.phases("loja") == ["opened", "closed"]
        harmless(lab, "restart", "connect")

    play_known(story, known)


def test_a_shop_that_is_closed_is_not_deaf(known: Path) -> None:
    async def story(lab: Lab) -> None:
        await goes_on(lab, HOUR)
        await asyncio.sleep(4 * HOUR)  # it closes at noon; weekends: see the core's own tests
        assert await said(lab, "silence") == 0
        assert await rungs(lab) == []
        assert lab.told.phases() == []

    play_known(story, known, hours=range(9, 12))


def test_a_line_that_is_heard_again_by_itself_is_left_alone(known: Path) -> None:
    async def story(lab: Lab) -> None:
        inject(lab.world, "prov", "loja", Fault("deaf", for_s=0.9 * HOUR))
        lab.world.contact_sends(PHONE, CUSTOMER, "atrasada")
        await goes_on(lab, 3 * HOUR)
        assert "atrasada" in await _came_in(lab)
        assert (await rungs(lab), await said(lab, "silence"), lab.told.phases()) == ([], 0, [])
        await is_told(lab, *WELL)

    play_known(story, known)


def test_silence_without_a_word_of_anything_else_is_shown_and_nothing_is_done(known: Path) -> None:
    """Nobody writes and we send nothing: it may be a holiday, a deaf line or a stall. A person is shown that."""

    async def story(lab: Lab) -> None:
        await until_because(lab, "deaf", 4 * HOUR)
        await asyncio.sleep(HOUR)
        await is_told(lab, "degraded", "deaf", "yes", "unknown", "open")
        harmless(lab)
        assert lab.told.phases() == []
        lab.world.contact_sends(PHONE, CUSTOMER, "bom dia")
        await asyncio.sleep(10)
        await is_told(lab, *WELL)

    play_known(story, known)


# -- G4: the events stand still ------------------------------------------------------------------------------------


def test_a_stall_is_never_restarted_the_servers_restart_is_proposed_and_helps() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await send_some(lab, 4)
        await asyncio.sleep(60)
        inject(lab.world, "prov", "loja", Fault("stalled", socket="alive"))
        began = lab.world.now()
        while lab.world.now() < began + 1200:
            await lab.send("loja", OTHER, "nada volta")
            await asyncio.sleep(30)
        await is_told(lab, "degraded", "stalled", "yes", "no", "open")
        assert (await rungs(lab), await said(lab, "server-restart-proposed")) == ([], 1)
        assert lab.told.phases("loja") == ["opened"]
        assert len(lab.texts_delivered(OTHER)) >= 40, "it goes on sending"
        inject(lab.world, "prov", None, Fault("server_boot", down_s=4, boot_s=5))
        await asyncio.sleep(300)
        await send_some(lab, 1)
        await asyncio.sleep(60)
        assert (await lab.session("loja")).state == "connected"
        assert lab.told.phases("loja") == ["opened", "closed"]
        harmless(lab, "connect", "restart")

    play(story)


def test_webhooks_that_do_not_come_while_the_list_moves_do_not_reach_us_and_its_messages_come_all_the_same(
    known: Path,
) -> None:
    async def story(lab: Lab) -> None:
        inject(lab.world, "prov", "loja", Fault("webhook_lost"))
        await goes_on(lab, 2 * HOUR)
        lab.world.contact_sends(PHONE, CUSTOMER, "só na lista")
        await asyncio.sleep(150)
        await is_told(lab, "degraded", "webhook-unreachable", "yes", "unknown", "open")
        assert "só na lista" in await _came_in(lab), "read from the list while it lasts"
        assert (await rungs(lab), await said(lab, "server-restart-proposed")) == ([], 0), "no process is at fault"
        heal(lab.world, "prov", "loja", "webhook_lost")
        await goes_on(lab, 0.5 * HOUR)
        await is_told(lab, *WELL)
        harmless(lab)

    play_known(story, known)


@pytest.mark.parametrize("inbound", [True, False])
def test_sends_that_whatsapp_leaves_unanswered_look_alike_and_are_no_stall_while_anything_comes(inbound: bool) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await send_some(lab, 4)
        await asyncio.sleep(60)
        inject(lab.world, "prov", "loja", Fault("ack_silent"))
        began = lab.world.now()
        while lab.world.now() < began + 600:
            await lab.send("loja", OTHER, "nada volta")
            if inbound:
                lab.world.contact_sends(PHONE, CUSTOMER, "mas eu escrevo")
            await asyncio.sleep(30)
        await asyncio.sleep(120)
        await is_told(lab, "degraded", "acks-missing", "yes", "yes", "open")
        assert (await rungs(lab), await said(lab, "server-restart-proposed")) == ([], 0)
        harmless(lab)

    play(story)


def test_a_queue_that_moves_on_by_itself_is_nobodys_business() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await send_some(lab, 4)
        await asyncio.sleep(60)
        inject(lab.world, "prov", "loja", Fault("stalled", socket="alive", for_s=600))
        await send_some(lab, 5, every_s=20)
        await asyncio.sleep(600)
        assert (await lab.session("loja")).state == "connected"
        assert (await rungs(lab), await said(lab, "server-restart-proposed"), lab.told.phases()) == ([], 0, [])
        harmless(lab)

    play(story)


def test_a_stall_with_a_dead_socket_is_a_ghost_that_only_a_server_restart_cures() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("stalled", socket="dead"))
        held = await lab.send("loja", OTHER, "guardada")
        await until_because(lab, "ghost-needs-server-restart", 600)
        await is_told(lab, "disconnected", "ghost-needs-server-restart", "no", "no", "held")
        inject(lab.world, "prov", None, Fault("server_boot", down_s=4, boot_s=5))
        await lab.until_state("loja", "connected", 400)
        await asyncio.sleep(90)
        assert (await lab.message(held)).state == "delivered"
        assert lab.texts_delivered(OTHER) == ["guardada"]
        harmless(lab, "restart", "connect")

    play(story)
