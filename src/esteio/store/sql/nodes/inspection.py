"""What is the same of a look at any database; a dialect adds what it can tell of itself.

Never lives here: a dialect's own words.
"""

from __future__ import annotations

from collections.abc import Callable

from esteio.store.ports.inspection import DatabaseFacts
from esteio.store.sql.base import SqlSubject


class SqlInspection(SqlSubject):
    """The part that the tables tell."""

    async def facts(self, now: Callable[[], float]) -> DatabaseFacts:
        """See `Inspection`."""
        raise NotImplementedError

    async def unowned_sessions(self) -> int:
        """See `Inspection`."""
        return int(await self._reader.value("sessions_unowned", {}))
