"""G1, G2, G3 and G8: registries, sockets, flaps, twins and whole servers. Seen and cured, alike but other, healed by
itself."""

from __future__ import annotations

import asyncio

from esteio.core.model.ids import ServerName
from esteio.sim.lab import Lab
from esteio.sim.providers.evolution.instance import EvolutionInstance
from esteio.sim.providers.wapi.instance import WapiInstance
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.healing import heal
from tests.narrowing import of_type
from tests.sim.ghost_stage import (
    OTHER,
    WELL,
    harmless,
    is_told,
    linked,
    neighbour,
    play,
    rungs,
    said,
    told,
    until_because,
)
from tests.sim.seed_stage import CUSTOMER, PHONE, calls


async def _back(lab: Lab, within_s: float = 200) -> None:
    await lab.until_state("loja", "connected", within_s)
    await asyncio.sleep(2)  # a provider's clock knows seconds only
    lab.world.contact_sends(PHONE, CUSTOMER, "e agora?")
    await lab.send("loja", OTHER, "de volta")
    await asyncio.sleep(100)
    await is_told(lab, *WELL)


# -- G1: stale registry --------------------------------------------------------------------------------------------


def test_a_stale_registry_is_connected_and_nothing_else() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        chatter = await neighbour(lab)
        inject(lab.world, "prov", "loja", Fault("stale_registry"))
        took = await until_because(lab, "closed", 45)
        assert took <= 35
        await is_told(lab, "connecting", "closed", "no", "no", "held")
        await _back(lab)
        assert set(await rungs(lab)) == {"connect"}
        harmless(lab, "connect")
        assert lab.told.phases() == [], "shorter than a notice is worth"
        chatter.cancel()

    play(story)


def test_a_stale_registry_of_a_line_that_nobody_could_hear_reconnect_is_connected_after_ten_minutes() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("stale_registry"))
        began = lab.world.now()
        await until_because(lab, "closed", 45)
        assert await lab.until_state("loja", "connected", 720) > 600
        assert lab.world.now() - began < 700
        assert await rungs(lab) == ["connect"]
        harmless(lab, "connect")

    play(story)


def test_a_registry_that_says_close_of_a_living_line_makes_us_look_and_changes_nothing() -> None:
    async def story(lab: Lab) -> None:
        line = of_type(EvolutionInstance, await linked(lab))
        await asyncio.sleep(60)
        session = await lab.session("loja")
        line.db_state = "close"
        await asyncio.sleep(33)
        judged = lab.gateway.memory.peek(session.id)
        assert judged is not None
        assert judged.facts.listed == "closed"
        assert 0 <= judged.facts.looked_at - judged.facts.listed_since < 1, "at once"
        await asyncio.sleep(300)
        judged = lab.gateway.memory.peek(session.id)
        assert judged is not None
        assert lab.world.now() - judged.facts.listed_at > 290, "and told only once"
        await is_told(lab, *WELL)
        harmless(lab)

    play(story)


def test_a_registry_that_was_behind_for_a_moment_needs_no_hand() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("stale_registry"))
        heal(lab.world, "prov", "loja")
        await asyncio.sleep(300)
        await is_told(lab, *WELL)
        assert (await rungs(lab), lab.told.phases()) == ([], [])
        harmless(lab)

    play(story)


def test_a_connect_whose_open_waits_in_a_queue_that_stands_still_is_not_made_again() -> None:
    """Storm seed 5044: three more connects threw out the socket that the first had opened; when the queue moved again
    each of their closes was followed by a reconnect, and they threw each other out for ever."""

    async def story(lab: Lab) -> None:
        await linked(lab)
        chatter = await neighbour(lab)
        inject(lab.world, "prov", "loja", Fault("stale_registry"))
        inject(lab.world, "prov", "loja", Fault("stalled", socket="alive", for_s=400))
        await until_because(lab, "closed", 45)
        await lab.until_state("loja", "connected", 60)
        await lab.send("loja", OTHER, "de volta")
        await asyncio.sleep(100)
        truth = lab.world.truth("prov", "loja")
        assert (truth.claim, truth.alive) == ("close", True), "its memory knows nothing of it yet"
        assert lab.texts_delivered(OTHER) == ["de volta"]
        await asyncio.sleep(300)
        lab.world.contact_sends(PHONE, CUSTOMER, "e agora?")
        await asyncio.sleep(100)
        await is_told(lab, *WELL)
        assert await rungs(lab) == ["connect"]
        harmless(lab, "connect")
        chatter.cancel()

    play(story)


