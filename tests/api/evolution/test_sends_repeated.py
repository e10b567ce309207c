"""The same send twice at the door: by an Idempotency-Key, and by the same body within `door.dedupe_s`."""

from __future__ import annotations

import asyncio

from esteio.config import Door
from tests.api.evolution.send_stage import CUSTOMER, Stage, at_door

BODY = {"number": CUSTOMER, "text": "oi"}


def test_without_either_the_same_body_twice_is_two_messages() -> None:
    async def story(stage: Stage) -> None:
        one, two = await stage.sent("sendText", BODY), await stage.sent("sendText", BODY)
        assert one["key"]["id"] != two["key"]["id"]
        assert stage.lab.texts_delivered(CUSTOMER) == ["oi", "oi"]

    at_door(story)


def test_an_idempotency_key_is_one_message_and_no_other_body() -> None:
    async def story(stage: Stage) -> None:
        headers = {"Idempotency-Key": "k1"}
        one, two = [await stage.sent("sendText", BODY, headers=headers) for _ in range(2)]
        assert one["key"] == two["key"]
        answer = await stage.call("sendText", {**BODY, "text": "outra"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-mismatch")
        assert stage.lab.texts_delivered(CUSTOMER) == ["oi"]

    at_door(story)


def test_the_same_body_within_the_time_is_the_same_message() -> None:
    async def story(stage: Stage) -> None:
        one = await stage.sent("sendText", BODY)
        await asyncio.sleep(20)
        assert (await stage.sent("sendText", BODY))["key"] == one["key"]
        others = ({**BODY, "text": "b"}, {**BODY, "number": "5511900000000"}, {**BODY, "delay": 5})
        told = [await stage.sent("sendText", other) for other in others]
        told.append(await stage.sent("sendText", BODY, key=await stage.key("send")))
        assert len({one["key"]["id"], *(other["key"]["id"] for other in told)}) == 5
        await asyncio.sleep(15)
        assert (await stage.sent("sendText", BODY))["key"] != one["key"]

    at_door(story, door=Door(dedupe_s=30))


def test_repeats_at_the_same_moment_are_all_answered_with_the_one_message() -> None:
    async def story(stage: Stage) -> None:
        told = await asyncio.gather(*(stage.sent("sendText", BODY) for _ in range(8)))
        assert len({one["key"]["id"] for one in told}) == 1
        assert stage.lab.texts_delivered(CUSTOMER) == ["oi"]

    at_door(story, door=Door(dedupe_s=30))


def test_what_failed_may_be_sent_again_at_once() -> None:
    async def story(stage: Stage) -> None:
        await stage.lab.commands.operator_actions.pause("loja", "a test")
        for _ in range(2):
            await stage.refused(400, ["Error: Connection Closed"], "sendText", BODY)
        await stage.lab.commands.operator_actions.resume("loja", "a test")
        told = await stage.sent("sendText", BODY)
        assert (await stage.sent("sendText", BODY))["key"] == told["key"]
        assert stage.lab.texts_delivered(CUSTOMER) == ["oi"]

    at_door(story, policy={"on_down": "fail"}, door=Door(dedupe_s=30))


def test_an_answer_comes_within_the_wait_and_at_once_when_the_message_is_held() -> None:
    async def story(stage: Stage) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        told = await stage.sent("sendText", {**BODY, "delay": 9_000})
        assert 2.0 <= loop.time() - began < 2.5
        assert "providerId" not in told
        await stage.lab.commands.operator_actions.pause("loja", "a test")
        began = loop.time()
        await stage.sent("sendText", BODY)
        assert loop.time() - began < 0.5
        await stage.settled(told)

    at_door(story)
