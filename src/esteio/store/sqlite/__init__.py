"""The SQLite store: one file, one process, one writer.

`SqliteStore(path)` is for service: a writer thread with group commit, reads on their own connection in the loop.
`SqliteStore(path, inline=True)` and `SqliteStore.memory()` run everything in the calling task: for virtual time.
Never lives here: a subject; each has its module in `store.sql`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from esteio.store.base import CrashReport, Store, WriteError
from esteio.store.sql.approvals import SqlApprovals
from esteio.store.sql.contacts import SqlContacts
from esteio.store.sql.db import Db
from esteio.store.sql.decisions import SqlDecisions
from esteio.store.sql.delivery.dead_letters import SqlDeadLetters
from esteio.store.sql.delivery.delivery import SqlDeliveryQueue
from esteio.store.sql.delivery.event_log import SqlEventLog
from esteio.store.sql.delivery.webhook_endpoints import SqlWebhookEndpoints
from esteio.store.sql.fleet import SqlFleet
from esteio.store.sql.history.outages import SqlHistory, note_absence
from esteio.store.sql.history.status_pages import SqlStatusPages
from esteio.store.sql.inbox.history_gaps import SqlHistoryGaps
from esteio.store.sql.inbox.inbox import SqlInbox
from esteio.store.sql.keys import SqlKeys
from esteio.store.sql.maintenance import SqlMaintenance
from esteio.store.sql.media import SqlMedia
from esteio.store.sql.messages.history import SqlMessageHistory
from esteio.store.sql.messages.messages import SqlMessages
from esteio.store.sql.messages.outbox import SqlDoubts, SqlOutbox
from esteio.store.sql.messages.provider_queue import SqlProviderQueue
from esteio.store.sql.qr_codes import SqlPairLinks, SqlQrCodes
from esteio.store.sql.recovery import recover
from esteio.store.sql.servers import SqlServers
from esteio.store.sql.sessions import SqlSessions
from esteio.store.sql.timeline import SqlJournal
from esteio.store.sql.traffic import SqlTraffic
from esteio.store.sql.work import SqlWorkQueue
from esteio.store.sqlite.database import MEMORY, SqliteDatabase

__all__ = ["SqliteStore"]


class SqliteStore:
    """The `Store` over SQLite: opens, migrates and recovers one database, and holds a subject for each port."""

    def __init__(self, path: str | Path, *, inline: bool = False, vfs: str | None = None) -> None:
        self.database = database = SqliteDatabase(str(path), inline=inline, vfs=vfs)
        self.servers = SqlServers(database)
        self.sessions = SqlSessions(database, database.session)
        self.fleet = SqlFleet(database)
        self.decisions = SqlDecisions(database)
        self.journal = SqlJournal(database)
        self.history = SqlHistory(database)
        self.status_pages = SqlStatusPages(database)
        self.approvals = SqlApprovals(database)
        self.qr_codes = SqlQrCodes(database)
        self.pair_links = SqlPairLinks(database)
        self.work = SqlWorkQueue(database)
        self.messages = SqlMessages(database)
        self.message_history = SqlMessageHistory(database)
        self.outbox = SqlOutbox(database)
        self.doubts = SqlDoubts(database)
        self.provider_queue = SqlProviderQueue(database)
        self.inbox = SqlInbox(database)
        self.history_gaps = SqlHistoryGaps(database)
        self.traffic = SqlTraffic(database)
        self.media = SqlMedia(database)
        self.contacts = SqlContacts(database)
        self.events = SqlEventLog(database)
        self.webhook_endpoints = SqlWebhookEndpoints(database)
        self.delivery = SqlDeliveryQueue(database)
        self.dead_letters = SqlDeadLetters(database)
        self.keys = SqlKeys(database)
        self.maintenance = SqlMaintenance(database)

    @classmethod
    def memory(cls) -> SqliteStore:
        """A store that lives in this process only, inline."""
        return cls(MEMORY)

    @property
    def write_error(self) -> WriteError:
        """See `Store`."""
        return self.database.write_error

    async def start(self, now: float) -> CrashReport:
        """As the protocol says. Raises `Locked`, `NewerDatabase`, `Damaged`, `StoreFull`."""
        try:
            self.database.open()
            return await self.database.write(lambda db: recover(db, now))
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

        def operation(db: Db) -> None:
            note_absence(db, now)
            db.run("heartbeat", {"now": now})

        await self.database.write(operation)


if TYPE_CHECKING:
    _conforms: type[Store] = SqliteStore
