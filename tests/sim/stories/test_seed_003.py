"""Seed 003: W-API says nothing when it falls; looking finds it, one restart, 30 minutes' pause, one notice per fall."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.healing import heal
from tests.sim.seed_stage import CUSTOMER, PHONE, acts, calls, gaps, play, seconds, states

BOTH = pytest.mark.parametrize("policy", ["default", "seeds"])


async def _line(lab: Lab, policy: str) -> None:
    await lab.add_server("wapi", "wapi")
    await lab.adopt("wapi", "loja", PHONE, policy=policy)
    await asyncio.sleep(60)


def _fall(lab: Lab) -> None:
    """Down, and it stays so until the road is free again and somebody restarts; no webhook tells of it."""
    inject(lab.world, "wapi", None, Fault("webhook_lost"))
    inject(lab.world, "wapi", None, Fault("network", road="refused"))
    inject(lab.world, "wapi", "loja", Fault("stale_registry"))


@BOTH
def test_a_silent_fall_is_found_by_looking_and_one_restart_is_tried(policy: str) -> None:
    async def story(lab: Lab) -> None:
        await _line(lab, policy)
        _fall(lab)
        began = seconds(lab)
        lab.world.later(20, heal, lab.world, "wapi", None, "network")
        await lab.until_state("loja", "connecting", 45)
        await lab.until_state("loja", "connected", 3600)
        assert [verb for _, verb in calls(lab, "loja") if verb == "restart"]
        assert calls(lab, "loja", "logout", "delete") == []
        assert seconds(lab) - began < 2100

    play(story)


def test_seeds_waits_thirty_minutes_between_restarts() -> None:
    async def story(lab: Lab) -> None:
        await _line(lab, "seeds")
        _fall(lab)
        await asyncio.sleep(3 * 3600)
        restarts = calls(lab, "loja", "restart")
        assert len(restarts) >= 3
        assert min(gaps(restarts)) >= 1800
        session = await lab.session("loja")
        assert session.recovery.last_restart_at is not None

    play(story)


def test_default_doubles_its_pause_from_one_minute_to_thirty() -> None:
    async def story(lab: Lab) -> None:
        await _line(lab, "default")
        _fall(lab)
        await asyncio.sleep(6 * 3600)
        pauses = gaps(calls(lab, "loja", "restart"))
        assert pauses[0] >= 60
        assert all(b >= a * 0.9 for a, b in itertools.pairwise(pauses)), pauses
        assert max(pauses) >= 1800

    play(story, limit_s=40_000)


@BOTH
def test_a_message_coming_in_restores_at_once(policy: str) -> None:
    async def story(lab: Lab) -> None:
        await _line(lab, policy)
        inject(lab.world, "wapi", None, Fault("errors_5xx", rate=1.0, verbs="all"))
        await asyncio.sleep(90)
        assert (await lab.session("loja")).state != "connected"
        heal(lab.world, "wapi")
        lab.world.contact_sends(PHONE, CUSTOMER, "alguém aí?")
        took = await lab.until_state("loja", "connected", 30)
        assert took < 15

    play(story)


def test_default_holds_a_message_while_down_and_sends_it_once_afterwards() -> None:
    async def story(lab: Lab) -> None:
        await _line(lab, "default")
        _fall(lab)
        await lab.until_state("loja", "connecting", 45)
        message = await lab.send("loja", CUSTOMER, "guardada")
        assert (await lab.message(message)).state == "held"
        heal(lab.world, "wapi")
        await lab.until_state("loja", "connected", 3600)
        await asyncio.sleep(30)
        assert lab.texts_delivered(CUSTOMER) == ["guardada"]

    play(story)


def test_seeds_asks_first_and_fails_with_the_seeds_sentence() -> None:
    async def story(lab: Lab) -> None:
        await _line(lab, "seeds")
        _fall(lab)
        await lab.until_state("loja", "connecting", 45)
        message = await lab.send("loja", CUSTOMER, "não vai")
        await asyncio.sleep(10)
        found = await lab.message(message)
        assert (found.state, found.reason.code if found.reason else "") == ("failed", "session-down")
        assert lab.texts_delivered(CUSTOMER) == []

    play(story)


@BOTH
def test_people_are_told_once_per_fall_and_once_when_it_is_over(policy: str) -> None:
    async def story(lab: Lab) -> None:
        await _line(lab, policy)
        _fall(lab)
        await asyncio.sleep(1500)
        assert lab.told.phases("loja") == ["opened"]
        heal(lab.world, "wapi")
        await lab.until_state("loja", "connected", 4000)
        await asyncio.sleep(60)
        assert lab.told.phases("loja") == ["opened", "closed"]

    play(story)


@BOTH
def test_a_fall_shorter_than_notify_after_makes_no_notice(policy: str) -> None:
    async def story(lab: Lab) -> None:
        await _line(lab, policy)
        inject(lab.world, "wapi", "loja", Fault("stale_registry"))
        await asyncio.sleep(300)
        assert (await states(lab, "loja"))[-1] == "connected"
        assert lab.told.phases("loja") in ([], ["opened", "closed"])
        begun = [rung for _, rung in await acts(lab, "loja") if rung != "set_webhook"]
        assert begun == ["restart"]

    play(story)
