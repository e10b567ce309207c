"""Seed 002: after a server restart an empty QR answer is no corruption; three levels, each told, in their times."""

from __future__ import annotations

import asyncio

import pytest

from esteio.engine.commands.requests import PairRequest
from esteio.sim.lab import Lab
from esteio.sim.providers.evolution.instance import EvolutionInstance
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.healing import heal
from tests.narrowing import of_type
from tests.sim.seed_stage import acts, calls, gaps, play, seconds

NAMES = ("a", "b", "c", "d")


async def _fleet(lab: Lab, policy: str, names: tuple[str, ...] = NAMES) -> None:
    await lab.add_server("evo")
    for i, name in enumerate(names):
        await lab.adopt("evo", name, f"551199999000{i}", policy=policy)
    await asyncio.sleep(60)


async def _chatter(lab: Lab, name: str) -> None:
    while True:
        lab.world.contact_sends(lab.world.line("evo", name).link.number, "5511977778888", "oi")  # type: ignore[union-attr]
        await asyncio.sleep(2)


def test_default_lets_a_restarting_server_come_back_and_destroys_nothing() -> None:
    async def story(lab: Lab) -> None:
        await _fleet(lab, "default")
        inject(lab.world, "evo", None, Fault("server_boot", down_s=4, boot_s=30, flap_s=90))
        await asyncio.sleep(400)
        for name in NAMES:
            assert (await lab.session(name)).state == "connected"
            assert calls(lab, name, "logout", "delete", "create") == []
        assert lab.world.ledger.unlinks == []
        assert lab.world.ledger.duels == []
        assert lab.told.phases().count("opened") <= 1, "a boot is one incident at most"

    play(story)


def test_default_inside_boot_grace_level_one_is_connect_three_times_five_seconds_apart() -> None:
    async def story(lab: Lab) -> None:
        await _fleet(lab, "default", ("a", "b"))
        of_type(EvolutionInstance, lab.world.line("evo", "a")).db_state = "close"
        inject(lab.world, "evo", None, Fault("server_boot", down_s=4, boot_s=1, flap_s=0))
        inject(lab.world, "evo", None, Fault("lost_response", count=2, verbs="control", happens=False, how="cut"))
        # What another line hears tells that a reconnect of this one would be heard.
        chatter = asyncio.create_task(_chatter(lab, "b"))
        await lab.until_state("a", "connecting", 40)
        await lab.until_state("a", "connected", 60)
        begun = [act for act in await acts(lab, "a") if act[1] == "connect"]
        assert len(begun) == 3
        assert all(4 <= gap <= 11 for gap in gaps(begun)), begun
        assert {rung for _, rung in await acts(lab, "a")} <= {"connect", "set_webhook"}
        assert lab.world.ledger.duels == []
        chatter.cancel()

    play(story)


def test_seeds_climbs_the_three_levels_by_itself_for_who_asks_for_a_code_each_told_in_its_time() -> None:
    async def story(lab: Lab) -> None:
        await _fleet(lab, "seeds", ("a",))
        inject(lab.world, "evo", None, Fault("network", road="blackhole", cut=True))
        await lab.until_state("a", "connecting", 60)
        began = seconds(lab)
        await lab.commands.pairing.pair("a", PairRequest(wait_s=0), "lab")
        await asyncio.sleep(400)
        begun = [(round(t - began, 1), rung) for t, rung in await acts(lab, "a") if t > began]
        rungs = [rung for _, rung in begun]
        level_one = rungs.index("logout")
        assert rungs[:level_one] == ["connect"] * 3
        assert all(gap == pytest.approx(5, abs=1.5) for gap in gaps(begun[:level_one])), begun
        assert rungs[level_one + 1 : level_one + 3] == ["connect"] * 2
        assert rungs[level_one + 3] == "recreate"
        assert "delete" in [verb for _, verb in calls(lab, "a")]
        told = [e.args["rung"] for e in await lab.timeline("a") if e.kind == "act" and e.code == "begin"]
        assert told[-len(rungs) :] == rungs, "each level is told"

    play(story)


def test_seeds_without_anybody_who_asks_for_a_code_restarts_once_connects_and_destroys_nothing() -> None:
    """E14: 002's levels begin with a request for a QR. A line that is stuck connecting is healed by 003's restart."""

    async def story(lab: Lab) -> None:
        await _fleet(lab, "seeds", ("a",))
        inject(lab.world, "evo", "a", Fault("stuck_connecting"))
        await lab.until_state("a", "connecting", 90)
        await lab.until_state("a", "connected", 120)
        assert calls(lab, "a", "logout", "delete") == []
        assert [verb for _, verb in calls(lab, "a", "restart")] == ["restart"]
        inject(lab.world, "evo", None, Fault("network", road="blackhole", cut=True))
        await asyncio.sleep(900)
        assert calls(lab, "a", "logout", "delete") == []
        heal(lab.world, "evo")

    play(story)


def test_seeds_common_case_takes_about_thirty_seconds() -> None:
    async def story(lab: Lab) -> None:
        await _fleet(lab, "seeds", ("a",))
        inject(lab.world, "evo", "a", Fault("stale_registry"))
        began = seconds(lab)
        await lab.until_state("a", "connecting", 60)
        await lab.until_state("a", "connected", 60)
        assert seconds(lab) - began <= 60
        assert calls(lab, "a", "logout", "delete") == []

    play(story)


@pytest.mark.parametrize("policy", ["default", "seeds"])
def test_count_zero_means_not_yet(policy: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("evo")
        inject(lab.world, "evo", None, Fault("network", road="blackhole"))
        await lab.create("evo", "nova", policy=policy)
        await asyncio.sleep(14 if policy == "seeds" else 60)
        assert (await lab.session("nova")).state == "connecting"
        assert calls(lab, "nova", "logout", "delete") == []
        heal(lab.world, "evo")
        await lab.until_state("nova", "awaiting_qr", 120)

    play(story)


@pytest.mark.parametrize("policy", ["default"])
def test_an_unknown_state_is_looked_at_again_and_never_acted_on(policy: str) -> None:
    async def story(lab: Lab) -> None:
        await _fleet(lab, policy, ("a",))
        inject(lab.world, "evo", None, Fault("html_404", for_s=120))
        await asyncio.sleep(300)
        assert calls(lab, "a", "connect", "restart", "logout", "delete") == []
        assert (await lab.session("a")).state == "connected"

    play(story)
