"""What the subjects ask of a dialect: statements by name, reads as of one instant, writes in one transaction.

Never lives here: a driver, a statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Row(Protocol):
    """One row, its columns by name: the column's, or what the statement calls it by AS. It has no order to rely on."""

    def __getattr__(self, column: str, /) -> Any:
        """Raises `AttributeError` for what the statement does not name."""
        ...


class Rollback(Exception):
    """Raised inside an operation that found out half-way that somebody else was faster: nothing of it stays."""


class Db(Protocol):
    """One connection; statements go by their names in `queries.sql`."""

    briefs: dict[int, tuple[str, str]]
    """Names and servers of sessions by id, as far as they were asked for."""
    restricted: dict[int, float]
    """Until when which sessions are restricted (463): what comes in there may set a message free."""

    def rows(self, name: str, params: Mapping[str, Any]) -> Sequence[Row]:
        """All rows of a statement."""
        ...

    def row(self, name: str, params: Mapping[str, Any]) -> Row | None:
        """The first row, or None; the statement is run to its end."""
        ...

    def value(self, name: str, params: Mapping[str, Any]) -> Any:
        """The one column of the first row, or None."""
        ...

    def values(self, name: str, params: Mapping[str, Any]) -> list[Any]:
        """The one column of every row."""
        ...

    def insert(self, name: str, params: Mapping[str, Any]) -> int:
        """Run a statement that inserts one row; its ever-growing key."""
        ...

    def run(self, name: str, params: Mapping[str, Any]) -> int:
        """Run a statement that writes and returns no row; how many rows it changed."""
        ...


class Database(Protocol):
    """One database: reads at once, writes through its one writer. Open between `Store.start` and `Store.aclose`."""

    @property
    def reader(self) -> Db:
        """Sees every commit that returned before; raises `StoreFull` for a disk that fails."""
        ...

    async def write(self, operation: Callable[[Db], T], *, first: bool = False) -> T:
        """Run it in one transaction, all of it or nothing, durable when it returns. It may run twice, so it keeps
        nothing outside the database. `first`: before what our own loops write, for a client waits. Raises `StoreFull`
        and what the operation raises."""
        ...

    def snapshot(self, question: Callable[[Db], T]) -> T:
        """Several reads as of one instant."""
        ...
