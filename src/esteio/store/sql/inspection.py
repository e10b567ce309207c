"""What is the same of a look at any database; a dialect adds what it can tell of itself.

Never lives here: a dialect's own words.
"""

from __future__ import annotations

from esteio.store.ports.inspection import DatabaseFacts
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.loader import migrations


class SqlInspection(SqlSubject):
    """The part that the tables tell."""

    async def facts(self) -> DatabaseFacts:
        """See `Inspection`."""
        known = migrations("")[-1][0]
        return DatabaseFacts(kind="postgresql", version="", schema=known, schema_known=known, transport="socket")

    async def unowned_sessions(self) -> int:
        """See `Inspection`."""
        return int(await self._reader.value("sessions_unowned", {}))
