"""SQLite opened, migrated and owned by one process; reads and writes of one statement by name.

Its `Db` is the connection that the subjects are written over (`sql.db`). Never lives here: threads and batches
(`writer`), a statement.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from fnmatch import translate
from functools import lru_cache
from itertools import starmap
from pathlib import Path
from typing import Any

import apsw
import msgspec

from esteio.store.base import Locked, NewerDatabase, StoreFull
from esteio.store.disk_errors import refused
from esteio.store.sql.db import Row
from esteio.store.sql.loader import migrations
from esteio.store.sqlite.statements import STATEMENTS

_SERIAL = "INTEGER PRIMARY KEY AUTOINCREMENT"
_CHECKPOINT_PAGES = 4000
"""About 16 MB of log between checkpoints: they run inside a commit, so neither rarely and long nor with each batch."""

DAMAGED_ERRORS = (apsw.NotADBError, apsw.CorruptError)
FULL_ERRORS = (apsw.FullError, apsw.IOError, apsw.ReadOnlyError, apsw.CantOpenError)
"""What a disk that is full, broken or read-only looks like from here."""

_NAMED: dict[str, Callable[..., Row]] = {}
"""One class a statement, its fields the columns. Neither the text of a statement nor this ever changes, and of two
threads that make it both may. A msgspec struct costs the least to make and to read; a named tuple costs three times as
much a row (docs/explanation/benchmarks.md)."""


def refusal(error: Exception, db: Db) -> StoreFull:
    """What one of `FULL_ERRORS` is called above. A full disk may also show in the log's index: then only the system's
    number tells."""
    return StoreFull(str(error)) if isinstance(error, apsw.FullError) else refused(error, db.connection.system_errno)


class Db:
    """One connection; statements go by their names in `queries.sql`. Not thread-safe: one user at a time."""

    __slots__ = ("_execute", "briefs", "connection", "locked", "on_commit", "own_clock", "restricted", "shared")

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self._execute = connection.execute
        self.briefs: dict[int, tuple[str, str]] = {}
        """Names and servers of sessions by id, as far as they were asked for."""
        self.shared = False
        self.locked: set[int | str] = set()
        self.restricted: dict[int, float] = {}
        """Until when which sessions are restricted (463): what comes in there may set a message free."""
        self.on_commit: Callable[[], None] = _nobody
        """Who hears of every commit, in the thread that made it."""
        self.own_clock: Callable[[], float] | None = None
        """What several nodes in one process go by, in virtual time."""

    async def clock(self, now: float) -> float:
        """See `sql.db.Db`."""
        return now if self.own_clock is None else self.own_clock()

    def read(self, name: str, params: Mapping[str, Any]) -> list[Row]:
        """All rows of a statement, at once."""
        named = _NAMED.get(name) or _learn(name, params, self.connection)
        text, values = STATEMENTS[name]
        return list(starmap(named, self._execute(text, values(params))))

    def read_one(self, name: str, params: Mapping[str, Any]) -> Row | None:
        """The first row, or None, at once."""
        rows = self.read(name, params)
        return rows[0] if rows else None

    def read_values(self, name: str, params: Mapping[str, Any]) -> list[Any]:
        """The one column of every row, at once."""
        text, values = STATEMENTS[name]
        return [value for (value,) in self._execute(text, values(params))]

    async def rows(self, name: str, params: Mapping[str, Any]) -> list[Row]:
        """All rows of a statement."""
        return self.read(name, params)

    async def row(self, name: str, params: Mapping[str, Any]) -> Row | None:
        """The first row, or None; the statement is run to its end."""
        return self.read_one(name, params)

    async def value(self, name: str, params: Mapping[str, Any]) -> Any:
        """The one column of the first row, or None."""
        values = self.read_values(name, params)
        return values[0] if values else None

    async def values(self, name: str, params: Mapping[str, Any]) -> list[Any]:
        """The one column of every row."""
        return self.read_values(name, params)

    async def run(self, name: str, params: Mapping[str, Any]) -> int:
        """Run a statement that writes; how many rows it changed."""
        text, values = STATEMENTS[name]
        self._execute(text, values(params))
        return self.connection.changes()

    async def put(self, name: str, params: Mapping[str, Any]) -> None:
        """Run a statement that writes; nobody asks how many rows it changed."""
        text, values = STATEMENTS[name]
        self._execute(text, values(params))

    async def rows_each(self, name: str, many: Sequence[Mapping[str, Any]]) -> list[list[Row]]:
        """All rows of the statement for each of these: one after the other, nothing is nearer."""
        return [self.read(name, params) for params in many]

    async def rows_of(self, *questions: tuple[str, Mapping[str, Any]]) -> list[list[Row]]:
        """All rows of several statements."""
        return [self.read(name, params) for name, params in questions]

    async def at_end(self, operation: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """At once: nobody else waits for it."""
        await operation()

    async def add_each(self, name: str, many: Sequence[Mapping[str, Any]]) -> list[int]:
        """Insert them, one after the other; their keys."""
        await self.put_each(name, many)
        # Nobody else writes meanwhile, so they follow one another. RETURNING would cost a third of the insertion.
        last = self.connection.last_insert_rowid()
        return list(range(last - len(many) + 1, last + 1))

    async def put_each(self, name: str, many: Sequence[Mapping[str, Any]]) -> None:
        """The statement for each of these."""
        text, values = STATEMENTS[name]
        self.connection.executemany(text, map(values, many))

    def commit(self) -> None:
        """End a transaction that wrote."""
        self._execute("COMMIT")
        self.on_commit()  # guard: commit-announced

    def do(self, text: str) -> None:
        """A bare command: BEGIN, ROLLBACK, SAVEPOINT …"""
        self._execute(text)


def _learn(name: str, params: Mapping[str, Any], connection: apsw.Connection) -> Callable[..., Row]:
    """What makes the rows of this statement. It is prepared for that and not run: of a statement that gives no rows the
    driver tells no names afterwards."""
    columns: list[str] = []

    def tell(cursor: apsw.Cursor, *_: object) -> bool:
        columns.extend(column for column, _ in cursor.get_description())
        return False

    cursor = connection.cursor()
    cursor.set_exec_trace(tell)
    with suppress(apsw.ExecTraceAbort):
        text, values = STATEMENTS[name]
        cursor.execute(text, values(params))
    # An expression without a name is there and cannot be read.
    fields = [(column if column.isidentifier() else f"_{place}", Any) for place, column in enumerate(columns)]
    made: Callable[..., Any] = msgspec.defstruct(name, fields, gc=False)
    return _NAMED.setdefault(name, made)


def _nobody() -> None:
    """Nobody listens."""


class Reader(Db):
    """A connection that only reads, used in the loop: a disk that fails is what the protocol says (`StoreFull`)."""

    __slots__ = ()

    def read(self, name: str, params: Mapping[str, Any]) -> list[Row]:
        """All rows of the named statement. Raises `StoreFull` or what it stands for when the disk fails."""
        try:
            return super().read(name, params)
        except FULL_ERRORS as error:
            raise refusal(error, self) from error

    def read_values(self, name: str, params: Mapping[str, Any]) -> list[Any]:
        """The one column of every row. Raises the same."""
        try:
            return super().read_values(name, params)
        except FULL_ERRORS as error:
            raise refusal(error, self) from error


def make_private(path: str) -> None:
    """Make the file, if it is not there, readable by its owner only; its log and index inherit that."""
    if path != ":memory:":
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def connect(path: str, *, vfs: str | None = None, read_only: bool = False) -> Db:
    """Open `path` (":memory:" too) with the settings that this store's promises rest on."""
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    connection = apsw.Connection(path, flags=flags, vfs=vfs, statementcachesize=len(STATEMENTS) + 32)
    connection.set_busy_timeout(5000)
    # Plans may not depend on bound values: otherwise statements near a partial index are prepared again at every call,
    # which costs ten times the statement (measured: 12 µs against 1.3 µs).
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.create_scalar_function("matches_glob", _matches_glob, 2, deterministic=True)
    connection.pragma("foreign_keys", 1)
    connection.pragma("temp_store", 2)
    # Of the writer and of the reader; what it lets go of lies in the system's own cache.
    connection.pragma("cache_size", -8000)
    if read_only:
        return Reader(connection)
    if path != ":memory:":
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", 2)
        connection.pragma("wal_autocheckpoint", _CHECKPOINT_PAGES)
        connection.pragma("journal_size_limit", 64 * 1024 * 1024)
    return Db(connection)


