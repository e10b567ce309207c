"""One driver at one kind of work, in a process of its own: the child of `drivers`.

The work is what the store does: a small transaction (`small`), the same with the counter that orders the event stream
as its last statement (`counted`), two statements of 64 rows (`sets`, `jsons`), a row read by its key (`read`). One JSON
argument (`Work`), one line of JSON (`Worked`) on stdout.
"""

from __future__ import annotations

import asyncio
import re
import resource
import sys
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Literal

import asyncpg
import msgspec
import psycopg
import uvloop
from psycopg.types.numeric import Int8BinaryDumper

Driver = Literal["asyncpg", "asyncpg-tail", "psycopg", "psycopg-pipeline"]
Kind = Literal["small", "counted", "sets", "jsons", "read"]
MANY = 64
ROWS = 65_536
WARM_S = 0.3
_BODY = b"x" * 300
_DOCUMENT = msgspec.json.encode({"kind": "message.settled", "text": "b" * 200}).decode()
SCHEMA = """
CREATE TABLE counter (last bigint NOT NULL) WITH (fillfactor = 10);
INSERT INTO counter VALUES (1000000000);
CREATE TABLE messages (
    id bigint PRIMARY KEY, chat text NOT NULL, state int NOT NULL, due float8, holder text, body bytea NOT NULL);
CREATE TABLE events (seq bigserial PRIMARY KEY, at float8 NOT NULL, kind text NOT NULL, doc text NOT NULL);
CREATE TABLE evidence (
    id bigserial PRIMARY KEY, message bigint NOT NULL, at float8 NOT NULL, status int, body bytea NOT NULL);
INSERT INTO messages SELECT i, 'chat' || (i % 500), 0, 0, NULL, convert_to(repeat('x', 300), 'UTF8')
FROM generate_series(1, 65536) i;
"""
_UPDATE = (
    "UPDATE messages SET state = (state + $2) % 1000, due = $3, holder = $4 WHERE id = $1 RETURNING id, state, body"
)
_EVENT = "INSERT INTO events (at, kind, doc) VALUES ($1, $2, $3)"
_EVIDENCE = "INSERT INTO evidence (message, at, status, body) VALUES ($1, $2, $3, $4)"
_COUNTED = (
    "WITH c AS (UPDATE counter SET last = last + 1 RETURNING last)"
    " INSERT INTO events (seq, at, kind, doc) SELECT last, $1, $2, $3 FROM c"
)
_READ = "SELECT id, chat, state, due, holder, body FROM messages WHERE id = $1"
_SET_IN = (
    "INSERT INTO evidence (message, at, status, body)"
    " SELECT * FROM unnest($1::bigint[], $2::float8[], $3::int[], $4::bytea[])"
)
_SET = (
    "UPDATE messages SET state = (state + given.add) % 1000, due = given.due FROM {} AS given (id{}, add{}, due{})"
    " WHERE messages.id = given.id RETURNING messages.id, messages.state, messages.body"
)
_SET_UP = _SET.format("unnest($1::bigint[], $2::int[], $3::float8[])", "", "", "")
_JSON_UP = _SET.format("jsonb_to_recordset($1::text::jsonb)", " bigint", " int", " float8")


class Work(msgspec.Struct, frozen=True):
    """What to do: `at_once` tasks over a pool of so many connections."""

    driver: Driver
    url: str
    pooled: bool
    kind: Kind
    at_once: int
    connections: int
    seconds: float


class Worked(msgspec.Struct, frozen=True):
    """Operations a second, CPU of the client's process for one, and how long one took."""

    per_s: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


