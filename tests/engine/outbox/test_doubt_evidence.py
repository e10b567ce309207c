"""Doubts and news: looked at when an answer or a boot tells something, believed only as far as the answer allows, and
shown to people where they wait for one."""

from __future__ import annotations

import asyncio
import json

import pytest

from esteio.core.model.ids import MessageId
from esteio.engine.commands.requests import MediaRequest, MessageRequest
from esteio.providers.base import HttpRequest, HttpResponse, TransportFailed
from esteio.sim.lab import Lab
from esteio.sim.providers.evolution.instance import EvolutionInstance
from esteio.sim.world.faults import Fault, inject
from esteio.store.delivery import DeadFilter
from tests.engine.engine_stage import CUSTOMER, OTHER, event_types, linked, outcomes, play, until_message

GONE = ("sent", "delivered", "read")


class Answering:
    """The provider's own transport, with some answers to sends replaced; `happens`: it is sent all the same, and with
    `stored` False not noted in its list."""

    def __init__(self, lab: Lab, answers: list[HttpResponse | TransportFailed], *, happens: bool, stored: bool) -> None:
        self.lab, self.answers, self.happens, self.stored = lab, answers, happens, stored
        self.inner = lab.gateway.transport
        for part in (lab.gateway.sends._performers, lab.gateway.doubts):
            part._transport = self
        self.lists = 0

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self.lists += "/chat/findMessages/" in request.url
        if "/message/send" not in request.url or not self.answers:
            return await self.inner.exchange(request)
        answer = self.answers.pop(0)
        if self.happens:
            line = self.lab.world.line("prov", "loja")
            assert isinstance(line, EvolutionInstance)
            before = set(line.messages)
            inject(self.lab.world, "prov", "loja", Fault("webhook_lost"))
            await self.inner.exchange(request)
            for row in set(line.messages) - before if not self.stored else ():
                del line.messages[row]
        if isinstance(answer, TransportFailed):
            raise answer
        return answer

    async def aclose(self) -> None:
        await self.inner.aclose()


def said(status: int, words: str) -> HttpResponse:
    body = {"status": status, "error": "Bad Request", "response": {"message": [words]}}
    return HttpResponse(status, {"content-type": "application/json"}, json.dumps(body).encode())


PAGE = HttpResponse(502, {"content-type": "text/html"}, b"<html><h1>502 Bad Gateway</h1></html>")
FULL = said(400, 'DriverAdapterError: could not extend file "base/16384": No space left on device')


async def _before(lab: Lab) -> None:
    await linked(lab)
    await until_message(lab, await lab.send("loja", OTHER, "antes"), "delivered", within_s=30)


@pytest.mark.parametrize("content", ["text", "media"])
def test_a_drop_in_the_middle_of_a_send_is_tried_again_and_arrives(content: str) -> None:
    async def story(lab: Lab) -> None:
        await _before(lab)
        Answering(lab, [said(400, "1006"), said(500, "1000")], happens=False, stored=False)
        media = MediaRequest("image", base64="iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ")
        ask = MessageRequest(CUSTOMER, media=media) if content == "media" else MessageRequest(CUSTOMER, "um")
        message = await lab.ask_message("loja", ask)
        await until_message(lab, message, *GONE, within_s=60)
        assert (await outcomes(lab, message))[0] == "not_sent:socket"

    play(story)


@pytest.mark.parametrize(("answer", "within_s"), [(said(500, "kaboom"), 15), (said(400, "kaboom"), 15), (PAGE, 75)])
def test_what_was_answered_and_did_not_leave_goes_again_soon(answer: HttpResponse, within_s: float) -> None:
    async def story(lab: Lab) -> None:
        await _before(lab)
        road = Answering(lab, [answer], happens=False, stored=False)
        message = await lab.send("loja", CUSTOMER, "um")
        await until_message(lab, message, *GONE, within_s=within_s + 30)
        looked = [one for one in await outcomes(lab, message) if one.startswith("looked")]
        assert looked == ["looked: absent"]
        assert road.lists <= 6
        assert lab.texts_delivered(CUSTOMER) == ["um"]

    play(story)


