"""One cluster for all workers of a test run, and a database of its own for each test."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from esteio.store.postgres.address import address_of
from esteio.store.postgres.database import PostgresDatabase
from tests.postgres_server.alone import Alone
from tests.postgres_server.cluster import Cluster
from tests.postgres_server.programs import Unavailable, left_out, programs

_numbers = count(1)
EMPTIED = """
DO $$
DECLARE name text;
BEGIN
    PERFORM pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename NOT IN ('schema_version', 'event_counter')
    LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'
    LOOP PERFORM setval(name, 1, false); END LOOP;
    UPDATE event_counter SET seq = 0;
    INSERT INTO tenants (name, title, created_at, enabled) VALUES ('default', 'Default', 0, 1);
END $$
"""
"""Whoever is still connected, a test that failed perhaps, is cut off first."""


@pytest.fixture(scope="session")
def postgres_programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where PostgreSQL's programs are, for a test that makes a cluster of its own."""
    try:
        return programs(shared_folder(tmp_path_factory))
    except Unavailable as why:
        left_out(why)


@pytest.fixture(scope="session")
def postgres(postgres_programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster that all tests of this run share: nobody stops it."""
    folder = shared_folder(tmp_path_factory)
    with Alone(folder / "cluster.lock"):
        note = folder / "cluster.txt"
        found = Cluster.met(postgres_programs, Path(note.read_text(encoding="utf-8"))) if note.exists() else None
        if found is None:
            found = Cluster.made(postgres_programs)
            note.write_text(str(found.folder), encoding="utf-8")
    yield found
    found.leave()


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """The address of an empty database."""
    name = f"empty_{os.getpid()}_{next(_numbers)}"
    yield postgres.create(name)
    postgres.drop(name)


@pytest.fixture(scope="session")
def worker_database(postgres: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a database of this worker with the schema."""
    name = f"worker_{os.getpid()}"
    url = postgres.create(name)
    asyncio.run(migrated(url))
    yield url
    postgres.drop(name)


@pytest.fixture
def migrated_url(worker_database: str) -> Iterator[str]:
    """The address of a database with the schema and nothing in it. It is emptied and not made anew, which costs a
    tenth."""
    yield worker_database
    with psycopg.connect(worker_database, autocommit=True) as connection:
        connection.execute(EMPTIED)


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "postgres"
    folder.mkdir(exist_ok=True)
    return folder


async def migrated(url: str) -> None:
    database = PostgresDatabase(address_of(url), connections=1)
    await database.open()
    await database.aclose()
