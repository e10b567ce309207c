"""The feed: a place stays good across restarts, and what is in memory and in the log are one sequence."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from esteio.clock import SystemClock
from esteio.core.model.ids import SessionName
from esteio.engine.delivery import event_log as feeding
from esteio.engine.delivery.event_log import EventLog
from esteio.engine.media.links import MediaLinks
from esteio.engine.runtime.waiters import Waiters
from esteio.store.base import EventRow
from esteio.store.sql.db import Db
from esteio.store.sql.rows import event_params
from esteio.store.sqlite import SqliteStore
from esteio.texts import catalogue
from esteio.vault import Vault, new_key
from tests.narrowing import not_none

NOW = 1_800_000_000.0


class _Standing(SystemClock):
    at = NOW

    def now(self) -> float:
        return self.at


CLOCK = _Standing()
LINKS = MediaLinks(Vault(new_key().encode()), "http://esteio", CLOCK, 60.0)


def log_of(store: SqliteStore) -> EventLog:
    return EventLog(store.events, catalogue("en"), LINKS, Waiters(store.sessions, store.messages))


async def tell(store: SqliteStore, count: int) -> None:
    async def operation(db: Db) -> None:
        for _ in range(count):
            await db.run("event_add", event_params(EventRow("message.received", NOW, {"n": 1}, SessionName("s1"), "a")))

    await store.database.write(operation)


async def read(feed: EventLog, place: int) -> list[int]:
    found = []
    while told := await feed.after(place):
        found += [one.seq for one in told]
        place = found[-1]
    return found


def test_a_place_is_good_after_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        store = SqliteStore(tmp_path / "esteio.db")
        await store.start(NOW)
        feed = log_of(store)
        await tell(store, 700)
        first = [one.seq for one in await feed.after(0)]
        assert first == list(range(1, 501))
        await store.aclose()
        store = SqliteStore(tmp_path / "esteio.db")
        await store.start(NOW)
        await tell(store, 5)
        assert await read(log_of(store), first[-1]) == list(range(501, 706))
        await store.aclose()

    asyncio.run(main())


def test_memory_and_log_are_one_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "TAIL", 30)
    monkeypatch.setattr(feeding, "AT_ONCE", 20)

    async def main() -> None:
        store = SqliteStore.memory()
        await store.start(NOW)
        await tell(store, 50)
        feed = log_of(store)
        assert await feed.after(50) == []
        for total in range(60, 400, 10):
            await tell(store, 10)
            assert await read(feed, total - 10) == list(range(total - 9, total + 1))
            assert len(feed._tail) <= 30
            for place in (0, total - 35, total - 15, total - 1):
                assert await read(feed, place) == list(range(place + 1, total + 1)), place
        await store.aclose()

    asyncio.run(main())


def test_an_event_is_rendered_once_for_all_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        store = SqliteStore.memory()
        await store.start(NOW)
        feed = log_of(store)
        await feed.after(0)
        await tell(store, 10)
        rendered: list[Any] = []
        truly = feed._told

        def told(row: Any) -> Any:
            rendered.append(row)
            return truly(row)

        monkeypatch.setattr(feed, "_told", told)
        for _ in range(5):
            assert len(await feed.after(0)) == 10
        assert len(rendered) == 10
        await store.aclose()

    asyncio.run(main())


def test_the_address_of_a_media_is_signed_anew_for_each_reader() -> None:
    async def main() -> None:
        store = SqliteStore.memory()
        await store.start(NOW)
        feed = log_of(store)
        await feed.after(0)
        data = {"id": "msg_1", "media": {"kind": "image", "url": None, "state": "kept", "mime": None, "filename": None}}
        row = event_params(EventRow("message.received", NOW, data, SessionName("s1"), "a"))
        await store.database.write(lambda db: db.run("event_add", row))
        expiries = []
        for CLOCK.at in (NOW, NOW + 500):
            (told,) = await feed.after(0)
            expiries.append(not_none(re.search(rb"/media/msg_1/image\?expires=(\d+)&", told.body))[1])
        assert [int(at) for at in expiries] == [NOW + 60, NOW + 560]
        await store.aclose()

    asyncio.run(main())


def test_one_looks_for_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        store = SqliteStore.memory()
        await store.start(NOW)
        waiters = Waiters(store.sessions, store.messages)
        feed = EventLog(store.events, catalogue("en"), LINKS, waiters)
        assert await feed.after(0) == []
        looks = 0
        truly = store.events.page

        async def page(after: int, limit: int) -> Any:
            nonlocal looks
            looks += 1
            return await truly(after, limit)

        monkeypatch.setattr(store.events, "page", page)
        waiting = [asyncio.create_task(feed.wait(0, 60.0)) for _ in range(100)]
        await asyncio.sleep(0)
        for _ in range(5):  # commits without an event
            waiters.event_written()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert not any(one.done() for one in waiting)
        await tell(store, 1)
        waiters.event_written()
        await asyncio.gather(*waiting)
        assert looks < 10
        await asyncio.wait_for(feed.wait(0, 60.0), 1)  # there is one already
        late = asyncio.create_task(feed.wait(1, 60.0))
        await asyncio.sleep(0)
        waiters.close()
        await asyncio.wait_for(late, 30)
        await store.aclose()

    asyncio.run(main())
