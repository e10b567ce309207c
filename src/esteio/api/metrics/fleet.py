"""Sessions, servers and approvals as they are: how many in each state, and how long the worst has lasted.

Sessions are read once, page by page, for all that is counted of them. Never lives here: what waits to go out or come in
(`backlog`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import get_args

from esteio.api.http.route import ApiContext
from esteio.api.metrics.gauges import Gauges
from esteio.core.model.ids import SessionId
from esteio.core.model.server import HealthState
from esteio.core.model.session import Session
from esteio.core.model.state import Answer, Gate, SessionState
from esteio.store.base import StoredServer, every_session


class Tally:
    """Sessions, added up. `waiting`: how many messages of each wait."""

    def __init__(self, waiting: Mapping[SessionId, int]) -> None:
        self._waiting = waiting
        self.states: Counter[SessionState] = Counter()
        self.can_send: Counter[Answer] = Counter()
        self.can_receive: Counter[Answer] = Counter()
        self.messages: Counter[Gate] = Counter()
        """That wait, by the gate."""
        self.outages = 0
        self.down_since: float | None = None
        """When the oldest outage began that nobody asked for."""

    def add(self, session: Session) -> None:
        """One more session."""
        self.states[session.state] += 1
        self.can_send[session.can_send.value] += 1
        self.can_receive[session.can_receive.value] += 1
        self.messages[session.gate] += self._waiting.get(session.id, 0)
        outage = session.outage
        if outage is not None and outage.ended_at is None:
            self.outages += 1
            if not outage.expected:
                self.down_since = min(outage.since, self.down_since or outage.since)


async def fleet(api: ApiContext, gauges: Gauges) -> None:
    """Writes all of it."""
    tally = Tally(await api.store.messages.waiting_by_session())
    async for session in every_session(api.store.sessions):
        tally.add(session)
    _sessions(tally, gauges)
    _servers(await api.store.servers.all(), gauges)
    asked_at = [approval.created_at for approval in await api.store.approvals.by_state()]
    gauges.one("esteio_approvals_open", "Destructive steps that wait for a person", len(asked_at))
    about = "Age of the oldest destructive step that waits for a person"
    gauges.age("esteio_approvals_oldest_seconds", about, min(asked_at, default=None))


def _sessions(tally: Tally, gauges: Gauges) -> None:
    answers = get_args(Answer)
    gauges.by("esteio_sessions", "Sessions by state", "state", get_args(SessionState), tally.states)
    gauges.by("esteio_sessions_can_send", "Sessions by whether they can send", "answer", answers, tally.can_send)
    about = "Sessions by whether they can receive"
    gauges.by("esteio_sessions_can_receive", about, "answer", answers, tally.can_receive)
    about = "Messages that wait to go out, by their session's gate"
    gauges.by("esteio_messages_waiting", about, "gate", get_args(Gate), tally.messages)
    gauges.one("esteio_sessions_in_outage", "Sessions in an open outage", tally.outages)
    about = "Age of the oldest open outage of a session that nobody asked for"
    gauges.age("esteio_outages_oldest_seconds", about, tally.down_since)


def _servers(servers: Collection[StoredServer], gauges: Gauges) -> None:
    health = Counter(stored.server.health for stored in servers)
    incidents = [stored.server.incident for stored in servers]
    gauges.by("esteio_servers", "Servers by health", "health", get_args(HealthState), health)
    still = sum(one is not None and one.ended_at is None for one in incidents)
    gauges.one("esteio_incidents_open", "Servers of which many sessions fell at once and are not back yet", still)