@pytest.mark.parametrize(
    "answer", [said(500, "kaboom"), said(400, "kaboom"), PAGE, TransportFailed("cut", sent="maybe")]
)
def test_what_left_all_the_same_is_found_at_once(answer: HttpResponse | TransportFailed) -> None:
    async def story(lab: Lab) -> None:
        await _before(lab)
        road = Answering(lab, [answer], happens=True, stored=True)
        message = await lab.send("loja", CUSTOMER, "um")
        assert await until_message(lab, message, *GONE, within_s=60) < 10
        assert road.lists <= 2
        await asyncio.sleep(600)
        assert lab.texts_delivered(CUSTOMER) == ["um"]

    play(story)


def test_a_no_in_unknown_words_that_never_changes_ends_the_message_and_the_chat_goes_on() -> None:
    async def story(lab: Lab) -> None:
        await _before(lab)
        Answering(lab, [said(400, "kaboom") for _ in range(6)], happens=False, stored=False)
        message = await lab.send("loja", CUSTOMER, "um")
        behind = await lab.send("loja", CUSTOMER, "dois")
        await until_message(lab, message, "failed", within_s=1200)
        reason = (await lab.message(message)).reason
        assert reason is not None
        assert (reason.code, reason.args) == ("request-refused", {"detail": "kaboom"})
        await until_message(lab, behind, *GONE, within_s=60)
        assert lab.texts_delivered(CUSTOMER) == ["dois"]

    play(story)


@pytest.mark.parametrize("happens", [True, False])
def test_a_database_error_holds_the_message_says_why_and_is_shown_to_people(happens: bool) -> None:
    """Sent and not noted, or not sent at all: nobody can tell from its list, which holds the messages around it."""

    async def story(lab: Lab) -> None:
        await _before(lab)
        Answering(lab, [FULL], happens=happens, stored=False)
        message = await lab.send("loja", CUSTOMER, "um")
        behind = await lab.send("loja", CUSTOMER, "dois")
        await until_message(lab, behind, *GONE, within_s=30)
        await asyncio.sleep(100_000)
        found = await lab.message(message)
        assert found.state == "in_doubt"
        assert found.reason is not None
        assert found.reason.code == "in-doubt-held-unstored"
        assert "No space left" in found.reason.args["detail"]
        assert lab.texts_delivered(CUSTOMER) == (["um"] if happens else []) + ["dois"]
        assert [
            one.id for one in await lab.store.dead_letters.messages(DeadFilter(doubtful=True), limit=9, after=0)
        ] == [message]
        assert await lab.store.dead_letters.messages(DeadFilter(), limit=9, after=0) == [], (
            "nothing that may double in bulk"
        )
        told = [one.payload for one in lab.told.notices if one.payload["phase"] == "waiting"]
        assert [(one["reason"]["code"], one["reason"]["args"]) for one in told] == [("doubts-wait", {"count": "1"})]
        await lab.store.messages.retry(MessageId(message), lab.clock.now())
        assert await lab.store.dead_letters.messages(DeadFilter(doubtful=True), limit=9, after=0) == []

    play(story)


def test_many_doubts_of_one_session_make_one_notice() -> None:
    async def story(lab: Lab) -> None:
        await _before(lab)
        Answering(lab, [FULL for _ in range(5)], happens=False, stored=False)
        for number in range(5):
            await lab.send("loja", f"551197777000{number}", "um")
        await asyncio.sleep(600)
        told = [one.payload["reason"]["args"] for one in lab.told.notices if one.payload["phase"] == "waiting"]
        assert told == [{"count": "5"}]

    play(story)


