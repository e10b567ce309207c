"""What an SQLite file and the disk under it say of themselves.

Never lives here: what is well and what is not.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import apsw

from esteio.store.ports.inspection import DatabaseFacts
from esteio.store.sql.loader import migrations
from esteio.store.sql.nodes.inspection import SqlInspection
from esteio.store.sqlite.database import SqliteDatabase


class SqliteInspection(SqlInspection):
    """Asks by the connection that reads."""

    def __init__(self, database: SqliteDatabase, path: str) -> None:
        super().__init__(database)
        self._sqlite, self._path = database, Path(path)

    async def facts(self, now: Callable[[], float]) -> DatabaseFacts:
        """See `Inspection`."""
        pragma = self._sqlite.reader.connection.pragma
        return DatabaseFacts(
            kind="sqlite",
            version=apsw.sqlite_lib_version(),
            schema=int(pragma("user_version")),
            schema_known=migrations("")[-1][0],
            size_bytes=int(pragma("page_count")) * int(pragma("page_size")),
            log_bytes=self._log_bytes(),
            disk_free_bytes=self._disk_free(),
            durability={"journal_mode": str(pragma("journal_mode"))},
        )

    def _log_bytes(self) -> int | None:
        with suppress(OSError):
            return Path(f"{self._path}-wal").stat().st_size
        return None

    def _disk_free(self) -> int | None:
        with suppress(OSError):
            disk = os.statvfs(self._path.parent)
            return disk.f_bavail * disk.f_frsize if self._path.exists() else None
        return None
