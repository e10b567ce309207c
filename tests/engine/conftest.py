"""The engine's suite over the other dialect: `DIALECT=postgres`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.postgres_server.cluster import Cluster
from tests.postgres_server.dialects import OVER_POSTGRES, Databases, over_postgres


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
