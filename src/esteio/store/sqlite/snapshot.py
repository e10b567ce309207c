"""A copy of a database that may be in use, made in one read transaction, and what is checked of it.

The source is opened read-only beside the process that owns it: in WAL mode a reader holds up nobody. One step copies
all pages, so the copy is the state of one moment; copying in several steps would start over at every commit. Never
lives here: the archive around it (`store.backup`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import apsw

from esteio.store.base import Damaged, NewerDatabase
from esteio.store.sql.loader import migrations


def take(source: Path, target: Path) -> None:
    """Copy `source`, its write-ahead log included, to the new file `target`, as one plain file.

    Raises `Damaged` for a file that is no database or cannot be read whole.
    """
    try:
        reading = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
        writing = apsw.Connection(str(target))
        try:
            reading.set_busy_timeout(5000)
            with writing.backup("main", reading, "main") as copy:
                while not copy.done:
                    copy.step(-1)
            # The header says WAL as the source's does; a copy that is to be moved has no log beside it.
            writing.pragma("journal_mode", "delete")
        finally:
            writing.close()
            reading.close()
    except apsw.Error as error:
        raise Damaged(str(error)) from error


def check(path: Path) -> Mapping[str, int]:
    """How many rows of each kind the database holds (`schema` is its schema number).

    Raises `Damaged` if SQLite finds a fault in it, `NewerDatabase` if a newer program wrote it.
    """
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            found = connection.pragma("integrity_check")
            if found != "ok":
                raise Damaged(str(found))
            schema, known = int(connection.pragma("user_version")), migrations("")[-1][0]
            if schema > known:
                raise NewerDatabase(schema, known)
            rows = {name: _count(connection, name) for name in ("servers", "sessions", "messages")}
            waiting = connection.execute("SELECT count(*) FROM messages WHERE state IN ('queued', 'sending')").get
            return {"schema": schema, **rows, "waiting": int(waiting)}
        finally:
            connection.close()
    except apsw.Error as error:
        raise Damaged(str(error)) from error


def expire_waiting(path: Path, now: float) -> None:
    """Messages that wait to be sent are due to expire at `now`: the next start puts them among the dead letters."""
    connection = apsw.Connection(str(path))
    try:
        connection.execute("UPDATE messages SET expires_at = ? WHERE state IN ('queued', 'sending')", (now,))
    finally:
        connection.close()


def _count(connection: apsw.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").get)  # noqa: S608 - a name of ours
