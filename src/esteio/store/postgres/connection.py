"""One connection as the `Db` that the subjects are written over: statements by name, reads alone or in a transaction.

A `Transaction` runs in the driver's pipeline: what nobody waits for (`put`) goes with the next statement, BEGIN with
the first and COMMIT with the last, so that a transaction costs as many round trips as it asks questions. Never lives
here: who gets a connection (`pool`), what is tried again (`database`).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from itertools import starmap
from typing import Any, TypeAlias

from psycopg import AsyncConnection, AsyncPipeline, AsyncRawCursor

from esteio.store.postgres.sets import NoSet, set_of
from esteio.store.postgres.statements import STATEMENTS, Statement, fitted, row_class
from esteio.store.sql.db import Row

Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]
Cursor: TypeAlias = AsyncRawCursor[tuple[Any, ...]]

IDLE_IN_TRANSACTION_S = 2
"""A node that stands still in the middle of a transaction (SIGSTOP, a machine that sleeps or died) may not hold its
locks for longer. Others wait for them, with their renewals behind: it is less than what is left of a lease
(`core.nodes.lease`) when a renewal is due."""
TRANSACTION_S = 20
"""No transaction takes longer, whatever it is at."""
_SINCE_17 = 170000
OwnClock: TypeAlias = Callable[[float], float]
"""What stands for the database's time where no other process works on it; takes the caller's."""
APPEND = STATEMENTS["events_append"]
_NUMBER = "SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)"
_TIME = "SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


def limits(connection: Connection) -> Sequence[str]:
    """What keeps a transaction of a node that stands still from holding up the others, as SET takes it. To the server
    it is not idle between two statements that are sent without waiting; only PostgreSQL 17 can end it there."""
    found = [f"idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_S}s'"]
    if connection.info.server_version >= _SINCE_17:
        found.append(f"transaction_timeout = '{TRANSACTION_S}s'")
    return found


async def executed(connection: Connection, text: str, values: list[Any]) -> Cursor:
    """A cursor over the answer; in a pipeline the statement is only queued."""
    cursor = AsyncRawCursor(connection)
    await cursor.execute(text.encode(), values, binary=True)
    return cursor


async def time_of(connection: Connection) -> float:
    """The database's time, epoch seconds."""
    (at,) = await (await executed(connection, _TIME, [])).fetchone() or (0.0,)
    return float(at)


class _Asked:
    """The verbs that read, over `_cursor`."""

    async def _cursor(self, statement: Statement, params: Mapping[str, Any]) -> Cursor:
        return await self._asked(statement, statement.values(params))

    async def _asked(self, statement: Statement, values: list[Any]) -> Cursor:
        raise NotImplementedError

    async def _answer(self, cursor: Cursor) -> list[tuple[Any, ...]]:
        return await cursor.fetchall()

    async def rows(self, name: str, params: Mapping[str, Any]) -> Sequence[Row]:
        """All rows of a statement."""
        cursor = await self._cursor(STATEMENTS[name], params)
        return _rows(name, cursor, await self._answer(cursor))

    async def row(self, name: str, params: Mapping[str, Any]) -> Row | None:
        """The first row, or None."""
        found = await self.rows(name, params)
        return found[0] if found else None

    async def value(self, name: str, params: Mapping[str, Any]) -> Any:
        """The one column of the first row, or None."""
        found = await self._answer(await self._cursor(STATEMENTS[name], params))
        return found[0][0] if found else None

    async def values(self, name: str, params: Mapping[str, Any]) -> list[Any]:
        """The one column of every row."""
        return [value for (value,) in await self._answer(await self._cursor(STATEMENTS[name], params))]

    async def rows_of(self, *questions: tuple[str, Mapping[str, Any]]) -> Sequence[Sequence[Row]]:
        """All rows of several statements: in a pipeline by one round trip."""
        asked = [(name, await self._cursor(STATEMENTS[name], params)) for name, params in questions]
        return [_rows(name, cursor, await self._answer(cursor)) for name, cursor in asked]

    async def rows_each(self, name: str, many: Sequence[Mapping[str, Any]]) -> Sequence[Sequence[Row]]:
        """All rows of the statement for each of these, by one statement where that has such a form."""
        if len(many) == 1:
            return [await self.rows(name, many[0])]
        try:
            found = set_of(name, many[0])
        except NoSet:
            return [await self.rows(name, params) for params in many]
        cursor = await self._asked(found.statement, found.values(many))
        return _by_place(name, cursor, await self._answer(cursor), len(many), placed=found.placed)

    async def add_each(self, name: str, many: Sequence[Mapping[str, Any]]) -> list[int]:
        """Insert them; their keys."""
        return [row.seq for (row,) in await self.rows_each(name, many)]


def _rows(name: str, cursor: Cursor, found: Sequence[tuple[Any, ...]]) -> Sequence[Row]:
    return list(starmap(_row_class(name, cursor), found)) if found else []


def _by_place(
    name: str, cursor: Cursor, found: Sequence[tuple[Any, ...]], many: int, *, placed: bool
) -> list[list[Row]]:
    made = _row_class(f"{name}_each", cursor)
    if not placed:
        # Keys are given in the order of the places; rows may come back in any.
        return [[made(*row)] for row in sorted(found)]
    rows: list[list[Row]] = [[] for _ in range(many)]
    for row in found:
        rows[row[0] - 1].append(made(*row))
    return rows


