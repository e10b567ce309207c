"""Reading the audit log, its beginning, and rows that go.

Never lives here: how rows are added (`recording`), whether they hold (`core.audit.verification`).
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.core.audit.chain import Head
from esteio.core.audit.entry import Row
from esteio.core.model.tenant import ALL, Reach
from esteio.store.ports.audit import AuditFilter, StoredHead
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db
from esteio.store.sql.db import Row as SqlRow
from esteio.store.sql.recording import add_row


class SqlAudit(SqlSubject):
    """The log of this database."""

    async def begin(self, stored: StoredHead, first: Row) -> StoredHead:
        async def operation(db: Db) -> StoredHead:
            head = {"seq": stored.head.seq, "row_hash": stored.head.hash}
            if await db.run("audit_begin", {**head, "seal": stored.seal, "encrypted": stored.sealed_keys}):
                await add_row(db, first)
            return await _stored_head(db) or stored

        return await self._write(operation)

    async def head(self) -> StoredHead | None:
        return await _stored_head(self._reader)

    async def page(self, after: int, limit: int) -> tuple[Sequence[Row], StoredHead | None]:
        return await self._snapshot(lambda db: page(db, after, limit))

    async def found(
        self, wanted: AuditFilter, limit: int, *, after: int = 0, below: int | None = None, reach: Reach = ALL
    ) -> Sequence[Row]:
        asked = {"limit": limit, "action": wanted.action, "who": wanted.who, "about": wanted.about}
        asked |= {"after": after} if below is None else {"below": below}
        name = "audit_found" if below is None else "audit_found_back"
        if reach.tenant is not None:  # guard: audit-of-its-tenant
            name, asked = f"{name}_of_tenant", {**asked, "tenant": reach.tenant}
        return [_row(row) for row in await self._reader.rows(name, asked)]

    async def last(self, action: str = "") -> Row | None:
        name, params = ("audit_last_of", {"action": action}) if action else ("audit_last", {})
        row = await self._reader.row(name, params)
        return None if row is None else _row(row)

    async def replace_keys(self, before: bytes, after: bytes) -> bool:
        params = {"before": before, "encrypted": after}
        return await self._write(lambda db: db.run("audit_keys_replace", params)) > 0

    async def record(self) -> None:
        async def nothing(_db: Db) -> None:
            """What is recorded is all there is to write."""

        await self._write(nothing)

    async def last_before(self, before: float, limit: int) -> Row | None:
        row = await self._reader.row("audit_old", {"before": before, "limit": limit})
        return None if row is None else _row(row)

    async def forget(self, through: int) -> None:
        await self._write(lambda db: db.run("audit_forget", {"through": through}))


async def page(db: Db, after: int, limit: int) -> tuple[Sequence[Row], StoredHead | None]:
    """As the port says, over any connection."""
    rows = await db.rows("audit_page", {"after": after, "limit": limit})
    return [_row(row) for row in rows], await _stored_head(db)


async def _stored_head(db: Db) -> StoredHead | None:
    row = await db.row("audit_head", {})
    return None if row is None else StoredHead(Head(row.seq, row.hash), row.seal, row.encrypted)


def _row(row: SqlRow) -> Row:
    return Row(**{name: getattr(row, name) for name in Row._fields})
