"""What befalls a database: it restarts, its answers get lost, its connections are shared with others by a pooler."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from esteio.store.base import EventRow, NewerDatabase, StoreUnavailable
from esteio.store.postgres import PostgresStore
from esteio.store.postgres.address import address_of
from esteio.store.postgres.database import CONNECTIONS, PostgresDatabase
from esteio.store.sql.db import Db
from esteio.store.sql.rows import Params, event_params
from tests.narrowing import not_none
from tests.postgres_server.cluster import PASSWORD, Cluster
from tests.postgres_server.pooler import Pooler, pgbouncer
from tests.postgres_server.programs import Unavailable, left_out
from tests.postgres_server.proxy import Proxy
from tests.store.make import NOW, Make


def through(url: str, port: int) -> str:
    """The same database behind a proxy."""
    return url.replace(f":{url.rsplit(':', 1)[1].partition('/')[0]}/", f":{port}/")


def event(kind: str) -> Params:
    return event_params(EventRow(kind, NOW, {}))


async def events(store: PostgresStore) -> list[tuple[int, str]]:
    return [(row.seq, row.type) for row in await store.database.reader.rows("events", {"after": 0, "limit": 9})]


@pytest.fixture
def proxy(postgres: Cluster) -> Iterator[Proxy]:
    with Proxy(postgres.port) as found:
        yield found


async def trouble(store: PostgresStore) -> str:
    return store.write_error


async def counted(database: PostgresDatabase, seen: list[int]) -> None:
    async def operation(db: Db) -> None:
        seen.append(1)
        await db.put("unwatched_add", {"now": NOW, "before": NOW})
        await db.put("ended_login_add", {"id": f"login{len(seen)}", "until": NOW})

    await database.write(operation)


async def rows_of(database: PostgresDatabase) -> int:
    return len(await database.reader.rows("ended_logins", {}))


async def opened(url: str) -> PostgresDatabase:
    database = PostgresDatabase(address_of(url))
    await database.open()
    return database


async def test_a_commit_whose_answer_was_lost_is_asked_for_and_not_repeated(migrated_url: str, proxy: Proxy) -> None:
    database, seen = await opened(through(migrated_url, proxy.port)), list[int]()
    proxy.lose_answer(b"COMMIT")
    await counted(database, seen)
    assert proxy.lost
    assert (len(seen), await rows_of(database)) == (1, 1)
    await database.aclose()


async def test_a_commit_that_never_arrived_is_repeated(migrated_url: str, proxy: Proxy) -> None:
    database, seen = await opened(through(migrated_url, proxy.port)), list[int]()
    proxy.lose_request(b"COMMIT")
    await counted(database, seen)
    assert proxy.lost
    assert (len(seen), await rows_of(database)) == (2, 1)
    await database.aclose()


async def test_what_was_lost_before_its_commit_is_repeated(migrated_url: str, proxy: Proxy) -> None:
    database, seen = await opened(through(migrated_url, proxy.port)), list[int]()
    proxy.lose_answer(b"ended_logins")
    await counted(database, seen)
    assert proxy.lost
    assert (len(seen), await rows_of(database)) == (2, 1)
    await database.aclose()


async def test_reads_and_writes_go_on_after_a_fail_over(migrated_url: str, proxy: Proxy) -> None:
    database, seen = await opened(through(migrated_url, proxy.port)), list[int]()
    assert await asyncio.gather(*[rows_of(database) for _ in range(4)]) == [0] * 4
    proxy.drop()
    await counted(database, seen)
    assert await asyncio.gather(*[rows_of(database) for _ in range(4)]) == [1] * 4
    await database.aclose()


async def test_a_restart_is_waited_for(postgres_programs: Path) -> None:
    cluster = Cluster.made(postgres_programs)
    database, seen = await opened(cluster.url()), list[int]()
    cluster.stop(mode="immediate")
    starting = asyncio.create_task(asyncio.to_thread(cluster.start))
    await counted(database, seen)
    assert await rows_of(database) == 1
    await starting
    await database.aclose()
    cluster.leave()


async def test_a_database_that_is_gone_is_told_after_a_while(
    migrated_url: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esteio.store.postgres.database.PATIENCE_S", 0.2)
    store = PostgresStore(through(migrated_url, proxy.port))
    await store.start(NOW)
    proxy.refuse()
    with pytest.raises(StoreUnavailable):
        await store.ping(NOW)
    assert (await trouble(store)) == "unavailable"
    proxy.restore()
    await store.ping(NOW)
    assert (await trouble(store)) == ""
    await store.aclose()


async def test_a_network_that_is_gone_without_a_word_holds_nobody_for_ever(
    migrated_url: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, seen = await opened(through(migrated_url, proxy.port)), list[int]()
    assert await rows_of(database) == 0
    monkeypatch.setattr("esteio.store.postgres.database.ANSWER_WITHIN_S", 0.3)
    monkeypatch.setattr("esteio.store.postgres.database.PATIENCE_S", 0.1)
    proxy.freeze()
    with pytest.raises(StoreUnavailable):
        await counted(database, seen)
    proxy.restore()
    monkeypatch.undo()
    await counted(database, seen)
    assert await rows_of(database) == 1
    await database.aclose()


async def test_a_lease_is_renewed_while_every_connection_is_busy(migrated_url: str) -> None:
    store, ends = PostgresStore(migrated_url), asyncio.Event()
    await store.start(NOW)
    epoch = (await store.nodes.join("n0", "here", "1", 60.0, NOW)).epoch

    async def busy(db: Db) -> None:
        await db.put("ended_login_add", {"id": "login", "until": NOW})
        await ends.wait()

    work = [asyncio.create_task(store.database.write(busy)) for _ in range(CONNECTIONS + 1)]
    while store.statistics.pool().busy < CONNECTIONS:
        await asyncio.sleep(0)
    renewal = asyncio.create_task(store.nodes.beat(epoch, 60.0, NOW))
    await asyncio.wait({renewal}, timeout=20)
    assert renewal.done()
    assert not_none(renewal.result()).epoch == epoch
    ends.set()
    await asyncio.gather(*work)
    await store.aclose()


async def test_events_are_numbered_in_the_order_of_commits(migrated_url: str, make: Make) -> None:
    """Two writers: the one that began first, and wrote the lower message, commits last."""
    store = PostgresStore(migrated_url)
    await store.start(NOW)
    session = await make.session(store)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(db: Db) -> None:
        await db.put("event_add", event("slow"))
        await db.run("journal_fold", {"session_id": session.id, "through": 0})
        begun.set()
        await go_on.wait()

    async def quick(db: Db) -> None:
        await db.put("event_add", event("quick"))

    first = asyncio.create_task(store.database.write(slow))
    await begun.wait()
    await store.database.write(quick)
    assert await events(store) == [(1, "quick")]
    go_on.set()
    await first
    assert await events(store) == [(1, "quick"), (2, "slow")]
    await store.aclose()


async def test_an_event_of_a_transaction_that_failed_leaves_no_gap(migrated_url: str) -> None:
    store = PostgresStore(migrated_url)
    await store.start(NOW)

    async def failing(db: Db) -> None:
        await db.put("event_add", event("none"))
        assert await db.value("event_last", {}) == 1, "its own are there when it asks"
        raise LookupError

    with pytest.raises(LookupError):
        await store.database.write(failing)
    await store.database.write(lambda db: db.put("event_add", event("one")))
    assert await events(store) == [(1, "one")]
    await store.aclose()


async def test_nodes_that_start_at_once_make_one_schema(postgres_url: str) -> None:
    databases = await asyncio.gather(*[opened(postgres_url) for _ in range(5)])
    assert await rows_of(databases[0]) == 0
    for database in databases:
        await database.aclose()


async def test_a_newer_schema_is_refused(postgres_url: str) -> None:
    await (await opened(postgres_url)).aclose()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("INSERT INTO schema_version VALUES (999)")
    with pytest.raises(NewerDatabase) as refused:
        await opened(postgres_url)
    assert refused.value.found == 999


async def test_behind_a_transaction_pooler(postgres: Cluster, migrated_url: str, make: Make) -> None:
    """Told by nobody: it is found out by what the pooler breaks."""
    try:
        pgbouncer()
    except Unavailable as why:
        left_out(why)
    with Pooler(postgres, connections=2) as pooler:
        store = PostgresStore(through(migrated_url, pooler.port), connections=6)
        await store.start(NOW)
        session = await make.session(store)
        made = await asyncio.gather(*[make.accept(store, session, chat=f"c{n}") for n in range(30)])
        found = await asyncio.gather(*[store.messages.get(one.id) for one in made])
        assert [not_none(one).id for one in found] == [one.id for one in made]
        await store.aclose()


async def test_no_error_says_the_password(
    postgres: Cluster, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esteio.store.postgres.database.PATIENCE_S", 0.0)
    for wrong in (
        f"postgresql://guarded:s3cret%20word@127.0.0.1:{postgres.port}/postgres",
        "postgresql://a:s3cret@h:x/",
    ):
        with pytest.raises((StoreUnavailable, ValueError)) as error:
            await opened(wrong)
        told = "".join(traceback.format_exception(error.value))
        assert "s3cret" not in told + repr(caplog.records)


async def test_a_role_with_a_password_that_has_to_be_quoted(postgres: Cluster) -> None:
    url = postgres.url(guarded=True).replace("guarded@", f"guarded:{quote(PASSWORD, safe='')}@")
    database = PostgresDatabase(address_of(url))
    assert await database.reader.clock(NOW) > 0
    await database.aclose()
