"""What the relay asks of the disk: an event waits for its own commit and for one more."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from esteio.clock import SystemClock
from esteio.core.model.ids import SessionName
from esteio.engine.delivery.dispatch import DeliveryDispatch
from esteio.store.base import EventRow
from esteio.store.delivery import DeliveryClaim, Endpoint
from esteio.store.sql import rows
from esteio.store.sql.db import Db
from esteio.store.sqlite import SqliteStore


class Waiting:
    """A courier that is under way for ever."""

    def __init__(self) -> None:
        self.has: list[DeliveryClaim] = []

    async def deliver(self, claim: DeliveryClaim) -> None:
        self.has.append(claim)
        await asyncio.Event().wait()


async def held_back(store: SqliteStore) -> threading.Event:
    """The writer waits for the event that comes back: what is handed in meanwhile is one batch."""
    begun, held = threading.Event(), threading.Event()

    async def wait(_db: Db) -> None:
        begun.set()
        held.wait(10)

    waiting = asyncio.ensure_future(store.database.write(wait))
    await asyncio.to_thread(begun.wait, 10)
    assert not waiting.done()
    return held


@pytest.mark.sqlite_only("what its one writer finds waiting is one commit; PostgreSQL has no such queue")
def test_an_event_is_dealt_and_claimed_in_one_commit(tmp_path: Path) -> None:
    commits: list[str] = []

    def note() -> bool:
        commits.append("commit")
        return False

    async def story() -> None:
        clock, courier = SystemClock(), Waiting()
        store = SqliteStore(tmp_path / "esteio.db")
        await store.start(clock.now())
        await store.webhook_endpoints.add(Endpoint("ep1", "http://one.example", clock.now()))
        event = EventRow("message.received", clock.now(), {"number": 1}, SessionName("s1"), "a")
        await store.database.write(lambda db: db.run("event_add", rows.event_params(event)))
        relay = DeliveryDispatch(store.delivery, clock, courier)  # type: ignore[arg-type]
        store.database.db.connection.set_commit_hook(note)
        held = await held_back(store)
        turn = asyncio.ensure_future(relay._run_once())
        for _ in range(5):
            await asyncio.sleep(0)
        held.set()
        await turn
        await asyncio.sleep(0)
        assert [claim.data for claim in courier.has] == [{"number": 1}]
        await relay.aclose(0)
        await store.aclose()

    asyncio.run(story())
    assert len(commits) == 2, "one of the wait, one of the event's lane and its claim"
