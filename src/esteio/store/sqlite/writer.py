"""The one writer: operations in, futures out, one commit for many.

*Service*: a thread takes everything that waits, runs it in one transaction (items that wait for the same operation
together), commits once (one fsync), then answers all waiters in one call into the loop. What a client stands and waits
for goes before our own work, which makes room for it between two operations: so a backlog costs nobody's answer more
than a few of them. An operation that raises undoes only itself: the batch is run again, each operation in a savepoint
(so one may run twice, and may keep nothing outside the database). A full or broken disk undoes the whole batch and
every waiter hears `StoreFull`; the next starts afresh.
*Inline*: the operation runs in the calling task, in a transaction of its own; no thread, so a virtual clock works.

Never lives here: what an operation does.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeAlias, TypeVar

import apsw

from esteio.store.base import StoreFull
from esteio.store.sql.db import Batch, Item, alone
from esteio.store.sqlite.connection import FULL_ERRORS, Db, refusal

T = TypeVar("T")
Operation: TypeAlias = Callable[[Db], Coroutine[Any, Any, T]]


class Waiting(NamedTuple):
    """An item, what is done with it and whatever waits for the same, and who waits for its answer."""

    batch: Batch[Any, Any]
    item: Any
    future: asyncio.Future[Any]


Answer = tuple["asyncio.Future[Any]", Any, BaseException | None]

_BATCH = 1024
"""At most so many operations share a commit, so that the first one does not wait for an endless stream."""
_ALWAYS = 8
"""So many operations of our own have their place in every commit, however many clients wait."""
_BELL: tuple[()] = ()


def finished(operation: Coroutine[Any, Any, T]) -> T:
    """Run it to its end here and now: every statement has its answer when it returns, so nothing in it waits."""
    try:
        operation.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    operation.close()
    raise RuntimeError("an operation of the store awaited something else than its database")


async def _in_turn(db: Any, operations: Sequence[Operation[Any]]) -> Sequence[Any]:
    """Operations that have nothing in common, one after the other."""
    return [await operation(db) for operation in operations]


class InlineWriter:
    """Runs every operation at once in the calling task."""

    def __init__(self, db: Db) -> None:
        self._db = db

    async def run(self, operation: Operation[T], *, first: bool = False) -> T:
        """Runs the operation in a transaction of its own. Raises `StoreFull` when the disk does not take it."""
        db = self._db
        try:
            db.do("BEGIN IMMEDIATE")
            answer = finished(operation(db))
            db.commit()
        except FULL_ERRORS as error:
            heard = refusal(error, db)
            _undo(db)
            raise heard from error
        except BaseException:
            _undo(db)
            raise
        return answer

    async def run_each(self, batch: Batch[Item, T], item: Item) -> T:
        """The item alone. Raises what the batch has for it, and `StoreFull`."""
        return await self.run(lambda db: alone(batch, db, item))

    async def close(self) -> None:
        """Nothing waits here, so nothing is left to write."""


class ThreadWriter:
    """The writer thread with group commit. Made inside a running loop, which hears the answers."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[Waiting | tuple[()] | None] = queue.SimpleQueue()
        self._first: deque[Waiting] = deque()
        """What clients wait for; whoever finds nobody there rings the bell in the queue."""
        self._ours: deque[Waiting] = deque()
        """What the thread has taken out of the queue and not run yet."""
        self._closed = False
        self._ended = self._loop.create_future()
        self._thread = threading.Thread(target=self._live, name="esteio-writer", daemon=True)
        self._thread.start()

    async def run(self, operation: Operation[T], *, first: bool = False) -> T:
        """Queues the operation for the writer thread; durable when it returns. `first`: before the store's own writes.
        Raises `StoreFull` when the disk does not take it, or once closed."""
        answer: T = await self._queued(_in_turn, operation, first=first)
        return answer

    async def run_each(self, batch: Batch[Item, T], item: Item) -> T:
        """The same for an item, which is written together with those that wait beside it for the same batch, and before
        the store's own writes. Raises what the batch has for it, too."""
        answer: T = await self._queued(batch, item, first=True)
        return answer

    def _queued(self, batch: Batch[Any, Any], item: Any, *, first: bool) -> asyncio.Future[Any]:
        if self._closed:
            raise StoreFull("the store is closed")
        waiting = Waiting(batch, item, self._loop.create_future())
        if first:
            self._first.append(waiting)
            # Where others stand in front, one of them has rung, or is being taken: the thread looks here once more
            # before it sleeps.
            if len(self._first) == 1:
                self._queue.put(_BELL)
        else:
            self._queue.put(waiting)
        return waiting.future

    async def close(self) -> None:
        """What was handed in before is still written."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.shield(self._ended)
        self._thread.join()

    def _live(self) -> None:
        ending = False
        while not ending or self._first or self._ours:
            ending = self._gather() or ending
            if self._first or self._ours:
                taken: list[Waiting] = []
                answers = _commit(self._db, self._turns(taken), taken)
                self._loop.call_soon_threadsafe(_resolve, answers)
        self._loop.call_soon_threadsafe(self._ended.set_result, None)

    def _gather(self) -> bool:
        """Take what is there, and wait only when there is nothing to do; whether it was the end."""
        waits = not self._first and not self._ours
        while len(self._ours) < _BATCH:
            try:
                item = self._queue.get(block=waits)
            except queue.Empty:
                return False
            waits = False
            if item is None:
                return True
            if item:
                self._ours.append(item)
        return False

    def _turns(self, taken: list[Waiting]) -> Iterator[list[Waiting]]:
        """Whose turn it is in this commit, together; each is noted as it is handed out."""
        left = min(len(self._first), _BATCH)
        while left:
            together = [self._first.popleft()]
            while len(together) < left and self._first[0].batch is together[0].batch:
                together.append(self._first.popleft())
            left -= len(together)
            taken += together
            yield together
        for place in range(len(self._ours)):
            if place >= _ALWAYS and self._first:
                return
            taken.append(self._ours.popleft())
            yield taken[-1:]


def _commit(db: Db, turns: Iterator[list[Waiting]], taken: list[Waiting]) -> list[Answer]:
    """Run them in one transaction; what to tell each waiter. `taken` are those of them that have been handed out."""
    try:
        db.do("BEGIN IMMEDIATE")
        # Those that were run together in vain, and the rest.
        answers = _together(db, turns) or [_attempt(db, one) for one in chain(list(taken), chain.from_iterable(turns))]
        db.commit()
    except FULL_ERRORS as error:
        heard = refusal(error, db)
        _undo(db)
        return [(one.future, None, heard) for one in taken or chain.from_iterable(turns)]
    except BaseException as error:  # noqa: BLE001 - the thread must outlive any bug; every waiter hears it
        _undo(db)
        return [(one.future, None, error) for one in taken or chain.from_iterable(turns)]
    return answers


def _together(db: Db, turns: Iterator[list[Waiting]]) -> list[Answer]:
    """All of them without savepoints, which cost as much as a third of a small operation; nothing, and nothing written,
    when one of them raises: then each is run again in its own."""
    try:
        return [answer for together in turns for answer in _answers(db, together)]
    except FULL_ERRORS:
        raise
    except Exception:  # noqa: BLE001 - whose it is the second run tells
        db.do("ROLLBACK")
        db.do("BEGIN IMMEDIATE")
        return []


def _answers(db: Db, together: list[Waiting]) -> Iterator[Answer]:
    found = finished(together[0].batch(db, [one.item for one in together]))
    for one, answer in zip(together, found, strict=True):
        yield (one.future, None, answer) if isinstance(answer, Exception) else (one.future, answer, None)


def _attempt(db: Db, waiting: Waiting) -> Answer:
    db.do("SAVEPOINT one")
    try:
        (answer,) = _answers(db, [waiting])
    except FULL_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001 - it belongs to its waiter, not to the batch
        db.do("ROLLBACK TO one")
        db.do("RELEASE one")
        return waiting.future, None, error
    db.do("RELEASE one")
    return answer


def _undo(db: Db) -> None:
    # SQLite may have rolled back by itself already (a full disk does that).
    if not db.connection.get_autocommit():
        try:
            db.do("ROLLBACK")
        except apsw.Error:
            if not db.connection.get_autocommit():
                raise


def _resolve(answers: list[Answer]) -> None:
    for future, answer, error in answers:
        if future.done():
            continue
        if error is None:
            future.set_result(answer)
        else:
            future.set_exception(error)
