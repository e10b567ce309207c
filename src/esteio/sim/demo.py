"""The demo: every seed's story at once, in real time, by real HTTP; a live picture of it, and a plain summary.

With a person in front it goes on serving when the script is over, with contacts that write now and then and a session
that waits for a phone. Without one it plays once and tells whether all was as it should be. Never lives here: the
stage (`demo_stage`), a story (`demo_stories`), a picture (`demo_screen`).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import msgspec
from rich.console import Console
from rich.live import Live

from esteio.sim import demo_summary
from esteio.sim.demo_ledger import settle_accounts
from esteio.sim.demo_screen import Screen, stories
from esteio.sim.demo_stage import Place, Stage
from esteio.sim.demo_stories import STORIES, customer
from esteio.sim.demo_tale import NotSo, Tale
from esteio.sim.demo_words import Words

PATIENCE_S = 90.0
"""How long anything that must happen may take before its story has failed."""
SABOTAGED_PATIENCE_S = 40.0
"""And how long where it is known that it will not happen."""
REFRESH_S = 1.0
LIFE_S = (3.0, 7.0)
"""Between two contacts who write, once the script is over."""
FRESH, FRESH_SERVER = "fresh", "baileys-000"


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
        self.tales = {code: Tale(code, stage, words, plan.patience_s) for code in STORIES}
        self.ledger = Tale("ledger", stage, words, plan.patience_s)
        self.began = stage.world.now()
        self.healthy_after: float | None = None
        self.took: float | None = None

    @property
    def failed(self) -> list[str]:
        """The stories, or the accounts, that did not come out right."""
        return [tale.code for tale in (*self.tales.values(), self.ledger) if tale.faults]

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

    async def _told(self, tale: Tale, story: object) -> None:
        try:
            await story  # type: ignore[misc]
        except NotSo as fault:
            tale.faults.append(str(fault))
        except Exception as error:  # noqa: BLE001 - whatever breaks a story is told as its fault, and the run fails
            tale.faults.append(self.words("fault.error", error=repr(error)))
        tale.over = True

    async def _first_healthy(self) -> None:
        async def so() -> bool:
            return bool((await self.stage.store.sessions(state="connected", limit=1)).items)

        await self.stage.until(so, 3600)
        self.healthy_after = self.stage.world.now() - self.began


@contextlib.asynccontextmanager
async def opened(plan: Plan, bound: socket.socket, url: str) -> AsyncIterator[Run]:
    """A demo ready to be played; its data goes with it. Raises OSError when an address is taken."""
    with TemporaryDirectory(prefix="esteio-demo-") as data:
        stage = await Stage.raised(plan.seed, Place(bound, url, plan.control, Path(data), plan.language))
        async with stage:
            yield Run(plan, stage, Words(plan.language))


async def once(plan: Plan, bound: socket.socket, url: str, console: Console, asked: asyncio.Event) -> bool:
    """Play the script, print the summary; whether all was as it should be. An end asked for before is a no."""
    async with opened(plan, bound, url) as run:
        playing = asyncio.create_task(run.play())
        with Console(stderr=True).status("") as status:
            while not playing.done() and not asked.is_set():
                status.update(stories(run.words, run.tales))
                await asyncio.wait({playing}, timeout=REFRESH_S)
        if not playing.done():
            await _cancelled(playing)
            console.print(run.words("interrupted"))
            return False
        await playing
        demo_summary.print_to(console, demo_summary.summary(run))
        return not run.failed


async def watched(plan: Plan, bound: socket.socket, url: str, console: Console, asked: asyncio.Event) -> bool:
    """Play the script before a person, and go on until the end is asked for; whether nothing failed."""
    async with opened(plan, bound, url) as run:
        demo_summary.print_to(console, demo_summary.greeting(run))
        screen = Screen(run.stage, run.words, run.tales)
        with Live(console=console, auto_refresh=False, transient=True) as live:
            acting = asyncio.create_task(_act(run, live, screen))
            await _shown(screen, live, asked, acting)
            live.update("", refresh=True)
            await _cancelled(acting)
        console.print(run.words("stopping"))
        return not run.failed


async def _cancelled(task: asyncio.Task[None]) -> None:
    """It is over; what broke it, if anything did, is raised."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _shown(screen: Screen, live: Live, asked: asyncio.Event, acting: asyncio.Task[None]) -> None:
    """The picture, once a second, until the end is asked for or the script's task broke."""
    while not asked.is_set() and not acting.done():
        live.update(await screen.picture(live.console.width, live.console.height), refresh=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), REFRESH_S)


async def _act(run: Run, live: Live, screen: Screen) -> None:
    await run.play()
    demo_summary.print_to(live.console, demo_summary.summary(run))
    await run.stage.create(FRESH_SERVER, FRESH, wait_s=0)
    demo_summary.print_to(live.console, demo_summary.where(run, FRESH))
    await _live_on(run, screen)


async def _live_on(run: Run, screen: Screen) -> None:
    """Contacts write to whoever is linked, and the application answers."""
    dice = Random(run.plan.seed)
    for number in itertools.count(1):
        await asyncio.sleep(dice.uniform(*LIFE_S))
        page = await run.stage.store.sessions(state="connected", limit=500)
        living = [row for row in page.items if row.phone]
        if not living:
            continue
        row, sender = dice.choice(living), customer(9000 + dice.randrange(40))
        asks, answers = run.words("life.asks", number=number), run.words("life.answers", number=number)
        await run.stage.contact(row.name, str(row.phone), sender, asks)
        await run.stage.send(row.name, sender, answers)
        screen.tell(row.name, run.words("life.told", asks=asks, answers=answers))
