"""Public status pages: made, changed, deleted. An admin for the whole gateway chooses what strangers see.

Never lives here: what a page shows, how it is drawn.
"""

from __future__ import annotations

from typing import Final

from esteio.clock import Clock
from esteio.core.model.ids import SessionName
from esteio.core.model.status_page import Listed, StatusPage
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.checks import plain_name
from esteio.engine.commands.requests import StatusPageChange, StatusPageRequest
from esteio.engine.errors import CommandError, invalid
from esteio.store.ports.history import StatusPages
from esteio.store.ports.sessions import Sessions

SESSIONS_MOST: Final = 200
"""On one page."""


class StatusPageCommands:
    """All raise `CommandError`: invalid-value, name-taken, not-found."""

    def __init__(self, pages: StatusPages, sessions: Sessions, clock: Clock, audit: AuditLog) -> None:
        self._pages, self._sessions, self._clock, self._audit = pages, sessions, clock, audit

    async def create(self, request: StatusPageRequest) -> StatusPage:
        """A page that nobody sees yet."""
        name = plain_name("name", request.name)
        if await self._pages.get(name) is not None:
            raise CommandError("name-taken", field="name", in_body=True, name=name)
        page = StatusPage(name, request.title, created_at=self._clock.now())
        with self._audit.records("status_page.created", target=name, after=_shown(page)):
            await self._pages.put(page)
        return page

    async def get(self, name: str) -> StatusPage:
        """The page of this name, seen by strangers or not."""
        page = await self._pages.get(name)
        if page is None:
            raise CommandError("not-found")
        return page

    async def change(self, name: str, request: StatusPageChange) -> StatusPage:
        """The page as it then is."""
        page = await self.get(name)
        listed = {one.session: one for one in page.sessions}
        for session, label in request.labels.items():
            listed.pop(SessionName(session), None)
            if label is not None:
                found = await self._listed(session, label)
                listed[found.session] = found
        if len(listed) > SESSIONS_MOST:
            raise invalid("sessions", "must not be more than 200")
        changed = StatusPage(page.name, request.title, request.enabled, tuple(listed.values()), page.created_at)
        with self._audit.records("status_page.changed", target=name, before=_shown(page), after=_shown(changed)):
            await self._pages.put(changed)
        return changed

    async def delete(self, name: str) -> None:
        """It is gone for strangers too."""
        with self._audit.records("status_page.deleted", target=name):
            deleted = await self._pages.delete(name)
        if not deleted:
            raise CommandError("not-found")

    async def _listed(self, session: str, label: str) -> Listed:
        found = await self._sessions.by_name(SessionName(session))
        if found is None:
            raise CommandError("unknown-session", name=session)
        return Listed(found.id, found.name, label)


def _shown(page: StatusPage) -> dict[str, object]:
    """What the audit log holds of it."""
    labels = {one.session: one.label for one in page.sessions}
    return {"title": page.title, "enabled": page.enabled, "sessions": labels}
