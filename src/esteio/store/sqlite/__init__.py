"""The SQLite store: one file, one process, one writer.

`SqliteStore(path)` is for service: a writer thread with group commit, reads on their own connection in the loop.
`SqliteStore(path, inline=True)` and `SqliteStore.memory()` run everything in the calling task: for virtual time.
Never lives here: a subject; each has its module.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from esteio.store.base import CrashReport, Damaged, Store, StoreFull
from esteio.store.sql import rows
from esteio.store.sql.acks import Acks
from esteio.store.sql.contacts import People
from esteio.store.sql.decisions import Decisions
from esteio.store.sql.delivery.delivery import Relay
from esteio.store.sql.delivery.webhook_endpoints import Endpoints
from esteio.store.sql.inbox.history_gaps import Gaps
from esteio.store.sql.inbox.inbox import Inbox
from esteio.store.sql.inbox.phones import Phones
from esteio.store.sql.maintenance import Upkeep
from esteio.store.sql.media import MediaFiles
from esteio.store.sql.messages.messages import Messages
from esteio.store.sql.messages.outbox import Sending
from esteio.store.sql.messages.provider_queue import Parking
from esteio.store.sql.servers import Servers
from esteio.store.sql.sessions import Sessions
from esteio.store.sql.work import Works, interrupt
from esteio.store.sqlite.connection import DAMAGED_ERRORS, FULL_ERRORS, Db, OwnerLock, connect, make_private, migrate
from esteio.store.sqlite.session_cache import Remembered
from esteio.store.sqlite.writer import InlineWriter, ThreadWriter

__all__ = ["SqliteStore"]

_MEMORY = ":memory:"


class SqliteStore(
    Servers,
    Sessions,
    Decisions,
    Works,
    Messages,
    Phones,
    MediaFiles,
    Sending,
    Parking,
    Inbox,
    Gaps,
    Acks,
    People,
    Relay,
    Endpoints,
    Upkeep,
):
    """The `Store` over SQLite."""

    def __init__(self, path: str | Path, *, inline: bool = False, vfs: str | None = None) -> None:
        self._path = str(path)
        self._inline = inline or self._path == _MEMORY
        self._vfs = vfs
        self._lock = OwnerLock(self._path) if self._path != _MEMORY else None
        self._open = False

    @classmethod
    def memory(cls) -> SqliteStore:
        """A store that lives in this process only, inline."""
        return cls(_MEMORY)

    async def start(self, now: float) -> CrashReport:
        """As the protocol says. Raises `Locked`, `NewerDatabase`, `Damaged`, `StoreFull`."""
        if self._lock is not None:
            self._lock.take()
        try:
            self._connect()
            report = await self._write(lambda db: self._recover(db, now))
        except BaseException:
            await self.aclose()
            raise
        return report

    def _connect(self) -> None:
        try:
            make_private(self._path)
            self._db = connect(self._path, vfs=self._vfs)
            self._open = True
            self._reader = self._db
            migrate(self._db)
            if not self._inline:
                self._reader = connect(self._path, vfs=self._vfs, read_only=True)
        except DAMAGED_ERRORS as error:
            raise Damaged(str(error)) from error
        except (*FULL_ERRORS, OSError) as error:
            raise StoreFull(str(error)) from error
        self._remembered = Remembered(self._reader, self._db)
        self._writer = InlineWriter(self._db) if self._inline else ThreadWriter(self._db)

    def _recover(self, db: Db, now: float) -> CrashReport:
        under_way = [rows.work_of(row) for row in db.rows("work_performing", {})]
        for work in under_way:
            interrupt(db, work, now)
        db.cold.update(db.rows("sessions_restricted", {}))
        db.run("delivery_lanes_free", {"now": now})
        doubted = self._doubt_all_sending(db, now)
        return CrashReport(
            interrupted=tuple(work for work in under_way if work.kind == "control"),
            doubted=tuple(message.id for message in doubted),
            last_alive=db.value("last_alive", {}),
        )

    async def aclose(self) -> None:
        """Writes what was handed in, checkpoints, frees the lock. A second call is harmless."""
        if self._open:
            self._open = False
            if hasattr(self, "_writer"):
                await self._writer.close()
            if self._reader is not self._db:
                self._reader.connection.close()
            self._db.connection.close()
        if self._lock is not None:
            self._lock.free()

    async def ping(self, now: float) -> None:
        if self._lock is not None:
            self._lock.keep()
        await self._write(lambda db: db.run("heartbeat", {"now": now}))


if TYPE_CHECKING:
    _conforms: type[Store] = SqliteStore
