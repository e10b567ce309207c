"""A log that is written into memory, at level debug, in the very lines that a gateway writes."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from esteio import log


class Lines:
    def __init__(self) -> None:
        self.out = io.StringIO()

    def set_up(self, level: str = "debug", form: str = "json") -> None:
        log.set_up(level, form, self.out)

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.getvalue().splitlines()]

    def of(self, event: str, **keys: Any) -> list[dict[str, Any]]:
        return [one for one in self.all if one["event"] == event and keys.items() <= one.items()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    before = structlog.get_config()
    written = Lines()
    written.set_up()
    yield written
    structlog.configure(**before)
