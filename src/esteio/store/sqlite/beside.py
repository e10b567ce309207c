"""A connection beside the process that owns the database: for verbs of the command line that look at it, or add a row.

In WAL mode a reader holds up nobody, and a short write waits its turn; the owner's lock is not taken. Only the audit
log is read and written so: what the owner keeps in memory (`session_cache`) it would not hear of. Never lives here: a
migration, a start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from esteio.core.model.session import Session
from esteio.store.base import Damaged
from esteio.store.sql.db import Batch, Item, Operation, Question, alone
from esteio.store.sql.db import Db as AnyDb
from esteio.store.sqlite.connection import DAMAGED_ERRORS, Db, connect
from esteio.store.sqlite.writer import InlineWriter, finished

T = TypeVar("T")


class BesideOwner:
    """A `Database` of one connection, open until `close`. Raises `FileNotFoundError`, `Damaged`."""

    def __init__(self, path: Path, *, read_only: bool) -> None:
        if not path.is_file():
            raise FileNotFoundError(path)
        try:
            self._db: Db = connect(str(path), read_only=read_only)
            self._db.connection.pragma("user_version")
        except DAMAGED_ERRORS as error:
            raise Damaged(str(error)) from error
        self._writer = InlineWriter(self._db)

    @property
    def reader(self) -> AnyDb:
        """The one connection."""
        return self._db

    async def write(self, operation: Operation[T], *, first: bool = False) -> T:
        """In one transaction, when the owner is between two of its own."""
        return await self._writer.run(operation, first=first)

    async def write_apart(self, operation: Operation[T]) -> T:
        """The same: one writes here."""
        return await self.write(operation)

    async def write_each(self, operation: Batch[Item, T], item: Item) -> T:
        """The item alone: nobody else writes here."""
        return await self.write(lambda db: alone(operation, db, item))

    async def listen(self, told: Callable[[], None], others: Callable[[], bool]) -> None:
        """Hints are the owner's."""
        await asyncio.Event().wait()

    async def snapshot(self, question: Operation[T]) -> T:
        """Several reads as of one instant."""
        self._db.do("BEGIN")
        try:
            return finished(question(self._db))
        finally:
            self._db.do("COMMIT")

    async def session(self, question: Question, word: int | str) -> Session | None:
        """Sessions are the owner's; always None."""
        return None

    def close(self) -> None:
        """The last one out writes the log back into the file."""
        self._db.connection.close()