class _Asyncpg:
    """Statements one by one; rows by a cached statement, except behind a pooler."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def open(self) -> Any:
        return await asyncpg.connect(self._work.url, statement_cache_size=0 if self._work.pooled else 100)

    async def fetch(self, c: Any, text: str, *given: Any) -> Sequence[Any]:
        found: Sequence[Any] = await c.fetch(text, *given)
        return found

    async def put(self, c: Any, text: str, *given: Any) -> None:
        await c.execute(text, *given)

    async def transaction(self, c: Any, inside: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await c.execute("BEGIN")
        await inside()
        await c.execute("COMMIT")

    async def last(self, c: Any, text: str, *given: Any) -> None:
        """The last statement of a transaction."""
        await self.put(c, text, *given)


class _AsyncpgTail(_Asyncpg):
    """The last statement and COMMIT as one text, its values written into it: all that this driver can put together."""

    async def transaction(self, c: Any, inside: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await c.execute("BEGIN")
        await inside()

    async def last(self, c: Any, text: str, *given: Any) -> None:
        for place, value in enumerate(given, 1):
            quoted = "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)
            text = text.replace(f"${place}", quoted)
        await c.execute(f"{text}; COMMIT")


_NAMED: dict[str, str] = {}


def _named(text: str) -> str:
    """The same with named parameters in binary."""
    if text not in _NAMED:
        _NAMED[text] = re.sub(r"\$(\d)", r"%(p\1)b", text.replace("%", "%%"))
    return _NAMED[text]


class _Psycopg(_Asyncpg):
    """Named parameters and results in binary, statements prepared at first use, except behind a pooler."""

    async def open(self) -> Any:
        never = None if self._work.pooled else 0
        c = await psycopg.AsyncConnection.connect(self._work.url, autocommit=True, prepare_threshold=never)
        c.adapters.register_dumper(int, Int8BinaryDumper)
        return c

    async def fetch(self, c: Any, text: str, *given: Any) -> Sequence[Any]:
        found: Sequence[Any] = await (await c.execute(_named(text), _by_name(given), binary=True)).fetchall()
        return found

    async def put(self, c: Any, text: str, *given: Any) -> None:
        await c.execute(_named(text), _by_name(given))


class _Pipelined(_Psycopg):
    """BEGIN goes with the first statement; what is not asked for a result goes with COMMIT."""

    async def transaction(self, c: Any, inside: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async with c.pipeline():
            await super().transaction(c, inside)


def _by_name(given: Sequence[Any]) -> dict[str, Any]:
    return {f"p{place}": value for place, value in enumerate(given, 1)}


_DRIVERS: dict[Driver, type[_Asyncpg]] = {
    "asyncpg": _Asyncpg, "asyncpg-tail": _AsyncpgTail, "psycopg": _Psycopg, "psycopg-pipeline": _Pipelined,
}  # fmt: skip


class _Operations:
    """Each kind of work on one connection; `first` is a row that nobody else touches, nor the 63 after it."""

    def __init__(self, driver: _Asyncpg) -> None:
        self._driver = driver

    async def small(self, c: Any, first: int, now: float) -> None:
        async def inside() -> None:
            await self._changed(c, first, now)
            await self._driver.put(c, _EVENT, now, "settled", _DOCUMENT)
            await self._driver.put(c, _EVIDENCE, first, now, 200, _BODY)

        await self._driver.transaction(c, inside)

    async def counted(self, c: Any, first: int, now: float) -> None:
        async def inside() -> None:
            await self._changed(c, first, now)
            await self._driver.put(c, _EVIDENCE, first, now, 200, _BODY)
            await self._driver.last(c, _COUNTED, now, "settled", _DOCUMENT)

        await self._driver.transaction(c, inside)

    async def _changed(self, c: Any, first: int, now: float) -> None:
        _is(first, await self._driver.fetch(c, _UPDATE, first, 1, now, "node"))

    async def sets(self, c: Any, first: int, now: float) -> None:
        await self._set(c, first, now, _SET_UP, list(range(first, first + MANY)), [1] * MANY, [now] * MANY)

    async def jsons(self, c: Any, first: int, now: float) -> None:
        given = [{"id": number, "add": 1, "due": now} for number in range(first, first + MANY)]
        await self._set(c, first, now, _JSON_UP, msgspec.json.encode(given).decode())

    async def _set(self, c: Any, first: int, now: float, text: str, *given: Any) -> None:
        async def inside() -> None:
            found = await self._driver.fetch(c, text, *given)
            _is(first, sorted(found), MANY)
            numbers = list(range(first, first + MANY))
            await self._driver.put(c, _SET_IN, numbers, [now] * MANY, [200] * MANY, [_BODY] * MANY)

        await self._driver.transaction(c, inside)

    async def read(self, c: Any, first: int, _now: float) -> None:
        _is(first, await self._driver.fetch(c, _READ, first))


def _is(first: int, found: Sequence[Any], many: int = 1) -> None:
    if len(found) != many or found[0][0] != first:
        raise AssertionError(f"the rows from {first} on are {found}")


class _Free:
    """Connections, each handed to who has waited longest."""

    def __init__(self, connections: Sequence[Any]) -> None:
        self._free, self._waiting = list(connections), deque[asyncio.Future[Any]]()

    async def take(self) -> Any:
        if self._free and not self._waiting:
            return self._free.pop()
        self._waiting.append(asyncio.get_running_loop().create_future())
        return await self._waiting[-1]

    def give(self, connection: Any) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(connection)
        else:
            self._free.append(connection)


async def worked(work: Work) -> Worked:
    """Warm up, and then what counts."""
    driver = _DRIVERS[work.driver](work)
    connections = [await driver.open() for _ in range(work.connections)]
    free, operation = _Free(connections), getattr(_Operations(driver), work.kind)
    took: list[float] = []

    async def one(place: int, until: float) -> None:
        span, turn = ROWS // work.at_once, 0
        while (began := time.perf_counter()) < until:
            connection = await free.take()
            try:
                await operation(connection, place * span + 1 + turn * MANY % (span - MANY), 1.75e9 + turn)
            finally:
                free.give(connection)
            took.append(time.perf_counter() - began)
            turn += 1

    async def together(seconds: float) -> float:
        began = time.perf_counter()
        await asyncio.gather(*(one(place, began + seconds) for place in range(work.at_once)))
        return time.perf_counter() - began

    await together(WARM_S)
    took.clear()
    spent = _cpu_s()
    lasted = await together(work.seconds)
    cpu_us = (_cpu_s() - spent) / len(took) * 1e6
    for connection in connections:
        await connection.close()
    took.sort()
    return Worked(len(took) / lasted, cpu_us, took[len(took) // 2] * 1e3, took[int(len(took) * 0.99)] * 1e3)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(worked(msgspec.json.decode(sys.argv[1], type=Work)))))
