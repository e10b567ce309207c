"""`/metrics`: Prometheus text. What is counted is counted when asked for, so that it never disagrees with the store.

No label names a session or a person. Never lives here: what only this process knows as it happens (`latency`), what
a number means for a session.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import get_args

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from esteio.api.http.request import ApiRequest, ApiResponse
from esteio.api.http.route import ApiContext
from esteio.core.model.server import HealthState
from esteio.core.model.state import SessionState
from esteio.store.base import every_session


async def metrics(api: ApiContext, _call: ApiRequest) -> ApiResponse:
    """Everything that is counted, as Prometheus text: from the store as it is now, and from this process's own
    counters."""
    registry = CollectorRegistry()
    await _sessions(api, registry)
    await _relay(api, registry)
    tasks = Gauge("esteio_tasks", "Tasks of the event loop", registry=registry)
    tasks.set(len(asyncio.all_tasks()))
    return ApiResponse(200, generate_latest(registry) + generate_latest(api.stopwatches.registry), CONTENT_TYPE_LATEST)


async def _sessions(api: ApiContext, registry: CollectorRegistry) -> None:
    sessions = Gauge("esteio_sessions", "Sessions by state", ["state"], registry=registry)
    waiting = Gauge("esteio_messages_waiting", "Messages that wait to go out", registry=registry)
    outages = Gauge("esteio_sessions_in_outage", "Sessions in an open outage", registry=registry)
    approvals = Gauge("esteio_approvals_open", "Destructive steps that wait for a person", registry=registry)
    servers = Gauge("esteio_servers", "Servers by health", ["health"], registry=registry)
    counted = await _counted(api)
    for state in get_args(SessionState):
        sessions.labels(state).set(counted[f"state:{state}"])
    outages.set(counted["outages"])
    waiting.set(sum((await api.store.messages.waiting_by_session()).values()))
    approvals.set(len(await api.store.approvals.by_state()))
    health = Counter(stored.server.health for stored in await api.store.servers.all())
    for one in get_args(HealthState):
        servers.labels(one).set(health[one])


async def _counted(api: ApiContext) -> Counter[str]:
    counted: Counter[str] = Counter()
    async for session in every_session(api.store.sessions):
        counted[f"state:{session.state}"] += 1
        counted["outages"] += session.outage is not None and session.outage.ended_at is None
    return counted


async def _relay(api: ApiContext, registry: CollectorRegistry) -> None:
    pending = Gauge("esteio_webhook_lanes_pending", "Chats of endpoints with events to deliver", registry=registry)
    dead = Gauge("esteio_webhook_events_dead", "Events that an endpoint never took", registry=registry)
    oldest = Gauge(
        "esteio_webhook_oldest_pending_seconds", "Age of the oldest event to deliver, 0 for none", registry=registry
    )
    backlog = await api.store.delivery.backlog()
    pending.set(backlog.lanes)
    dead.set(backlog.dead)
    oldest.set(0.0 if backlog.oldest_at is None else max(0.0, api.clock.now() - backlog.oldest_at))
