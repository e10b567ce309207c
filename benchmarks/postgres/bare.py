"""The bare loop (`benchmarks.bare`) over PostgreSQL, in the driver's plain form.

A row is one INSERT on a connection of the driver's own pool, durable before its 202. What is done is settled, and what
waits is claimed, in one transaction of two statements. Nothing else is done for speed, and nothing against it.
"""

from __future__ import annotations

import sys
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from benchmarks.bare import Settled, application
from benchmarks.serving import serve

CONNECTIONS = 8
"""As many as a gateway has."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS rows (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body BYTEA NOT NULL, state INTEGER NOT NULL, answer TEXT);
CREATE INDEX IF NOT EXISTS waiting ON rows (id) WHERE state = 0;
"""
_ADD = "INSERT INTO rows (body, state) VALUES (%b, 0) RETURNING id"
_SETTLE = """
UPDATE rows SET state = 2, answer = done.answer FROM unnest(%b::text[], %b::bigint[]) AS done (answer, id)
WHERE rows.id = done.id
"""
_CLAIM = """
UPDATE rows SET state = 1 WHERE id IN (
  SELECT id FROM rows WHERE state = 0 ORDER BY id LIMIT %b FOR UPDATE SKIP LOCKED) RETURNING id, body
"""


class PostgresRows:
    """A table of its own in the database at this address."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def open(self) -> None:
        """Make the table."""
        settings: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0}
        self._pool: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
            self._url, min_size=CONNECTIONS, max_size=CONNECTIONS, kwargs=settings, open=False
        )
        await self._pool.open(wait=True)
        async with self._pool.connection() as connection:
            await connection.execute(_SCHEMA, prepare=False)

    async def close(self) -> None:
        """Every row is where it belongs already."""
        await self._pool.close()

    async def add(self, body: bytes) -> int:
        """The row's id; durable when it returns."""
        async with self._pool.connection() as connection:
            ((number,),) = await (await connection.execute(_ADD, (body,), binary=True)).fetchall()
        return int(number)

    async def turn(self, done: list[Settled], free: int) -> list[tuple[int, bytes]]:
        """Settle what is done and claim at most `free` others, in one transaction."""
        async with self._pool.connection() as connection, connection.pipeline(), connection.transaction():
            if done:
                await connection.execute(_SETTLE, ([answer for answer, _ in done], [number for _, number in done]))
            if free <= 0:
                return []
            claimed = await (await connection.execute(_CLAIM, (free,), binary=True)).fetchall()
        return sorted((int(number), bytes(body)) for number, body in claimed)


if __name__ == "__main__":
    serve(application(PostgresRows(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
