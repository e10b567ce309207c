"""A PostgreSQL as the `Database` that the subjects are written over.

Every operation is a transaction of its own on a connection of the pool. It is tried again after a deadlock, and when
the connection was lost before its COMMIT was sent. When the answer to the COMMIT itself is lost, the database is asked
by the transaction's number what became of it, so that nothing is done twice. Never lives here: a subject.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from esteio.clock import stopwatch
from esteio.core.model.session import Session
from esteio.store.base import StoreFull, StoreUnavailable, WriteError
from esteio.store.postgres.address import Address
from esteio.store.postgres.connection import (
    IDLE_IN_TRANSACTION_S,
    TRANSACTION_S,
    Connection,
    OwnClock,
    Reading,
    Transaction,
)
from esteio.store.postgres.errors import Cure, cure_of, heard
from esteio.store.postgres.gathering import Gathering
from esteio.store.postgres.hints import Hints
from esteio.store.postgres.migrate import migrate
from esteio.store.postgres.pool import Pool, cut
from esteio.store.sql import rows
from esteio.store.sql.db import Batch, Item, Operation, Question, Row, row_each
from esteio.store.statistics import DatabaseStatistics, Kind, Retry

T = TypeVar("T")

CONNECTIONS = 8
"""Connections of one node, beside the one that is kept for `write_apart` and the one that listens: more gain nothing
where the network costs nothing."""
PATIENCE_S = 5.0
"""So long a database that restarts or fails over is waited for, before callers are told."""
ANSWER_WITHIN_S = float(TRANSACTION_S)
"""No transaction takes longer: a network that is gone without a word is noticed by this at the latest."""
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_MOST_CONFLICTS = 20
_RETRY: Mapping[Cure, Retry] = {"again": "conflict", "reconnect": "reconnect", "unprepared": "unprepared"}
_PAUSE_S = 0.05


class CommitUnknown(Exception):
    """The answer to a COMMIT was lost. `xid`: the transaction's number, None when it wrote nothing; `answer`: what its
    operation has given."""

    def __init__(self, xid: int | None, answer: Any) -> None:
        super().__init__("the answer to a COMMIT was lost")
        self.xid, self.answer = xid, answer


class PostgresDatabase:
    """Open between `open` and `aclose`. `connections`: how many it has at most. `alone`: no other process works on it,
    and its time is the caller's."""

    own_clock: OwnClock | None

    def __init__(self, address: Address, *, connections: int = CONNECTIONS, alone: bool = False) -> None:
        self._pool = Pool(address, connections)
        self._apart = Pool(address, 1)
        self.own_clock = (lambda now: now) if alone else None
        self.reader = Reader(self)
        self._writes: Gathering[Batch[Any, Any], Any, Any] = Gathering(self._write_together)
        self._sessions: Gathering[Question, int | str, Session | None] = Gathering(self._sessions_by)
        self._hints = Hints(address)
        self.write_error: WriteError = ""
        self.statistics = DatabaseStatistics(self._pool.use)

    async def open(self, *, copying: bool = False) -> None:
        """Connect and migrate. `copying`: by whom copies into it. Raises `NewerDatabase`, `UnfinishedCopy`,
        `StoreUnavailable`."""
        try:
            await self._tried(lambda: self._lent(lambda connection: migrate(connection, copying=copying)))
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """A second call is harmless."""
        await self._pool.aclose()
        await self._apart.aclose()

    async def write(self, operation: Operation[T], *, first: bool = False) -> T:
        """One transaction, durable when it returns. Raises `StoreFull`, `StoreUnavailable`."""
        try:
            answer = await self._timed("write", lambda: self._transaction(operation, "BEGIN", self._pool))
        except StoreFull as error:
            self.write_error = error.trouble
            raise
        self.write_error = ""
        return answer

    async def write_apart(self, operation: Operation[T]) -> T:
        """On a connection that nothing else uses. Raises `StoreFull`, `StoreUnavailable`."""
        # guard: lease-renewed-beside-all-else
        return await self._timed("write", lambda: self._transaction(operation, "BEGIN", self._apart))

    async def write_each(self, operation: Batch[Item, T], item: Item) -> T:
        """With whatever waits to be written by the same operation. Raises `StoreFull`, `StoreUnavailable`."""
        return await self._writes.add(operation, item)  # type: ignore[no-any-return]  # the operation's own answer

    async def _write_together(self, operation: Batch[Any, Any], items: Sequence[Any]) -> Sequence[Any]:
        return await self.write(lambda db: operation(db, items), first=True)

    async def snapshot(self, question: Operation[T]) -> T:
        """Several reads as of one instant."""
        return await self._timed("read", lambda: self._transaction(question, _SNAPSHOT, self._pool))

    async def session(self, question: Question, word: int | str) -> Session | None:
        """Read anew each time: any node may have written it."""
        return await self._sessions.add(question, word)

    async def _sessions_by(self, question: Question, words: Sequence[int | str]) -> Sequence[Session | None]:
        distinct = list(dict.fromkeys(words))
        found = await row_each(self.reader, question, [{"word": word} for word in distinct])
        made = {word: None if row is None else rows.session_of(row) for word, row in zip(distinct, found, strict=True)}
        return [made[word] for word in words]

    def go_by(self, clock: Callable[[], float]) -> None:
        """Leases are told by this clock: for several nodes in one process, in virtual time."""
        self.own_clock = lambda _: clock()

    async def listen(self, told: Callable[[], None], others: Callable[[], bool]) -> None:
        """See `sql.db.Database`."""
        await self._hints.run(told, others)

    async def read(self, question: Callable[[Reading], Awaitable[T]]) -> T:
        """One statement by itself."""
        return await self._timed("read", lambda: self._lent(lambda connection: question(Reading(connection))))

    async def _timed(self, kind: Kind, attempt: Callable[[], Awaitable[T]]) -> T:
        """With the wait for a connection, and with what was tried again."""
        began = stopwatch()
        try:
            return await self._tried(attempt)
        finally:
            self.statistics.durations[kind].add(stopwatch() - began)

    async def lend(self, act: Callable[[Connection], Awaitable[T]]) -> T:
        """A connection, for what is no statement of the store; outside of a transaction. Raises `StoreUnavailable`."""
        return await self._tried(lambda: self._lent(act))

    async def _transaction(self, operation: Operation[T], begin: str, pool: Pool) -> T:
        async def run(connection: Connection) -> T:
            transaction = Transaction(connection, begin, self.own_clock)
            answer: T | None = None
            try:
                async with connection.pipeline() as pipeline:
                    await transaction.begin(pipeline)
                    answer = await operation(transaction)
                    await transaction.commit()
            except psycopg.OperationalError as error:
                if transaction.committing and error.sqlstate is None:
                    raise CommitUnknown(transaction.xid, answer) from error
                raise
            if transaction.xid is not None:
                self._hints.committed()
            return answer

        return await self._lent(run, pool)

    async def _lent(self, act: Callable[[Connection], Awaitable[T]], pool: Pool | None = None) -> T:
        pool = pool or self._pool
        connection = await pool.take()
        watch = asyncio.get_running_loop().call_later(ANSWER_WITHIN_S, cut, connection)
        try:
            return await act(connection)
        except BaseException:
            await _roll_back(connection)
            raise
        finally:
            watch.cancel()
            await pool.give_back(connection)

    async def _tried(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Again and again, as the error calls for. Raises `StoreFull`, `StoreUnavailable`, and what it cannot cure."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S
        tries = 0
        while True:
            tries += 1
            try:
                return await attempt()
            except CommitUnknown as error:
                if error.xid is not None and await self._stands(error.xid):
                    return error.answer  # type: ignore[no-any-return]
            except psycopg.Error as error:
                await self._cure(error, tries, patient=loop.time() < until)

    async def _cure(self, error: psycopg.Error, tries: int, *, patient: bool) -> None:
        """Returns when another attempt may help. Raises otherwise."""
        cure = cure_of(error, tries)
        if cure == "tell":
            raise error
        if cure == "full":
            raise StoreFull(str(error)) from error
        self.statistics.retries[_RETRY[cure]] += 1
        if cure == "again":
            if tries > _MOST_CONFLICTS:
                raise heard(error) from error
            await asyncio.sleep(_PAUSE_S / 10 * (tries - 1))
            return
        for pool in (self._pool, self._apart):
            pool.prepares &= cure != "unprepared"
            pool.forget_free()
        if not patient:
            raise heard(error) from error
        await asyncio.sleep(_PAUSE_S * tries)

    async def _stands(self, xid: int) -> bool:
        """Whether a transaction was committed. Raises `StoreUnavailable` while that cannot be found out."""
        loop = asyncio.get_running_loop()
        # Its backend may hear of the lost connection late, and has its locks until then.
        until = loop.time() + IDLE_IN_TRANSACTION_S + PATIENCE_S
        while True:
            try:
                status = await self.read(lambda reading: reading.status_of(xid))
            except psycopg.errors.InvalidParameterValue:
                # A number from the future: another server stands in for the one that had it, and never heard of it.
                return False
            if status != "in progress":
                return status == "committed"
            if loop.time() > until:
                raise StoreUnavailable("it is not known whether the last write stands")
            await asyncio.sleep(_PAUSE_S)


_OFTEN = frozenset({"idempotency", "message", "phones_known", "session_brief", "session_secrets"})
"""Reads by a key that every message or webhook needs, or every session after a start."""


class _Forgetful(dict[int, Any]):
    """Remembers nothing: another node may delete a session, or lift what restricts it."""

    def __setitem__(self, key: int, value: Any) -> None:
        """It is asked anew the next time."""


class Reader:
    """Reads by themselves, each on whatever connection is free. What names sessions have is remembered by nobody."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._read = database.read
        self.briefs: dict[int, tuple[str, str]] = _Forgetful()
        self.restricted: dict[int, float] = _Forgetful()
        self.shared = True
        self.locked: set[int | str] = set()
        self._often: Gathering[str, Mapping[str, Any], Sequence[Row]] = Gathering(self.rows_each)

    async def clock(self, now: float) -> float:
        """See `sql.db.Db`."""
        own = self._database.own_clock
        return await self._read(lambda reading: reading.clock()) if own is None else own(now)

    async def rows(self, name: str, params: Mapping[str, Any]) -> Sequence[Row]:
        """All rows of a statement; of one that every request asks, with all that are asked at this moment."""
        if name in _OFTEN:
            return await self._often.add(name, params)
        return await self._read(lambda reading: reading.rows(name, params))

    async def row(self, name: str, params: Mapping[str, Any]) -> Row | None:
        """The first row, or None."""
        found = await self.rows(name, params)
        return found[0] if found else None

    async def value(self, name: str, params: Mapping[str, Any]) -> Any:
        """The one column of the first row, or None."""
        return await self._read(lambda reading: reading.value(name, params))

    async def rows_each(self, name: str, many: Sequence[Mapping[str, Any]]) -> Sequence[Sequence[Row]]:
        """All rows of the statement for each of these."""
        return await self._read(lambda reading: reading.rows_each(name, many))

    async def rows_of(self, *questions: tuple[str, Mapping[str, Any]]) -> Sequence[Sequence[Row]]:
        """All rows of several statements."""
        return await self._read(lambda reading: reading.rows_of(*questions))

    async def at_end(self, operation: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Raises `TypeError`: it only reads."""
        raise TypeError("it writes")

    async def values(self, name: str, params: Mapping[str, Any]) -> list[Any]:
        """The one column of every row."""
        return await self._read(lambda reading: reading.values(name, params))

    async def run(self, name: str, params: Mapping[str, Any]) -> int:
        """Raises `TypeError`: it only reads."""
        raise TypeError(f"{name} writes")

    async def put(self, name: str, params: Mapping[str, Any]) -> None:
        """Raises `TypeError`: it only reads."""
        raise TypeError(f"{name} writes")

    async def add_each(self, name: str, many: Sequence[Mapping[str, Any]]) -> list[int]:
        """Raises `TypeError`: it only reads."""
        raise TypeError(f"{name} writes")

    async def put_each(self, name: str, many: Sequence[Mapping[str, Any]]) -> None:
        """Raises `TypeError`: it only reads."""
        raise TypeError(f"{name} writes")


async def _roll_back(connection: Connection) -> None:
    """One that cannot be is closed when it is given back."""
    if connection.pgconn.transaction_status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}:
        with suppress(psycopg.Error):
            await connection.execute("ROLLBACK", prepare=False)