class Transaction(_Asked):
    """One transaction of a connection that is in a pipeline; `commit` ends it. What names sessions have is asked in
    each anew, since another node may have deleted them meanwhile."""

    def __init__(self, connection: Connection, begin: str, own_clock: OwnClock | None) -> None:
        self.briefs: dict[int, tuple[str, str]] = {}
        self.restricted: dict[int, float] = {}
        self.shared = True
        self.locked: set[int | str] = set()
        self.xid: int | None = None
        """Its number, known before the first COMMIT of what wrote something is sent: by it one can ask what became of
        it when the answer is lost."""
        self.committing = False
        self._connection = connection
        self._pipeline: AsyncPipeline
        self._begin = begin
        self._own_clock = own_clock
        self._events: list[Mapping[str, Any]] = []
        self._last: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._number: Cursor | None = None

    async def begin(self, pipeline: AsyncPipeline) -> None:
        """Sent with the first statement. Behind a pooler nothing that was set before is true any more."""
        self._pipeline = pipeline
        await self._connection.execute(self._begin, prepare=False)
        if self._connection.prepare_threshold is None:
            for limit in limits(self._connection):
                await self._connection.execute(f"SET LOCAL {limit}".encode(), prepare=False)

    async def clock(self, now: float) -> float:
        """See `sql.db.Db`."""
        if self._own_clock is not None:
            return self._own_clock(now)
        ((at,),) = await self._answer(await executed(self._connection, _TIME, []))
        return float(at)

    async def run(self, name: str, params: Mapping[str, Any]) -> int:
        """Run a statement that writes; how many rows it changed."""
        cursor = await self._cursor(STATEMENTS[name], params)
        await self._pipeline.sync()
        return cursor.rowcount

    async def put(self, name: str, params: Mapping[str, Any]) -> None:
        """The same where nobody asks how many: sent with the next. Events are kept until the end of the transaction."""
        if name == "event_add":
            self._events.append(params)
        else:
            await self._cursor(STATEMENTS[name], params)

    async def put_each(self, name: str, many: Sequence[Mapping[str, Any]]) -> None:
        """The statement for each of these, by one statement where that has such a form."""
        if name == "event_add":
            self._events.extend(many)
        elif len(many) == 1:
            await self.put(name, many[0])
        elif many:
            try:
                found = set_of(name, many[0])
            except NoSet:
                for params in many:
                    await self.put(name, params)
            else:
                await self._asked(found.statement, found.values(many))

    async def at_end(self, operation: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Before the events, after all else."""
        self._last.append(operation)

    async def commit(self) -> None:
        """Events, then COMMIT, in one: from the first of its events on the transaction holds up every other that has
        some. Whether it stands is known when the pipeline has ended."""
        for operation in self._last:
            await operation()
        if self._events and self._number is None:
            await self._ask_number()
        if self._number is not None:
            ((number,),) = await self._answer(self._number)
            self.xid = int(number)
        if self._events:
            await self._append_events()
        self.committing = True
        await self._connection.execute("COMMIT", prepare=False)

    async def _asked(self, statement: Statement, values: list[Any]) -> Cursor:
        if statement.writes and self._number is None:
            await self._ask_number()
        if self._events and statement.needs_events:
            await self._append_events()
        return await executed(self._connection, statement.text, values)

    async def _answer(self, cursor: Cursor) -> list[tuple[Any, ...]]:
        """Waits for it, and for whatever was sent before, by a Sync: only then is this transaction idle to the server
        while it waits for us, and ended when we stand still (`IDLE_IN_TRANSACTION_S`). After a Flush it would be
        active, and hold its locks for as long as we sleep."""
        if cursor.statusmessage is None:
            await self._pipeline.sync()
        return await cursor.fetchall()

    async def _ask_number(self) -> None:
        self._number = await executed(self._connection, _NUMBER, [])

    async def _append_events(self) -> None:
        taken, self._events = self._events, []
        columns = APPEND.params[1:]
        arrays = [[fitted(column, event[column]) for event in taken] for column in columns]
        await executed(self._connection, APPEND.text, [len(taken), *arrays])


class Reading(_Asked):
    """One connection outside of transactions: each statement sees what was committed when it began."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def clock(self) -> float:
        """The database's time."""
        return await time_of(self._connection)

    async def status_of(self, xid: int) -> str | None:
        """What became of a transaction: `committed`, `aborted`, `in progress`; None when that is long ago."""
        text = "SELECT pg_xact_status(CAST($1 AS xid8))"
        found = await (await executed(self._connection, text, [str(xid)])).fetchone()
        return None if found is None else found[0]

    async def _asked(self, statement: Statement, values: list[Any]) -> Cursor:
        return await executed(self._connection, statement.text, values)


def _row_class(name: str, cursor: Cursor) -> Callable[..., Row]:
    # An expression without a name is there and cannot be read.
    return row_class(
        name,
        lambda: [
            f"_{place}" if column.name == "?column?" else column.name
            for place, column in enumerate(cursor.description or ())
        ],
    )
