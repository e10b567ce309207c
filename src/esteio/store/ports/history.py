"""What is kept of the past, and the public pages that show a part of it.

See the package for what holds of every method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from esteio.core.model.history import OutageCost, OutageRecord, StateChange, Unwatched
from esteio.core.model.ids import ServerName, SessionId
from esteio.core.model.status_page import StatusPage
from esteio.core.model.tenant import ALL, Reach


class History(Protocol):
    """Outages and changes of state, as the commits of decisions wrote them (`Decisions`); nothing else writes them."""

    async def outage(self, outage_id: str) -> OutageRecord | None:
        """The outage of this id, None for one that is unknown or forgotten."""
        ...

    async def open_outages(
        self,
        *,
        reach: Reach = ALL,
        server: ServerName | None = None,
        session_id: SessionId | None = None,
        each: bool = False,
    ) -> Sequence[OutageRecord]:
        """Those that are not over (of a server and its sessions, of a session), newest first. Without `each`, sessions
        that fell with their server are left out while it is down itself. `reach`: of its tenant, if it names one, only
        sessions' outages; its patterns are not asked here."""
        ...

    async def ended_outages(
        self,
        *,
        reach: Reach = ALL,
        server: ServerName | None = None,
        session_id: SessionId | None = None,
        each: bool = False,
        before: tuple[float, str] | None = None,
        limit: int = 50,
    ) -> Sequence[OutageRecord]:
        """Those that are over, newest first by (`since`, id), after the one whose `since` and id are `before`. Without
        `each`, sessions that fell with their server are left out. `reach`: as in `open_outages`."""
        ...

    async def parts_of(self, outage_id: str) -> Sequence[OutageRecord]:
        """The outages of sessions that fell in this outage of their server, oldest first."""
        ...

    async def outages_of(
        self, sessions: Sequence[SessionId], since: float
    ) -> Mapping[SessionId, Sequence[OutageRecord]]:
        """Of each session those that were not over by then, oldest first; a session without any is missing."""
        ...

    async def server_outages(self, since: float) -> Sequence[OutageRecord]:
        """The servers' own that were not over by then, oldest first."""
        ...

    async def states_of(self, sessions: Sequence[SessionId], since: float) -> Mapping[SessionId, Sequence[StateChange]]:
        """Of each session the changes of state since then, oldest first; a session without any is missing."""
        ...

    async def unwatched(self, since: float) -> Sequence[Unwatched]:
        """When nobody watched, as far as it was not over by then, oldest first."""
        ...

    async def cost(self, session_id: SessionId, since: float, until: float) -> OutageCost:
        """What came of the outgoing messages that were accepted in that time."""
        ...


class StatusPages(Protocol):
    """Public status pages, with the sessions that each shows. A deleted session leaves them."""

    async def all(self, *, reach: Reach = ALL) -> Sequence[StatusPage]:
        """Every page of the tenant that `reach` names, off ones too, by name; each page's sessions by their labels."""
        ...

    async def get(self, name: str) -> StatusPage | None:
        """The page of this name, off or not; None for an unknown one."""
        ...

    async def put(self, page: StatusPage) -> None:
        """The page in the place of what stood there; when a page was made never changes. Sessions that are gone are
        left out."""
        ...

    async def delete(self, name: str) -> bool:
        """False for an unknown one."""
        ...
