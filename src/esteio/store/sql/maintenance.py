"""The public stream of events, API keys, and what is forgotten in time.

Never lives here: when to forget.
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.store.base import ApiKey, EventRow, Exists
from esteio.store.sql import rows
from esteio.store.sql.base import Room
from esteio.store.sqlite.connection import Db

_AT_ONCE = 5000
"""Rows of each table that one purge removes: it must not hold the writer for long. Call again while it finds many."""


class Upkeep(Room):
    async def events(self, after: int, limit: int) -> Sequence[EventRow]:
        return [rows.event_of(row) for row in self._reader.rows("events", {"after": after, "limit": limit})]

    async def add_key(self, key: ApiKey, secret_hash: bytes) -> None:
        """Raises `Exists` for a known id or secret."""

        def operation(db: Db) -> None:
            if not db.run("api_key_add", rows.key_params(key, secret_hash)):
                raise Exists(key.id)

        await self._write(operation)

    async def key_by_hash(self, secret_hash: bytes) -> ApiKey | None:
        """Revoked and expired ones too: whether it still opens is for the caller, who has a clock."""
        row = self._reader.row("api_key_by_hash", {"hash": secret_hash})
        return None if row is None else rows.key_of(row)

    async def keys(self) -> Sequence[ApiKey]:
        return [rows.key_of(row) for row in self._reader.rows("api_keys", {})]

    async def revoke_key(self, key_id: str, now: float) -> bool:
        return await self._write(lambda db: db.run("api_key_revoke", {"id": key_id, "now": now}) > 0)

    async def clock_put_back(self, now: float, seconds: float) -> None:
        """Leases stay: whoever holds one may be at it, and writes it back under its fence."""
        back = {"now": now, "seconds": seconds}

        def operation(db: Db) -> None:
            for table in ("work", "messages", "send_lanes", "history_gaps", "delivery_lanes"):
                db.run(f"clock_back_{table}", back)

        await self._write(operation)

    async def purge(
        self, now: float, *, raw_before: float, idem_before: float, unreadable_before: float | None = None
    ) -> int:
        """Also finished work and receipts of unknown messages from before `raw_before`."""

        def operation(db: Db) -> int:
            raw = {"before": raw_before, "limit": _AT_ONCE}
            gone = 0
            if unreadable_before is not None:
                gone = db.run("purge_unreadable", {"before": unreadable_before, "limit": _AT_ONCE})
            gone += (
                db.run("purge_provider_webhooks", raw)
                + db.run("purge_work", raw)
                + db.run("purge_pending_receipts", raw)
            )
            return gone + db.run("purge_idempotency", {"before": idem_before, "limit": _AT_ONCE})

        return await self._write(operation)
