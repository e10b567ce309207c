"""One demo while it is played: the plan, all stories side by side, then the accounts.

Never lives here: the stage (`stage`), a story (`scenarios`), who looks on (`live`).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from esteio.sim.demo.account import Account, NotSo
from esteio.sim.demo.final_checks import settle_accounts
from esteio.sim.demo.scenarios import STORIES
from esteio.sim.demo.stage import Place, Stage
from esteio.sim.demo.texts import Words

PATIENCE_S = 90.0
"""How long anything that must happen may take before its story has failed."""
SABOTAGED_PATIENCE_S = 40.0
"""And how long where it is known that it will not happen."""


class Plan(msgspec.Struct, frozen=True):
    """What is played. `control`: HOST:PORT of the sandbox's page; `sabotage`: stories whose world is broken."""

    seed: int
    language: str
    control: str = "127.0.0.1:0"
    sabotage: Collection[str] = ()
    patience_s: float = PATIENCE_S


class Run:
    """One demo while it is played: its stage, its tales, and what it came to."""

    def __init__(self, plan: Plan, stage: Stage, words: Words) -> None:
        self.plan, self.stage, self.words = plan, stage, words
        self.tales = {code: Account(code, stage, words, plan.patience_s) for code in STORIES}
        self.ledger = Account("ledger", stage, words, plan.patience_s)
        self.began = stage.world.now()
        self.healthy_after: float | None = None
        self.took: float | None = None

    @property
    def failed(self) -> list[str]:
        """The stories, or the accounts, that did not come out right."""
        return [account.code for account in (*self.tales.values(), self.ledger) if account.faults]

    async def play(self) -> None:
        """All stories side by side, then the accounts. Never raises on what it finds: faults are kept."""
        watch = asyncio.create_task(self._first_healthy())
        try:
            await asyncio.gather(*(self._story(code) for code in STORIES))
            await self._told(self.ledger, settle_accounts(self.ledger))
        finally:
            watch.cancel()
        self.took = self.stage.world.now() - self.began

    async def _story(self, code: str) -> None:
        await self._told(self.tales[code], STORIES[code](self.tales[code], code in self.plan.sabotage))

    async def _told(self, account: Account, story: object) -> None:
        try:
            await story  # type: ignore[misc]
        except NotSo as fault:
            account.faults.append(str(fault))
        except Exception as error:  # noqa: BLE001 - whatever breaks a story is told as its fault, and the run fails
            account.faults.append(self.words("fault.error", error=repr(error)))
        account.over = True

    async def _first_healthy(self) -> None:
        async def so() -> bool:
            return bool((await self.stage.store.sessions.page(state="connected", limit=1)).items)

        await self.stage.until(so, 3600)
        self.healthy_after = self.stage.world.now() - self.began


@contextlib.asynccontextmanager
async def opened(plan: Plan, bound: socket.socket, url: str) -> AsyncIterator[Run]:
    """A demo ready to be played; its data goes with it. Raises OSError when an address is taken."""
    with TemporaryDirectory(prefix="esteio-demo-") as data:
        stage = await Stage.raised(plan.seed, Place(bound, url, plan.control, Path(data), plan.language))
        async with stage:
            yield Run(plan, stage, Words(plan.language))
