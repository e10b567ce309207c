"""Servers: their rows, their view for the judge, their own commits.

Never lives here: a session's row (`sessions`), how evidence is counted (`journal`).
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.core.model.ids import ServerName, SessionId
from esteio.core.model.server import Limits, Server
from esteio.store.base import Exists, InUse, ServerCommit, ServerView, StoredServer
from esteio.store.sql import journal, rows
from esteio.store.sql.base import Room, Undo
from esteio.store.sqlite.connection import Db


class Servers(Room):
    async def add_server(self, server: Server, sealed: bytes, now: float) -> None:
        """Raises `Exists`."""

        def operation(db: Db) -> None:
            if not db.run("server_add", {**rows.server_params(server), "encrypted": sealed, "now": now}):
                raise Exists(server.name)

        await self._write(operation)

    async def server(self, name: ServerName) -> StoredServer | None:
        row = self._reader.row("server", {"name": name})
        return None if row is None else StoredServer(rows.server_of(row), row[-1])

    async def servers(self) -> Sequence[StoredServer]:
        return [StoredServer(rows.server_of(row), row[-1]) for row in self._reader.rows("servers", {})]

    async def change_server(
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
        return await self._write(lambda db: db.run("server_change", params) > 0)

    async def delete_server(self, name: ServerName) -> bool:
        """Raises `InUse` while it has sessions."""

        def operation(db: Db) -> bool:
            if db.row("server_in_use", {"name": name}) is not None:
                raise InUse(name)
            return db.run("server_delete", {"name": name}) > 0

        return await self._write(operation)

    async def server_view(self, name: ServerName, now: float) -> ServerView | None:
        def question(db: Db) -> ServerView | None:
            row = db.row("server", {"name": name})
            if row is None:
                return None
            news = journal.news_of_server(db, name)
            return ServerView(rows.server_of(row), news, *falls(db, name))

        return self._snapshot(question)

    async def commit_server(self, commit: ServerCommit) -> bool:
        def operation(db: Db) -> None:
            name = commit.server.name
            update_server(db, commit.server)
            journal.fold_server(db, name, commit.folded_through)
            journal.add_folded(db, None, name, commit.news)
            journal.add_entries(db, commit.journal, server=name)
            for work in commit.work:
                db.run("work_add", rows.work_params(work))
            for event in commit.events:
                db.run("event_add", rows.event_params(event))
            if commit.gap_since is not None:
                gap = {"server": name, "since": commit.gap_since, "due_at": commit.gap_due}
                db.run("history_gaps_mark_linked", gap)
            if commit.doubts_due is not None:
                db.run("doubts_hasten_server", {"server": name, "due_at": commit.doubts_due})

        return await self._write_or_false(operation)


def update_server(db: Db, server: Server) -> None:
    """Compare and set; undoes the operation when somebody was faster."""
    if not db.run("server_commit", rows.server_params(server)):
        raise Undo(server.name)


def falls(db: Db, name: ServerName) -> tuple[tuple[tuple[SessionId, float], ...], int]:
    """Linked, unpaused sessions in an unwanted outage, oldest first; and of how many, counted when there are any."""
    fallen = tuple((row[0], row[1]) for row in db.rows("server_fallen", {"name": name}))
    return fallen, db.value("server_fleet", {"name": name}) if fallen else 0
