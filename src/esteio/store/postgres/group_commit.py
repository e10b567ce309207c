"""What waits to be written at one moment, written in one transaction: one COMMIT, and one set of locks.

Each node has one such transaction under way at a time; what comes meanwhile is the next. All of it is about the same
few rows (what is accepted, claimed and settled writes in its session), so that side by side they would only wait for
each other, each for another one's COMMIT. The sessions are locked first, all in one order. Where the transaction of
several fails, each is tried by itself, so that nobody hears another one's error. Never lives here: what is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, NamedTuple, TypeVar

from esteio.core.model.ids import SessionId
from esteio.store.base import StoreFull
from esteio.store.sql.db import Batch, Db, Item, Operation
from esteio.store.sql.locks import lock_sessions

T = TypeVar("T")

AT_ONCE = 256
"""At most so many items of one operation share a transaction."""


class _Waiting(NamedTuple):
    item: Any
    sessions: Collection[SessionId]
    future: asyncio.Future[Any]


_Taken = dict[Batch[Any, Any], Sequence[_Waiting]]


class GroupCommit:
    """`write` runs an operation in a transaction of its own."""

    def __init__(self, write: Callable[[Operation[Any]], Awaitable[Any]]) -> None:
        self._write = write
        self._waiting: dict[Batch[Any, Any], list[_Waiting]] = {}
        self._running: asyncio.Task[None] | None = None

    async def add(self, operation: Batch[Item, T], item: Item, sessions: Collection[SessionId]) -> T:
        """Its answer, once it is durable. Raises what the operation has for it, `StoreFull`, `StoreUnavailable`."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(operation, []).append(_Waiting(item, sessions, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, {}
            for operation, many in waiting.items():
                if further := many[AT_ONCE:]:
                    self._waiting[operation] = further
            await self._commit({operation: many[:AT_ONCE] for operation, many in waiting.items()})
        self._running = None

    async def _commit(self, taken: _Taken) -> None:
        async def whole(db: Db) -> list[Sequence[Any]]:
            await lock_sessions(db, {one for many in taken.values() for each in many for one in each.sessions})
            return [await operation(db, [each.item for each in many]) for operation, many in taken.items()]

        try:
            answers = await self._write(whole)
        except StoreFull as error:
            _tell_all(taken, error)
        except Exception as error:  # noqa: BLE001 - each of them hears its own
            if sum(map(len, taken.values())) == 1:
                _tell_all(taken, error)
                return
            for operation, many in taken.items():
                for each in many:
                    await self._commit({operation: [each]})
        else:
            for many, told in zip(taken.values(), answers, strict=True):
                for each, answer in zip(many, told, strict=True):
                    _tell(each.future, answer)


def _tell_all(taken: _Taken, error: Exception) -> None:
    for many in taken.values():
        for each in many:
            _tell(each.future, error)


def _tell(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
