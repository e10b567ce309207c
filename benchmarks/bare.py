"""The bare loop: one row accepted, claimed, posted, settled, and nothing else.

The same framework (Starlette and msgspec on uvicorn), the same SQLite writer with the same durability, aiohttp as its
users use it. No session, no key, no order, no retry, no evidence, no event: what is left is what nobody can save. `POST
/rows` stores one body (202 after the commit); with an address as argument each row is posted there and its answer's id
stored. `GET /settled` tells how many and when the last.

The database is its `Rows`; the same loop over PostgreSQL is `postgres.bare`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import aiohttp
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.serving import serve
from esteio.clock import SystemClock
from esteio.store.sqlite.connection import connect
from esteio.store.sqlite.writer import ThreadWriter

AT_ONCE = 128
PER_HOST = 32
"""Posts in the air, and connections to the provider: as many as the gateway's transport has."""
_SCHEMA = """
CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB NOT NULL, state INTEGER NOT NULL, answer TEXT);
CREATE INDEX waiting ON rows (id) WHERE state = 0;
"""
_CLAIM = """
UPDATE rows SET state = 1 WHERE id IN (SELECT id FROM rows WHERE state = 0 ORDER BY id LIMIT ?) RETURNING id, body
"""
Settled = tuple[str, int]


class Row(msgspec.Struct):
    """The answer to a row."""

    id: int


class Said(msgspec.Struct):
    """A message as it is handed in."""

    to: str
    text: str


class _Key(msgspec.Struct):
    id: str


class _Sent(msgspec.Struct):
    key: _Key


class Rows(Protocol):
    """Where the rows are."""

    async def open(self) -> None:
        """Make the table."""
        ...

    async def close(self) -> None:
        """What was handed in before is still written."""
        ...

    async def add(self, body: bytes) -> int:
        """The row's id; durable when it returns."""
        ...

    async def turn(self, done: list[Settled], free: int) -> list[tuple[int, bytes]]:
        """Settle what is done and claim at most `free` others, in one transaction."""
        ...


class SqliteRows:
    """In a file, by the writer thread of the gateway."""

    def __init__(self, database: str) -> None:
        self._database = database

    async def open(self) -> None:
        """Make the file."""
        self._db = connect(self._database)
        self._db.do(_SCHEMA)
        self._writer = ThreadWriter(self._db)

    async def close(self) -> None:
        """What was handed in before is still written."""
        await self._writer.close()

    async def add(self, body: bytes) -> int:
        """The row's id; durable when it returns."""

        async def operation(_db: object) -> int:
            self._db.connection.execute("INSERT INTO rows (body, state) VALUES (?, 0)", (body,))
            return self._db.connection.last_insert_rowid()

        return await self._writer.run(operation)

    async def turn(self, done: list[Settled], free: int) -> list[tuple[int, bytes]]:
        """Settle what is done and claim at most `free` others, in one transaction."""

        async def operation(_db: object) -> list[tuple[int, bytes]]:
            connection = self._db.connection
            if done:
                connection.executemany("UPDATE rows SET state = 2, answer = ? WHERE id = ?", done)
            return list(connection.execute(_CLAIM, (free,))) if free > 0 else []

        return await self._writer.run(operation)


class Bare:
    """The rows, and the loop that posts them."""

    def __init__(self, rows: Rows, target: str | None) -> None:
        self._rows, self._target = rows, target
        self._clock, self._bell = SystemClock(), asyncio.Event()
        self._done: list[Settled] = []
        self._flying, self._settled, self._last_at = 0, 0, 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def life(self, _app: Starlette) -> AsyncIterator[None]:
        """While the app runs."""
        await self._rows.open()
        connector = aiohttp.TCPConnector(limit=0, limit_per_host=PER_HOST)
        async with aiohttp.ClientSession(connector=connector) as self._http:
            loop = asyncio.create_task(self._run()) if self._target else None
            yield
            if loop is not None:
                loop.cancel()
        await self._rows.close()

    async def accept(self, body: bytes) -> int:
        """Durable when it returns."""
        row = await self._rows.add(body)
        self._bell.set()
        return row

    def settled(self) -> dict[str, Any]:
        """How many rows are settled, and when the last one was (epoch seconds)."""
        return {"count": self._settled, "last_at": self._last_at}

    async def _run(self) -> None:
        while True:
            done, self._done = self._done, []
            claimed = await self._rows.turn(done, AT_ONCE - self._flying)
            if done:
                self._settled += len(done)
                self._last_at = self._clock.now()
            for number, body in claimed:
                self._flying += 1
                task = asyncio.create_task(self._post(number, body))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            if not claimed and not self._done:
                self._bell.clear()
                await self._bell.wait()

    async def _post(self, number: int, body: bytes) -> None:
        said = msgspec.json.decode(body, type=Said)
        text = msgspec.json.encode({"number": said.to, "text": said.text})
        async with self._http.post(f"{self._target}/message/sendText/bare", data=text) as answer:
            sent = msgspec.json.decode(await answer.read(), type=_Sent)
        self._flying -= 1
        self._done.append((sent.key.id, number))
        self._bell.set()


def application(rows: Rows, target: str | None) -> Starlette:
    """The bare server as an ASGI app: `POST /rows` accepts, `GET /settled` counts. `target` is the address it posts to;
    None keeps rows unsent."""
    bare = Bare(rows, target)

    async def take(request: Request) -> Response:
        said = msgspec.json.decode(await request.body(), type=Said)
        return _json(Row(await bare.accept(msgspec.json.encode(said))), 202)

    async def settled(_request: Request) -> Response:
        return _json(bare.settled())

    return Starlette(routes=[Route("/rows", take, methods=["POST"]), Route("/settled", settled)], lifespan=bare.life)


def _json(document: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(document), status, media_type="application/json")


if __name__ == "__main__":
    serve(application(SqliteRows(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
