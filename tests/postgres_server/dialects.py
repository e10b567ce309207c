"""Tests that were written over SQLite, run over PostgreSQL: what they open in memory or in a file is a database there.

    DIALECT=postgres                    asks for it (`OVER_POSTGRES`); suites that can, heed it
    over_postgres(databases, monkeypatch)      from now on, until the test's end

What is about SQLite itself is marked `sqlite_only(reason)` and left out then.
A file's name names a database, so that a store that is opened again finds what it left. Virtual clocks stand still
while the database is waited for.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from esteio.sim.clock.virtual_loop import VirtualLoop
from esteio.store.postgres import PostgresStore
from esteio.store.sqlite import SqliteStore
from tests.postgres_server.cluster import Cluster
from tests.postgres_server.shared import EMPTIED, migrated

OVER_POSTGRES = os.environ.get("DIALECT") == "postgres"


def leave_out_sqlite_only(items: Sequence[pytest.Item]) -> None:
    """Of what was collected, each with its reason."""
    for item in items:
        for marker in item.iter_markers("sqlite_only"):
            item.add_marker(pytest.mark.skip(reason=f"SQLite only: {marker.args[0]}"))


class Databases:
    """Databases with the schema and nothing in them, as many as one test wants at a time."""

    def __init__(self, cluster: Cluster, prefix: str) -> None:
        self._cluster, self._prefix = cluster, prefix
        self._free: list[str] = []
        self._taken: list[str] = []
        self._made = 0
        asyncio.run(migrated(cluster.create(prefix)))

    def take(self) -> str:
        """The address of one."""
        if not self._free:
            self._made += 1
            self._free.append(self._cluster.create(f"{self._prefix}_{self._made}", template=self._prefix))
        self._taken.append(self._free.pop())
        return self._taken[-1]

    def give_back(self) -> None:
        """All that were taken, emptied."""
        for url in self._taken:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(EMPTIED)
        self._free += self._taken
        self._taken.clear()


def over_postgres(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """See the module."""
    by_path: dict[str, str] = {}

    def opened(kind: type[SqliteStore], path: str | Path, **_: object) -> object:
        if kind is not SqliteStore:
            return object.__new__(kind)
        if str(path) == ":memory:":
            return PostgresStore(databases.take(), alone=True)
        if str(path) not in by_path:
            by_path[str(path)] = databases.take()
        return PostgresStore(by_path[str(path)], alone=True)

    waits = VirtualLoop.__init__

    def waiting(loop: VirtualLoop, *args: float, **_: object) -> None:
        waits(loop, *args, waits_for_sockets=True)

    monkeypatch.setattr(SqliteStore, "__new__", opened)
    monkeypatch.setattr(VirtualLoop, "__init__", waiting)
