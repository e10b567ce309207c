"""The answer to `/metrics`: Prometheus text. What is counted is counted when asked for, so that it never disagrees with
the store.

No label names a session or a person. Never lives here: what only this process knows as it happens (`http.latency`,
`recovery_steps`), what a number means for a session.
"""

from __future__ import annotations

import asyncio
import math
import shutil
from collections.abc import Iterator, Mapping
from typing import Final, get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from esteio.api.http.request import ApiRequest, ApiResponse
from esteio.api.http.route import ApiContext
from esteio.api.metrics.backlog import backlogs
from esteio.api.metrics.database import DatabaseMetrics
from esteio.api.metrics.fleet import fleet
from esteio.api.metrics.gauges import Gauges
from esteio.api.metrics.nodes import NodeMetrics, nodes
from esteio.core.model.recovery import Rung
from esteio.engine.runtime.node_counts import NodeCounts

NEVER_WORK: Final = frozenset({"wait", "person"})
"""Rungs at which nothing is done."""
RESULTS: Final = ("effect", "no-effect", "refused", "exists", "not-reached", "interrupted")
"""Of `core.model.recovery.Attempt`."""


async def metrics(api: ApiContext, _call: ApiRequest) -> ApiResponse:
    """Everything that is counted, as Prometheus text: from the store as it is now, and from this process's own
    counters."""
    gauges = Gauges(api.clock.now())
    await fleet(api, gauges)
    await backlogs(api, gauges)
    await nodes(api, gauges)
    gauges.one(
        "esteio_store_writable", "1 while the store takes writes, 0 after a write failed", not api.store.write_error
    )
    gauges.one("esteio_disk_free_bytes", "Room on the disk of the data directory", _free_bytes(api.settings.data))
    gauges.one("esteio_tasks", "Tasks of the event loop", len(asyncio.all_tasks()))
    kept = CollectorRegistry()
    kept.register(_Steps(api.recovery_steps))
    kept.register(DatabaseMetrics(api.store.statistics))
    kept.register(NodeMetrics(NodeCounts() if api.nodes is None else api.nodes.counts))
    text = b"".join(generate_latest(one) for one in (gauges.registry, kept, api.stopwatches.registry))
    return ApiResponse(200, text, CONTENT_TYPE_LATEST)


class _Steps(Collector):
    """The counter of recovery steps; every series from the start, so that its first step is an increase."""

    def __init__(self, ended: Mapping[tuple[str, str], int]) -> None:
        self._ended = ended

    def collect(self) -> Iterator[CounterMetricFamily]:
        about = "Recovery steps that ended, since the process started"
        family = CounterMetricFamily("esteio_recovery_steps", about, labels=["step", "result"])
        for step in (rung for rung in get_args(Rung) if rung not in NEVER_WORK):
            for result in RESULTS:
                family.add_metric([step, result], self._ended.get((step, result), 0))
        yield family


def _free_bytes(directory: str) -> float:
    """NaN, which no alert compares, where it cannot be read."""
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return math.nan
