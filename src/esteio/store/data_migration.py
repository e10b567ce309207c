"""Moving a database from SQLite to PostgreSQL: every row and every media, in steps that a crash may interrupt.

How far the copy has come is a row of the target that is written with each batch; so whoever begins again goes on where
it ended, and a node refuses to start on a copy that is not finished. In the end every table is read on both sides and
compared by the digest of its rows. Never lives here: words for people (`cli.local.migrate_data`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import apsw
import msgspec
import psycopg

from esteio.store.base import StoreUnavailable
from esteio.store.postgres.address import address_of
from esteio.store.postgres.database import PostgresDatabase
from esteio.store.postgres.media import PostgresMediaStore
from esteio.store.postgres.migrate import COPY_TABLE, migrate
from esteio.store.postgres.statements import fitted
from esteio.store.sqlite.database import SqliteDatabase

Target: TypeAlias = "psycopg.AsyncConnection[tuple[Any, ...]]"
Progress: TypeAlias = Callable[[str, int, int], None]
"""A table's name, how many of its rows are there, how many it has."""

MEDIA = "media"
"""The folder beside the database."""
BATCH = 2000
"""Rows of one transaction."""
_CHARGED = ("servers", "sessions", "messages", "events", "journal", "api_keys")
"""Tables in which the first use of a database leaves something."""
_COPY = f"""CREATE TABLE {COPY_TABLE} (
    name TEXT PRIMARY KEY, source TEXT NOT NULL, through BIGINT NOT NULL, rows BIGINT NOT NULL
)"""

_IDENTITIES = """SELECT table_name, column_name FROM information_schema.columns
    WHERE is_identity = 'YES' AND table_schema = current_schema()"""


class TargetInUse(Exception):
    """The target holds data that no copy from here has put there, or a node works on it."""


class SourceChanged(Exception):
    """The source is not what it was when the copy began: a gateway has run on it meanwhile."""


class Differs(Exception):
    """After the copy these tables are not the same on both sides: the names."""

    def __init__(self, tables: Sequence[str]) -> None:
        super().__init__(", ".join(tables))
        self.tables = tuple(tables)


class Table(msgspec.Struct, frozen=True):
    """A table of the source: its columns, those of its key, how many rows it has."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    rows: int


class Copied(msgspec.Struct, frozen=True):
    """One table after the copy: how many rows, and the digest that both sides give."""

    name: str
    rows: int
    digest: str


async def migrate_data(
    source: Path, target: str, *, progress: Progress, again: bool = False, batch: int = BATCH
) -> list[Copied]:
    """Copy what is missing, then compare everything; the source is owned meanwhile and not changed but for its schema.
    `again`: forget what an earlier copy has brought. Raises `Locked`, `NewerDatabase`, `Damaged`, `StoreUnavailable`,
    `TargetInUse`, `SourceChanged`, `Differs`, `BadAddress`."""
    async with _opened(source) as sqlite, _connected(target) as postgres:
        tables = list(_tables(sqlite))
        await _begin(postgres, tables, _mark(sqlite), again=again)
        for table in tables:
            await _copy(sqlite, postgres, table, batch, progress)
        await _set_counters(sqlite, postgres)
        await _copy_media(source.parent / MEDIA, target, progress)
        copied = [Copied(one.name, one.rows, _digest_of_source(sqlite, one)) for one in tables]
        there = [await _digest(postgres, one) for one in tables]
        wrong = [one.name for one, digest in zip(copied, there, strict=True) if one.digest != digest]
        if wrong:
            raise Differs(wrong)
        await postgres.execute(f"DROP TABLE {COPY_TABLE}")
        return copied


@asynccontextmanager
async def _opened(source: Path) -> AsyncIterator[apsw.Connection]:
    """Owned as by a gateway, at this program's schema."""
    database = SqliteDatabase(str(source), inline=True, vfs=None)
    try:
        database.open()
        yield database.db.connection
    finally:
        await database.aclose()


@asynccontextmanager
async def _connected(target: str) -> AsyncIterator[Target]:
    try:
        connection: Target = await psycopg.AsyncConnection.connect(address_of(target).conninfo, autocommit=True)
        connection.prepare_threshold = None
        async with connection:
            yield connection
    except psycopg.OperationalError as error:
        raise StoreUnavailable(str(error).partition("\n")[0]) from error


def _tables(sqlite: apsw.Connection) -> Iterator[Table]:
    """In the order in which the schema makes them: what is referred to comes first."""
    found = (
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY rowid"
    )
    for (name,) in list(sqlite.execute(found)):
        columns = list(sqlite.execute("SELECT name, pk FROM pragma_table_info(?) ORDER BY cid", (name,)))
        key = [column for column, place in sorted(columns, key=lambda one: one[1]) if place]
        (rows,) = next(iter(sqlite.execute(f"SELECT count(*) FROM {name}")))  # noqa: S608 - names of ours
        yield Table(name, tuple(column for column, _ in columns), tuple(key), rows)


