"""The demo before its audience: a live picture of it and a plain summary.

With a person in front it goes on serving when the script is over, with contacts that write now and then and a session
that waits for a phone. Without one it plays once and tells whether all was as it should be. Never lives here: what is
played (`run`), a picture (`screen`).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Callable
from random import Random

from rich.console import Console
from rich.live import Live

from esteio.sim.demo import summary
from esteio.sim.demo.run import Plan, Run, opened
from esteio.sim.demo.scenarios import customer
from esteio.sim.demo.screen import Screen, stories

REFRESH_S = 1.0
LIFE_S = (3.0, 7.0)
"""Between two contacts who write, once the script is over."""
FRESH, FRESH_SERVER = "fresh", "baileys-000"


async def once(
    plan: Plan,
    bound: socket.socket,
    url: str,
    console: Console,
    asked: asyncio.Event,
    *,
    tell: Callable[[Run], None] | None = None,
) -> bool:
    """Play the script, print the summary (or leave that to `tell`); whether all was as it should be. An end asked for
    before is a no."""
    async with opened(plan, bound, url) as run:
        playing = asyncio.create_task(run.play())
        with Console(stderr=True).status("") as status:
            while not playing.done() and not asked.is_set():
                status.update(stories(run.words, run.tales))
                await asyncio.wait({playing}, timeout=REFRESH_S)
        if not playing.done():
            await _cancelled(playing)
            if tell is None:
                console.print(run.words("interrupted"))
            return False
        await playing
        if tell is None:
            summary.print_to(console, summary.summary(run))
        else:
            tell(run)
        return not run.failed


async def watched(plan: Plan, bound: socket.socket, url: str, console: Console, asked: asyncio.Event) -> bool:
    """Play the script before a person, and go on until the end is asked for; whether nothing failed."""
    async with opened(plan, bound, url) as run:
        summary.print_to(console, summary.greeting(run, await run.stage.login_link()))
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
    summary.print_to(live.console, summary.summary(run))
    await run.stage.create(FRESH_SERVER, FRESH, wait_s=0)
    summary.print_to(live.console, summary.where(run, FRESH, await run.stage.login_link()))
    await _live_on(run, screen)


async def _live_on(run: Run, screen: Screen) -> None:
    """Contacts write to whoever is linked, and the application answers."""
    dice = Random(run.plan.seed)
    for number in itertools.count(1):
        await asyncio.sleep(dice.uniform(*LIFE_S))
        page = await run.stage.store.sessions.page(state="connected", limit=500)
        living = [row for row in page.items if row.phone]
        if not living:
            continue
        row, sender = dice.choice(living), customer(9000 + dice.randrange(40))
        asks, answers = run.words("life.asks", number=number), run.words("life.answers", number=number)
        await run.stage.contact(row.name, str(row.phone), sender, asks)
        await run.stage.send(row.name, sender, answers)
        screen.tell(row.name, run.words("life.told", asks=asks, answers=answers))
