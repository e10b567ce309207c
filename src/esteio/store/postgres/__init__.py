"""The PostgreSQL store: one database, any number of nodes.

`PostgresStore("postgresql://…")`. Its driver comes with the extra `esteio[postgres]`. Never lives here: a subject; each
has its module in `store.sql`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esteio.store.base import CrashReport, Store, WriteError
from esteio.store.postgres.address import address_of
from esteio.store.postgres.database import CONNECTIONS, PostgresDatabase
from esteio.store.postgres.inspection import PostgresInspection
from esteio.store.sql.history.outages import beat
from esteio.store.sql.nodes.takeover import take_over_all
from esteio.store.sql.store import SqlStore
from esteio.store.statistics import DatabaseStatistics

__all__ = ["PostgresStore"]


class PostgresStore(SqlStore):
    """The `Store` over a PostgreSQL: connects and migrates, and holds a subject for each port. `alone`: no other node
    works on it, so that a start takes over everything, and its time is the caller's."""

    def __init__(self, url: str, *, connections: int = CONNECTIONS, alone: bool = False) -> None:
        """Raises `BadAddress`."""
        self.database = PostgresDatabase(address_of(url), connections=connections, alone=alone)
        self._alone = alone
        super().__init__(self.database)
        self.inspection = PostgresInspection(self.database)

    @property
    def write_error(self) -> WriteError:
        """See `Store`."""
        return self.database.write_error

    @property
    def statistics(self) -> DatabaseStatistics:
        """See `Store`."""
        return self.database.statistics

    async def start(self, now: float) -> CrashReport:
        """As the protocol says; among several nodes what a crash left is put right by whoever takes it over. Raises
        `NewerDatabase`, `StoreUnavailable`, `StoreFull`."""
        try:
            await self.database.open()
            if self._alone:
                return await self.database.write(lambda db: take_over_all(db, now))
            return CrashReport((), (), await self.database.reader.value("last_alive", {}))
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Closes the connections. A second call is harmless."""
        await self.database.aclose()

    async def ping(self, now: float) -> None:
        """A durable write of the heartbeat. Raises `StoreFull`, `StoreUnavailable`."""
        await self.database.write(lambda db: beat(db, now))


if TYPE_CHECKING:
    _conforms: type[Store] = PostgresStore
