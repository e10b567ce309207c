"""Rows by name: what a statement's columns are called, and that every way of reading gives the same."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator

import apsw
import pytest

from esteio.store.sql.loader import SQL
from esteio.store.sqlite.connection import Db, connect, migrate


@pytest.fixture(scope="module")
def db() -> Iterator[Db]:
    made = connect(":memory:")
    migrate(made)
    yield made
    made.connection.close()


def columns_of(db: Db, name: str) -> list[str]:
    """What the columns of a statement are called, without running it; none for one that gives no rows."""
    found: list[str] = []

    def tell(cursor: apsw.Cursor, *_: object) -> bool:
        found.extend(column for column, _ in cursor.get_description())
        return False

    cursor = db.connection.cursor()
    cursor.set_exec_trace(tell)
    with pytest.raises(apsw.ExecTraceAbort):
        cursor.execute(SQL[name], dict.fromkeys(re.findall(r":(\w+)", SQL[name])))
    return found


@pytest.mark.parametrize("name", sorted(SQL))
def test_every_column_of_several_has_a_name_of_its_own(db: Db, name: str) -> None:
    """One column alone is read by `value` or `values`; beside others an expression needs its AS."""
    columns = columns_of(db, name)
    if len(columns) > 1:
        nameless = [one for one in columns if not one.isidentifier() or keyword.iskeyword(one) or one.startswith("_")]
        assert (nameless, sorted(set(columns))) == ([], sorted(columns))


async def test_a_statement_that_gave_nothing_before_has_its_names_when_it_gives_something(db: Db) -> None:
    assert await db.rows("servers", {}) == []
    assert await db.row("servers", {}) is None
    assert await db.row("events_to_deal", {"after": 0, "limit": 9}) is None
    about = {"type": "a", "at": 2.0, "session_name": None, "chat": "c", "data": "{}"}
    await db.run("event_add", {**about, "trace_context": None, "tenant": None})
    (row,) = await db.rows("events_to_deal", {"after": 0, "limit": 9})
    first = await db.row("events_to_deal", {"after": 0, "limit": 9})
    assert first is not None
    assert (row.type, row.at, row.session_name, row.chat) == (first.type, first.at, first.session_name, first.chat)
    assert (row.type, row.at, row.session_name, row.chat) == ("a", 2.0, "", "c")


async def test_a_column_that_is_called_as_a_method_of_tuples_is_the_column(db: Db) -> None:
    params = dict.fromkeys(("server", "at", "code", "first_at", "happened_at", "base_seq"), None)
    line = {**params, "session_id": 7, "kind": "act", "at": 1.0, "code": "begin", "count": 3, "source": None}
    db.connection.pragma("foreign_keys", 0)
    await db.run("journal_add", {**line, "args": "{}", "data": "{}", "applied": 1})
    row = await db.row("journal_last", {"session_id": 7})
    assert row is not None
    assert (row.count, row.code) == (3, "begin")


async def test_one_column_is_read_bare(db: Db) -> None:
    assert await db.value("event_last", {}) == max(await db.values("event_last", {}))
    assert await db.value("event_at", {"seq": -1}) is None
    assert await db.values("event_at", {"seq": -1}) == []


async def test_values_are_of_one_column_only(db: Db) -> None:
    """A column more in the statement is an error and not another value."""
    about = {"type": "a", "at": 2.0, "session_name": None, "chat": "c", "data": "{}"}
    await db.run("event_add", {**about, "trace_context": None, "tenant": None})
    with pytest.raises(ValueError, match="too many values"):
        await db.values("events_to_deal", {"after": 0, "limit": 9})


async def test_what_a_statement_does_not_name_is_an_error(db: Db) -> None:
    about = {"type": "a", "at": 2.0, "session_name": None, "chat": "c", "data": "{}"}
    await db.run("event_add", {**about, "trace_context": None, "tenant": None})
    row = await db.row("events_to_deal", {"after": 0, "limit": 1})
    with pytest.raises(AttributeError):
        _ = getattr(row, "data")  # noqa: B009 - the reading is what is tested
