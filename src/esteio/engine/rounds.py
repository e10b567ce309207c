"""A loop of rounds: do what is due, then nap until the next due time or a bell. What leaves does so in such a loop.

A full disk ends no loop: the round is made again a little later. Never lives here: what a round does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from esteio.clock import Clock
from esteio.log import logger
from esteio.store.base import StoreFull

AT_ONCE = 0.0
"""A round that made progress asks for the next one."""
NAP_S = 5.0
"""How long a loop sleeps at most: a lost hint costs latency, never a message."""
SHORTEST_NAP_S = 0.1
"""What is due and could not be claimed (a doubt that waits for its look, a lane behind a cap) may not spin the loop."""
AFTER_FAILURE_S = 1.0

log = logger("rounds")


class Rounds:
    """A bell, tasks in the air, and the loop itself; a subclass says what a round is."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._bell = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def nudge(self) -> None:
        """There may be something to do."""
        self._bell.set()

    async def run(self) -> None:
        """Round after round, for ever."""
        while True:
            try:
                due_at = await self._round()
            except StoreFull:
                log.warning("store.full")
                await asyncio.sleep(AFTER_FAILURE_S)
                continue
            if due_at != AT_ONCE:
                await self._nap(due_at)

    async def aclose(self, patience_s: float) -> None:
        """Wait a little for calls under way; the rest is cancelled and found by the next start."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience_s)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _round(self) -> float | None:
        """Do what is due; when there will be more: `AT_ONCE`, a time, or None when only the bell will tell. May raise
        `StoreFull`."""
        raise NotImplementedError

    async def _nap(self, due_at: float | None) -> None:
        pause = NAP_S if due_at is None else min(NAP_S, max(SHORTEST_NAP_S, due_at - self._clock.now()))
        timer = asyncio.get_running_loop().call_later(pause, self._bell.set)
        try:
            await self._bell.wait()
        finally:
            timer.cancel()
        self._bell.clear()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
