"""In doubt, end to end: what may have left is looked for, resolved by echo or by the provider's list, never doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from esteio.core.messages.outbox import LOOK_NOW_S
from esteio.core.model.ids import MessageId
from esteio.engine.runtime.worker import LOOKS_APART_S
from esteio.providers.base import HttpRequest, HttpResponse
from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from tests.engine.engine_stage import CUSTOMER, OTHER, Restarts, linked, outcomes, play, play_restarts, until_message

DONE = pytest.mark.parametrize("happens", [True, False], ids=["done", "not-done"])
HOW = pytest.mark.parametrize("how", ["hang", "cut"])
HOOKS = pytest.mark.parametrize("hooks", [True, False], ids=["webhooks", "no-webhooks"])


async def _cut_off(lab: Lab) -> str:
    """A message that never left, and of which no webhook will tell."""
    await _sent_before(lab)
    inject(lab.world, "prov", "loja", Fault("webhook_lost"))
    inject(lab.world, "prov", "loja", Fault("lost_response", happens=False, how="cut"))
    return await lab.send("loja", CUSTOMER, "um")


async def _sent_before(lab: Lab) -> None:
    """An empty list proves nothing: a server may keep no messages at all. One that holds another message does."""
    message = await lab.send("loja", OTHER, "antes")
    await until_message(lab, message, "delivered", within_s=30)


def _is_sending(lab: Lab, message: str) -> Callable[[], Awaitable[bool]]:
    async def is_so() -> bool:
        return (await lab.message(message)).state == "sending"

    return is_so


@DONE
@HOW
@HOOKS
def test_a_lost_answer_is_resolved_and_the_message_goes_exactly_once(happens: bool, how: str, hooks: bool) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await _sent_before(lab)
        if not hooks:
            inject(lab.world, "prov", "loja", Fault("webhook_lost"))
        inject(lab.world, "prov", "loja", Fault("lost_response", happens=happens, how=how))
        message = await lab.send("loja", CUSTOMER, "uma vez só")
        await until_message(lab, message, "sent", "delivered", "read", within_s=900)
        await asyncio.sleep(600)
        assert lab.texts_delivered(CUSTOMER) == ["uma vez só"]
        sends = [o for o in await outcomes(lab, message) if not o.startswith("looked")]
        assert len(sends) == (1 if happens else 2), await outcomes(lab, message)
        delivered = lab.world.ledger.delivered[-1]
        assert (await lab.message(message)).provider_id == delivered.provider_id

    play(story)


@HOOKS
def test_a_half_open_socket_that_answers_after_a_minute_doubles_nothing(hooks: bool) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        if not hooks:
            inject(lab.world, "prov", "loja", Fault("webhook_lost"))
        inject(lab.world, "prov", "loja", Fault("half_open", notice_s=60))
        first = await lab.send("loja", CUSTOMER, "um")
        second = await lab.send("loja", CUSTOMER, "dois")
        await until_message(lab, second, "sent", "delivered", "read", within_s=1800)
        await asyncio.sleep(900)
        assert lab.texts_delivered(CUSTOMER) == ["um", "dois"]
        assert (await lab.message(first)).state in ("sent", "delivered", "read")

    play(story)


def test_two_alike_in_one_chat_stay_in_doubt_when_nobody_can_tell_them_apart() -> None:
    """The same words typed on the phone meanwhile: the list shows two, so neither is taken for ours, and the chat goes
    on without it."""

    async def story(lab: Lab) -> None:
        await linked(lab)
        inject(lab.world, "prov", "loja", Fault("webhook_lost"))
        inject(lab.world, "prov", "loja", Fault("lost_response", happens=True, how="cut"))
        message = await lab.send("loja", CUSTOMER, "ok")
        await asyncio.sleep(1)
        lab.world.phone("5511999990001").send(CUSTOMER, "ok")
        behind = await lab.send("loja", CUSTOMER, "depois")
        beside = await lab.send("loja", OTHER, "outra conversa")
        await asyncio.sleep(100)
        assert (await lab.message(behind)).state == "queued"
        assert (await lab.message(beside)).state in ("sent", "delivered")
        await asyncio.sleep(1700)
        found = await lab.message(message)
        assert (found.state, found.reason.code if found.reason else None) == ("in_doubt", "in-doubt-held")
        assert lab.texts_delivered(CUSTOMER) == ["ok", "depois"]

    play(story)


def test_alike_sent_before_are_not_taken_for_the_one_in_doubt() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        earlier = await lab.send("loja", CUSTOMER, "ok")
        await until_message(lab, earlier, "sent", "delivered", "read", within_s=30)
        inject(lab.world, "prov", "loja", Fault("webhook_lost"))
        inject(lab.world, "prov", "loja", Fault("lost_response", happens=False, how="cut"))
        message = await lab.send("loja", CUSTOMER, "ok")
        await until_message(lab, message, "sent", "delivered", "read", within_s=900)
        await asyncio.sleep(300)
        assert lab.texts_delivered(CUSTOMER) == ["ok", "ok"]
        ids = {(await lab.message(one)).provider_id for one in (earlier, message)}
        assert ids == {one.provider_id for one in lab.world.ledger.delivered}

    play(story)


@pytest.mark.parametrize("kind", ["wapi", "baileys"])
@pytest.mark.parametrize(("knob", "state"), [("hold", "in_doubt"), ("fail", "failed"), ("resend", "sent")])
def test_where_no_list_can_tell_policy_decides_after_hold_for(kind: str, knob: str, state: str) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, kind)
        inject(lab.world, "prov", "loja", Fault("webhook_lost"))
        inject(lab.world, "prov", "loja", Fault("lost_response", happens=False, how="cut"))
        message = await lab.send("loja", CUSTOMER, "talvez")
        await asyncio.sleep(500)
        assert (await lab.message(message)).state == "in_doubt"
        assert lab.texts_delivered(CUSTOMER) == []
        await asyncio.sleep(800)
        assert (await lab.message(message)).state == state
        assert lab.texts_delivered(CUSTOMER) == (["talvez"] if state == "sent" else [])

    play(story, settings={"policy": {"default": {"in_doubt": knob, "hold_for_s": 900}}})


@pytest.mark.parametrize("kind", ["wapi"])  # a Baileys server tells nobody of what its API sent
def test_the_echo_webhook_resolves_where_there_is_no_list(kind: str) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, kind)
        inject(lab.world, "prov", "loja", Fault("lost_response", happens=True, how="cut"))
        message = await lab.send("loja", CUSTOMER, "chegou")
        await until_message(lab, message, "sent", "delivered", "read", within_s=120)
        assert lab.texts_delivered(CUSTOMER) == ["chegou"]
        assert (await lab.message(message)).provider_id == lab.world.ledger.delivered[-1].provider_id

    play(story)


async def _down(lab: Lab, how: str, for_s: float) -> None:
    """The session cannot send for so long; then it can again by what ends it."""
    if how == "ghost":
        inject(lab.world, "prov", "loja", Fault("ghost", variant="restart_noop"))
        await lab.send("loja", OTHER, "para ver que caiu")
        await asyncio.sleep(for_s)
        lab.world.restart_server("prov")
    else:
        inject(lab.world, "prov", None, Fault("server_down", for_s=for_s))
        await asyncio.sleep(for_s)


@pytest.mark.parametrize("after_s", [0, 5, 10])
def test_a_fresh_doubt_is_looked_at_when_its_first_look_is_due(after_s: float) -> None:
    """Wherever in its nap the loop of doubts is just then."""

    async def story(lab: Lab) -> None:
        await linked(lab)
        await asyncio.sleep(after_s)
        message = await _cut_off(lab)
        await until_message(lab, message, "in_doubt", within_s=30)
        calls = lab.world.ledger.calls
        before = calls["prov", "findMessages"]
        await asyncio.sleep(LOOK_NOW_S / 2)
        assert calls["prov", "findMessages"] == before
        await asyncio.sleep(LOOK_NOW_S / 2 + 1)
        assert calls["prov", "findMessages"] == before + 1

    play(story)


def test_a_doubt_is_looked_at_as_soon_as_the_session_can_send_again() -> None:
    """However long it has lasted, and thus however seldom it was looked at."""

    async def story(lab: Lab) -> None:
        await linked(lab)
        message = await _cut_off(lab)
        behind = await lab.send("loja", CUSTOMER, "dois")
        await until_message(lab, message, "in_doubt", within_s=30)
        await _down(lab, "ghost", 4000)
        assert (await lab.session("loja")).gate == "held"
        assert (await lab.message(message)).state == "in_doubt"
        await until_message(lab, behind, "sent", "delivered", "read", within_s=1800)
        (looked,) = [a for a in await lab.store.messages.attempts(MessageId(message)) if a.outcome.startswith("looked")]
        assert looked.outcome == "looked: absent"
        assert looked.at - (await lab.session("loja")).gate_since < 2 * LOOKS_APART_S
        assert lab.texts_delivered(CUSTOMER) == ["um", "dois"]

    play(story)


@pytest.mark.parametrize("for_s", [20, 4000])
def test_absence_after_the_process_died_with_a_send_in_its_hands_proves_nothing(for_s: float) -> None:
    """It may have sent the message and not noted it: the message waits for a person and lets the others pass."""

    async def story(lab: Lab) -> None:
        await linked(lab)
        message = await _cut_off(lab)
        behind = await lab.send("loja", CUSTOMER, "dois")
        await until_message(lab, message, "in_doubt", within_s=30)
        inject(lab.world, "prov", None, Fault("server_down", for_s=for_s))
        await until_message(lab, behind, "sent", "delivered", "read", within_s=for_s + 1800)
        await asyncio.sleep(4000)
        found = await lab.message(message)
        assert (found.state, found.reason and found.reason.code) == ("in_doubt", "in-doubt-held-restarted")
        assert lab.texts_delivered(CUSTOMER) == ["dois"]

    play(story)


def test_a_look_under_way_when_the_gate_opens_puts_nothing_off() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        message = await _cut_off(lab)
        await until_message(lab, message, "in_doubt", within_s=30)
        lab.gateway.doubts._transport = real = SlowList(lab)
        await _down(lab, "ghost", 4000)
        await until_message(lab, message, "sent", "delivered", "read", within_s=1800)
        assert real.slow, "it began while the gate was closed and ended after"
        assert lab.world.now() - (await lab.session("loja")).gate_since < 30

    play(story)


class SlowList:
    """The provider's list, asked for behind a closed gate long after the doubt, is not answered before it opens."""

    def __init__(self, lab: Lab) -> None:
        self._lab, self._real, self._began, self.slow = lab, lab.gateway.transport, lab.world.now(), False

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        answer = await self._real.exchange(request)
        if "/chat/findMessages/" in request.url and self._lab.world.now() > self._began + 3600 and not self.slow:
            assert (await self._lab.session("loja")).gate == "held"
            while (await self._lab.session("loja")).gate == "held":
                await asyncio.sleep(0.1)
            await asyncio.sleep(5)
            self.slow = True
        return answer

    async def aclose(self) -> None:
        await self._real.aclose()


