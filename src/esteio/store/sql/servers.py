"""Servers: their rows, their view for the judge, their own commits.

Never lives here: a session's row (`sessions`), how evidence is counted (`journal`).
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.core.model.ids import ServerName, SessionId
from esteio.core.model.server import Limits, Server
from esteio.core.model.tenant import Reach
from esteio.core.nodes.chores import of_server
from esteio.store.base import Exists, InUse, ServerView, StoredServer
from esteio.store.sql import journal, rows
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db, Rollback
from esteio.store.sql.quotas import check_room


class SqlServers(SqlSubject):
    """The servers of this database; a server's state is written by its decisions alone (`update_server`)."""

    async def add(self, server: Server, sealed: bytes, now: float) -> None:
        """Raises `Exists` for a name that is in use, `QuotaExceeded`, `LookupError` for a tenant that is gone."""

        async def operation(db: Db) -> None:
            await check_room(db, server.tenant, "servers")
            if not await db.run("server_add", {**rows.server_params(server), "encrypted": sealed, "now": now}):
                raise Exists(server.name)

        await self._write(operation)

    async def get(self, name: ServerName) -> StoredServer | None:
        row = await self._reader.row("server", {"name": name})
        return None if row is None else StoredServer(rows.server_of(row), row.encrypted)

    async def all(self) -> Sequence[StoredServer]:
        return [StoredServer(rows.server_of(row), row.encrypted) for row in await self._reader.rows("servers", {})]

    async def within(self, reach: Reach) -> Sequence[StoredServer]:
        found = await self._reader.rows("servers_within", {"tenant": reach.tenant})
        return [StoredServer(rows.server_of(row), row.encrypted) for row in found]

    async def change(
        self,
        name: ServerName,
        now: float,
        *,
        base_url: str | None = None,
        limits: Limits | None = None,
        sealed: bytes | None = None,
    ) -> bool:
        """What is None stays. A judgement under way about this server starts again."""
        params = {"name": name, "base_url": base_url, "limits": rows.text_or_none(limits), "encrypted": sealed}
        return await self._write(lambda db: db.run("server_change", params)) > 0

    async def delete(self, name: ServerName) -> bool:
        """Raises `InUse` while it has sessions."""

        async def operation(db: Db) -> bool:
            if await db.row("server_in_use", {"name": name}) is not None:
                raise InUse(name)
            await db.put("server_forget_outages", {"name": name})
            await db.put("chore_forget", {"name": of_server(name)})
            await db.put("send_tokens_forget", {"name": name})
            return await db.run("server_delete", {"name": name}) > 0

        return await self._write(operation)

    async def view(self, name: ServerName, now: float) -> ServerView | None:
        async def question(db: Db) -> ServerView | None:
            row = await db.row("server", {"name": name})
            if row is None:
                return None
            news = await journal.news_of_server(db, name)
            return ServerView(rows.server_of(row), news, *await falls(db, name))

        return await self._snapshot(question)


async def update_server(db: Db, server: Server) -> None:
    """Compare and set; raises `Rollback`, which undoes the operation, when the row has moved since it was read."""
    if not await db.run("server_commit", rows.server_params(server)):
        raise Rollback(server.name)


async def falls(db: Db, name: ServerName) -> tuple[tuple[tuple[SessionId, float], ...], int]:
    """Linked, unpaused sessions in an unwanted outage, oldest first; and of how many, counted when there are any."""
    fallen = tuple((row.id, row.outage_since) for row in await db.rows("server_fallen", {"name": name}))
    return fallen, await db.value("server_fleet", {"name": name}) if fallen else 0
