"""A process that stands still in the middle of a transaction holds up nobody for long."""

from __future__ import annotations

import asyncio

import pytest

from esteio.store.postgres import connection
from esteio.store.postgres.address import address_of
from esteio.store.postgres.database import PostgresDatabase
from esteio.store.sql.db import Db

PATIENCE_S = 15


def test_locks_of_a_transaction_that_stands_still_are_freed(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "IDLE_IN_TRANSACTION_S", 0.2)
    went_on, held, attempts = asyncio.Event(), asyncio.Event(), []

    async def stands_still(db: Db) -> None:
        attempts.append(await db.run("heartbeat", {"now": 1.0}))
        held.set()
        await went_on.wait()

    async def passes(db: Db) -> None:
        await db.run("heartbeat", {"now": 2.0})

    async def story() -> None:
        one, other = (PostgresDatabase(address_of(migrated_url), connections=1) for _ in range(2))
        still = asyncio.create_task(one.write(stands_still))
        await held.wait()
        async with asyncio.timeout(PATIENCE_S):
            await other.write(passes)
        went_on.set()
        await still
        for database in (one, other):
            await database.aclose()

    asyncio.run(story())
    assert attempts == [1, 1], "it was ended by the server, and is done again"