@DONE
@HOOKS
def test_a_crash_in_the_middle_of_a_send_is_a_doubt_and_never_a_second_message(
    tmp_path: Path, happens: bool, hooks: bool
) -> None:
    async def story(run: Restarts) -> None:
        await linked(run.lab)
        await _sent_before(run.lab)
        if not hooks:
            inject(run.world, "prov", "loja", Fault("webhook_lost"))
        inject(run.world, "prov", "loja", Fault("lost_response", happens=happens, how="hang"))
        message = await run.lab.send("loja", CUSTOMER, "no meio")
        behind = await run.lab.send("loja", CUSTOMER, "depois")
        await run.lab.until(_is_sending(run.lab, message), 1, step_s=0.0005)
        await run.crash()
        await asyncio.sleep(20)
        await run.begin()
        assert (await run.lab.message(message)).state == "in_doubt"
        assert (await run.lab.message(behind)).state in ("queued", "held")
        await until_message(run.lab, behind, "sent", "delivered", "read", within_s=900)
        await asyncio.sleep(300)
        assert run.lab.texts_delivered(CUSTOMER) == ["no meio", "depois"]

    play_restarts(story, tmp_path / "esteio.db")


def test_crash_after_crash_sends_everything_exactly_once(tmp_path: Path) -> None:
    async def story(run: Restarts) -> None:
        await linked(run.lab)
        texts = [f"mensagem {i}" for i in range(40)]
        for i, text in enumerate(texts):
            await run.lab.send("loja", (CUSTOMER, OTHER)[i % 2], text)
            if i % 5 == 4:
                await asyncio.sleep(0.037 * (i % 3))
                await run.crash()
                await run.begin()
        await asyncio.sleep(3000)
        for to in (CUSTOMER, OTHER):
            assert run.lab.texts_delivered(to) == [t for i, t in enumerate(texts) if (CUSTOMER, OTHER)[i % 2] == to]

    play_restarts(story, tmp_path / "esteio.db")
