"""Tenants, what they may hold, and what they hold.

See the package for what holds of every method. The quotas themselves are asked by the writes that they bound, in the
same transaction: adding a session, a server, a webhook, accepting a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from esteio.core.model.tenant import Tenant, Usage


class Tenants(Protocol):
    """Tenants by name. `default` is always there."""

    async def add(self, tenant: Tenant) -> None:
        """A new one. Raises `Exists` for a name that is in use."""
        ...

    async def get(self, name: str) -> Tenant | None:
        """The tenant of this name, None for an unknown one."""
        ...

    async def all(self) -> Sequence[Tenant]:
        """Every tenant, by name."""
        ...

    async def change(self, tenant: Tenant) -> bool:
        """Title, quotas and whether it is enabled, in the place of what was; False for an unknown name. What a tenant
        holds beyond a new quota stays."""
        ...

    async def delete(self, name: str) -> bool:
        """With its revoked keys; False for an unknown name. Raises `InUse` while anything else is its."""
        ...

    async def usage(self, name: str, now: float) -> Usage:
        """What it holds, as of one instant; nothing for an unknown name."""
        ...
