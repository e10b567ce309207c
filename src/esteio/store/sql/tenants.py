"""Tenants: their rows, and what they hold.

Never lives here: whether there is room for more (`quotas`), who may ask, a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.core.model.tenant import Quotas, Tenant, Usage, day_of, next_day
from esteio.store.base import Exists, InUse
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db, Row
from esteio.store.sql.delivery.delivery import forget_endpoint
from esteio.store.sql.rows import Params

DAY_S = 86_400.0


class SqlTenants(SqlSubject):
    """The tenants of this database."""

    async def add(self, tenant: Tenant) -> None:
        """Raises `Exists` for a name that is in use."""

        async def operation(db: Db) -> None:
            if not await db.run("tenant_add", _params(tenant)):
                raise Exists(tenant.name)

        await self._write(operation)

    async def get(self, name: str) -> Tenant | None:
        row = await self._reader.row("tenant", {"name": name})
        return None if row is None else _tenant_of(row)

    async def all(self) -> Sequence[Tenant]:
        return [_tenant_of(row) for row in await self._reader.rows("tenants", {})]

    async def change(self, tenant: Tenant) -> bool:
        return await self._write(lambda db: db.run("tenant_change", _params(tenant))) > 0

    async def delete(self, name: str) -> bool:
        """Raises `InUse` while anything but revoked keys and webhooks of deleted sessions is its."""

        async def operation(db: Db) -> bool:
            if await db.row("tenant_hold", {"name": name}) is None:
                return False
            if not (await _usage(db, name, 0.0)).empty:
                raise InUse(name)
            for endpoint in await db.values("tenant_webhooks_ending", {"tenant": name}):
                await forget_endpoint(db, endpoint)
            for what in ("tenant_forget_keys", "tenant_forget_events"):
                await db.put(what, {"tenant": name})
            return await db.run("tenant_delete", {"tenant": name}) > 0

        return await self._write(operation)

    async def usage(self, name: str, now: float) -> Usage:
        return await self._snapshot(lambda db: _usage(db, name, now))


async def _usage(db: Db, name: str, now: float) -> Usage:
    whose = {"tenant": name}
    today = {**whose, "day": day_of(now), "since": next_day(now) - DAY_S}
    return Usage(
        sessions=await db.value("tenant_sessions", whose),
        messages_today=await db.value("tenant_messages", today) or 0,
        webhooks=await db.value("tenant_webhooks", whose),
        servers=await db.value("tenant_servers", whose),
        keys=await db.value("tenant_keys", whose),
        status_pages=await db.value("tenant_status_pages", whose),
    )


def _params(tenant: Tenant) -> Params:
    return {
        "name": tenant.name,
        "title": tenant.title,
        "created_at": tenant.created_at,
        "enabled": int(tenant.enabled),
        "max_sessions": tenant.quotas.sessions,
        "max_messages_per_day": tenant.quotas.messages_per_day,
        "max_webhooks": tenant.quotas.webhooks,
        "max_servers": tenant.quotas.servers,
    }


def _tenant_of(row: Row) -> Tenant:
    quotas = Quotas(row.max_sessions, row.max_messages_per_day, row.max_webhooks, row.max_servers)
    return Tenant(row.name, row.title, row.created_at, quotas, bool(row.enabled))
