"""The store's suite is written once over the protocol; every dialect joins by one more parameter of `store`.

Tests are coroutines, run in one loop with their store. `make` builds the values they hand in.
"""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from esteio.store.postgres import PostgresStore
from esteio.store.sqlite import SqliteStore
from tests.narrowing import of_type
from tests.store.make import AnyStore, Make

NOW = 1_800_000_000.0


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    of_type(asyncio.Runner, pyfuncitem.funcargs["runner"]).run(pyfuncitem.obj(**wanted))
    return True


@pytest.fixture(autouse=True)
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(params=["memory", "inline", "thread", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path, runner: asyncio.Runner) -> Iterator[AnyStore]:
    made = new_store(request, tmp_path)
    runner.run(made.start(NOW))
    yield made
    runner.run(made.aclose())


@pytest.fixture(params=["inline", "thread", "postgres"])
def file_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], AnyStore]:
    """Makes stores over one database, one after the other: for what must survive a restart."""
    if request.param == "postgres":
        url = request.getfixturevalue("migrated_url")
        return lambda: PostgresStore(url, alone=True)
    return lambda: SqliteStore(tmp_path / "esteio.db", inline=request.param == "inline")


def new_store(request: pytest.FixtureRequest, folder: Path) -> AnyStore:
    """An empty one of the dialect that the request's parameter names."""
    if request.param == "postgres":
        return PostgresStore(request.getfixturevalue("migrated_url"), alone=True)
    path = ":memory:" if request.param == "memory" else folder / "esteio.db"
    return SqliteStore(path, inline=request.param != "thread")


@pytest.fixture
def make() -> Make:
    return Make()
