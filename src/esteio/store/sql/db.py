"""What the subjects ask of a dialect: statements by name, reads as of one instant, writes in one transaction.

Never lives here: a driver, a statement.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from esteio.core.model.session import Session

T = TypeVar("T")
Item = TypeVar("Item")


class Row(Protocol):
    """One row, its columns by name: the column's, or what the statement calls it by AS. It has no order to rely on."""

    def __getattr__(self, column: str, /) -> Any:
        """Raises `AttributeError` for what the statement does not name."""
        ...


class Rollback(Exception):
    """Raised inside an operation that found out half-way that somebody else was faster: nothing of it stays."""


class Db(Protocol):
    """One connection; statements go by their names in `queries.sql`. Waiting for an answer is waiting for the database
    and for nothing else: on SQLite a statement has its answer when it returns, and nothing waits."""

    briefs: dict[int, tuple[str, str]]
    """Names and servers of sessions by id, as far as they were asked for."""
    restricted: dict[int, float]
    """Until when which sessions are restricted (463): what comes in there may set a message free."""
    shared: bool
    """Whether others write beside this transaction (see `locks`)."""
    locked: set[int | str]
    """Ids of sessions and names of servers that it has locked."""

    async def clock(self, now: float) -> float:
        """The database's own time, by which leases between nodes are told (epoch seconds); where one process is alone
        with its database, `now`."""
        ...

    async def rows(self, name: str, params: Mapping[str, Any]) -> Sequence[Row]:
        """All rows of a statement."""
        ...

    async def row(self, name: str, params: Mapping[str, Any]) -> Row | None:
        """The first row, or None; the statement is run to its end."""
        ...

    async def value(self, name: str, params: Mapping[str, Any]) -> Any:
        """The one column of the first row, or None."""
        ...

    async def values(self, name: str, params: Mapping[str, Any]) -> list[Any]:
        """The one column of every row."""
        ...

    async def run(self, name: str, params: Mapping[str, Any]) -> int:
        """Run a statement that writes and returns no row; how many rows it changed."""
        ...

    async def put(self, name: str, params: Mapping[str, Any]) -> None:
        """The same where nobody asks how many. It need not be done when it returns: a later statement of the
        transaction comes after it, and what is wrong with it is raised by one of those or by the commit."""
        ...

    async def rows_each(self, name: str, many: Sequence[Mapping[str, Any]]) -> Sequence[Sequence[Row]]:
        """All rows of the statement for each of these, in their order. They may be done at once, so no two of them may
        be about one row, unless they only read."""
        ...

    async def rows_of(self, *questions: tuple[str, Mapping[str, Any]]) -> Sequence[Sequence[Row]]:
        """All rows of several statements, none of which waits for another one's answer."""
        ...

    async def at_end(self, operation: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run it as the last of this transaction: it writes what many wait for, who so wait as short as can be. Where
        one process writes alone, at once."""
        ...

    async def add_each(self, name: str, many: Sequence[Mapping[str, Any]]) -> list[int]:
        """Insert a row for each of these into a table whose key `seq` grows; their keys, in that order."""
        ...

    async def put_each(self, name: str, many: Sequence[Mapping[str, Any]]) -> None:
        """The statement for each of these, as `put` does it; no two of them may be about one row."""
        ...


Question = Literal["session_by_id", "session_by_name", "session_by_token"]
"""How a session is looked up."""

Operation: TypeAlias = Callable[[Db], Coroutine[Any, Any, T]]
"""What is done in one transaction. It awaits nothing but its `Db`: some dialects run it outside every event loop."""
Batch: TypeAlias = Callable[[Db, Sequence[Item]], Coroutine[Any, Any, Sequence[T | Exception]]]
"""The same for some items at once: one answer each, or why there is none for this one."""


async def alone(operation: Batch[Item, T], db: Db, item: Item) -> T:
    """A batch of one: its answer. Raises what the operation has for it."""
    (answer,) = await operation(db, (item,))
    if isinstance(answer, Exception):
        raise answer
    return answer


async def row_each(db: Db, name: str, many: Sequence[Mapping[str, Any]]) -> list[Row | None]:
    """The first row of the statement for each of these, or None."""
    return [found[0] if found else None for found in await db.rows_each(name, many)] if many else []


class Database(Protocol):
    """One database: reads, and writes in transactions. Open between `Store.start` and `Store.aclose`."""

    @property
    def reader(self) -> Db:
        """Sees every commit that returned before; raises `StoreFull` for a disk that fails."""
        ...

    async def write_each(self, operation: Batch[Item, T], item: Item) -> T:
        """The same for one of many that may wait at the same moment, each for itself: those may be done in one
        transaction. A client waits for each, so they go before what our own loops write. What the operation gives for
        an item is its answer, or is raised where it is an exception."""
        ...

    async def write(self, operation: Operation[T], *, first: bool = False) -> T:
        """Run it in one transaction, all of it or nothing, durable when it returns. It may run twice, so it keeps
        nothing outside the database. `first`: before what our own loops write, for a client waits. Raises `StoreFull`
        and what the operation raises."""
        ...

    async def write_apart(self, operation: Operation[T]) -> T:
        """As `write`, and however much this process has to do with its database, it does not wait for any of that. For
        what has to be in time: a node's lease."""
        ...

    async def snapshot(self, question: Operation[T]) -> T:
        """Several reads as of one instant."""
        ...

    async def session(self, question: Question, word: int | str) -> Session | None:
        """The session as of the last commit, None for an unknown one; a dialect may keep what it has read."""
        ...

    async def listen(self, told: Callable[[], None], others: Callable[[], bool]) -> None:
        """For ever: calls `told` soon after another process committed something here, and tells them, while there are
        `others`, of what is committed here. A hint that is lost costs time, never anything else; where one process is
        alone there are none."""
        ...
