"""A fleet in a new PostgreSQL as a node left it: one session that a node has looked at, all others as copies of it.

A hundred thousand adoptions, each with its first looks, take the better part of an hour; these take a minute, since a
row of a set costs little and no commit of it is waited for (`synchronous_commit` is off here and nowhere else). Tables
are packed and counted afterwards, as autovacuum would do within a minute. Never lives here: a measurement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg

from benchmarks.gateway import SEALED_WITH, gateway
from benchmarks.processes import Failed
from benchmarks.watching.supervise import add_servers, adopted, unwell, wish_of
from esteio.clock import SystemClock
from esteio.core.model.session import Session
from esteio.store.postgres import PostgresStore
from esteio.vault import open_vault

SETTLES_S = 120.0
STEP_S = 0.2
_WANTED = "CREATE TEMPORARY TABLE wanted (name text, server text, phone text, looked_at double precision)"
_SESSIONS = {
    "name": "w.name",
    "token": "w.name",
    "server": "w.server",
    "phone": "w.phone",
    "phones": "w.phone",
    # What was seen of a line says whose it is. Lines were looked at one after the other, and last proved then.
    "facts": "CAST(CAST(replace(t.facts, t.phone, w.phone) AS jsonb) ||"
    " jsonb_build_object('looked_at', w.looked_at, 'life_at', w.looked_at) AS text)",
    "wake_at": "w.looked_at",
}
_OWNERS = {"session_id": "s.id", "node": "NULL"}


async def fill(
    url: str, directory: Path, settings: Path, sessions: int, ports: Sequence[int], *, period_s: float
) -> None:
    """Servers and sessions, each looked at in the last `period_s` seconds; the servers' secrets are sealed with the
    word that all nodes know. Raises `Failed` when the first session is not found connected."""
    _, *others = await _adopt(url, directory, sessions, ports)
    async with gateway(directory, data=directory / "node-first", settings=settings, database=url) as api:
        until = asyncio.get_running_loop().time() + SETTLES_S
        while wrong := await unwell(api):
            if asyncio.get_running_loop().time() > until:
                raise Failed(wrong)
            await asyncio.sleep(STEP_S)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("SET synchronous_commit = off")
        await connection.execute(_WANTED)
        async with connection.cursor().copy("COPY wanted FROM STDIN") as copy:
            now = SystemClock().now()
            for place, one in enumerate(others):
                looked_at = now - period_s * (1 - place / len(others))
                await copy.write_row((one.name, one.server, one.phone, looked_at))
        await _copies(connection, "sessions", _SESSIONS, "CROSS JOIN wanted w", key="id")
        await _copies(connection, "session_owners", _OWNERS, "JOIN sessions s ON s.id <> t.session_id")
        await connection.execute("VACUUM ANALYZE")


async def _adopt(url: str, directory: Path, sessions: int, ports: Sequence[int]) -> list[Session]:
    """All servers, and the first session; all sessions, right after their adoption."""
    clock, store = SystemClock(), PostgresStore(url)
    now = clock.now()
    await store.start(now)
    try:
        await add_servers(store, open_vault(directory, SEALED_WITH), ports, now)
        fleet = [adopted(number, len(ports), now) for number in range(sessions)]
        added = await store.sessions.add(fleet[0], fleet[0].name, b"", now, (), ())
        await store.journal.add_evidence(added.id, added.server, [wish_of(added)], now)
    finally:
        await store.aclose()
    return fleet


async def _copies(
    connection: psycopg.AsyncConnection, table: str, other: Mapping[str, str], joined: str, *, key: str = ""
) -> None:
    """The rows that there are, once more for each that is joined, with other words in these columns."""
    asked = "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position"
    found = await (await connection.execute(asked, (table,))).fetchall()
    columns = [name for (name,) in found if name != key]
    given = ", ".join(other.get(name, f"t.{name}") for name in columns)
    text = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {given} FROM {table} t {joined}"  # noqa: S608 - names of the schema
    await connection.execute(text.encode())