def test_a_closed_line_behind_a_memory_that_stands_still_is_restarted_once() -> None:
    """Storm seed 8056: four more restarts at W-API made a socket each; when its events moved again they threw each
    other out for ever, and fifteen messages that were taken in between never left."""

    async def story(lab: Lab) -> None:
        await linked(lab, "wapi")
        inject(lab.world, "prov", "loja", Fault("drop"))
        await asyncio.sleep(0.1)
        inject(lab.world, "prov", "loja", Fault("stalled", socket="alive", for_s=1500))
        await until_because(lab, "closed-for-good", 200)
        await asyncio.sleep(1700)
        assert await rungs(lab) == ["restart"]
        assert lab.world.ledger.duels == []
        lab.world.contact_sends(PHONE, CUSTOMER, "e agora?")
        await lab.send("loja", OTHER, "de volta")
        await asyncio.sleep(60)
        await is_told(lab, *WELL)
        assert lab.texts_delivered(OTHER) == ["de volta"]
        harmless(lab, "restart")

    play(story)


# -- G2: dead socket, memory says open -----------------------------------------------------------------------------


def test_a_ghost_is_restarted_and_what_waited_goes_once() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("ghost"))
        held = await lab.send("loja", OTHER, "espera")
        assert await until_because(lab, "ghost-socket", 10) <= 5
        await is_told(lab, "connecting", "ghost-socket", "no", "no", "held")
        await _back(lab)
        assert await rungs(lab) == ["restart"]
        assert (await lab.message(held)).state == "delivered"
        assert lab.texts_delivered(OTHER) == ["espera", "de volta"]
        harmless(lab, "restart")

    play(story)


def test_a_ghost_at_w_api_that_nobody_writes_to_is_found_by_a_question() -> None:
    """Its state says open and no socket can be probed there; a dead socket cannot say whether a number exists."""

    async def story(lab: Lab) -> None:
        await linked(lab, "wapi")
        inject(lab.world, "prov", "loja", Fault("ghost"))
        assert await until_because(lab, "ghost-socket", 700) <= 640
        await _back(lab)
        assert await rungs(lab) == ["restart"]
        harmless(lab, "restart")

    play(story)


def test_a_ghost_at_a_baileys_server_is_found_too_and_its_server_s_restart_proposed() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, "baileys")
        inject(lab.world, "prov", "loja", Fault("ghost"))
        await until_because(lab, "ghost-needs-server-restart", 700)
        await asyncio.sleep(600)
        assert (await said(lab, "outage-started"), await said(lab, "outage-ended")) == (1, 0)
        assert (await said(lab, "server-restart-proposed"), await said(lab, "approval-asked")) == (1, 0)
        assert set(await rungs(lab)) == {"connect"}
        inject(lab.world, "prov", None, Fault("server_boot", down_s=6, boot_s=10))
        await asyncio.sleep(300)
        assert (await lab.session("loja")).state == "connected"
        await lab.send("loja", OTHER, "de volta")
        await asyncio.sleep(10)
        assert lab.texts_delivered(OTHER) == ["de volta"]
        harmless(lab, "create")

    play(story)


def test_where_numbers_are_answered_from_a_cache_an_answer_heals_nothing_and_a_send_tells() -> None:
    async def story(lab: Lab) -> None:
        line = of_type(WapiInstance, await linked(lab, "wapi"))
        line.habits.remembers_numbers = True
        inject(lab.world, "prov", "loja", Fault("ghost"))
        await asyncio.sleep(2000)
        assert (await lab.session("loja")).reason.code == "live"
        assert await said(lab, "question_asked") > 0
        await lab.send("loja", OTHER, "alguém aí?")
        await asyncio.sleep(60)
        assert lab.texts_delivered(OTHER) == ["alguém aí?"]
        assert await rungs(lab) == ["restart"]
        harmless(lab, "restart")

    play(story)


def test_a_ghost_that_no_restart_reaches_is_proposed_by_name_and_told_once() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("ghost", variant="restart_noop"))
        await until_because(lab, "ghost-needs-server-restart", 200)
        await asyncio.sleep(600)
        await is_told(lab, "disconnected", "ghost-needs-server-restart", "no", "no", "held")
        assert await said(lab, "server-restart-proposed") == 1
        assert lab.told.phases("loja") == ["opened"]
        harmless(lab, "restart")

    play(story)


def test_one_refused_send_that_heals_by_itself_is_a_hiccup() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("drop"))
        sent = await lab.send("loja", OTHER, "soluço")
        await asyncio.sleep(60)
        assert (await lab.message(sent)).state == "delivered"
        await is_told(lab, *WELL)
        assert (await rungs(lab), lab.told.phases()) == ([], [])
        harmless(lab)

    play(story)


