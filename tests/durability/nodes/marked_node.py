"""`esteio` as one node of a test: its requests to providers name it, and its wall clock goes wrong by `SKEW_S` seconds.

Debian's `faketime` would disturb the monotonic clock too, by which a lease is counted. Never lives here: anything else
that is not in `python -m esteio`, but the shorter patience with doubts (`tests.durability.test_kill9`).
"""

from __future__ import annotations

import os
import time
from typing import Any

import msgspec

import esteio.clock
from esteio.cli import main
from esteio.core.messages import doubts
from esteio.providers import driver
from esteio.providers.base import HttpRequest, HttpResponse
from esteio.providers.evolution import history

HEADER = "x-acting-node"
_exchange = driver.AiohttpTransport.exchange


class WrongClock:
    """The module `time` of a machine whose wall clock nobody has set."""

    def __init__(self, ahead_s: float) -> None:
        self._ahead_s = ahead_s

    def __getattr__(self, word: str) -> Any:
        return getattr(time, word)

    def time(self) -> float:
        return time.time() + self._ahead_s


async def _marked(self: driver.AiohttpTransport, request: HttpRequest) -> HttpResponse:
    headers = {**request.headers, HEADER: os.environ["ESTEIO_NODE"]}
    return await _exchange(self, msgspec.structs.replace(request, headers=headers))


if __name__ == "__main__":
    doubts.LINGERS_S = 5.0
    history.SETTLED_S = 10.0
    esteio.clock.time = WrongClock(float(os.environ["SKEW_S"]))  # type: ignore[assignment, attr-defined]
    driver.AiohttpTransport.exchange = _marked  # type: ignore[method-assign]
    main()