@pytest.mark.parametrize("proof", ["inbound", "another line", "nothing"])
def test_the_first_message_of_a_line_is_resolved_where_any_row_proves_that_messages_are_kept(proof: str) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        if proof == "inbound":
            lab.world.contact_sends("5511999990001", OTHER, "oi")
        if proof == "another line":
            await lab.adopt("prov", "segunda", "5511999990002")
            await asyncio.sleep(40)
            await until_message(lab, await lab.send("segunda", OTHER, "antes"), "delivered", within_s=30)
        inject(lab.world, "prov", "loja", Fault("webhook_lost"))
        inject(lab.world, "prov", "loja", Fault("lost_response", happens=False, how="cut"))
        message = await lab.send("loja", CUSTOMER, "primeira")
        await asyncio.sleep(400)
        found = await lab.message(message)
        if proof == "nothing":
            assert (found.state, found.reason and found.reason.code) == ("in_doubt", "in-doubt-held")
        else:
            assert found.state in GONE
        assert lab.texts_delivered(CUSTOMER) == ([] if proof == "nothing" else ["primeira"])

    play(story)


def test_after_a_boot_a_doubt_is_looked_at_at_once_and_found() -> None:
    async def story(lab: Lab) -> None:
        await _before(lab)
        road = Answering(lab, [TransportFailed("cut", sent="maybe")], happens=True, stored=True)
        message = await lab.send("loja", CUSTOMER, "um")
        await asyncio.sleep(0.5)
        inject(lab.world, "prov", None, Fault("server_down", for_s=300))
        await asyncio.sleep(299)
        assert (await lab.message(message)).state == "in_doubt"
        assert await until_message(lab, message, *GONE, within_s=200) < 60
        assert road.lists < 15
        assert "message.state_changed" in [event.type for event in await event_types(lab, "message.state_changed")]

    play(story)


@pytest.mark.parametrize("variant", ["adapter", "prisma", "died"])
@pytest.mark.parametrize("hooks", [True, False], ids=["webhooks", "no-webhooks"])
def test_what_left_and_was_never_noted_is_not_sent_twice(variant: str, hooks: bool) -> None:
    async def story(lab: Lab) -> None:
        await _before(lab)
        if not hooks:
            inject(lab.world, "prov", "loja", Fault("webhook_lost"))
        inject(lab.world, "prov", "loja", Fault("unstored", variant=variant))
        message = await lab.send("loja", CUSTOMER, "um")
        behind = await lab.send("loja", CUSTOMER, "dois")
        await until_message(lab, behind, *GONE, within_s=1800)
        await asyncio.sleep(10_000)
        found = await lab.message(message)
        held = "in-doubt-held-restarted" if variant == "died" else "in-doubt-held-unstored"
        assert (found.state, found.reason and found.reason.code) == ("in_doubt", held)
        assert lab.texts_delivered(CUSTOMER) == ["um", "dois"]

    play(story)


@pytest.mark.parametrize("code", [1006, 1000])
def test_a_socket_that_drops_in_the_middle_of_a_send_loses_nothing(code: int) -> None:
    async def story(lab: Lab) -> None:
        await _before(lab)
        inject(lab.world, "prov", "loja", Fault("send_dropped", code=code, count=2))
        messages = [await lab.send("loja", CUSTOMER, text) for text in ("um", "dois")]
        await until_message(lab, messages[1], *GONE, within_s=300)
        assert lab.texts_delivered(CUSTOMER) == ["um", "dois"]

    play(story)


@pytest.mark.parametrize("apart_s", [1, 700])
def test_a_lost_answer_while_the_database_fails_on_others_is_held_as_well(apart_s: float) -> None:
    """Its list lacks what it could not note, whoever sent it; ten minutes later that is past."""

    async def story(lab: Lab) -> None:
        await _before(lab)
        inject(lab.world, "prov", "loja", Fault("unstored"))
        await lab.send("loja", OTHER, "sem registro")
        await asyncio.sleep(apart_s)
        Answering(lab, [TransportFailed("cut", sent="maybe")], happens=apart_s == 1, stored=False)
        message = await lab.send("loja", CUSTOMER, "um")
        await asyncio.sleep(2000)
        assert (await lab.message(message)).state in (["in_doubt"] if apart_s == 1 else GONE)
        assert lab.texts_delivered(CUSTOMER) == ["um"]

    play(story)
