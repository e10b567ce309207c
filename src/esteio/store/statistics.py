"""What a store's own way to its database met since the process started: how long it took, what was tried again.

Kept as it happens, for `/metrics`; every dialect keeps the same. Never lives here: what stands in the database
(`ports.inspection`), a library of metrics.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

Kind = Literal["read", "write"]
Retry = Literal["conflict", "reconnect", "unprepared"]
"""`conflict`: another node was faster, or a deadlock; `reconnect`: the database ended, or the connection was lost;
`unprepared`: a pooler gave the connection to somebody else."""

BUCKETS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Up to so many seconds; what took longer is in one more."""


class PoolUse(NamedTuple):
    """Connections of this node: how many it may have, how many are at work, and how many operations wait for one."""

    most: int = 1
    busy: int = 0
    waiting: int = 0


class Durations:
    """How many took how long."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_S) + 1)
        """By bucket, each without the shorter ones."""
        self.total_s = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(BUCKETS_S, seconds)] += 1
        self.total_s += seconds


class DatabaseStatistics:
    """Of one process. `pool`: how its connections are used now."""

    def __init__(self, pool: Callable[[], PoolUse] = PoolUse) -> None:
        self.pool = pool
        self.durations: dict[Kind, Durations] = {"read": Durations(), "write": Durations()}
        self.retries: Counter[Retry] = Counter()
