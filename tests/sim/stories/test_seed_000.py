"""Seed 000: a session is created for real: row first, provider awaited for at most 8 s, refusal and result are told."""

from __future__ import annotations

import asyncio

import pytest

from esteio.engine.commands.requests import SessionRequest
from esteio.engine.errors import CommandError
from esteio.engine.key_scope import EVERYTHING
from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from tests.sim.seed_stage import calls, play, seconds

BOTH = pytest.mark.parametrize("policy", ["default", "seeds"])
KINDS = pytest.mark.parametrize("kind", ["evolution", "baileys", "wapi"])


@BOTH
@KINDS
def test_the_qr_shows_by_itself_within_seconds_and_a_scan_connects(policy: str, kind: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("srv", kind)
        began = seconds(lab)
        opened = await lab.create("srv", "nova", policy=policy)
        assert opened.session.state in ("connecting", "awaiting_qr")

        async def shown() -> bool:
            return await lab.commands.pairing.current_qr(await lab.session("nova")) is not None

        await lab.until(shown, 10)
        assert seconds(lab) - began < 10
        assert (await lab.session("nova")).state == "awaiting_qr"
        await lab.scan("srv", "nova", "5511999990001")
        await lab.until_state("nova", "connected", 30)
        assert (await lab.session("nova")).phone == "5511999990001"
        assert await lab.commands.pairing.current_qr(await lab.session("nova")) is None
        assert [verb for _, verb in calls(lab, "nova", "logout", "delete")] == []
        assert lab.told.notices == []

    play(story)


@BOTH
def test_the_row_is_first_and_a_slow_provider_is_awaited_eight_seconds(policy: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("srv", "baileys")
        inject(lab.world, "srv", None, Fault("slow", seconds=(20.0, 20.0), verbs="control"))
        task = asyncio.get_running_loop().create_task(lab.create("srv", "nova", policy=policy))
        await asyncio.sleep(0.5)
        assert (await lab.session("nova")).state == "connecting", "the row is there before the provider has answered"
        opened = await task
        assert seconds(lab) == pytest.approx(8, abs=0.3)
        assert (opened.session.state, opened.session.reason.code) == ("connecting", "provider-slow")
        await lab.until_state("nova", "awaiting_qr", 60)

    play(story)


@BOTH
def test_a_refusal_is_an_error_with_the_providers_words_and_stands_in_the_timeline(policy: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("srv", "wapi")
        ask = SessionRequest("nova", "srv", None, {"instance_id": "LITE-000000-000000", "token": "wrong-token"}, policy)
        opened = await lab.commands.sessions.create(ask, "lab")
        assert (opened.session.state, opened.session.reason.code) == ("error", "provider-refused")
        assert opened.session.reason.args["detail"]
        lines = await lab.timeline("nova")
        assert next(e.code for e in lines if e.kind == "evidence") == "created"
        answered = [e for e in lines if e.code == "act_answered"]
        assert answered[0].args["answer"] == "no"

    play(story)


@BOTH
def test_start_and_result_are_always_told(policy: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("srv", "baileys")
        await lab.create("srv", "nova", policy=policy)
        codes = [e.code for e in await lab.timeline("nova")]
        assert codes.index("created") < codes.index("act_answered")

    play(story)


@BOTH
def test_server_health_and_number_of_sessions_are_visible(policy: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("srv", "baileys")
        for i in range(3):
            await lab.create("srv", f"nova{i}", policy=policy)
        await asyncio.sleep(40)
        server = (await lab.commands.lookup.server("srv", EVERYTHING)).server
        assert (server.health, server.sessions_at_server) == ("up", 3)

    play(story)


@BOTH
def test_the_same_name_twice_is_refused_and_nothing_is_half_done(policy: str) -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("srv", "baileys")
        await lab.create("srv", "nova", policy=policy)
        with pytest.raises(CommandError):
            await lab.create("srv", "nova", policy=policy)
        assert [verb for _, verb in calls(lab, "nova", "create")] == ["create"]

    play(story)
