"""Start, drain and stop of the whole engine, each in its order.

Start: the store is opened (what a crash left is put right there), what must be known before the first act is read, the
tasks begin. Drain: nothing new is accepted, and who waits is answered. Stop: the tasks end, calls under way get their
time while the lease on what they act for is kept, then the lease is given back and what is open is closed, the store
last. Never lives here: what any of these does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol

from esteio.clock import Clock
from esteio.engine.runtime.supervisor import Supervisor
from esteio.log import logger
from esteio.store.base import CrashReport, Store

log = logger("gateway")


class Closable(Protocol):
    """What holds a connection, a file or a thread, and gives it back at the end."""

    async def aclose(self) -> None:
        """Gives back what it holds; it may not be used afterwards."""
        ...


class Stoppable(Protocol):
    """A worker with calls under way."""

    async def aclose(self, patience_s: float) -> None:
        """Ends what is under way, after at most `patience_s` seconds."""
        ...


class Lifecycle:
    """`prepare`: done in order between the store's start and the first task; `tasks`: name → eternal task, in the order
    of their start; `outlasting`: those of them that go on until the calls under way have ended; `drain`: called when
    nothing new shall be accepted; `first_closed`: closed right after the tasks ended; `workers`: get `patience_s`
    seconds, side by side; `closed`: closed in order, before the store."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        supervisor: Supervisor,
        *,
        prepare: Sequence[Callable[[CrashReport], Awaitable[None]]],
        tasks: Mapping[str, Callable[[], Awaitable[None]]],
        drain: Callable[[], None],
        first_closed: Closable,
        workers: Sequence[Stoppable],
        patience_s: float,
        closed: Sequence[Closable],
        outlasting: Collection[str] = (),
    ) -> None:
        self._store, self._clock, self._supervisor = store, clock, supervisor
        self._prepare, self._tasks, self._drain = prepare, tasks, drain
        self._first_closed, self._workers, self._closed = first_closed, workers, closed
        self._patience_s, self._outlasting = patience_s, outlasting
        self._started = False
        self.new_database = False
        """Whether no gateway ever ran on this database before `start`."""

    async def start(self) -> None:
        """Opens the store, prepares what must be known before the first act, and starts the tasks. Raises what
        `Store.start` raises."""
        report = await self._store.start(self._clock.now())
        self._started = True
        self.new_database = report.last_alive is None
        log.info(
            "store.opened", new=self.new_database, interrupted=len(report.interrupted), in_doubt=len(report.doubted)
        )
        for step in self._prepare:
            await step(report)
        for name, task in self._tasks.items():
            self._supervisor.start(name, task)

    def drain(self) -> None:
        """Refuse new requests, and answer those that wait with what is so now: what was accepted stays accepted."""
        self._drain()

    async def aclose(self) -> None:
        """Stop what `start` began. Twice is harmless, and so is a stop without a start."""
        if not self._started:
            return
        self._started = False
        self.drain()
        await self._supervisor.aclose(but=self._outlasting)
        await self._first_closed.aclose()
        # A lease that ran out meanwhile would let another node look for sends that are only slow.
        await asyncio.gather(*(worker.aclose(self._patience_s) for worker in self._workers))
        await self._supervisor.aclose()
        for one in self._closed:
            await one.aclose()
        await self._store.aclose()
