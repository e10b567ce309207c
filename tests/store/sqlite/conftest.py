"""What is of SQLite alone."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from esteio.store.sqlite import SqliteStore
from tests.store.make import NOW


@pytest.fixture(params=["memory", "inline", "thread"])
def store(request: pytest.FixtureRequest, tmp_path: Path, runner: asyncio.Runner) -> Iterator[SqliteStore]:
    path = ":memory:" if request.param == "memory" else tmp_path / "esteio.db"
    made = SqliteStore(path, inline=request.param != "thread")
    runner.run(made.start(NOW))
    yield made
    runner.run(made.aclose())
