"""The task tree: eternal tasks with names, restarted a few times, then the whole is given up upward.

Started in order, stopped in reverse; stopping twice is harmless. An eternal task that ends is an error. Never lives
here: what the tasks do.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection

from esteio.log import logger

RESTARTS = 5
WITHIN_S = 60.0
PAUSE_S = 0.2

log = logger("supervisor")


class GaveUp(RuntimeError):
    """A task failed too often; the process should end and be started anew."""


class Supervisor:
    """Keeps eternal tasks running."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failed: asyncio.Future[str] | None = None

    def __repr__(self) -> str:
        return f"Supervisor({', '.join(self._tasks)})"

    @property
    def healthy(self) -> bool:
        """Whether every task runs."""
        return all(not task.done() for task in self._tasks.values())

    def start(self, name: str, make: Callable[[], Awaitable[None]]) -> None:
        """Start an eternal task; `make` is called again after a failure."""
        if self._failed is None:
            self._failed = asyncio.get_running_loop().create_future()
        self._tasks[name] = asyncio.get_running_loop().create_task(self._guard(name, make), name=name)

    async def _guard(self, name: str, make: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        failures: deque[float] = deque(maxlen=RESTARTS)
        log.debug("task.started", task=name)
        while True:
            try:
                await make()
                log.error("task.failed", task=name, error="the task returned unexpectedly")
            except Exception:
                log.exception("task.failed", task=name)
            now = loop.time()
            if len(failures) == RESTARTS and now - failures[0] <= WITHIN_S:
                log.error("task.gave_up", task=name)
                if self._failed is not None and not self._failed.done():
                    self._failed.set_result(name)
                return
            failures.append(now)
            await asyncio.sleep(PAUSE_S)
            log.warning("task.restarted", task=name)

    async def failed(self) -> None:
        """Wait until a task is given up, and raise `GaveUp`."""
        if self._failed is None:
            self._failed = asyncio.get_running_loop().create_future()
        name = await asyncio.shield(self._failed)
        raise GaveUp(f"the task {name!r} failed {RESTARTS} times within {WITHIN_S:g} s")

    async def aclose(self, *, but: Collection[str] = ()) -> None:
        """Stop all tasks, the last started first, `but` for those of these names."""
        for name in reversed([name for name in self._tasks if name not in but]):
            task = self._tasks.pop(name)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
