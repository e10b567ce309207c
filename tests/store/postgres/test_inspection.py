"""What PostgreSQL says of itself: of its own, through a pooler, and with somebody who is in the way."""

from __future__ import annotations

import psycopg

from esteio.clock import SystemClock
from esteio.store.ports.inspection import DatabaseFacts
from esteio.store.postgres import PostgresStore
from tests.postgres_server.cluster import Cluster
from tests.postgres_server.pooler import Pooler

NOW = 1_700_000_000.0


async def facts_of(url: str) -> DatabaseFacts:
    store = PostgresStore(url)
    await store.start(NOW)
    try:
        assert await store.inspection.unowned_sessions() == 0
        return await store.inspection.facts(SystemClock().now)
    finally:
        await store.aclose()


async def test_a_server_of_its_own_is_known_whole(migrated_url: str) -> None:
    facts = await facts_of(migrated_url)
    assert (facts.kind, facts.schema, facts.transport, facts.pooled) == (
        "postgresql",
        facts.schema_known,
        "socket",
        False,
    )
    assert facts.version[0].isdigit()
    assert set(facts.durability) == {"fsync", "full_page_writes", "synchronous_commit"}
    assert 0 < (facts.connections or 0) < (facts.connections_most or 0)
    assert 0 < (facts.round_trip_s or 0) < 5
    assert abs(facts.clock_off_s or 0) < 5
    assert not facts.standby
    assert (facts.size_bytes or 0) > 1_000_000


async def test_a_pooler_in_between_is_seen(postgres: Cluster, migrated_url: str) -> None:
    database = migrated_url.rpartition("/")[2].partition("?")[0]
    with Pooler(postgres) as pooler:
        assert (await facts_of(pooler.url(database))).pooled


async def test_a_transaction_of_somebody_else_is_told_with_its_age(migrated_url: str) -> None:
    assert (await facts_of(migrated_url)).oldest_transaction_s is None
    with psycopg.connect(migrated_url) as stranger:
        stranger.execute("SELECT 1")
        assert ((await facts_of(migrated_url)).oldest_transaction_s or 0) > 0


async def test_what_is_set_for_the_database_alone_is_told(migrated_url: str) -> None:
    name = migrated_url.rpartition("/")[2].partition("?")[0]
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off'.encode())
        try:
            assert (await facts_of(migrated_url)).durability["synchronous_commit"] == "off"
        finally:
            connection.execute(f'ALTER DATABASE "{name}" RESET synchronous_commit'.encode())
