"""One cluster for all workers of a test run, and a database of its own for each test."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.postgres_server.alone import Alone
from tests.postgres_server.cluster import Cluster
from tests.postgres_server.programs import Unavailable, left_out, programs

_numbers = count(1)


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


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "postgres"
    folder.mkdir(exist_ok=True)
    return folder


def copied(cluster: Cluster, folder: Path, key: str, migrate: Callable[[str], None]) -> str:
    """The name of a new database that `migrate`, given an address, has prepared: once a run for one `key`, then it is
    copied, which takes some tens of milliseconds. Whoever asks drops it."""
    template = f"template_{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    with Alone(folder / f"{template}.lock"):
        done = folder / template
        if not done.exists():
            cluster.drop(template)
            migrate(cluster.create(template))
            done.touch()
        name = f"copy_{os.getpid()}_{next(_numbers)}"
        cluster.create(name, template=template)
    return name
