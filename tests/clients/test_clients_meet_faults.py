"""The clients at the door while the provider misbehaves, and while the gateway itself is killed again and again."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.healing import calm
from tests.clients.client import ClientError, started
from tests.clients.door import Door, opened
from tests.clients.hooks import listening
from tests.clients.journey import Journey, all_of

KILLS = 2
GONE = re.compile(
    "ConnectionError|Connection refused|ECONNREFUSED|ECONNRESET|socket hang up|Connection aborted|disconnected"
    "|Connection reset|ReadError|Connection failed"
)
"""What a client says of a connection that was refused or broke off; the gateway itself never said it."""


async def ready(stack: AsyncExitStack, door: Door, clients: Mapping[str, Path]) -> list[Journey]:
    """Every client with an instance of its own, open, its webhook set."""
    journeys = []
    for place, (name, folder) in enumerate(clients.items()):
        hooks = await stack.enter_async_context(listening())
        client = await stack.enter_async_context(started(name, folder, door.address_for(name), door.key))
        journeys.append(Journey(client, door.world, hooks, f"loja {name}", f"551199999000{place}"))
    await all_of(journey.begins() for journey in journeys)
    return journeys


async def talk(journey: Journey, stop: asyncio.Event, hush: asyncio.Lock) -> None:
    """One text after another, except in the hush; an answer that is not a sent message fails."""
    while not stop.is_set():
        words = f"mensagem {len(journey.sent)} de {journey.instance}"
        async with hush:
            await journey.send(words, "text", words=words)
        await asyncio.sleep(0)


async def insist(journey: Journey, stop: asyncio.Event) -> None:
    """As `talk`; what a broken connection left open is said again, word for word."""
    while not stop.is_set():
        words = f"mensagem {len(journey.sent)} de {journey.instance}"
        try:
            await journey.send(words, "text", words=words)
        except ClientError as error:
            if not GONE.search(str(error)):
                raise
            await asyncio.sleep(0.05)


async def arrived(journey: Journey) -> None:
    """Everything came once and in order, and its webhooks carry the ids that the client was given."""
    await journey.until("all delivered", partial(_all_out, journey))
    journey.once_and_in_order()
    ids = {key_id for _, key_id in journey.sent}
    assert len(ids) == len(journey.sent)
    await journey.hooks.until(
        "send.message of all",
        lambda: ids <= {one["key"]["id"] for one in journey.hooks.of(journey.instance, "send.message")},
    )


async def _down(base_url: str) -> bool:
    """Whether its connections are refused: one that is open yet may take a send with it."""
    where = urlsplit(base_url)
    try:
        _, out = await asyncio.open_connection(where.hostname, where.port)
    except ConnectionError as error:
        return isinstance(error, ConnectionRefusedError)
    out.close()
    return False


async def _all_out(journey: Journey) -> bool:
    return len(journey.delivered()) >= len(journey.sent)


async def weather(door: Door, journeys: list[Journey], hushes: list[asyncio.Lock], dice: random.Random) -> None:
    """A ghost each, answers lost of sends that happened and of sends that did not, and the server's restart: it falls
    between two sends, for of one that it cuts in two nobody can tell whether it left, and that waits for a person."""
    for journey in journeys:
        inject(door.world, "evolution", journey.instance, Fault("ghost", variant="restart_cures"))
    await asyncio.sleep(dice.uniform(1, 2))
    for happens in (True, False):
        for journey in journeys:
            inject(door.world, "evolution", journey.instance, Fault("lost_response", how="cut", happens=happens))
        await asyncio.sleep(dice.uniform(1, 2))
    async with AsyncExitStack() as all_hushed:
        for hush in hushes:
            await all_hushed.enter_async_context(hush)
        await all_of(journey.until("all delivered", partial(_all_out, journey)) for journey in journeys)
        inject(door.world, "evolution", None, Fault("server_boot", down_s=2, boot_s=2, flap_s=0))
        await journeys[0].until("down", partial(_down, door.world.servers["evolution"].base_url))
    await asyncio.sleep(dice.uniform(3, 4))
    calm(door.world)


def test_no_client_notices_what_befalls_the_provider(clients: Mapping[str, Path], tmp_path: Path) -> None:
    async def whole() -> None:
        async with AsyncExitStack() as stack:
            door = await stack.enter_async_context(opened(tmp_path))
            journeys = await ready(stack, door, clients)
            stop, hushes = asyncio.Event(), [asyncio.Lock() for _ in journeys]
            talking = asyncio.gather(
                *(talk(journey, stop, hush) for journey, hush in zip(journeys, hushes, strict=True))
            )
            await weather(door, journeys, hushes, random.Random(5))
            stop.set()
            await talking
            await all_of(arrived(journey) for journey in journeys)

    asyncio.run(whole())


def test_a_killed_gateway_costs_a_client_no_more_than_a_repeat(clients: Mapping[str, Path], tmp_path: Path) -> None:
    async def whole() -> None:
        async with AsyncExitStack() as stack:
            door = await stack.enter_async_context(opened(tmp_path, dedupe_s=60))
            journeys = await ready(stack, door, clients)
            stop, dice = asyncio.Event(), random.Random(5)
            talking = asyncio.gather(*(insist(journey, stop) for journey in journeys))
            for _ in range(KILLS):
                await asyncio.sleep(dice.uniform(0.3, 1))
                door.gateway.kill()
                await door.gateway.ended()
                await door.gateway.start()
                await door.gateway.ask("GET", "/v1/sessions")
            stop.set()
            await talking
            await all_of(arrived(journey) for journey in journeys)

    asyncio.run(whole())
