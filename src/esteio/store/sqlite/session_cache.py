"""The dialect's read cache of sessions: rows as they were last read, good until somebody writes them.

It is no memory of the engine (`engine.supervision.memory`): it serves every door by name, token and number, holds
nothing that a read would not give, and belongs to no lease, since each write in this database drops what it touches.

Each message asks twice for its session, each webhook once, and it is written far less often. The database itself tells
which rows are written (a temporary trigger on the writing connection), so no statement can be forgotten here. Reads and
commits are in different threads: the number of the last commit that wrote a session, beside the number up to which a
reading is good, says which of them came first.

Never lives here: a read of anything else, a write.
"""

from __future__ import annotations

from typing import Any

from esteio.core.model.session import Session
from esteio.store.sql import rows
from esteio.store.sql.db import Question
from esteio.store.sqlite.connection import Db

_AT_MOST = 50_000
"""Readings that are kept; beyond that all are forgotten and begin anew."""

# guard: session-write-announced, deleted-session-dropped
_WATCH = """
CREATE TEMP TRIGGER session_updated AFTER UPDATE ON main.sessions BEGIN SELECT session_written(OLD.id); END;
CREATE TEMP TRIGGER session_deleted AFTER DELETE ON main.sessions BEGIN SELECT session_written(OLD.id); END;
"""


class SessionCache:
    """Reads sessions through `reader`; `writer` is watched, the one connection that writes them."""

    def __init__(self, reader: Db, writer: Db) -> None:
        self._reader = reader
        self._readings: dict[tuple[Question, int | str], tuple[int, Session]] = {}
        self._commits = 0
        self._last_write: dict[int, int] = {}
        self._written: set[int] = set()
        """In the open transaction; what is undone is told with the next commit, to no harm."""
        writer.connection.create_scalar_function("session_written", self._write, 1)
        writer.do(_WATCH)
        writer.on_commit = self._land

    def session(self, question: Question, word: int | str) -> Session | None:
        """The session as of the last commit, or None."""
        reading = self._readings.get((question, word))
        # guard: written-session-dropped
        if reading is not None and self._last_write.get(reading[1].id, 0) <= reading[0]:
            return reading[1]
        # Counted before the row is read: a commit that comes in between makes this reading an old one.
        commits = self._commits
        row = self._reader.read_one(question, {"word": word})
        if row is None:
            self._readings.pop((question, word), None)
            return None
        if len(self._readings) >= _AT_MOST:
            self._readings.clear()
        session = rows.session_of(row)
        self._readings[question, word] = (commits, session)  # guard: session-not-cached-over-commit
        return session

    def _write(self, *ids: Any) -> None:
        self._written.update(ids)

    def _land(self) -> None:
        """Runs in the writing thread, after the commit and before anybody hears of it."""
        if self._written:
            self._commits += 1
            while self._written:
                self._last_write[self._written.pop()] = self._commits
