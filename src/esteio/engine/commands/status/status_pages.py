"""Public status pages: made, changed, deleted. An admin chooses what strangers see of a tenant's own.

Never lives here: what a page shows, how it is drawn.
"""

from __future__ import annotations

from typing import Final

from esteio.clock import Clock
from esteio.core.model.ids import SessionName
from esteio.core.model.status_page import Listed, StatusPage
from esteio.core.model.tenant import DEFAULT
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.checks import plain_name
from esteio.engine.commands.lookup import Lookup
from esteio.engine.commands.requests import StatusPageChange, StatusPageRequest
from esteio.engine.errors import CommandError, invalid, unknown_tenant
from esteio.engine.key_scope import EVERYTHING, Scope
from esteio.store.ports.history import StatusPages
from esteio.store.ports.tenants import Tenants

SESSIONS_MOST: Final = 200
"""On one page."""


class StatusPageCommands:
    """All raise `CommandError`: outside-scope, invalid-value, name-taken, not-found, unknown-tenant."""

    def __init__(self, pages: StatusPages, tenants: Tenants, clock: Clock, *, lookup: Lookup, audit: AuditLog) -> None:
        self._pages, self._tenants, self._clock = pages, tenants, clock
        self._lookup, self._audit = lookup, audit

    async def create(self, request: StatusPageRequest, scope: Scope = EVERYTHING) -> StatusPage:
        """A page that nobody sees yet, its maker's tenant's."""
        scope.check_whole()
        name = plain_name("name", request.name)
        tenant = scope.named_tenant(request.tenant) or DEFAULT
        if await self._tenants.get(tenant) is None:
            raise unknown_tenant(tenant)
        if await self._pages.get(name) is not None:
            raise CommandError("name-taken", field="name", in_body=True, name=name)
        page = StatusPage(name, request.title, created_at=self._clock.now(), tenant=tenant)
        with self._audit.records("status_page.created", target=name, after=_shown(page), tenant=tenant):
            await self._pages.put(page)
        return page

    async def get(self, name: str, scope: Scope = EVERYTHING) -> StatusPage:
        """The page of this name, seen by strangers or not."""
        scope.check_whole()
        page = await self._pages.get(name)
        if page is None or not scope.owns(page.tenant):  # guard: status-page-of-its-tenant
            raise CommandError("not-found")
        return page

    async def change(self, name: str, request: StatusPageChange, scope: Scope = EVERYTHING) -> StatusPage:
        """The page as it then is; it shows sessions of its own tenant only."""
        page = await self.get(name, scope)
        listed = {one.session: one for one in page.sessions}
        for session, label in request.labels.items():
            listed.pop(SessionName(session), None)
            if label is not None:
                found = await self._listed(session, label, Scope(page.tenant))
                listed[found.session] = found
        if len(listed) > SESSIONS_MOST:
            raise invalid("sessions", "must not be more than 200")
        shown = tuple(listed.values())
        changed = StatusPage(page.name, request.title, request.enabled, shown, page.created_at, page.tenant)
        was, now = _shown(page), _shown(changed)
        with self._audit.records("status_page.changed", target=name, before=was, after=now, tenant=page.tenant):
            await self._pages.put(changed)
        return changed

    async def delete(self, name: str, scope: Scope = EVERYTHING) -> None:
        """It is gone for strangers too."""
        page = await self.get(name, scope)
        with self._audit.records("status_page.deleted", target=name, tenant=page.tenant):
            deleted = await self._pages.delete(name)
        if not deleted:
            raise CommandError("not-found")

    async def _listed(self, session: str, label: str, scope: Scope) -> Listed:
        found = await self._lookup.session(session, scope)
        return Listed(found.id, found.name, label)


def _shown(page: StatusPage) -> dict[str, object]:
    """What the audit log holds of it."""
    labels = {one.session: one.label for one in page.sessions}
    return {"title": page.title, "enabled": page.enabled, "sessions": labels}
