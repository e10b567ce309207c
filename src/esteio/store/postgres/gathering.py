"""What waits at one moment, each for itself, asked or written together.

While one question is under way, what comes waits for the next, so that a node asks as much at once as its callers ask
of it, and never makes one wait for more. Where a question of several fails, each is asked by itself, so that nobody
hears another one's error. Never lives here: what is asked or written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from esteio.store.base import StoreFull

Kind = TypeVar("Kind", bound=Hashable)
Item = TypeVar("Item")
T = TypeVar("T")

AT_ONCE = 256
"""At most so many go together."""


class Gathering(Generic[Kind, Item, T]):
    """`answer` gives the answers to several of one kind, each of which may be an exception."""

    def __init__(self, answer: Callable[[Kind, Sequence[Item]], Awaitable[Sequence[T | Exception]]]) -> None:
        self._answer = answer
        self._waiting: dict[Kind, list[tuple[Item, asyncio.Future[T]]]] = {}
        self._running: dict[Kind, asyncio.Task[None]] = {}

    async def add(self, kind: Kind, item: Item) -> T:
        """Its answer. Raises what there is for it, and what befell the question."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(kind, []).append((item, future))
        if kind not in self._running:
            self._running[kind] = asyncio.create_task(self._run(kind))
        return await future

    async def _run(self, kind: Kind) -> None:
        waiting = self._waiting[kind]
        while waiting:
            batch = waiting[:AT_ONCE]
            del waiting[:AT_ONCE]
            await self._tell(kind, batch)
        del self._running[kind]

    async def _tell(self, kind: Kind, batch: Sequence[tuple[Item, asyncio.Future[T]]]) -> None:
        answers: Sequence[T | Exception]
        try:
            answers = await self._answer(kind, [item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - each of them hears its own
            if len(batch) > 1 and not isinstance(error, StoreFull):
                for one in batch:
                    await self._tell(kind, [one])
                return
            answers = [error] * len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
