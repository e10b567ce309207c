"""Set aside: a doubt that nobody can resolve lets its chat go on, and order, single delivery and honesty stay whole."""

from __future__ import annotations

import asyncio

import pytest

from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.healing import heal
from tests.engine.engine_stage import CUSTOMER, OTHER, PHONE, event_types, linked, outcomes, play, until_message

GONE = ("sent", "delivered", "read")


async def _doubt(lab: Lab, text: str, *, happens: bool, hooks: bool = False) -> str:
    """A message whose answer is lost, and nobody to tell of it."""
    if not hooks:
        inject(lab.world, "prov", "loja", Fault("webhook_lost"))
    inject(lab.world, "prov", "loja", Fault("lost_response", happens=happens, how="cut"))
    message = await lab.send("loja", CUSTOMER, text)
    await until_message(lab, message, "in_doubt", within_s=30)
    return message


async def _code(lab: Lab, message: str) -> tuple[str, str | None]:
    found = await lab.message(message)
    return found.state, found.reason.code if found.reason else None


@pytest.mark.parametrize(
    ("kind", "happens"),
    [("evolution", False), ("wapi", True), ("wapi", False), ("baileys", True), ("baileys", False)],
)
def test_the_chat_waits_while_looking_may_tell_and_goes_on_when_it_can_tell_no_more(kind: str, happens: bool) -> None:
    """Evolution's list is empty here, so it proves nothing; the others keep none."""

    async def story(lab: Lab) -> None:
        await linked(lab, kind)
        first = await _doubt(lab, "um", happens=happens)
        behind = [await lab.send("loja", CUSTOMER, text) for text in ("dois", "três")]
        await asyncio.sleep(130)
        assert [(await lab.message(one)).state for one in behind] == ["queued", "queued"]
        assert await _code(lab, first) == ("in_doubt", "in-doubt")
        waited = await until_message(lab, behind[1], *GONE, within_s=900)
        assert waited < 300, "an idle line is proved alive soon enough"
        assert lab.texts_delivered(CUSTOMER) == (["um"] if happens else []) + ["dois", "três"]
        told = [e.data["reason"]["code"] for e in await event_types(lab, "message.state_changed") if e.data["reason"]]
        assert "in-doubt-held" in told, "who listens hears that it was given up"
        assert "looked: unknown" in await outcomes(lab, first)

    play(story)


@pytest.mark.parametrize("kind", ["wapi", "baileys"])
def test_what_was_set_aside_stays_as_it_is_and_is_never_sent_by_itself(kind: str) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, kind)
        first = await _doubt(lab, "um", happens=False)
        await asyncio.sleep(400)
        assert await _code(lab, first) == ("in_doubt", "in-doubt-held")
        later = await lab.send("loja", CUSTOMER, "dois")
        await until_message(lab, later, *GONE, within_s=30)
        await asyncio.sleep(6000)
        assert await _code(lab, first) == ("in_doubt", "in-doubt-held"), "nor when hold_for_s is over"
        assert lab.texts_delivered(CUSTOMER) == ["dois"]
        await lab.commands.messages.retry(first)
        await until_message(lab, first, *GONE, within_s=30)
        assert lab.texts_delivered(CUSTOMER) == ["dois", "um"], "a person's word, in full knowledge"

    play(story, settings={"policy": {"default": {"hold_for_s": 1800}}})


def test_proved_absent_and_overtaken_it_fails_and_a_person_may_retry_it() -> None:
    """What goes next makes the list believable: then it is known that the first never left."""

    async def story(lab: Lab) -> None:
        await linked(lab)
        first = await _doubt(lab, "um", happens=False)
        behind = await lab.send("loja", CUSTOMER, "dois")
        await until_message(lab, behind, *GONE, within_s=900)
        await until_message(lab, first, "failed", within_s=600)
        assert await _code(lab, first) == ("failed", "not-sent-overtaken")
        await asyncio.sleep(3000)
        assert lab.texts_delivered(CUSTOMER) == ["dois"]
        await lab.commands.messages.retry(first)
        await until_message(lab, first, *GONE, within_s=30)
        assert lab.texts_delivered(CUSTOMER) == ["dois", "um"]

    play(story)


