"""Hints between nodes: one hears soon that the other committed; behind a pooler nothing is heard, and nothing hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Self

import pytest

from esteio.store.postgres import PostgresStore
from tests.postgres_server.cluster import Cluster
from tests.postgres_server.pooler import Pooler, pgbouncer
from tests.postgres_server.programs import Unavailable, left_out
from tests.store.make import NOW

PATIENCE_S = 20.0


@pytest.fixture
def pooler(postgres: Cluster) -> Iterator[Pooler]:
    try:
        pgbouncer()
    except Unavailable as why:
        left_out(why)
    with Pooler(postgres) as found:
        yield found


class Node:
    """One that listens."""

    def __init__(self, url: str) -> None:
        self.store = PostgresStore(url)
        self.heard = asyncio.Event()
        self.others = True

    async def __aenter__(self) -> Self:
        await self.store.start(NOW)
        self._task = asyncio.create_task(self.store.nodes.listen(self.heard.set, lambda: self.others))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.store.aclose()

    async def hears(self) -> None:
        await asyncio.wait_for(self.heard.wait(), PATIENCE_S)
        self.heard.clear()


async def test_a_commit_is_heard_by_the_other_and_not_by_oneself(migrated_url: str) -> None:
    async with Node(migrated_url) as one, Node(migrated_url) as other:
        await one.hears()
        await other.hears()
        await one.store.ping(NOW)
        await other.hears()
        assert not one.heard.is_set()


async def test_who_is_alone_tells_nobody(migrated_url: str) -> None:
    async with Node(migrated_url) as one, Node(migrated_url) as other:
        await one.hears()
        await other.hears()
        one.others = False
        await one.store.ping(NOW)
        await other.store.ping(NOW)
        await one.hears()
        assert not other.heard.is_set()


async def test_who_lost_the_connection_looks_when_it_is_back(
    postgres: Cluster, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esteio.store.postgres.hints.AGAIN_S", 0.01)
    async with Node(migrated_url) as one:
        await one.hears()
        postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        await one.hears()


async def test_behind_a_pooler_nobody_listens(migrated_url: str, pooler: Pooler) -> None:
    behind = pooler.url(migrated_url.rpartition("/")[2])
    async with Node(behind) as one:
        await one.store.ping(NOW)
        assert not one.heard.is_set()
