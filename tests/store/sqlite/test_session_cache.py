"""A session that is remembered is the session of the last commit: whoever wrote it, and whenever it was read."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from esteio.core.model.session import Session
from esteio.store.sql.db import Row
from esteio.store.sqlite import SqliteStore
from esteio.store.sqlite.connection import connect, migrate
from esteio.store.sqlite.session_cache import SessionCache
from tests.narrowing import not_none
from tests.store.make import Make

NOW = 1_800_000_000.0


async def each_way(store: SqliteStore, session: Session) -> list[Session | None]:
    return [
        await store.sessions.by_name(session.name),
        await store.sessions.by_id(session.id),
        await store.sessions.by_token(f"token-{session.name}"),
    ]


async def test_every_way_to_ask_sees_what_was_written_last(store: SqliteStore, make: Make) -> None:
    """A decision, a new address, and the end of it; a neighbour does not move."""
    session, other = await make.session(store), await make.session(store, "s2")
    assert await each_way(store, session) == [session] * 3
    assert await each_way(store, other) == [other] * 3

    held = await make.commit(store, session, gate="held")
    assert held.gate == "held"
    assert await each_way(store, session) == [held] * 3

    await store.sessions.change(session.id, NOW, ref={"instance_name": "elsewhere"})
    assert [not_none(one).ref for one in await each_way(store, session)] == [{"instance_name": "elsewhere"}] * 3

    await store.sessions.delete(session.id, NOW)
    assert await each_way(store, session) == [None] * 3
    again = await make.session(store)
    assert again.id != session.id
    assert await each_way(store, again) == [again] * 3
    assert await each_way(store, other) == [other] * 3


async def test_an_unwritten_session_is_read_once(
    store: SqliteStore, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it is remembered for nothing; a write makes it read once more."""
    session = await make.session(store)
    await each_way(store, session)
    asked = []
    monkeypatch.setattr(type(store.database.reader), "read_one", lambda db, name, params: asked.append(name))
    await each_way(store, session)
    assert asked == []
    monkeypatch.undo()
    await make.commit(store, session, gate="held")
    monkeypatch.setattr(type(store.database.reader), "read_one", lambda db, name, params: asked.append(name))
    await store.sessions.by_name(session.name)
    assert asked == ["session_by_name"]


@pytest.mark.parametrize("moment", ["before the row is read", "after the row is read"])
async def test_a_commit_beside_the_reading_is_not_missed(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The writing thread may commit at any point of a reading: what was read then does not stay."""
    path = str(tmp_path / "esteio.db")
    writer = connect(path)
    migrate(writer)
    reader = connect(path, read_only=True)
    store = SqliteStore(path, inline=True)
    await store.start(NOW)
    session = await make.session(store)
    await store.aclose()
    remembered, ask = SessionCache(reader, writer), reader.read_one

    def hold() -> None:
        writer.do("BEGIN IMMEDIATE")
        writer.do("UPDATE sessions SET gate = 'held'")
        writer.commit()

    def beside(name: str, params: dict[str, int]) -> Row | None:
        if moment == "before the row is read":
            hold()
        row = ask(name, params)
        if moment == "after the row is read":
            hold()
        return row

    monkeypatch.setattr(remembered, "_reader", SimpleNamespace(read_one=beside))
    remembered.session("session_by_id", session.id)
    monkeypatch.undo()
    assert not_none(remembered.session("session_by_id", session.id)).gate == "held"
    reader.connection.close()
    writer.connection.close()
