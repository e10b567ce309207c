"""The store's suite is written once over the protocol; every dialect joins by one more parameter of `store`.

Tests are coroutines, run in one loop with their store. `make` builds the values they hand in.
"""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from esteio.store.sqlite import SqliteStore
from tests.narrowing import of_type
from tests.store.make import Make

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


@pytest.fixture(params=["memory", "inline", "thread"])
def store(request: pytest.FixtureRequest, tmp_path: Path, runner: asyncio.Runner) -> Iterator[SqliteStore]:
    path = ":memory:" if request.param == "memory" else tmp_path / "esteio.db"
    made = SqliteStore(path, inline=request.param != "thread")
    runner.run(made.start(NOW))
    yield made
    runner.run(made.aclose())


@pytest.fixture(params=["inline", "thread"])
def file_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], SqliteStore]:
    """Makes stores over one file, one after the other: for what must survive a restart."""
    return lambda: SqliteStore(tmp_path / "esteio.db", inline=request.param == "inline")


@pytest.fixture
def make() -> Make:
    return Make()
