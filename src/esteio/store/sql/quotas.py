"""Whether a tenant has room for more.

Asked inside the transaction that adds, with the tenant's row held: two that add at once wait for one another, on
whatever node they are. Never lives here: who may ask, a sentence.
"""

from __future__ import annotations

from typing import Literal

from esteio.core.model.tenant import day_of
from esteio.store.base import QuotaExceeded
from esteio.store.sql.db import Db


async def check_room(db: Db, tenant: str | None, what: Literal["sessions", "webhooks", "servers"]) -> None:
    """Whether one more may be added; the operator's own (None) are not bounded. Raises `QuotaExceeded`, `LookupError`
    for a tenant that is gone."""
    if tenant is None:
        return
    row = await db.row("tenant", {"name": tenant})
    if row is None:
        raise LookupError(f"no tenant {tenant}")
    most: int | None = getattr(row, f"max_{what}")
    if most is None:
        return
    # The count below holds until the commit only if nobody adds meanwhile.
    await db.row("tenant_hold", {"name": tenant})
    if await db.value(f"tenant_{what}", {"tenant": tenant}) >= most:  # guard: quota-counted
        raise QuotaExceeded(what, most)


async def count_message(db: Db, tenant: str, most: int | None, now: float) -> None:
    """One more message today; `most`: the tenant's bound as just read, None for none. Raises `QuotaExceeded`."""
    if most is not None and not await db.run("tenant_count_message", {"tenant": tenant, "day": day_of(now)}):
        raise QuotaExceeded("messages", most)
