"""Sessions, servers and approvals as they are: how many in each state, and how long the worst has lasted.

Sessions are counted where they are kept: a scrape reads none of them. Never lives here: what waits to go out or come in
(`backlog`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import get_args

from esteio.api.http.route import ApiContext
from esteio.api.metrics.gauges import Gauges
from esteio.core.model.server import HealthState
from esteio.core.model.state import Answer, Gate, SessionState
from esteio.store.base import FleetCounts, StoredServer


async def fleet(api: ApiContext, gauges: Gauges) -> None:
    """Writes all of it."""
    _sessions(await api.store.fleet.counts(), gauges)
    _servers(await api.store.servers.all(), gauges)
    asked_at = [approval.created_at for approval in await api.store.approvals.by_state()]
    gauges.one("esteio_approvals_open", "Destructive steps that wait for a person", len(asked_at))
    about = "Age of the oldest destructive step that waits for a person"
    gauges.age("esteio_approvals_oldest_seconds", about, min(asked_at, default=None))


def _sessions(counts: FleetCounts, gauges: Gauges) -> None:
    answers = get_args(Answer)
    gauges.by("esteio_sessions", "Sessions by state", "state", get_args(SessionState), counts.states)
    gauges.by("esteio_sessions_can_send", "Sessions by whether they can send", "answer", answers, counts.can_send)
    about = "Sessions by whether they can receive"
    gauges.by("esteio_sessions_can_receive", about, "answer", answers, counts.can_receive)
    about = "Messages that wait to go out, by their session's gate"
    gauges.by("esteio_messages_waiting", about, "gate", get_args(Gate), counts.waiting)
    gauges.one("esteio_sessions_in_outage", "Sessions in an open outage", counts.outages)
    about = "Age of the oldest open outage of a session that nobody asked for"
    gauges.age("esteio_outages_oldest_seconds", about, counts.down_since)


def _servers(servers: Collection[StoredServer], gauges: Gauges) -> None:
    health = Counter(stored.server.health for stored in servers)
    incidents = [stored.server.incident for stored in servers]
    gauges.by("esteio_servers", "Servers by health", "health", get_args(HealthState), health)
    still = sum(one is not None and one.ended_at is None for one in incidents)
    gauges.one("esteio_incidents_open", "Servers of which many sessions fell at once and are not back yet", still)
