"""What waits at one moment, each for itself, written in one transaction.

While one transaction is under way, what comes waits for the next, so that a node writes as much at once as its callers
ask of it, and never makes one wait for more. Where the transaction of several fails, each is tried by itself, so that
nobody hears another one's error. Never lives here: what is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from esteio.store.base import StoreFull
from esteio.store.sql.db import Batch, Operation

T = TypeVar("T")
Item = TypeVar("Item")
Waiting = tuple[Any, "asyncio.Future[Any]"]
Write = Callable[[Operation[Any]], Awaitable[Any]]

AT_ONCE = 256
"""At most so many are one transaction."""


class Gathering:
    """`write` runs an operation in a transaction of its own."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: dict[Batch[Any, Any], list[Waiting]] = {}
        self._running: dict[Batch[Any, Any], asyncio.Task[None]] = {}

    async def add(self, operation: Batch[Item, T], item: Item) -> T:
        """Its answer, once it is durable. Raises what the operation has for it, `StoreFull`, `StoreUnavailable`."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(operation, []).append((item, future))
        if operation not in self._running:
            self._running[operation] = asyncio.create_task(self._run(operation))
        return await future

    async def _run(self, operation: Batch[Any, Any]) -> None:
        waiting = self._waiting[operation]
        while waiting:
            batch = waiting[:AT_ONCE]
            del waiting[:AT_ONCE]
            await self._answer(operation, batch)
        del self._running[operation]

    async def _answer(self, operation: Batch[Any, Any], batch: Sequence[Waiting]) -> None:
        items = [item for item, _ in batch]
        try:
            answers = await self._write(lambda db: operation(db, items))
        except Exception as error:  # noqa: BLE001 - each of them hears its own
            if len(batch) > 1 and not isinstance(error, StoreFull):
                for one in batch:
                    await self._answer(operation, [one])
                return
            answers = [error] * len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
