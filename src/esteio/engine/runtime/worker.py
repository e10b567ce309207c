"""The polling worker: do what is due, then sleep until the next due time or a wake-up. What leaves does so in one.

`by_session` works off a batch that belongs to many: each session's in order, sessions side by side. A full disk ends no
loop: the run is made again a little later. Never lives here: what a run does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from esteio.clock import Clock
from esteio.core.model.ids import SessionId
from esteio.log import logger
from esteio.store.base import StoreFull

AT_ONCE = 0.0
"""A run that made progress asks for the next one."""
NAP_S = 15.0
"""How long a worker sleeps at most: a lost wake-up costs latency, never a message."""
SHORTEST_NAP_S = 0.1
"""What is due and could not be claimed (a doubt that waits for its look, a lane behind a cap) may not spin the loop."""
AFTER_FAILURE_S = 1.0
ROUND_ENDS_WITHIN_S = 2.0
"""A round that was begun may take so long to end when the worker is told to stop: it is one commit."""
LOOKS_APART_S = 2.0
"""Between two runs of looks at providers: what was looked for and not found is not looked for again at once."""

T = TypeVar("T")
log = logger("worker")


class Worker:
    """Runs, sleeps, and keeps the tasks that a run started; a subclass says what a run does, and, where not everything
    wakes it, how long it sleeps at most."""

    nap_s = NAP_S
    claims = False
    """Whether a run is one commit that claims: it is not cut off, for what was claimed in it has to be begun."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._woken = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    async def run(self) -> None:
        """Run after run, for ever. A full disk ends nothing: the run is made again a little later."""
        while True:
            try:
                due_at = await self._due()
                if due_at is not None and due_at <= self._clock.now():
                    due_at = await (uncut(self._run_once()) if self.claims else self._run_once())
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
        if self._tasks:
            log.warning("calls.cut_off", task=type(self).__name__, count=len(self._tasks))
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def break_off(self) -> None:
        """What is under way ends now; nobody waits for it."""
        for task in list(self._tasks):
            task.cancel()

    async def _due(self) -> float | None:
        """When there is something to do: `AT_ONCE`, a time, or None when only a wake-up will tell. It writes nothing
        to find that out."""
        return AT_ONCE

    async def _run_once(self) -> float | None:
        """Do what is due; when there will be more: `AT_ONCE`, a time, or None when only a wake-up will tell. May
        raise `StoreFull`."""
        raise NotImplementedError

    async def _nap(self, due_at: float | None) -> None:
        pause = self.nap_s
        if due_at is not None:
            pause = min(pause, max(SHORTEST_NAP_S, due_at - self._clock.now()))
        timer = asyncio.get_running_loop().call_later(pause, self._woken.set)
        try:
            await self._woken.wait()
        finally:
            timer.cancel()
        self._woken.clear()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def uncut(round_: Coroutine[Any, Any, T]) -> T:
    """What the round gives. A cancellation is heard when the round has ended, or after `ROUND_ENDS_WITHIN_S`."""
    task = asyncio.get_running_loop().create_task(round_)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=ROUND_ENDS_WITHIN_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise


class OfSession(Protocol):
    """What belongs to a session."""

    @property
    def session_id(self) -> SessionId: ...


S = TypeVar("S", bound=OfSession)


async def by_session(batch: Iterable[S], in_order: Callable[[SessionId, Sequence[S]], Awaitable[None]]) -> None:
    """Hand each session its part, all sessions side by side: one commit serves many, and one that is slow keeps nobody
    waiting but itself. All are worked to their end before a failure is raised."""
    of_session: dict[SessionId, list[S]] = {}
    for item in batch:
        of_session.setdefault(item.session_id, []).append(item)
    if not of_session:
        return
    works = [in_order(session_id, items) for session_id, items in of_session.items()]
    for outcome in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
