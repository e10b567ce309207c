"""A real gateway process, killed again and again under sends through the Evolution door, whose client repeats what was
not answered: with `door.dedupe_s` nothing is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.durability.dialects import turns
from tests.durability.gateway_process import Gateway, stage
from tests.durability.test_kill9 import PROGRAM

KILLS = 8
LONGEST_S = 300
CHATS = ["5511988887701", "5511988887702"]


async def _load(gateway: Gateway, ids: dict[str, list[str]], stop: asyncio.Event) -> None:
    """A client that knows no key for a message: it says the same again until it is answered."""
    number = 0
    while not stop.is_set():
        chat = CHATS[number % len(CHATS)]
        body = {"number": chat, "text": f"mensagem {number}"}
        status, told = await gateway.ask("POST", "/evolution/message/sendText/loja", body)
        assert status == 201, told
        ids[chat].append(told["key"]["id"])
        number += 1


async def _story(folder: Path, kills: int, database: str) -> int:
    async with stage(folder, program=PROGRAM, database=database) as (world, gateway):
        ids: dict[str, list[str]] = {chat: [] for chat in CHATS}
        stop, dice = asyncio.Event(), random.Random(16)
        load = asyncio.get_running_loop().create_task(_load(gateway, ids, stop))
        for _ in range(kills):
            await asyncio.sleep(dice.uniform(0.2, 0.8))
            gateway.kill()
            await gateway.ended()
            await gateway.start()
            await gateway.ask("GET", "/livez")
        stop.set()
        await load
        for message_id in (one for known in ids.values() for one in known):
            while (await gateway.ask("GET", f"/v1/messages/{message_id}"))[1]["state"] in (
                "queued",
                "sending",
                "in_doubt",
            ):
                await asyncio.sleep(0.1)
        accepted = sum(map(len, ids.values()))
        with suppress(TimeoutError):
            async with asyncio.timeout(30):
                while len(world.ledger.delivered) < accepted:
                    await asyncio.sleep(0.05)
        for chat, known in ids.items():
            assert len(set(known)) == len(known)
            mine = [told.text for told in world.ledger.delivered if told.recipient == chat]
            assert mine == [f"mensagem {CHATS.index(chat) + at * len(CHATS)}" for at in range(len(known))]
        return accepted


@pytest.mark.parametrize(("dialect", "kills"), turns([(KILLS,)], [(1,)]))
def test_a_repeat_after_a_kill_is_the_same_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_database: Callable[[], str], kills: int
) -> None:
    monkeypatch.setenv("ESTEIO_DOOR_DEDUPE_S", "300")
    monkeypatch.setenv("ESTEIO_DOOR_WAIT_S", "0.2")

    async def whole() -> int:
        async with asyncio.timeout(LONGEST_S):
            return await _story(tmp_path, kills, new_database())

    assert asyncio.run(whole()) > kills
