"""API keys, and what stands for one for a short time: the hash of each secret, never the secret.

Never lives here: whether a key still opens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from esteio.core.model.tenant import ALL, Reach
from esteio.store.base import ApiKey, Exists, ShortLivedToken
from esteio.store.sql import rows
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db


class SqlKeys(SqlSubject):
    """API keys, found by an index over the hash of their secret."""

    async def add(self, key: ApiKey, secret_hash: bytes) -> None:
        """Raises `Exists` for a known id or secret, `LookupError` for a tenant that is gone."""

        async def operation(db: Db) -> None:
            if key.tenant is not None and await db.row("tenant_hold", {"name": key.tenant}) is None:
                raise LookupError(f"no tenant {key.tenant}")
            if not await db.run("api_key_add", rows.key_params(key, secret_hash)):
                raise Exists(key.id)

        await self._write(operation)

    async def by_hash(self, secret_hash: bytes) -> ApiKey | None:
        """Revoked and expired ones too: whether it still opens is for the caller, who has a clock."""
        row = await self._reader.row("api_key_by_hash", {"hash": secret_hash})
        return None if row is None else rows.key_of(row)

    async def all(self) -> Sequence[ApiKey]:
        return await self.within(ALL)

    async def within(self, reach: Reach) -> Sequence[ApiKey]:
        return [rows.key_of(row) for row in await self._reader.rows("api_keys", {"tenant": reach.tenant})]

    async def revoke(self, key_id: str, now: float) -> bool:
        return await self._write(lambda db: db.run("api_key_revoke", {"id": key_id, "now": now})) > 0

    async def end_login(self, login_id: str, until: float, now: float) -> None:
        async def operation(db: Db) -> None:
            await db.put("ended_logins_forget", {"now": now})
            await db.put("ended_login_add", {"id": login_id, "until": until})

        await self._write(operation)

    async def lend(self, token: ShortLivedToken, token_hash: bytes, now: float) -> None:
        """Those that are over are forgotten in the same transaction."""
        words = {
            "token_hash": token_hash,
            "purpose": token.purpose,
            "sealed": token.sealed,
            "open_until": token.open_until,
            "resume_until": token.resume_until,
        }

        async def operation(db: Db) -> None:
            await db.put("short_lived_tokens_forget", {"now": now})
            await db.put("short_lived_token_add", words)

        await self._write(operation)

    async def use_up(self, token_hash: bytes, purpose: str, now: float) -> bytes | None:
        return await self._sealed("short_lived_token_use_up", token_hash, purpose, now)

    async def open_again(self, token_hash: bytes, purpose: str, now: float) -> bytes | None:
        return await self._sealed("short_lived_token_open", token_hash, purpose, now)

    async def _sealed(self, statement: str, token_hash: bytes, purpose: str, now: float) -> bytes | None:
        words = {"token_hash": token_hash, "purpose": purpose, "now": now}
        row = await self._write(lambda db: db.row(statement, words))
        return None if row is None else row.sealed

    async def ended_logins(self) -> Mapping[str, float]:
        return {row.id: row.until for row in await self._reader.rows("ended_logins", {})}
