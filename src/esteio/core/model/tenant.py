"""A tenant: one customer of a gateway that serves several. What it may hold, and whose rows a reading may return.

Every row that belongs to somebody names its tenant; a gateway that never heard of tenants has one, `default`. Times are
epoch seconds (UTC). Never lives here: what a key may do (`engine.key_scope`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final

import msgspec

DEFAULT: Final = "default"
"""The tenant of everything that names none; it is always there."""


class Quotas(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much a tenant may hold; None: no bound. `messages_per_day` counts messages accepted for sending, by days of
    UTC."""

    sessions: int | None = None
    messages_per_day: int | None = None
    webhooks: int | None = None
    servers: int | None = None


class Tenant(msgspec.Struct, frozen=True):
    """One customer. `name` is its slug, final and never shown to other tenants; one that is not `enabled` has no way
    in, and nothing leaves for it."""

    name: str
    title: str
    created_at: float
    quotas: Quotas = Quotas()
    enabled: bool = True


class Usage(msgspec.Struct, frozen=True):
    """How much of its quotas a tenant uses at one instant. `messages_today`: since the last midnight of UTC."""

    sessions: int = 0
    messages_today: int = 0
    webhooks: int = 0
    servers: int = 0
    keys: int = 0
    status_pages: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing belongs to the tenant, so that it may go."""
        return not (self.sessions or self.webhooks or self.servers or self.keys or self.status_pages)


class Reach(msgspec.Struct, frozen=True):
    """Whose rows a reading for a caller may return. `tenant` None: of all; `globs`: patterns (`fnmatch`), one of which
    matches the session's name, none: whatever its name."""

    tenant: str | None = None
    globs: tuple[str, ...] = ()

    def named(self, session: str) -> bool:
        """Whether a session's name is inside the patterns; whose it is, is not asked here."""
        return not self.globs or any(fnmatchcase(session, glob) for glob in self.globs)

    def owns(self, tenant: str | None) -> bool:
        """Whether a row of this tenant (None: the operator's own) is inside."""
        return self.tenant is None or self.tenant == tenant


ALL: Final = Reach()
"""What the program itself reads."""


def name_on_shared(tenant: str, name: str) -> str:
    """What an instance is called on a server that several tenants share, where names are one space: the tenant's slug,
    which holds no dot, a dot, and the name. Those of the default tenant stay as they are."""
    return name if tenant == DEFAULT else f"{tenant}.{name}"


def day_of(now: float) -> str:
    """The day of UTC that a message accepted now counts for: `2026-11-30`."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def next_day(now: float) -> float:
    """When the next day of UTC begins, and counting with it."""
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=1)).timestamp()
