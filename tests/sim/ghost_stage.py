"""What the scenarios of the ghost classes share: a line with a life of its own, and what a scenario must state."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.sim.providers.faces import new_world
from esteio.sim.world.instance import Instance
from esteio.sim.world.world import World
from esteio.store.sqlite import SqliteStore
from tests.sim.seed_stage import CUSTOMER, PHONE, acts, calls

STRANGER = "5511966665555"
OTHER = "5511977776666"
HOUR, DAY = 3600.0, 86400.0
Story = Callable[[Lab], Awaitable[None]]


def play(story: Story, *, seed: int = 7, limit_s: float = 40 * DAY, settings: dict[str, Any] | None = None) -> None:
    """Run one story in a fresh lab."""

    async def whole() -> None:
        async with Lab(seed, settings=settings) as lab:
            await story(lab)

    run_virtual(whole, limit_s=limit_s)


async def linked(lab: Lab, kind: str = "evolution", *, version: str = "2.3.7", policy: str = "default") -> Instance:
    """One session that works in both directions, and is known to."""
    await lab.add_server("prov", kind, version)
    line = await lab.adopt("prov", "loja", PHONE, policy=policy)
    await asyncio.sleep(40)
    lab.world.contact_sends(PHONE, CUSTOMER, "oi")
    await asyncio.sleep(5)
    return line


async def neighbour(lab: Lab, server: str = "prov") -> asyncio.Task[None]:
    """Another line of the same server to which people write all the time: that its webhooks come tells that webhooks
    come. The task to cancel."""
    await lab.adopt(server, "vizinha", STRANGER)

    async def chatter() -> None:
        while True:
            lab.world.contact_sends(STRANGER, CUSTOMER, "oi, vizinha")
            await asyncio.sleep(2)

    return asyncio.create_task(chatter())


async def told(lab: Lab, name: str = "loja") -> dict[str, Any]:
    """What a person is shown of the session: state, reason, both axes, gate."""
    one = await lab.session(name)
    return {
        "state": one.state,
        "because": one.reason.code,
        "send": one.can_send.value,
        "receive": one.can_receive.value,
        "gate": one.gate,
    }


async def is_told(lab: Lab, *expected: str, name: str = "loja") -> None:
    """state, because, can send, can receive, gate."""
    shown = tuple((await told(lab, name)).values())
    assert shown == expected, shown


WELL = ("connected", "live", "yes", "yes", "open")


async def until_because(lab: Lab, code: str, within_s: float, name: str = "loja") -> float:
    """Let time pass until the session gives this reason; the seconds it took."""

    async def is_so() -> bool:
        return (await lab.session(name)).reason.code == code

    return await lab.until(is_so, within_s)


async def rungs(lab: Lab, name: str = "loja") -> list[str]:
    """What Esteio began on the session's socket, in order (setting the webhook's address touches none)."""
    return [rung for _, rung in await acts(lab, name) if rung != "set_webhook"]


async def said(lab: Lab, code: str, name: str = "loja") -> int:
    """How often a line of this code stands in the timeline, repetitions counted."""
    return sum(line.count for line in await lab.timeline(name) if line.code == code)


def harmless(lab: Lab, *only: str, name: str = "loja") -> None:
    """Nothing was unlinked, no two sockets fought, and the provider was asked for no other act than these."""
    assert lab.world.ledger.unlinks == []
    assert lab.world.ledger.duels == []
    assert {verb for _, verb in calls(lab, name)} <= set(only)


async def send_some(lab: Lab, count: int, to: str = OTHER, every_s: float = 2.0) -> list[str]:
    """Messages sent one after the other."""
    ids = []
    for i in range(count):
        ids.append(await lab.send("loja", to, f"mensagem {i}"))
        await asyncio.sleep(every_s)
    return ids


def play_known(story: Callable[[Lab], Awaitable[None]], path: Path, *, hours: range = range(9, 18)) -> None:
    """Run a story with a line whose rhythm is known: for weeks people wrote every ten minutes in business hours. We
    were away most of it (to save the test's time), and read each week back from the provider's list."""

    async def whole() -> None:
        world = new_world(7)
        async with Lab(7, world=world, store=SqliteStore(path, inline=True)) as lab:
            await linked(lab)
        for week in range(3):
            world.on_webhook = _nobody
            await _business(world, hours)
            async with Lab(week, world=world, store=SqliteStore(path, inline=True)) as lab:
                await asyncio.sleep(300)
                if week == 2:
                    await is_told(lab, *WELL)
                    await story(lab)

    run_virtual(whole, limit_s=40 * DAY)


async def _nobody(url: str, headers: Any, body: bytes) -> int:
    return 200


async def _business(world: World, hours: range) -> None:
    """Five days of it, to the next business day at eleven."""
    end = (world.now() // DAY + 5) * DAY + 11 * HOUR
    while not is_business(end):
        end += DAY
    while world.now() < end:
        await asyncio.sleep(600)
        if is_business(world.now(), hours):
            world.contact_sends(PHONE, CUSTOMER, "mais uma pergunta")


def is_business(at: float, hours: range = range(9, 18)) -> bool:
    """Whether the shop is open: five days of the week, nine hours of each."""
    return int(at // DAY) % 7 < 5 and int(at % DAY // HOUR) in hours


async def goes_on(lab: Lab, for_s: float, *, sends: bool = True, every_s: float = 600.0) -> None:
    """The shop's life: a question and an answer of ours every ten minutes while it is open."""
    end = lab.world.now() + for_s
    while lab.world.now() < end:
        await asyncio.sleep(every_s)
        if is_business(lab.world.now()):
            lab.world.contact_sends(PHONE, CUSTOMER, "e aí?")
            if sends:
                await lab.send("loja", OTHER, "resposta")


async def until_hour(lab: Lab, hour: float, weekday: int | None = None) -> None:
    """Let time pass until this hour of the day (of this day of the test's week: 0 to 4 are business days)."""
    at = lab.world.now() // DAY * DAY + hour * HOUR
    while at < lab.world.now() or (weekday is not None and int(at // DAY) % 7 != weekday):
        at += DAY
    await asyncio.sleep(at - lab.world.now())
