"""Public status pages and the sessions that they show.

Never lives here: who may change one, what strangers see.
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.core.model.status_page import Listed, StatusPage
from esteio.core.model.tenant import ALL, Reach
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db, Row


class SqlStatusPages(SqlSubject):
    """The pages of this database; a page and its sessions are written together."""

    async def all(self, *, reach: Reach = ALL) -> Sequence[StatusPage]:
        async def question(db: Db) -> list[StatusPage]:
            return [await _page(db, row) for row in await db.rows("status_pages", {"tenant": reach.tenant})]

        return await self._snapshot(question)

    async def get(self, name: str) -> StatusPage | None:
        async def question(db: Db) -> StatusPage | None:
            row = await db.row("status_page", {"name": name})
            return None if row is None else await _page(db, row)

        return await self._snapshot(question)

    async def put(self, page: StatusPage) -> None:
        """Sessions that were deleted meanwhile are left out."""

        async def operation(db: Db) -> None:
            await db.put(
                "status_page_put",
                {
                    "name": page.name,
                    "title": page.title,
                    "enabled": int(page.enabled),
                    "created_at": page.created_at,
                    "tenant": page.tenant,
                },
            )
            await db.put("status_page_empty", {"name": page.name})
            for one in page.sessions:
                await db.put("status_page_list", {"page": page.name, "session_id": one.session_id, "label": one.label})

        await self._write(operation)

    async def delete(self, name: str) -> bool:
        async def operation(db: Db) -> bool:
            await db.put("status_page_empty", {"name": name})
            return await db.run("status_page_delete", {"name": name}) > 0

        return await self._write(operation)


async def _page(db: Db, row: Row) -> StatusPage:
    listed = [
        Listed(one.session_id, one.session_name, one.label)
        for one in await db.rows("status_page_sessions", {"name": row.name})
    ]
    return StatusPage(row.name, row.title, bool(row.enabled), tuple(listed), row.created_at, row.tenant)
