"""The databases that stories are told on; and at the end of a run, what was survived."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from tests.postgres_server.cluster import Cluster

_numbers = count(1)


@pytest.fixture
def new_database(request: pytest.FixtureRequest, dialect: str) -> Iterator[Callable[[], str]]:
    """Makes the address of an empty database for one gateway: empty where that makes its own, in its data folder."""
    if dialect == "sqlite":
        yield str
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    made: list[str] = []

    def new() -> str:
        made.append(f"durability_{os.getpid()}_{next(_numbers)}")
        return cluster.create(made[-1])

    yield new
    for name in made:
        cluster.drop(name)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    total: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        total.update({name: many for name, many in report.user_properties if isinstance(many, int)})
    if total["kills"]:
        terminalreporter.write_line(
            f"{total['kills']} kills of the real process: {total['accepted']} messages accepted "
            f"({total['pictures']} of them pictures, {total['doubts']} in doubt for a while) and "
            f"{total['received']} received, none lost, none doubled, every chat in order"
        )
