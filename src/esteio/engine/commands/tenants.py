"""Tenants: made, changed, suspended, taken away; what each holds. All of it is the operator's.

Never lives here: what a quota bounds (the writes ask, in `store.sql.tenants`), whose a row is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from esteio.clock import Clock
from esteio.core.model.tenant import DEFAULT, Quotas, Tenant, Usage
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.keys import KeyCommands
from esteio.engine.commands.requests import TenantChange, TenantRequest
from esteio.engine.errors import CommandError, unknown
from esteio.engine.runtime.ports import Wakeups
from esteio.engine.suspensions import Suspensions
from esteio.log import logger
from esteio.store.base import Exists, InUse
from esteio.store.ports.tenants import Tenants

log = logger("commands")


class Held(NamedTuple):
    """A tenant, and what it holds now."""

    tenant: Tenant
    usage: Usage


class TenantCommands:
    """Makes and changes tenants. `keys`: what is remembered of theirs goes with them. `wakeups`: what waited while one
    was suspended goes on."""

    def __init__(
        self,
        tenants: Tenants,
        clock: Clock,
        *,
        audit: AuditLog,
        keys: KeyCommands,
        suspensions: Suspensions,
        wakeups: Wakeups,
    ) -> None:
        self._tenants, self._clock, self._audit = tenants, clock, audit
        self._keys, self._suspensions, self._wakeups = keys, suspensions, wakeups

    async def create(self, request: TenantRequest) -> Tenant:
        """A new one, which is enabled and holds nothing. Raises `CommandError("name-taken")`."""
        quotas = Quotas(**msgspec.structs.asdict(request.quotas))
        tenant = Tenant(request.name, request.title, self._clock.now(), quotas)
        try:
            with self._audit.records("tenant.created", target=tenant.name, after=tenant_shown(tenant)):
                await self._tenants.add(tenant)
        except Exists as error:
            raise CommandError("name-taken", field="name", in_body=True, name=request.name) from error
        log.info("tenant.created", tenant=tenant.name)
        return tenant

    async def get(self, name: str) -> Tenant:
        """Raises `CommandError("unknown-tenant")`."""
        tenant = await self._tenants.get(name)
        if tenant is None:
            raise unknown("tenant", name)
        return tenant

    async def all(self) -> Sequence[Held]:
        """Every tenant, by name."""
        return [Held(one, await self.usage(one.name)) for one in await self._tenants.all()]

    async def usage(self, name: str) -> Usage:
        """What it holds now; nothing for an unknown one."""
        return await self._tenants.usage(name, self._clock.now())

    async def change(self, name: str, change: TenantChange) -> Tenant:
        """The tenant as it then is. A quota below what it holds takes nothing away. Raises
        `CommandError("unknown-tenant")`."""
        given = change.given()
        before = await self.get(name)
        if "quotas" in given:
            given["quotas"] = msgspec.structs.replace(before.quotas, **given["quotas"].given())
        after = msgspec.structs.replace(before, **given)
        was, shown = tenant_shown(before), tenant_shown(after)
        with self._audit.records("tenant.changed", target=name, before=was, after=shown):
            changed = await self._tenants.change(after)
        if not changed:
            raise unknown("tenant", name)
        self._ask_anew()
        if after.enabled and not before.enabled:
            self._wakeups.sends()
            self._wakeups.deliveries()
        log.info("tenant.changed", tenant=name, changed=sorted(given))
        return after

    async def delete(self, name: str) -> None:
        """Only one that holds nothing, and never `default`. Raises `CommandError`: unknown-tenant, tenant-in-use."""
        if name == DEFAULT:
            raise CommandError("tenant-in-use", name=name)
        try:
            with self._audit.records("tenant.deleted", target=name):
                deleted = await self._tenants.delete(name)
        except InUse as error:
            raise CommandError("tenant-in-use", name=name) from error
        if not deleted:
            raise unknown("tenant", name)
        self._ask_anew()
        log.info("tenant.deleted", tenant=name)

    def _ask_anew(self) -> None:
        """What is remembered of keys and tenants is read again."""
        self._keys.forget()
        self._suspensions.forget()


def tenant_shown(tenant: Tenant) -> dict[str, object]:
    """What the audit log holds of it."""
    return {"title": tenant.title, "enabled": tenant.enabled, "quotas": msgspec.structs.asdict(tenant.quotas)}
