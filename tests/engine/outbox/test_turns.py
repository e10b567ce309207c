"""Whose turn it is: priority, age, pace and the ramp after a recovery; expiry, cancel and retry on the way."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from esteio.engine.commands.requests import LimitsChange, ServerChange
from esteio.engine.errors import CommandError
from esteio.engine.outbox import dispatch, rate_limit
from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from tests.engine.engine_stage import (
    CUSTOMER,
    OTHER,
    PHONE,
    Restarts,
    event_types,
    linked,
    outcomes,
    play,
    play_restarts,
    until_message,
)


def _stranger(number: int) -> str:
    return f"5511{900000000 + number}"


async def _bulk(lab: Lab, count: int, **more: object) -> list[str]:
    return [await lab.send("loja", _stranger(i), f"campanha {i}", **more) for i in range(count)]


def test_a_one_time_code_does_not_wait_behind_five_thousand() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("slow", seconds=(2.0, 3.0), verbs="send"))
        await lab.commands.operator_actions.pause("loja", "lab")
        await _bulk(lab, 5000)
        await lab.commands.operator_actions.resume("loja", "lab")
        await asyncio.sleep(120)
        busy = len(lab.world.ledger.delivered)
        assert busy > 20
        code = await lab.send("loja", CUSTOMER, "seu código: 4711", priority=9)
        took = await until_message(lab, code, "sent", "delivered", "read", within_s=60)
        assert took < 5
        assert len(lab.world.ledger.delivered) - busy < 20

    play(story)


def test_a_code_goes_beside_a_session_that_is_full() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("slow", seconds=(20.0, 20.0), verbs="send"))
        await _bulk(lab, 20)
        await asyncio.sleep(5)
        codes = [await lab.send("loja", to, "código", priority=9) for to in (CUSTOMER, OTHER)]
        await asyncio.sleep(0.5)
        assert [(await lab.message(one)).state for one in codes] == ["sending", "queued"]

    play(story)


def test_an_aged_bulk_stays_behind_a_code_and_patient_ones_are_not_starved() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("slow", seconds=(1.0, 1.0), verbs="send"))
        patient = [await lab.send("loja", f"55118888800{i:02}", "sem pressa", priority=0) for i in range(5)]
        for i in range(300):
            await lab.send("loja", _stranger(i), f"fluxo {i}", priority=7)
        for i in range(300, 500):
            await lab.send("loja", _stranger(i), f"fluxo {i}", priority=7)
            await asyncio.sleep(0.25)
        for one in patient:
            assert (await lab.message(one)).state in ("sent", "delivered", "read")
        code = await lab.send("loja", CUSTOMER, "código", priority=9)
        assert await until_message(lab, code, "sent", "delivered", "read", within_s=60) < 4

    play(story)


def test_a_pace_is_kept_over_minutes_and_a_code_goes_anyway() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await _bulk(lab, 100)
        await asyncio.sleep(180)
        sent = len(lab.world.ledger.delivered)
        assert 34 <= sent <= 38, sent
        times = [one.at for one in lab.world.ledger.delivered]
        assert min(b - a for a, b in pairwise(times)) > 3
        code = await lab.send("loja", CUSTOMER, "código", priority=9)
        assert await until_message(lab, code, "sent", "delivered", "read", within_s=60) < 2
        await asyncio.sleep(600)
        assert len(lab.world.ledger.delivered) == 101

    play(story, settings={"policy": {"default": {"sends_per_minute": 12}}})


def test_a_servers_pace_is_shared_by_its_sessions_in_turn() -> None:
    """One client's bulk of an hour does not keep another client's message waiting, and a code waits for nobody."""

    async def story(lab: Lab) -> None:
        await linked(lab)
        await lab.adopt("prov", "vizinha", "5511999990002")
        await asyncio.sleep(40)
        await _bulk(lab, 100)
        await asyncio.sleep(60)
        mine = [await lab.send("vizinha", _stranger(500 + i), f"oi {i}") for i in range(6)]
        assert await until_message(lab, mine[-1], "sent", "delivered", "read", within_s=120) < 90
        times = [one.at for one in lab.world.ledger.delivered]
        assert min(b - a for a, b in pairwise(times)) > 3
        code = await lab.send("vizinha", CUSTOMER, "código", priority=9)
        assert await until_message(lab, code, "sent", "delivered", "read", within_s=60) < 2
        await asyncio.sleep(600)
        assert len(lab.world.ledger.delivered) == 107

    play(story, settings={"policy": {"default": {"server_sends_per_minute": 12}}})


def test_a_servers_own_pace_goes_before_the_policys_and_counts_at_once() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await _bulk(lab, 200)
        await asyncio.sleep(60)
        sent = len(lab.world.ledger.delivered)
        assert 10 <= sent <= 14
        own = LimitsChange(sends_per_minute=120, sends_burst=5)
        changed = await lab.commands.servers.change("prov", ServerChange(limits=own))
        assert (changed.server.limits.sends_per_minute, changed.server.limits.sends_burst) == (120, 5)
        await asyncio.sleep(20)
        assert 36 <= len(lab.world.ledger.delivered) - sent <= 46
        await lab.commands.servers.change("prov", ServerChange(limits=LimitsChange(sends_per_minute=0)))
        await asyncio.sleep(15)
        assert len(lab.world.ledger.delivered) == 200

    play(story, settings={"policy": {"default": {"server_sends_per_minute": 12}}})


def test_after_a_quiet_time_as_many_go_at_once_as_the_burst_says() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await asyncio.sleep(120)
        begun = lab.world.now()
        await _bulk(lab, 40)
        await asyncio.sleep(60)
        times = [one.at - begun for one in lab.world.ledger.delivered]
        at_once = sum(1 for at in times if at < 4)
        assert 9 <= at_once <= 11, times
        assert 20 <= len(times) <= 23

    burst = {"sends_per_minute": 12, "sends_burst": 10, "sends_in_flight": 99}
    play(story, settings={"policy": {"default": burst}})


def test_a_restart_of_ours_lets_no_burst_through(tmp_path: Path) -> None:
    async def story(run: Restarts) -> None:
        await linked(run.lab)
        own = LimitsChange(sends_per_minute=12, sends_burst=30)
        await run.lab.commands.servers.change("prov", ServerChange(limits=own))
        await _bulk(run.lab, 60)
        await asyncio.sleep(32)
        sent = len(run.world.ledger.delivered)
        await run.crash()
        await run.begin()
        await asyncio.sleep(29)
        assert 5 <= len(run.world.ledger.delivered) - sent <= 7

    play_restarts(story, tmp_path / "esteio.db")


def test_after_a_recovery_sends_come_back_gently() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("slow", seconds=(0.9, 1.1), verbs="send"))
        inject(lab.world, "prov", "loja", Fault("drop", down_s=90))
        await _bulk(lab, 400)
        await lab.until_state("loja", "connecting", 60)
        await lab.until_state("loja", "connected", 600)
        begun = lab.world.now()
        await asyncio.sleep(150)
        times = [one.at - begun for one in lab.world.ledger.delivered if one.at >= begun]
        first, later = sum(1 for t in times if t < 20), sum(1 for t in times if 60 <= t < 80)
        assert first <= 30 < 60 <= later, (first, later)

    play(story)


def test_one_sessions_bulk_leaves_the_others_alone() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await lab.adopt("prov", "vizinha", "5511999990002")
        await asyncio.sleep(40)
        inject(lab.world, "prov", "loja", Fault("slow", seconds=(5.0, 5.0), verbs="send"))
        await _bulk(lab, 500)
        await asyncio.sleep(10)
        message = await lab.send("vizinha", OTHER, "oi")
        assert await until_message(lab, message, "sent", "delivered", "read", within_s=60) < 2

    play(story)


def test_what_may_not_wait_expires_and_says_so_once() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await lab.commands.operator_actions.pause("loja", "lab")
        short = await lab.send("loja", CUSTOMER, "vale um minuto", expires_in_s=60)
        long = await lab.send("loja", CUSTOMER, "pode esperar")
        await asyncio.sleep(120)
        await lab.commands.operator_actions.resume("loja", "lab")
        await until_message(lab, long, "delivered", "read", within_s=60)
        assert (await lab.message(short)).state == "expired"
        assert lab.texts_delivered(CUSTOMER) == ["pode esperar"]
        moved = [e.data["state"] for e in await event_types(lab, "message.state_changed") if e.data["id"] == short]
        assert moved == ["expired"]

    play(story)


def test_cancelled_is_not_sent_and_a_retry_puts_it_back_in_its_place() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await lab.commands.operator_actions.pause("loja", "lab")
        first = await lab.send("loja", CUSTOMER, "um")
        second = await lab.send("loja", CUSTOMER, "dois")
        await lab.commands.messages.cancel(first)
        await lab.commands.operator_actions.resume("loja", "lab")
        await until_message(lab, second, "delivered", "read", within_s=60)
        assert lab.texts_delivered(CUSTOMER) == ["dois"]
        await lab.commands.messages.retry(first)
        await until_message(lab, first, "delivered", "read", within_s=60)
        assert lab.texts_delivered(CUSTOMER) == ["dois", "um"]
        assert await outcomes(lab, first) == ["accepted"]

    play(story)


def test_what_was_sent_cannot_be_cancelled_or_sent_again_by_retry() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        message = await lab.send("loja", PHONE[:-1] + "9", "foi")
        await until_message(lab, message, "sent", "delivered", within_s=60)
        for command in (lab.commands.messages.cancel, lab.commands.messages.retry):
            with pytest.raises(CommandError, match="wrong-state"):
                await command(message)
        await asyncio.sleep(60)
        assert (await lab.message(message)).attempts == 1

    play(story)


def test_a_server_that_hangs_does_not_take_the_places_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "SENDS_AT_ONCE", 20)
    monkeypatch.setattr(rate_limit, "AT_SERVER", 16)

    async def story(lab: Lab) -> None:
        await linked(lab)
        await lab.add_server("hangs")
        for n in range(6):
            await lab.adopt("hangs", f"s{n}", f"55119777000{n:02}")
            await lab.until_state(f"s{n}", "connected", 60)
        inject(lab.world, "hangs", None, Fault("slow", seconds=(60.0, 60.0), verbs="send"))
        for n in range(6):
            for chat in range(4):
                await lab.send(f"s{n}", _stranger(chat), "campanha")
        await asyncio.sleep(5)
        message = await lab.send("loja", CUSTOMER, "seu pedido saiu")
        assert await until_message(lab, message, "sent", "delivered", "read", within_s=40) < 3

    play(story)
