"""A real gateway process, killed with SIGKILL again and again under load, before real HTTP providers that misbehave.

`KILLS` in the environment says how often (20; `make sim` asks for 1,000): in rounds, each with dice, a database and a
provider of its own. Texts and pictures are sent; answers are lost, by a cut and by silence, of sends that happened and
of sends that did not.
"""

from __future__ import annotations

import asyncio
import base64
import os
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.healing import calm
from esteio.sim.world.world import World
from tests.durability.dialects import turns
from tests.durability.gateway_process import PHONE, Gateway, stage
from tests.postgres_server.raw import raw_at

KILLS = int(os.environ.get("KILLS", "20"))
ROUND = 20
LEAST_FOR_TWO = 4
LONGEST_S = 600
PICTURE_EVERY = 5
PICTURE = base64.b64encode(b"\xff\xd8\xff\xe0".ljust(60_000, b"\x00")).decode()
CHATS = [f"55119888877{i:02}" for i in range(6)]
# As `esteio`; but this provider never goes on with a request for long after we hung up, so that a minute's patience
# with those that do (`core.messages.doubts`, `evolution.history`) would only be waited out here: with every doubt
# about a message that did not leave. Ten seconds are still many times what a send takes.
PROGRAM = """
from esteio.core.messages import doubts
from esteio.providers.evolution import history
doubts.LINGERS_S = 5.0
history.SETTLED_S = 10.0
from esteio.cli import main
main()
"""


def rounds(kills: int) -> list[tuple[int, int]]:
    """(seed, kills) of each round."""
    return [(9 + n, min(ROUND, kills - n * ROUND)) for n in range(-(-kills // ROUND))]


def _said(number: int, text: str) -> dict[str, Any]:
    if number % PICTURE_EVERY:
        return {"text": text}
    return {"media": {"kind": "image", "base64": PICTURE}, "caption": text}


async def _load(gateway: Gateway, accepted: list[tuple[str, str]], stop: asyncio.Event) -> None:
    number = 0
    while not stop.is_set():
        chat, text = CHATS[number % len(CHATS)], f"mensagem {number}"
        body = {"to": chat, **_said(number, text)}
        status, told = await gateway.ask("POST", "/v1/sessions/loja/messages", body, **{"Idempotency-Key": text})
        assert status in (200, 202), told
        accepted.append((chat, text))
        number += 1
        await asyncio.sleep(0.02)


async def _torment(gateway: Gateway, world: World, dice: random.Random, kills: int) -> None:
    inject(world, "evolution", "loja", Fault("webhook_doubled", rate=0.3))
    for turn in range(kills):
        if turn % 4 == 1:
            inject(world, "evolution", "loja", Fault("lost_response", count=1, how="cut", happens=turn % 8 == 1))
        if turn % 4 == 3:
            inject(world, "evolution", "loja", Fault("lost_response", count=3, how="hang", happens=turn % 8 == 3))
        if turn % 5 == 2:
            inject(world, "evolution", "loja", Fault("ghost", variant="restart_cures"))
        world.contact_sends(PHONE, CHATS[0], f"resposta {turn}")
        await asyncio.sleep(dice.uniform(0.05, 0.9))
        gateway.kill()
        await gateway.ended()
        await gateway.start()
        await gateway.ask("GET", "/livez")


async def _all_settled(gateway: Gateway) -> None:
    """Nothing waits and nothing is in doubt: what was under way at a kill has been looked up at the provider."""
    async with asyncio.timeout(240):
        while True:
            waiting = 0
            for state in ("queued", "held", "sending", "in_doubt"):
                waiting += len((await gateway.ask("GET", f"/v1/sessions/loja/messages?state={state}"))[1]["items"])
            if not waiting:
                return
            await asyncio.sleep(0.25)


async def _all_arrived(world: World, accepted: int) -> None:
    """What a provider has taken reaches the phone a moment later. What never does is named by the check."""
    with suppress(TimeoutError):
        async with asyncio.timeout(30):
            while sum(told.recipient in CHATS for told in world.ledger.delivered) < accepted:
                await asyncio.sleep(0.05)


async def _story(folder: Path, seed: int, kills: int, database: str) -> Counter[str]:
    """One gateway, killed so often; what it had accepted, and how much of that had been in doubt."""
    folder.mkdir()
    async with stage(folder, program=PROGRAM, database=database) as (world, gateway):
        accepted: list[tuple[str, str]] = []
        stop = asyncio.Event()
        load = asyncio.get_running_loop().create_task(_load(gateway, accepted, stop))
        await _torment(gateway, world, random.Random(seed), kills)
        stop.set()
        await load
        calm(world)
        await _all_settled(gateway)
        await _all_arrived(world, len(accepted))
        _check(world, accepted, kills)
        await _check_inbound(gateway, kills)
        pictures = -(-len(accepted) // PICTURE_EVERY)
        ((doubts,),) = raw_at(database or folder / "data" / "esteio.db").rows(DOUBTS)
        return Counter(accepted=len(accepted), pictures=pictures, doubts=doubts)


DOUBTS = "SELECT count(DISTINCT message_id) FROM attempts WHERE outcome LIKE 'looked%' OR outcome LIKE 'in_doubt%'"
"""How many messages had to be looked for at the provider."""


@pytest.mark.parametrize(("dialect", "seed", "kills"), turns(rounds(KILLS), [(77, 3)]))
def test_kill_after_kill_loses_nothing_doubles_nothing_and_keeps_the_order(
    tmp_path: Path,
    record_property: Callable[[str, int], None],
    new_database: Callable[[], str],
    seed: int,
    kills: int,
) -> None:
    async def stories() -> Counter[str]:
        # Two gateways side by side: most of a story is waiting for what only time can tell.
        parts = (kills,) if kills < LEAST_FOR_TWO else (kills // 2, kills - kills // 2)
        async with asyncio.timeout(LONGEST_S), asyncio.TaskGroup() as group:
            told = [
                group.create_task(_story(tmp_path / str(n), seed * 2 + n, part, new_database()))
                for n, part in enumerate(parts)
            ]
        return sum((task.result() for task in told), Counter())

    for name, many in asyncio.run(stories()).items():
        record_property(name, many)
    record_property("kills", kills)
    record_property("received", kills)


def _check(world: World, accepted: list[tuple[str, str]], kills: int) -> None:
    assert len(accepted) > kills
    for chat in CHATS:
        mine = [told.text for told in world.ledger.delivered if told.recipient == chat]
        assert len(mine) == len(set(mine)), f"sent twice: {sorted(t for t in mine if mine.count(t) > 1)}"
        assert mine == [text for to, text in accepted if to == chat]
    assert world.ledger.unlinks == []


async def _check_inbound(gateway: Gateway, kills: int) -> None:
    async with asyncio.timeout(60):
        while True:
            _, page = await gateway.ask("GET", "/v1/sessions/loja/messages?direction=in&limit=100")
            texts = sorted(message["text"] for message in page["items"])
            if texts == sorted(f"resposta {turn}" for turn in range(kills)):
                return
            await asyncio.sleep(1)


@pytest.mark.parametrize(("kills", "each"), [(12, [12]), (20, [20]), (36, [20, 16]), (1000, [20] * 50)])
def test_rounds_add_up_to_what_was_asked_for_and_no_two_have_the_same_dice(kills: int, each: list[int]) -> None:
    found = rounds(kills)
    assert [count for _, count in found] == each
    assert len({seed for seed, _ in found}) == len(found)
