"""Nodes on one database, their leases, and what they took from one another.

Every node tells of all nodes alike, and of its own lease; no label names a node, so that there are as many series after
a thousand restarts. Never lives here: a rule of leases (`core.nodes.lease`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Final, get_args

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from esteio.api.http.route import ApiContext
from esteio.api.metrics.gauges import Gauges
from esteio.engine.runtime.node_counts import Loss, NodeCounts
from esteio.store.ports.nodes import NodeRow

NODE_STATES: Final = ("living", "silent", "left", "died")
"""`silent`: its lease has run out, and nobody has declared it dead yet."""


async def nodes(api: ApiContext, gauges: Gauges) -> None:
    """Writes all of it. A gateway that is alone with its database is one living node, and holds everything."""
    me, unowned = api.nodes, await api.store.inspection.unowned_sessions()
    states = Counter(_state(row, api.clock.now()) for row in await api.store.nodes.all())
    gauges.by("esteio_nodes", "Nodes on this database", "state", NODE_STATES, {"living": 1} if me is None else states)
    about = "Sessions that no living node holds"
    gauges.one("esteio_sessions_unowned", about, 0 if me is None else unowned)
    gauges.one("esteio_node_sessions", "Sessions that this node holds", unowned if me is None else me.sessions)
    about = "How long this node may act if its lease is not renewed; infinite where it is alone"
    gauges.one("esteio_node_lease_remaining_seconds", about, math.inf if me is None else me.remaining_s)


def _state(row: NodeRow, now: float) -> str:
    return row.ended or ("living" if row.lease_until > now else "silent")


class NodeMetrics(Collector):
    """The counters; every series from the start, so that its first step is an increase."""

    def __init__(self, counts: NodeCounts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        counts, since = self._counts, "since the process started"
        about = f"Renewals of this node's lease of which nobody knows whether they succeeded, {since}"
        yield CounterMetricFamily("esteio_node_renewals_failed", about, value=counts.renewals_failed)
        losses = CounterMetricFamily(
            "esteio_node_leases_lost", f"Leases that ended unasked, {since}", labels=["reason"]
        )
        for reason in get_args(Loss):
            losses.add_metric([reason], counts.leases_lost[reason])
        yield losses
        about = f"Sessions that this node took over, {since}"
        yield CounterMetricFamily("esteio_node_sessions_taken", about, value=counts.sessions_taken)
        about = f"Sessions that this node gave up to another, {since}"
        yield CounterMetricFamily("esteio_node_sessions_given", about, value=counts.sessions_given)
        about = f"Acts and decisions that came too late, for their session had changed hands, {since}"
        yield CounterMetricFamily("esteio_node_conflicts", about, value=counts.too_late)
