"""Which tenants are suspended: the one question of every way in, and of every way out that is not a row of the store's.

A suspended tenant's keys, logins, links, tokens and pages open nothing, whichever door they come to; what leaves for it
(messages that wait, webhooks) is left out by the store's own claims (`suspended` in `tenants.sql`). Its numbers stay
linked, and what its providers tell is kept. Never lives here: who may suspend (`commands.tenants`).
"""

from __future__ import annotations

from esteio.clock import Clock
from esteio.core.model.ids import SessionId
from esteio.engine.errors import CommandError
from esteio.store.ports.sessions import Sessions
from esteio.store.ports.tenants import Tenants

REMEMBER_S = 5.0
"""How long the answer is remembered: what another node suspends is suspended here after so long at most."""


class Suspensions:
    """Asks the store every few seconds. `forget`: at once, after a change of ours."""

    def __init__(self, tenants: Tenants, sessions: Sessions, clock: Clock) -> None:
        self._tenants, self._sessions, self._clock = tenants, sessions, clock
        self._names: frozenset[str] = frozenset()
        self._read_at: float | None = None
        self._changes = 0

    def forget(self) -> None:
        """A tenant was changed: the next question is asked of the store."""
        self._read_at = None
        self._changes += 1

    async def holds(self, tenant: str | None) -> bool:
        """Whether this tenant is suspended now; the operator (None) never is."""
        if tenant is None:
            return False
        now, changes = self._clock.now(), self._changes
        if self._read_at is not None and now - self._read_at < REMEMBER_S:
            return tenant in self._names
        names = frozenset(one.name for one in await self._tenants.all() if not one.enabled)
        if changes == self._changes:
            self._read_at, self._names = now, names
        return tenant in names

    async def holds_session(self, session_id: SessionId) -> bool:
        """Whether the session is of a suspended tenant; one that is gone is of nobody."""
        session = await self._sessions.by_id(session_id)
        return session is not None and await self.holds(session.tenant)

    async def check(self, tenant: str | None) -> None:
        """Raises `CommandError("tenant-suspended")`."""
        if await self.holds(tenant):  # guard: suspended-tenant-stays-out
            raise CommandError("tenant-suspended")

    async def check_session(self, session_id: SessionId) -> None:
        """The same by one of its sessions. Raises `CommandError("tenant-suspended")`."""
        if await self.holds_session(session_id):
            raise CommandError("tenant-suspended")
