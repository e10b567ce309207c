"""Sealed values wherever they stand, found by the key that they name.

Never lives here: what is in them, which key is right (`vault`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from esteio.store.ports.sealed import SealedColumn, SealedTable, SealedValue
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db, Row

COLUMNS: Final[dict[SealedTable, tuple[SealedColumn, ...]]] = {
    "servers": ("encrypted",),
    "sessions": ("encrypted", "replaced", "chatwoot", "settings"),
    "webhook_endpoints": ("encrypted",),
}


class SqlSealed(SqlSubject):
    """The sealed values of this database."""

    async def page(
        self, table: SealedTable, after: str, limit: int, *, but: bytes | None = None
    ) -> tuple[Sequence[SealedValue], str | None]:
        place: str | int = after if table != "sessions" else int(after or 0)
        params = {"after": place, "limit": limit, "all": int(but is None), "key_id": but or b""}
        rows = await self._reader.rows(f"sealed_{table}", params)
        values = [value for row in rows for value in _values(table, row)]
        return values, str(rows[-1].row_key) if len(rows) == limit else None

    async def replace(self, values: Sequence[tuple[SealedValue, bytes]]) -> int:
        async def operation(db: Db) -> int:
            changed = 0
            for value, after in values:
                row: str | int = int(value.row) if value.table == "sessions" else value.row
                params = {"id": row, "before": value.sealed, "after": after}
                changed += await db.run(f"sealed_{value.table}_{value.column}", params)
            return changed

        return await self._write(operation)

    async def left(self, key_id: bytes) -> int:
        number: int = await self._reader.value("sealed_left", {"key_id": key_id})
        return number


def _values(table: SealedTable, row: Row) -> list[SealedValue]:
    about = {"name": row.name, "created_at": row.created_at} if table == "sessions" else {}
    return [
        SealedValue(table, column, str(row.row_key), sealed, **about)
        for column in COLUMNS[table]
        if (sealed := getattr(row, column))
    ]
