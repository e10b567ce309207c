"""The one writer: operations in, futures out, one commit for many.

*Service*: a thread takes everything that waits, runs it in one transaction, commits once (one fsync), then answers all
waiters in one call into the loop. What a client stands and waits for goes before our own work, which makes room for it
between two operations: so a backlog costs nobody's answer more than a few of them. An operation that raises undoes only
itself: the batch is run again, each operation in a savepoint (so one may run twice, and may keep nothing outside the
database). A full or broken disk undoes the whole batch and every waiter hears `StoreFull`; the next starts afresh.
*Inline*: the operation runs in the calling task, in a transaction of its own; no thread, so a virtual clock works.

Never lives here: what an operation does.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from itertools import chain
from typing import Any, TypeAlias, TypeVar

import apsw

from esteio.store.base import StoreFull
from esteio.store.sqlite.connection import FULL_ERRORS, Db, refusal

T = TypeVar("T")
Operation: TypeAlias = Callable[[Db], Coroutine[Any, Any, T]]
Waiting = tuple[Operation[Any], "asyncio.Future[Any]"]
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

    async def close(self) -> None:
        """Nothing waits here, so nothing is left to write."""


class ThreadWriter:
    """The writer thread with group commit. Made inside a running loop, which hears the answers."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[Waiting | tuple[()] | None] = queue.SimpleQueue()
        self._first: deque[Waiting] = deque()
        """What clients wait for; each rings the bell in the queue."""
        self._ours: deque[Waiting] = deque()
        """What the thread has taken out of the queue and not run yet."""
        self._closed = False
        self._ended = self._loop.create_future()
        self._thread = threading.Thread(target=self._live, name="esteio-writer", daemon=True)
        self._thread.start()

    async def run(self, operation: Operation[T], *, first: bool = False) -> T:
        """Queues the operation for the writer thread; durable when it returns. `first`: before the store's own writes.
        Raises `StoreFull` when the disk does not take it, or once closed."""
        if self._closed:
            raise StoreFull("the store is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        if first:
            self._first.append((operation, future))
            self._queue.put(_BELL)
        else:
            self._queue.put((operation, future))
        return await future

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

    def _turns(self, taken: list[Waiting]) -> Iterator[Waiting]:
        """Whose turn it is in this commit; each is noted as it is handed out."""
        for _ in range(min(len(self._first), _BATCH)):
            taken.append(self._first.popleft())
            yield taken[-1]
        for place in range(len(self._ours)):
            if place >= _ALWAYS and self._first:
                return
            taken.append(self._ours.popleft())
            yield taken[-1]


def _commit(db: Db, turns: Iterator[Waiting], taken: list[Waiting]) -> list[Answer]:
    """Run them in one transaction; what to tell each waiter. `taken` are those of them that have been handed out."""
    try:
        db.do("BEGIN IMMEDIATE")
        # Those that were run together in vain, and the rest.
        answers = _together(db, turns) or [_attempt(db, *waiting) for waiting in chain(list(taken), turns)]
        db.commit()
    except FULL_ERRORS as error:
        heard = refusal(error, db)
        _undo(db)
        return [(future, None, heard) for _, future in taken or turns]
    except BaseException as error:  # noqa: BLE001 - the thread must outlive any bug; every waiter hears it
        _undo(db)
        return [(future, None, error) for _, future in taken or turns]
    return answers


def _together(db: Db, turns: Iterator[Waiting]) -> list[Answer]:
    """All of them without savepoints, which cost as much as a third of a small operation; nothing, and nothing written,
    when one of them raises: then each is run again in its own."""
    try:
        return [(future, finished(operation(db)), None) for operation, future in turns]
    except FULL_ERRORS:
        raise
    except Exception:  # noqa: BLE001 - whose it is the second run tells
        db.do("ROLLBACK")
        db.do("BEGIN IMMEDIATE")
        return []


def _attempt(db: Db, operation: Operation[Any], future: asyncio.Future[Any]) -> Answer:
    db.do("SAVEPOINT one")
    try:
        answer = finished(operation(db))
    except FULL_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001 - it belongs to its waiter, not to the batch
        db.do("ROLLBACK TO one")
        db.do("RELEASE one")
        return future, None, error
    db.do("RELEASE one")
    return future, answer, None


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