def test_sends_that_hung_in_a_half_open_socket_say_nothing_of_the_one_that_came_after() -> None:
    """Storm seed 7668: they are refused a minute later, when the line had been up again for long."""

    async def story(lab: Lab) -> None:
        await linked(lab, "wapi")
        inject(lab.world, "prov", "loja", Fault("half_open", notice_s=35))
        await asyncio.sleep(2)
        for contact in (CUSTOMER, OTHER):
            await lab.send("loja", contact, "sem resposta")
            await asyncio.sleep(5)
        await asyncio.sleep(32)
        lab.world.contact_sends(PHONE, CUSTOMER, "e agora?")
        await asyncio.sleep(120)
        assert [lab.texts_delivered(one) for one in (CUSTOMER, OTHER)] == [["sem resposta"]] * 2
        assert await said(lab, "send_closed") == 2
        doubts = [entry for entry in await lab.timeline("loja") if entry.args.get("because") == "suspect"]
        assert len(doubts) <= 1, "the fall's own, and no more"
        harmless(lab, "restart")

    play(story)


# -- G3: flaps, and the twin ---------------------------------------------------------------------------------------


def test_a_flapping_line_is_left_to_settle_and_settles() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("flap", for_s=120))
        await until_because(lab, "flapping", 60)
        await is_told(lab, "connecting", "flapping", "no", "no", "held")
        await _back(lab, 300)
        assert await rungs(lab) == []
        assert lab.told.phases("loja") == ["opened", "closed"]
        harmless(lab)

    play(story)


def test_a_line_that_only_tells_of_opens_flaps_as_well_and_holds_what_would_not_leave() -> None:
    """W-API tells of no `connecting`. In each moment that it is up it takes messages, which may never leave."""

    async def story(lab: Lab) -> None:
        await linked(lab, "wapi")
        inject(lab.world, "prov", "loja", Fault("replaced", for_s=300))
        await until_because(lab, "flapping", 60)
        before = await rungs(lab)
        for number in range(20):
            await lab.send("loja", OTHER, f"{number}")
            await asyncio.sleep(5)
        await is_told(lab, "connecting", "flapping", "no", "no", "held")
        assert lab.texts_delivered(OTHER) == []
        await lab.until_state("loja", "connected", 400)
        await asyncio.sleep(120)
        assert lab.texts_delivered(OTHER) == [f"{number}" for number in range(20)]
        assert await rungs(lab) == before

    play(story)


def test_a_twin_is_named_and_never_fought() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("replaced", for_s=120))
        began = lab.world.now()
        seen = set()
        while lab.world.now() < began + 120:
            seen.add((await told(lab))["because"])
            await asyncio.sleep(2)
        assert seen & {"flapping", "replaced"}
        await _back(lab, 300)
        assert await rungs(lab) == []
        assert (calls(lab, "loja"), lab.world.ledger.unlinks) == ([], []), "the twin is not fought"

    play(story)


def test_three_drops_in_a_row_are_no_flap() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        for _ in range(3):
            inject(lab.world, "prov", "loja", Fault("drop"))
            await asyncio.sleep(5)
        await asyncio.sleep(60)
        await is_told(lab, *WELL)
        assert (await rungs(lab), await said(lab, "outage-started"), lab.told.phases()) == ([], 0, [])
        harmless(lab)

    play(story)


# -- G8: the server ------------------------------------------------------------------------------------------------


def test_a_server_that_is_away_is_one_incident_and_no_session_is_touched() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", None, Fault("server_down", for_s=200))
        await until_because(lab, "server-down", 60)
        await is_told(lab, "connecting", "server-down", "no", "no", "held")
        await asyncio.sleep(120)
        assert await rungs(lab) == []
        await lab.until_state("loja", "connected", 400)
        await asyncio.sleep(300)
        assert (await lab.session("loja")).state == "connected"
        assert lab.told.phases() == ["opened", "closed"]
        harmless(lab, "connect", "restart")

    play(story)


def test_a_licence_wall_speaks_of_the_server_alone() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", None, Fault("licence_wall", for_s=300))
        await until_because(lab, "server-wall", 60)
        await is_told(lab, "connecting", "server-wall", "no", "no", "held")
        await asyncio.sleep(100)
        stored = await lab.store.servers.get(ServerName("prov"))
        assert stored is not None
        assert stored.server.health == "wall"
        await _back(lab, 400)
        harmless(lab)

    play(story)


def test_a_proxys_page_and_a_slow_server_are_no_fall() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", None, Fault("html_404", for_s=60))
        await asyncio.sleep(120)
        inject(lab.world, "prov", None, Fault("slow", seconds=(2.0, 5.0), for_s=60))
        await asyncio.sleep(120)
        await is_told(lab, *WELL)
        assert (await rungs(lab), await said(lab, "outage-started"), lab.told.phases()) == ([], 0, [])
        harmless(lab)

    play(story)


def test_a_server_that_is_back_by_itself_takes_its_lines_along() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", None, Fault("server_boot", down_s=6, boot_s=10))
        held = await lab.send("loja", OTHER, "no meio")
        await asyncio.sleep(120)
        assert (await lab.message(held)).state == "delivered"
        assert lab.texts_delivered(OTHER) == ["no meio"]
        await _back(lab)
        assert (await rungs(lab), lab.told.phases()) == ([], [])
        harmless(lab)

    play(story)