def _matches_glob(*words: Any) -> bool:
    """Whether a name matches one of the patterns (`fnmatch`) of a JSON list."""
    name, globs = words
    return _glob(globs).fullmatch(name) is not None


@lru_cache(maxsize=256)
def _glob(globs: str) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, msgspec.json.decode(globs, type=list[str]))))


def migrate(db: Db) -> int:
    """Bring the schema to this program's number, in one transaction. Raises `NewerDatabase`."""
    steps = migrations(_SERIAL)
    known = steps[-1][0]
    found = int(db.connection.pragma("user_version"))
    if found > known:
        raise NewerDatabase(found, known)
    if found < known:
        db.do("BEGIN IMMEDIATE")
        try:
            for number, text in steps:
                if number > found:
                    db.do(text)
            db.connection.pragma("user_version", known)
        except BaseException:
            db.do("ROLLBACK")
            raise
        db.do("COMMIT")
    return known


class OwnerLock:
    """The OS file lock beside the database: one process owns it, and the system frees it however that process ends."""

    def __init__(self, database: str) -> None:
        self._path = Path(f"{database}.lock")
        self._file: int | None = None

    def take(self) -> None:
        """Raises `Locked` when another holds it."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            raise Locked(f"another process owns {self._path.name}") from error
        self._file = file
        if not self.held():
            self.free()
            raise Locked(f"{self._path.name} was replaced while it was taken")

    def held(self) -> bool:
        """Whether the file at the path is still the one locked here: who deletes it lets a second process in."""
        try:
            return self._file is not None and os.path.samestat(os.fstat(self._file), self._path.stat())
        except FileNotFoundError:
            return False

    def keep(self) -> None:
        """Take the lock again where its file was deleted. Raises `Locked` when another has it by now."""
        if self._file is not None and not self.held():
            deleted, self._file = self._file, None
            try:
                self.take()
            finally:
                os.close(deleted)

    def free(self) -> None:
        """Gives the lock back; without it nothing happens."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