def _mark(sqlite: apsw.Connection) -> str:
    """Differs once a gateway has lived over the source: its heart beats in there."""
    beats = [at for (at,) in sqlite.execute("SELECT at FROM heartbeat")]
    last = sorted(sqlite.execute("SELECT name, seq FROM sqlite_sequence"))
    return hashlib.sha256(msgspec.json.encode([beats, last])).hexdigest()


async def _begin(postgres: Target, tables: Sequence[Table], mark: str, *, again: bool) -> None:
    async with postgres.transaction():
        await migrate(postgres, copying=True)
        begun = await _value(postgres, f"SELECT to_regclass('{COPY_TABLE}') IS NOT NULL")
        source = await _value(postgres, f"SELECT max(source) FROM {COPY_TABLE}") if begun else None  # noqa: S608 - names of ours
        if begun and not again:
            if source != mark:
                raise SourceChanged
            return
        if begun:
            await postgres.execute(f"DROP TABLE {COPY_TABLE}")
        elif await _in_use(postgres):
            raise TargetInUse
        await postgres.execute(f"TRUNCATE {', '.join(one.name for one in tables)}")
        await postgres.execute(_COPY)
        for one in tables:
            await postgres.execute(f"INSERT INTO {COPY_TABLE} VALUES (%s, %s, 0, 0)", (one.name, mark))  # noqa: S608 - names of ours


async def _in_use(postgres: Target) -> bool:
    held = " UNION ALL ".join(f"SELECT 1 FROM {name}" for name in (*_CHARGED, "nodes"))  # noqa: S608 - names of ours
    return bool(await _value(postgres, f"SELECT EXISTS ({held})"))


async def _copy(sqlite: apsw.Connection, postgres: Target, table: Table, batch: int, progress: Progress) -> None:
    names = ", ".join(table.columns)
    read = f"SELECT rowid, {names} FROM {table.name} WHERE rowid > ? ORDER BY rowid LIMIT ?"  # noqa: S608 - names of ours
    (through, done) = await _row(postgres, f"SELECT through, rows FROM {COPY_TABLE} WHERE name = '{table.name}'")  # noqa: S608 - names of ours
    while rows := list(sqlite.execute(read, (through, batch))):
        through, done = rows[-1][0], done + len(rows)
        async with postgres.transaction():
            async with postgres.cursor().copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
                for _, *row in rows:
                    await copy.write_row(_fitted(table, row))
            progressed = f"UPDATE {COPY_TABLE} SET through = %s, rows = %s WHERE name = '{table.name}'"  # noqa: S608 - names of ours
            await postgres.execute(progressed, (through, done))
        progress(table.name, done, table.rows)


def _fitted(table: Table, row: Sequence[Any]) -> list[Any]:
    return [fitted(column, value) for column, value in zip(table.columns, row, strict=True)]


async def _copy_media(folder: Path, target: str, progress: Progress) -> None:
    """What is there by its name already is not sent again."""
    files = _files(folder)
    database = PostgresDatabase(address_of(target), connections=1, alone=True)
    try:
        await database.open(copying=True)
        media = PostgresMediaStore(database)
        for number, (path, put_at) in enumerate(files, 1):
            if await media.size(path.name) is None:
                await media.put(await asyncio.to_thread(path.read_bytes), put_at)
            progress(MEDIA, number, len(files))
    finally:
        await database.aclose()


def _files(folder: Path) -> list[tuple[Path, float]]:
    """With the time they were last put; without halves, which a crash leaves."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [(path, path.stat().st_mtime) for path in found if not path.suffix]


async def _set_counters(sqlite: apsw.Connection, postgres: Target) -> None:
    """A number that was given once is never given again, even when its row is gone."""
    last = dict(list(sqlite.execute("SELECT name, seq FROM sqlite_sequence")))
    for table, column in await (await postgres.execute(_IDENTITIES)).fetchall():
        if last.get(table):
            await postgres.execute("SELECT setval(pg_get_serial_sequence(%s, %s), %s)", (table, column, last[table]))
    await postgres.execute("UPDATE event_counter SET seq = %s", (last.get("events", 0),))


def _digest_of_source(sqlite: apsw.Connection, table: Table) -> str:
    seen = hashlib.sha256()
    for row in sqlite.execute(_all_of(table)):
        seen.update(msgspec.msgpack.encode(_fitted(table, row)))
    return seen.hexdigest()


async def _digest(postgres: Target, table: Table) -> str:
    seen = hashlib.sha256()
    async with postgres.transaction(), postgres.cursor(name="copied") as cursor:
        await cursor.execute(_all_of(table))
        async for row in cursor:
            seen.update(msgspec.msgpack.encode(list(row)))
    return seen.hexdigest()


def _all_of(table: Table) -> str:
    return f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY {', '.join(table.key)}"  # noqa: S608 - names of ours


async def _row(postgres: Target, text: str) -> tuple[Any, ...]:
    return (await (await postgres.execute(text)).fetchall())[0]


async def _value(postgres: Target, text: str) -> Any:
    return (await _row(postgres, text))[0]
