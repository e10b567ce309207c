"""What every room's tests share: how hypothesis and the log behave, and which come first. Rooms keep their fixtures."""

from collections.abc import MutableMapping
from typing import Any, NoReturn

import pytest
import structlog
from hypothesis import HealthCheck, settings

from esteio.log.events import declared
from tests.postgres_server.dialects import OVER_POSTGRES, leave_out_sqlite_only
from tests.postgres_server.shared import migrated_url, postgres, postgres_programs, postgres_url, worker_database

__all__ = ["migrated_url", "postgres", "postgres_programs", "postgres_url", "worker_database"]

WAITING = (
    "docs/typed/", "sim/demo/", "durability/", "browser/", "nodes/", "docs/test_api_examples.py", "docs/test_site.py",
    "cli/", "benchmarks/", "tracing/test_process.py", "clients/", "test_packaging.py", "test_installing.py",
)  # fmt: skip
"""Tests of these wait for processes of their own more than they compute; the longest first."""


def unwritten(logger: Any, method: str, event: MutableMapping[str, Any]) -> NoReturn:
    raise structlog.DropEvent


# No deadline: no assertion on absolute time, and several workers share the machine.
settings.register_profile("esteio", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("esteio")

# In tests every line is checked against the list of events, whatever its level, and none is written.
structlog.configure(processors=[declared, unwritten], cache_logger_on_first_use=False)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two workers begin with what waits (each is given one stretch of the list), while the others compute; and none
    is left waiting at the end. On PostgreSQL what is about SQLite itself is left out."""
    if OVER_POSTGRES:
        leave_out_sqlite_only(items)
    by_file: dict[str, list[pytest.Item]] = {}
    for item in items:
        by_file.setdefault(item.nodeid.partition("::")[0], []).append(item)
    turns = {file: _turn(file) for file in by_file}
    waiting = sorted((file for file, turn in turns.items() if turn < len(WAITING)), key=lambda file: turns[file])
    first, second = ([item for file in half for item in by_file[file]] for half in (waiting[::2], waiting[1::2]))
    others = [item for file, found in by_file.items() if turns[file] == len(WAITING) for item in found]
    cut = max(0, len(items) // 2 - len(first))
    items[:] = [*first, *others[:cut], *second, *others[cut:]]


def _turn(file: str) -> int:
    """A file's place in `WAITING`; behind all of them when it is none."""
    return next((n for n, one in enumerate(WAITING) if file.startswith(f"tests/{one}")), len(WAITING))
