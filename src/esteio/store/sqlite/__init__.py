"""The SQLite store: one file, one process, one writer.

`SqliteStore(path)` is for service: a writer thread with group commit, reads on their own connection in the loop.
`SqliteStore(path, inline=True)` and `SqliteStore.memory()` run everything in the calling task: for virtual time.
Never lives here: a subject; each has its module in `store.sql`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from esteio.store.base import CrashReport, Store, WriteError
from esteio.store.sql.history.outages import beat
from esteio.store.sql.nodes.takeover import take_over_all
from esteio.store.sql.store import SqlStore
from esteio.store.sqlite.database import MEMORY, SqliteDatabase
from esteio.store.sqlite.inspection import SqliteInspection
from esteio.store.statistics import DatabaseStatistics

__all__ = ["SqliteStore"]


class SqliteStore(SqlStore):
    """The `Store` over SQLite: opens, migrates and recovers one database, and holds a subject for each port."""

    def __init__(self, path: str | Path, *, inline: bool = False, vfs: str | None = None) -> None:
        self.database = SqliteDatabase(str(path), inline=inline, vfs=vfs)
        super().__init__(self.database)
        self.inspection = SqliteInspection(self.database, str(path))

    @classmethod
    def memory(cls) -> SqliteStore:
        """A store that lives in this process only, inline."""
        return cls(MEMORY)

    @property
    def write_error(self) -> WriteError:
        """See `Store`."""
        return self.database.write_error

    @property
    def statistics(self) -> DatabaseStatistics:
        """See `Store`."""
        return self.database.statistics

    async def start(self, now: float) -> CrashReport:
        """As the protocol says. Raises `Locked`, `NewerDatabase`, `Damaged`, `StoreFull`."""
        try:
            self.database.open()
            return await self.database.write(lambda db: take_over_all(db, now))
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Writes what was handed in, checkpoints, frees the lock. A second call is harmless."""
        await self.database.aclose()

    async def ping(self, now: float) -> None:
        """A durable write of the heartbeat; takes the lock again where its file was deleted. Raises `StoreFull`,
        `Locked`."""
        self.database.keep_lock()
        await self.database.write(lambda db: beat(db, now))


if TYPE_CHECKING:
    _conforms: type[Store] = SqliteStore
