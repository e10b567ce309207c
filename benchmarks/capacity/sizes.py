"""`sizes`: how many bytes a message, and a day of a session that only is watched, leave in the database, by table.

The gateway, the provider and a subscriber live in virtual time over SQLite in memory, or over a PostgreSQL of the
measurement's own; how large each table and its indexes are before and after, the database says itself. On SQLite the
figures are the same on any machine and on any day. On PostgreSQL every table is packed anew before it is measured, so
dead rows are not in it; what the log (WAL) grew by is told beside it. Never lives here: how long a row is kept (the
settings' `retention`), what a byte costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec
import psycopg

from benchmarks.postgres.server import server
from benchmarks.processes import Failed, Say
from esteio.engine.commands.requests import EndpointRequest
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.sim.world.subscribers import Subscriber
from esteio.store.postgres import PostgresStore
from esteio.store.sqlite import SqliteStore

TEXT = (
    "Olá! Seu pedido 4711 já saiu para entrega e deve chegar ainda hoje, entre as 14h e as 16h. Qualquer dúvida, é só"
    " responder por aqui. Obrigado pela preferência!"
)
OWN = "5511999990001"
CHATS = 100
EACH_S = 2.0
SETTLES_S = 900.0
DAY_S = 86_400.0
Table = tuple[int, int]
"""Bytes of a table with its indexes, and its rows."""


class Sizes(msgspec.Struct, frozen=True):
    """So many messages out, and as many in; `postgres`: on a PostgreSQL and not on SQLite."""

    messages: int
    postgres: bool = False


class Database(Protocol):
    """What tells how large it is."""

    def log(self) -> int:
        """Bytes that were ever written to its log; 0 where that is not told."""
        ...

    def tables(self) -> dict[str, Table]:
        """Every table of the store."""
        ...


def run_sizes(ask: Sizes, say: Say, url: str = "") -> dict[str, Any]:
    """The line to print; `url`: of an empty PostgreSQL. Raises `Failed` when a message did not arrive or the subscriber
    did not hear of it."""
    found: dict[str, Any] = {}

    async def whole() -> None:
        store = PostgresStore(url, alone=True) if url else SqliteStore.memory()
        async with Lab(3, store=store) as lab:
            database = InPostgres(url) if url else InSqlite(cast("SqliteStore", store))
            found.update(await _Measured(lab, database, ask.messages, say).all())

    run_virtual(whole, limit_s=10 * DAY_S, waits_for_sockets=bool(url))
    return {"bench": "sizes", **found}


async def run(ask: Sizes, directory: Path, say: Say, _profile: Path | None = None) -> dict[str, Any]:
    """The same from a loop of one's own, with the server that it takes."""
    if not ask.postgres:
        return await asyncio.to_thread(run_sizes, ask, say)
    async with server(directory) as running:
        return await asyncio.to_thread(run_sizes, ask, say, running.database())


class InSqlite:
    """SQLite's own `dbstat` knows every page."""

    def __init__(self, store: SqliteStore) -> None:
        self._connection = store.database.db.connection

    def log(self) -> int:
        """Memory has none."""
        return 0

    def tables(self) -> dict[str, Table]:
        """Pages of the table and of its indexes."""
        owners = dict(self._connection.execute("SELECT name, tbl_name FROM sqlite_master"))
        found = {name: (0, self._rows(name)) for name in set(owners.values()) if not name.startswith("sqlite_")}
        for name, size in self._connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"):
            table = owners.get(name, name)
            if table in found:
                found[table] = (found[table][0] + int(size), found[table][1])
        return found

    def _rows(self, table: str) -> int:
        ((number,),) = self._connection.execute(f'SELECT count(*) FROM "{table}"')  # noqa: S608 - a name of the schema
        return int(number)


class InPostgres:
    """Asked on a connection of its own, while virtual time stands still."""

    def __init__(self, url: str) -> None:
        self._url = url

    def log(self) -> int:
        """The place in the log, in bytes since the first."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            row = connection.execute("SELECT CAST(pg_current_wal_lsn() - '0/0' AS bigint)").fetchone()
        return int(row[0]) if row else 0

    def tables(self) -> dict[str, Table]:
        """Packed anew, so that dead rows are not counted."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("VACUUM FULL")
            names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            return {str(name): self._size(connection, str(name)) for (name,) in names}

    def _size(self, connection: psycopg.Connection[Any], name: str) -> Table:
        text = f'SELECT pg_total_relation_size(\'"{name}"\'), count(*) FROM "{name}"'  # noqa: S608 - a table of ours
        row = connection.execute(text.encode()).fetchone()
        return (int(row[0]), int(row[1])) if row else (0, 0)


class _Measured:
    """One gateway with one session and one subscriber, and what each step left behind."""

    def __init__(self, lab: Lab, database: Database, messages: int, say: Say) -> None:
        self._lab, self._database, self._messages, self._say = lab, database, messages, say

    async def all(self) -> dict[str, Any]:
        subscriber = await self._prepare()
        before = self._database.tables()
        steps = {"out": (self._out, self._messages), "in": (self._in, self._messages)}
        if isinstance(self._database, InSqlite):
            steps["idle_day"] = (_a_day, 1)
        found: dict[str, Any] = {}
        for name, (step, times) in steps.items():
            self._say(name)
            log = self._database.log()
            await step()
            log = self._database.log() - log
            after = self._database.tables()
            found[name] = _difference(before, after, times) | ({"log_bytes": round(log / times)} if log else {})
            before = after
        self._check(subscriber)
        return found

    async def _prepare(self) -> Subscriber:
        lab = self._lab
        await lab.add_server("prov")
        await lab.adopt("prov", "loja", OWN)
        subscriber = lab.subscribers.add("subscriber.example")
        await lab.commands.webhooks.add(EndpointRequest(url=subscriber.url))
        await asyncio.sleep(SETTLES_S)
        return subscriber

    async def _out(self) -> None:
        for number in range(self._messages):
            await self._lab.send("loja", _stranger(number), TEXT)
            await asyncio.sleep(EACH_S)
        await asyncio.sleep(SETTLES_S)

    async def _in(self) -> None:
        for number in range(self._messages):
            self._lab.world.contact_sends(OWN, _stranger(number), TEXT)
            await asyncio.sleep(EACH_S)
        await asyncio.sleep(SETTLES_S)

    def _check(self, subscriber: Subscriber) -> None:
        delivered, heard = len(self._lab.world.ledger.delivered), len(subscriber.taken)
        if delivered != self._messages or heard < 2 * self._messages:
            raise Failed(f"{delivered} of {self._messages} arrived, {heard} events were heard of")


async def _a_day() -> None:
    await asyncio.sleep(DAY_S)


def _difference(before: Mapping[str, Table], after: Mapping[str, Table], times: int) -> dict[str, Any]:
    """What grew, a time: bytes in all, and bytes and rows by table, the largest first."""
    grown = {
        name: (size - before[name][0], rows - before[name][1])
        for name, (size, rows) in after.items()
        if size > before[name][0]
    }
    largest_first = sorted(grown.items(), key=lambda one: -one[1][0])
    tables = {name: [round(size / times), round(rows / times, 2)] for name, (size, rows) in largest_first}
    return {"bytes": sum(size for size, _ in tables.values()), "tables": tables}


def _stranger(number: int) -> str:
    return f"5511{900_000_000 + number % CHATS}"