def test_proved_absent_and_not_overtaken_it_goes_in_its_place() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        first = await _doubt(lab, "um", happens=False)
        await asyncio.sleep(200)
        assert await _code(lab, first) == ("in_doubt", "in-doubt-held")
        # Another chat's message makes the list believable.
        await lab.send("loja", OTHER, "outra conversa")
        await until_message(lab, first, *GONE, within_s=600)
        await lab.send("loja", CUSTOMER, "dois")
        await asyncio.sleep(60)
        assert lab.texts_delivered(CUSTOMER) == ["um", "dois"]

    play(story)


def test_its_late_echo_settles_it_and_the_order_was_true() -> None:
    """Webhooks 25 minutes late: the chat went on after two, and what the echo says was before all that."""

    async def story(lab: Lab) -> None:
        await linked(lab, "wapi")
        inject(lab.world, "prov", "loja", Fault("webhook_late", late_s=(1500.0, 1500.0)))
        first = await _doubt(lab, "um", happens=True, hooks=True)
        behind = await lab.send("loja", CUSTOMER, "dois")
        await until_message(lab, behind, *GONE, within_s=900)
        assert await _code(lab, first) == ("in_doubt", "in-doubt-held")
        await until_message(lab, first, *GONE, within_s=2000)
        assert lab.texts_delivered(CUSTOMER) == ["um", "dois"]
        ids = {d.text: d.provider_id for d in lab.world.ledger.delivered if d.recipient == CUSTOMER}
        assert [(await lab.message(one)).provider_id for one in (first, behind)] == [ids["um"], ids["dois"]]

    play(story)


@pytest.mark.parametrize("kind", ["evolution", "wapi"])
def test_the_same_words_sent_later_are_not_taken_for_it(kind: str) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab, kind)
        first = await _doubt(lab, "ok", happens=False)
        await asyncio.sleep(200)
        assert await _code(lab, first) == ("in_doubt", "in-doubt-held")
        heal(lab.world, "prov", "loja", "webhook_lost")
        # Its answer is lost too: its own echo, and no other's, settles it.
        inject(lab.world, "prov", "loja", Fault("lost_response", happens=True, how="hang"))
        second = await lab.send("loja", CUSTOMER, "ok")
        await until_message(lab, second, *GONE, within_s=120)
        lab.world.phone(PHONE).send(CUSTOMER, "ok")
        await asyncio.sleep(1200)
        state, code = await _code(lab, first)
        expected = ("in_doubt", "in-doubt-held") if kind == "wapi" else ("failed", "not-sent-overtaken")
        assert (state, code) == expected, "typed on the phone or sent later is not this one"

    play(story)


def test_nothing_is_set_aside_while_the_session_is_down_and_the_order_is_whole_after() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        before = await lab.send("loja", OTHER, "antes")  # the list holds something, so it is believable
        await until_message(lab, before, "delivered", within_s=30)
        inject(lab.world, "prov", "loja", Fault("ghost", variant="restart_noop"))
        first = await _doubt(lab, "um", happens=False)
        behind = await lab.send("loja", CUSTOMER, "dois")
        await lab.send("loja", OTHER, "para ver que caiu")
        await asyncio.sleep(7200)
        assert (await lab.session("loja")).gate == "held"
        assert await _code(lab, first) == ("in_doubt", "in-doubt")
        lab.world.restart_server("prov")
        await until_message(lab, behind, *GONE, within_s=1800)
        assert lab.texts_delivered(CUSTOMER) == ["um", "dois"]

    play(story)


def test_a_list_that_cannot_be_read_holds_the_chat_up_for_half_an_hour_at_most() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        real = lab.gateway.transport

        class NoList:
            """The provider's list fails, and nothing else does."""

            async def exchange(self, request):  # type: ignore[no-untyped-def]
                answer = await real.exchange(request)
                if "/chat/findMessages/" in request.url:
                    return type(answer)(500, {}, b"oops")
                return answer

            async def aclose(self) -> None:
                await real.aclose()

        lab.gateway.doubts._transport = NoList()
        first = await _doubt(lab, "um", happens=False)
        behind = await lab.send("loja", CUSTOMER, "dois")
        await asyncio.sleep(1500)
        assert await _code(lab, first) == ("in_doubt", "in-doubt")
        assert (await lab.message(behind)).state == "queued"
        await until_message(lab, behind, *GONE, within_s=900)
        assert await _code(lab, first) == ("in_doubt", "in-doubt-held")

    play(story)
