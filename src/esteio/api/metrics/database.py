"""How long the database takes, how its connections are used, and what had to be tried again.

Never lives here: what stands in the database (`backlog`, `fleet`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from esteio.store.statistics import BUCKETS_S, DatabaseStatistics, Durations, Retry


class DatabaseMetrics(Collector):
    """Every series from the start, so that its first retry is an increase."""

    def __init__(self, statistics: DatabaseStatistics) -> None:
        self._statistics = statistics

    def collect(self) -> Iterator[Metric]:
        yield self._durations()
        yield from self._pool()
        about = "Database operations that were tried again, since the process started"
        retries = CounterMetricFamily("esteio_database_retries", about, labels=["reason"])
        for reason in get_args(Retry):
            retries.add_metric([reason], self._statistics.retries[reason])
        yield retries

    def _durations(self) -> Metric:
        about = "From asking the database to its answer, with the wait for a connection"
        family = HistogramMetricFamily("esteio_database_duration_seconds", about, labels=["kind"])
        for kind, durations in self._statistics.durations.items():
            family.add_metric([kind], _buckets(durations), durations.total_s)
        return family

    def _pool(self) -> Iterator[Metric]:
        use = self._statistics.pool()
        about = "Connections to the database by what they do; `most`: how many there may be"
        connections = GaugeMetricFamily("esteio_database_connections", about, labels=["state"])
        connections.add_metric(["busy"], use.busy)
        connections.add_metric(["most"], use.most)
        yield connections
        about = "Operations that wait for a connection to the database"
        yield GaugeMetricFamily("esteio_database_waiting", about, value=use.waiting)


def _buckets(durations: Durations) -> list[tuple[str, float]]:
    """Each with the shorter ones, as Prometheus has them."""
    ends = [*(repr(end) for end in BUCKETS_S), "+Inf"]
    return [(end, float(count)) for end, count in zip(ends, accumulate(durations.counts), strict=True)]
