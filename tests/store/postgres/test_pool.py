"""The connections of one node: whoever stops waiting for one leaves none behind."""

from __future__ import annotations

import asyncio

import pytest

from esteio.store.postgres import pool as pooling
from esteio.store.postgres.address import address_of
from esteio.store.postgres.connection import Connection
from esteio.store.postgres.pool import Pool


async def test_a_connection_that_nobody_waits_for_any_more_is_closed(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is connected, and not yet what its user gets."""
    made: list[Connection] = []
    connected = asyncio.Event()

    async def stands_still(connection: Connection) -> bool:
        made.append(connection)
        connected.set()
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(pooling, "is_the_servers", stands_still)
    pool = Pool(address_of(migrated_url), 2)
    taking = asyncio.ensure_future(pool.take())
    await connected.wait()
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert [connection.closed for connection in made] == [True]
    assert pool.use().busy == 0
