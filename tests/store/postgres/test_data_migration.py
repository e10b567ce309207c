"""From SQLite to PostgreSQL: everything, once, however often the copy is killed on its way."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import apsw
import psycopg
import pytest

from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.store.base import Locked, UnfinishedCopy
from esteio.store.data_migration import MEDIA, Copied, Differs, SourceChanged, TargetInUse, migrate_data
from esteio.store.media import FileMediaStore, name_of
from esteio.store.postgres import PostgresStore
from esteio.store.postgres.media import PostgresMediaStore
from esteio.store.sqlite import SqliteStore

T = TypeVar("T")
NOW = 1_800_000_000.0
PICTURE = b"a picture" * 100_000
PHONE, CUSTOMER = "5511999990001", "5511988887777"
CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from esteio.store.data_migration import migrate_data
left = int(sys.argv[3])
def progress(*_):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(migrate_data(Path(sys.argv[1]), sys.argv[2], progress=progress, batch=7))
print("done")
"""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database over which a gateway has lived: sessions, messages both ways, an outage, a webhook, a key."""
    path = tmp_path_factory.mktemp("lived") / "esteio.db"

    async def life() -> None:
        async with Lab(7, store=SqliteStore(path, inline=True)) as lab:
            await lab.add_server("evo", "evolution")
            for number, name in enumerate(("loja", "bazar")):
                await lab.adopt("evo", name, f"{PHONE[:-1]}{number}")
            await asyncio.sleep(120)
            for number in range(30):
                await lab.send("loja", CUSTOMER, f"text {number} \u00e7\u0000 end")
            await asyncio.sleep(600)

    run_virtual(life)
    asyncio.run(FileMediaStore(path.parent / MEDIA).put(PICTURE, NOW))
    return path


def run(work: Callable[[], Awaitable[T]]) -> T:
    async def whole() -> T:
        return await work()

    return asyncio.run(whole())


def quiet(_table: str, _done: int, _of: int) -> None:
    """Nobody looks."""


def shown(value: object) -> str:
    """With U+0000 as PostgreSQL is given it."""
    return repr(value).replace("\\x00", "\ufffd")


def copied(path: Path, url: str, **more: bool) -> list[Copied]:
    return run(lambda: migrate_data(path, url, progress=quiet, **more))


def killed_copy(path: Path, url: str, after: int) -> bool:
    """Copies in a process of its own, which is killed after so many batches; whether it came to its end before."""
    words = [sys.executable, "-c", CHILD, str(path), url, str(after)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode == 0


def test_a_copy_that_is_killed_again_and_again_comes_to_the_same_end(lived: Path, postgres_url: str) -> None:
    kills = 0
    while not killed_copy(lived, postgres_url, after=23):
        kills += 1
        with pytest.raises(UnfinishedCopy):
            run(lambda: PostgresStore(postgres_url).start(NOW))
    assert kills >= 2
    with apsw.Connection(str(lived)) as sqlite, psycopg.connect(postgres_url) as postgres:
        for (table,) in list(
            sqlite.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        ):
            (rows,) = next(iter(sqlite.execute(f"SELECT count(*) FROM {table}")))
            assert postgres.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,), table


def test_what_was_copied_reads_the_same_and_goes_on_counting(lived: Path, postgres_url: str) -> None:
    tables = {one.name: one.rows for one in copied(lived, postgres_url)}
    assert tables["messages"] == 30
    assert tables["sessions"] == 2
    assert min(tables[name] for name in ("events", "journal", "servers", "attempts")) > 0

    async def both() -> None:
        old, new = SqliteStore(lived, inline=True), PostgresStore(postgres_url, alone=True)
        await old.start(NOW)
        await new.start(NOW)
        sessions = (await old.sessions.page()).items
        assert (await new.sessions.page()).items == sessions
        for session in sessions:
            assert await new.sessions.secrets(session.id) == await old.sessions.secrets(session.id)
            assert shown(await new.messages.page(session.id)) == shown(await old.messages.page(session.id))
            assert await new.journal.page(session.id, 0, 10_000) == await old.journal.page(session.id, 0, 10_000)
        last = await old.events.last_seq()
        assert shown(await new.events.page(0, 10_000)) == shown(await old.events.page(0, 10_000))
        assert await new.events.last_seq() == last
        assert await PostgresMediaStore(new.database).get(name_of(PICTURE)) == PICTURE
        await new.sessions.delete(sessions[0].id, NOW)
        assert [one.seq for one in await new.events.page(last, 10)] == [last + 1]
        await old.aclose()
        await new.aclose()

    run(both)


def test_a_row_that_was_changed_on_the_way_is_found(lived: Path, postgres_url: str) -> None:
    def meddle(table: str, done: int, of: int) -> None:
        if table == "sessions" and done == of:
            with psycopg.connect(postgres_url) as other:
                other.execute("UPDATE servers SET base_url = base_url || '/'")

    with pytest.raises(Differs) as found:
        run(lambda: migrate_data(lived, postgres_url, progress=meddle))
    assert found.value.tables == ("servers",)
    with pytest.raises(UnfinishedCopy):
        run(lambda: PostgresStore(postgres_url).start(NOW))
    assert copied(lived, postgres_url, again=True)


def test_data_of_others_is_never_written_over(lived: Path, postgres_url: str) -> None:
    copied(lived, postgres_url)
    for again in (False, True):
        with pytest.raises(TargetInUse):
            copied(lived, postgres_url, again=again)


def test_a_source_that_lived_on_is_not_mixed_with_what_was_copied(
    lived: Path, postgres_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "esteio.db"
    path.write_bytes(lived.read_bytes())
    assert not killed_copy(path, postgres_url, after=3)
    store = SqliteStore(path, inline=True)
    run(lambda: _beat(store))
    with pytest.raises(SourceChanged):
        copied(path, postgres_url)
    assert copied(path, postgres_url, again=True)


async def _beat(store: SqliteStore) -> None:
    await store.start(NOW)
    await store.ping(NOW + 60)
    await store.aclose()


def test_a_gateway_may_not_run_on_the_source(lived: Path, postgres_url: str) -> None:
    async def beside() -> None:
        store = SqliteStore(lived, inline=True)
        await store.start(NOW)
        try:
            with pytest.raises(Locked):
                await migrate_data(lived, postgres_url, progress=quiet)
        finally:
            await store.aclose()

    run(beside)
