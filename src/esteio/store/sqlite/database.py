"""One SQLite file as the `Database` that the subjects are written over: opened, owned, read and written.

Never lives here: a subject, what a start puts right (`sql.nodes.takeover`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from esteio.clock import stopwatch
from esteio.core.model.session import Session
from esteio.store.base import Damaged, StoreFull, WriteError
from esteio.store.sql.db import Batch, Item, Operation, Question
from esteio.store.sqlite.connection import DAMAGED_ERRORS, FULL_ERRORS, Db, OwnerLock, connect, make_private, migrate
from esteio.store.sqlite.session_cache import SessionCache
from esteio.store.sqlite.writer import InlineWriter, ThreadWriter, finished
from esteio.store.statistics import DatabaseStatistics

T = TypeVar("T")

MEMORY = ":memory:"


class SqliteDatabase:
    """`inline`: everything runs in the calling task (virtual time); otherwise a thread writes and the loop reads."""

    db: Db
    """The connection that writes; `reader` is the same inline."""
    reader: Db

    def __init__(self, path: str, *, inline: bool, vfs: str | None) -> None:
        self._path, self._vfs = path, vfs
        self._inline = inline or path == MEMORY
        self._lock = OwnerLock(path) if path != MEMORY else None
        self._writer: InlineWriter | ThreadWriter | None = None
        self._open = False
        self.write_error: WriteError = ""
        self.statistics = DatabaseStatistics()

    def open(self) -> None:
        """Take the lock, connect and migrate. Raises `Locked`, `NewerDatabase`, `Damaged`, `StoreFull`; then `aclose`
        frees what was taken."""
        if self._lock is not None:
            self._lock.take()
        try:
            make_private(self._path)
            self.db = connect(self._path, vfs=self._vfs)
            self._open = True
            self.reader = self.db
            migrate(self.db)
            if not self._inline:
                self.reader = connect(self._path, vfs=self._vfs, read_only=True)
        except DAMAGED_ERRORS as error:
            raise Damaged(str(error)) from error
        except (*FULL_ERRORS, OSError) as error:
            raise StoreFull(str(error)) from error
        self._sessions = SessionCache(self.reader, self.db)
        self._writer = InlineWriter(self.db) if self._inline else ThreadWriter(self.db)

    async def aclose(self) -> None:
        """Writes what was handed in, checkpoints, frees the lock. A second call is harmless."""
        if self._open:
            self._open = False
            if self._writer is not None:
                await self._writer.close()
            if self.reader is not self.db:
                self.reader.connection.close()
            self.db.connection.close()
        if self._lock is not None:
            self._lock.free()

    def keep_lock(self) -> None:
        """Take the lock again where its file was deleted. Raises `Locked` when another has it by now."""
        if self._lock is not None:
            self._lock.keep()

    def go_by(self, clock: Callable[[], float]) -> None:
        """Leases are told by this clock: for several nodes in one process, in virtual time."""
        self.db.own_clock = self.reader.own_clock = clock

    async def write(self, operation: Operation[T], *, first: bool = False) -> T:
        """Runs the operation in a transaction of the writer; durable when it returns. `first`: before the store's own
        writes. Raises `StoreFull`."""
        return await self._written(lambda writer: writer.run(operation, first=first))

    async def write_each(self, operation: Batch[Item, T], item: Item) -> T:
        """In the next transaction of the writer, together with what waits for the same. Raises `StoreFull`."""
        return await self._written(lambda writer: writer.run_each(operation, item))

    async def _written(self, handed_in: Callable[[InlineWriter | ThreadWriter], Awaitable[T]]) -> T:
        if self._writer is None:
            raise StoreFull("the store is not open")
        began = stopwatch()
        try:
            answer = await handed_in(self._writer)
        except StoreFull as error:
            self.write_error = error.trouble
            raise
        self.statistics.durations["write"].add(stopwatch() - began)
        self.write_error = ""
        return answer

    async def write_apart(self, operation: Operation[T]) -> T:
        """There is one writer: it is the next. Raises `StoreFull`."""
        return await self.write(operation, first=True)

    async def snapshot(self, question: Operation[T]) -> T:
        """Several reads as of one instant."""
        db = self.reader
        db.do("BEGIN")
        try:
            return finished(question(db))
        finally:
            # A read that failed on the disk has ended its transaction by itself.
            if not db.connection.get_autocommit():
                db.do("COMMIT")

    async def listen(self, told: Callable[[], None], others: Callable[[], bool]) -> None:
        """Nobody else writes here."""
        await asyncio.Event().wait()

    async def session(self, question: Question, word: int | str) -> Session | None:
        """A session as of the last commit; what was read is kept until it is written."""
        return self._sessions.session(question, word)
