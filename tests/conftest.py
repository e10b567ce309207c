"""What every room's tests share: how hypothesis and the log behave. Rooms keep their fixtures."""

from collections.abc import MutableMapping
from typing import Any, NoReturn

import structlog
from hypothesis import HealthCheck, settings

from esteio.log.events import declared
from tests.postgres_server.shared import migrated_url, postgres, postgres_programs, postgres_url, worker_database

__all__ = ["migrated_url", "postgres", "postgres_programs", "postgres_url", "worker_database"]


def unwritten(logger: Any, method: str, event: MutableMapping[str, Any]) -> NoReturn:
    raise structlog.DropEvent


# No deadline: no assertion on absolute time, and two workers under coverage share the machine.
settings.register_profile("esteio", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("esteio")

# In tests every line is checked against the list of events, whatever its level, and none is written.
structlog.configure(processors=[declared, unwritten], cache_logger_on_first_use=False)
