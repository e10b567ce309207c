"""Sends at the door while the server behind it misbehaves: no error for the client, each goes out once, in order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from esteio.config import Door
from esteio.sim.world.faults import Fault, inject
from tests.api.evolution.send_stage import CUSTOMER, Stage, at_door

SECTIONS = [{"title": "s", "rows": [{"title": "r", "rowId": "1"}]}]
LIST = {"title": "t", "buttonText": "b", "footerText": "f", "sections": SECTIONS}


def numbered(at: int) -> dict[str, Any]:
    return {"number": CUSTOMER, "text": f"m{at}"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault("ghost", variant="restart_cures"),
        Fault("lost_response", count=2, how="cut", happens=True),
        Fault("lost_response", count=2, how="cut", happens=False),
        Fault("send_dropped", count=2),
        Fault("webhook_doubled", rate=0.5),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.params}",
)
def test_each_message_once_and_in_order_whatever_happens_on_the_way(fault: Fault) -> None:
    async def story(stage: Stage) -> None:
        told = [await stage.sent("sendText", numbered(0))]
        inject(stage.lab.world, "evo", "loja", fault)
        told += [await stage.sent("sendText", numbered(at)) for at in range(1, 6)]
        for one in told:
            await stage.settled(one, within_s=3600)
        assert stage.lab.texts_delivered(CUSTOMER) == [f"m{at}" for at in range(6)]
        assert len({one["key"]["id"] for one in told}) == 6

    at_door(story, door=Door(wait_s=1))


def test_a_server_that_boots_loses_and_doubles_nothing() -> None:
    async def story(stage: Stage) -> None:
        stage.lab.world.servers["evo"].reboot(3.0, 20.0, 0.0)
        told = [await stage.sent("sendText", numbered(at)) for at in range(4)]
        for one in told:
            await stage.settled(one, within_s=3600)
        assert stage.lab.texts_delivered(CUSTOMER) == [f"m{at}" for at in range(4)]

    at_door(story)


def test_an_offer_in_doubt_is_never_taken_for_absent() -> None:
    """Nobody can recognise a list among what left: it waits for a person, and its chat goes on."""

    async def story(stage: Stage) -> None:
        told = await stage.sent("sendList", {"number": CUSTOMER, **LIST})
        after = await stage.sent("sendText", numbered(1))
        await stage.settled(after, within_s=3600)
        await asyncio.sleep(7200)
        message = await stage.message(told)
        assert (message.state, message.set_aside_at is None) == ("in_doubt", False)
        assert [name for name, _ in stage.sends] == ["sendList", "sendText"]

    at_door(story)
