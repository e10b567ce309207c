"""The engine tests' stage: a lab in virtual time, a gateway that crashes and comes back, and what really happened."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from esteio.core.model.ids import MessageId
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.sim.providers.faces import new_world
from tests.crash_points import Fate, MortalLab
from tests.media_hosts import MediaLab

PHONE = "5511999990001"
CUSTOMER = "5511988887777"
OTHER = "5511977776666"
Story = Callable[[MediaLab], Awaitable[None]]


def play(story: Story, *, seed: int = 11, limit_s: float = 200_000, settings: dict[str, Any] | None = None) -> None:
    """Run one story in a fresh lab."""

    async def whole() -> None:
        async with MediaLab(seed, settings=settings) as lab:
            await story(lab)

    run_virtual(whole, limit_s=limit_s)


def play_restarts(story: Callable[[Restarts], Awaitable[None]], path: Path, *, seed: int = 11) -> None:
    """Run a story in which the gateway stops or crashes and comes back on the same file."""

    async def whole() -> None:
        run = Restarts(path, seed)
        await run.begin()
        try:
            await story(run)
        finally:
            await run.stop()

    run_virtual(whole, limit_s=200_000)


class Restarts:
    """One world and, one after the other, several gateways over one file."""

    def __init__(self, path: Path, seed: int) -> None:
        self.world = new_world(seed)
        self._path, self._seed = path, seed
        self.lab = self._new()

    def _new(self) -> MortalLab:
        self._seed += 1
        return MortalLab(str(self._path), Fate(), seed=self._seed, world=self.world)

    async def begin(self) -> None:
        """The next gateway starts; webhooks reach it from now on."""
        await self.lab.__aenter__()

    async def crash(self) -> None:
        """As by kill -9: nothing more is written. What providers were asked goes on there."""
        await self.lab.kill()
        self.world.on_webhook = _nobody
        self.lab = self._new()

    async def stop(self) -> None:
        """An orderly stop."""
        await self.lab.gateway.aclose()
        await self.lab.real_store.aclose()
        self.world.on_webhook = _nobody
        self.lab = self._new()


async def _nobody(url: str, headers: Any, body: bytes) -> int:
    raise ConnectionRefusedError("the gateway is not running")


async def linked(lab: Lab, kind: str = "evolution", policy: str = "default", session: str = "loja") -> None:
    """A server with one session that works, and time for the first looks."""
    await lab.add_server("prov", kind)
    await lab.adopt("prov", session, PHONE, policy=policy)
    await asyncio.sleep(40)


async def until_message(lab: Lab, message: str, *states: str, within_s: float = 3600) -> float:
    """Let time pass until the message is in one of these states; the seconds it took."""

    async def is_so() -> bool:
        return (await lab.message(message)).state in states

    return await lab.until(is_so, within_s)


async def outcomes(lab: Lab, message: str) -> list[str]:
    """Every attempt's and look's outcome, in order."""
    return [a.outcome for a in await lab.store.messages.attempts(MessageId(message))]


async def came_in(lab: Lab, session: str = "loja") -> list[Any]:
    """Received messages as the store holds them, oldest first."""
    found = await lab.store.messages.page((await lab.session(session)).id, direction="in", limit=1000)
    return list(reversed(found.items))


async def event_types(lab: Lab, *wanted: str) -> list[Any]:
    """Public events of these types, in order."""
    return [e for e in await lab.store.events.page(0, 100_000) if e.type in wanted]


async def live_until_death(lab: MortalLab, story: Awaitable[None]) -> None:
    """One life on a disk: the gateway starts, the story runs to its end or to the point of death, and all is gone."""
    await lab.gateway.start()
    lab.world.on_webhook = lab._webhook
    told = asyncio.ensure_future(story)
    died = asyncio.ensure_future(lab.fate.dead.wait())
    await asyncio.wait({told, died}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    died.cancel()
    await asyncio.gather(told, died, return_exceptions=True)
    await lab.kill()
