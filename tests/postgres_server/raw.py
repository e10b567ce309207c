"""Statements of a test's own on a gateway's database, whichever the dialect, whether its store is open or closed.

    raw(store).rows("SELECT state FROM messages WHERE id = :id", id="msg_1")
    raw(store).run("UPDATE messages SET content = :broken", broken="{")
    raw_at(Path("data/esteio.db")), raw_at("postgresql://…")      where no store is at hand

The text is portable as that of the store is: `:name`, and bytes as a value. Nothing of what the store does is between:
this is for looking behind its back, and for breaking what it keeps. Never lives here: a statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import psycopg

from esteio.store.base import Store
from esteio.store.postgres import PostgresStore
from esteio.store.sqlite import SqliteStore
from esteio.store.sqlite.database import MEMORY
from tests.store.make import AnyStore

LOCK_PATIENCE_MS = 5000
"""A lock is not waited for long: the waiting holds up the loop, and with it whoever has the lock."""
_PARAM = re.compile(r"(?<!:):(\w+)")


class SqliteRaw:
    """Over a file by a connection of its own; over the store's where all is in memory."""

    def __init__(self, place: Path | apsw.Connection) -> None:
        self._place = place

    def rows(self, text: str, **params: Any) -> list[tuple[Any, ...]]:
        """All rows of a statement; none of one that gives none."""
        with self._connected() as connection:
            return list(connection.execute(text, params))

    def run(self, text: str, **params: Any) -> None:
        """A statement that writes."""
        self.rows(text, **params)

    def tables(self) -> Sequence[str]:
        """The names of all tables."""
        found = self.rows(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        )
        return [name for (name,) in found]

    @contextmanager
    def _connected(self) -> Iterator[apsw.Connection]:
        if isinstance(self._place, apsw.Connection):
            yield self._place
            return
        connection = apsw.Connection(str(self._place), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.set_busy_timeout(LOCK_PATIENCE_MS)
            yield connection
        finally:
            connection.close()


class PostgresRaw:
    """Over a connection of its own."""

    def __init__(self, address: str) -> None:
        self._address = address

    def rows(self, text: str, **params: Any) -> list[tuple[Any, ...]]:
        """All rows of a statement; none of one that gives none."""
        patience = f"-c lock_timeout={LOCK_PATIENCE_MS}"
        with psycopg.connect(self._address, autocommit=True, options=patience) as connection:
            cursor = connection.execute(_PARAM.sub(r"%(\1)s", text.replace("%", "%%")).encode(), params)
            return cursor.fetchall() if cursor.description else []

    def run(self, text: str, **params: Any) -> None:
        """A statement that writes."""
        self.rows(text, **params)

    def tables(self) -> Sequence[str]:
        """The names of all tables."""
        return [name for (name,) in self.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]


def raw_at(place: Path | str) -> SqliteRaw | PostgresRaw:
    """A SQLite file, or the address of a PostgreSQL."""
    return PostgresRaw(place) if isinstance(place, str) else SqliteRaw(place)


def raw(store: Store) -> SqliteRaw | PostgresRaw:
    """The database of this store."""
    known = known_store(store)
    if isinstance(known, PostgresStore):
        return PostgresRaw(known.database._pool._address.conninfo)
    path = known.database._path
    return SqliteRaw(known.database.db.connection if path == MEMORY else Path(path))


def known_store(store: Store) -> AnyStore:
    """The same store as what it is. Raises `AssertionError` for one that only stands before another."""
    assert isinstance(store, SqliteStore | PostgresStore), f"{type(store).__name__} has no database of its own"
    return store
