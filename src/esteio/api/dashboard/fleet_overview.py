"""What the first page says of the whole fleet: incidents, counts as filters, servers; never a single session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from esteio.api.dashboard.fleet_search import Search
from esteio.api.dashboard.page import Moment, Visit
from esteio.core.model import server_reason
from esteio.core.model.server import MASS_FALL, UNUSABLE, Server
from esteio.core.model.state import TROUBLED_FIRST, Reason, SessionState
from esteio.core.views.sentences import sentence
from esteio.store.base import StoredServer, Total

RESTING: frozenset[SessionState] = frozenset({"connected", "paused"})
"""States that ask for nobody's look."""
ASKING = tuple(one for one in TROUBLED_FIRST if one not in RESTING)


class Chip(NamedTuple):
    """A filter with its count. `key` and `shape` are those of its state; "" for none."""

    key: str
    shape: str
    label: str
    sessions: int
    address: str
    current: bool


class Incident(NamedTuple):
    """A server that cannot be used or whose sessions fell together: what it is, what can be done, how many of its
    sessions are not connected, and the page of its story ("" for none)."""

    server: str
    health: str
    text: str
    action: str
    since: Moment | None
    hit: int
    sessions: int
    page: str


def counted(totals: Iterable[Total], states: Sequence[SessionState] = (), server: str = "") -> int:
    """How many there are; none named means all."""
    return sum(
        one.sessions for one in totals if (not states or one.state in states) and (not server or one.server == server)
    )


def number(visit: Visit, count: int) -> str:
    """A count as people write it."""
    return f"{count:,}".replace(",", "." if visit.texts.language.startswith("pt") else ",")


def summary(visit: Visit, totals: Sequence[Total]) -> str:
    """How many there are, and how many ask for a look."""
    every, asking = counted(totals), counted(totals, ASKING)
    told = visit.say("fleet.count", every, n=number(visit, every))
    return (
        f"{told}; {visit.say('fleet.asking', asking, n=number(visit, asking)) if asking else visit.say('fleet.well')}."
    )


def chips(visit: Visit, search: Search, totals: Sequence[Total]) -> list[Chip]:
    """All, those that ask for a look, and each state that there is. A chip that is chosen leads back to all."""
    by_state = Counter[SessionState]()
    for one in totals:
        by_state[one.state] += one.sessions
    found = [Chip("all", "", visit.say("fleet.every"), by_state.total(), search.address(states=()), not search.states)]
    asking = sum(by_state[one] for one in ASKING)
    if asking or search.states == ASKING:
        chosen = search.states == ASKING
        address = search.address(states=() if chosen else ASKING)
        found.append(Chip("asking", "", visit.say("fleet.needs-look"), asking, address, chosen))
    for state in TROUBLED_FIRST:
        chosen = search.states == (state,)
        if by_state[state] or chosen:
            address = search.address(states=() if chosen else (state,))
            found.append(Chip(state, state, visit.texts.word("state", state), by_state[state], address, chosen))
    return found


def incidents(visit: Visit, servers: Iterable[StoredServer], totals: Sequence[Total]) -> list[Incident]:
    """Of those who see the whole gateway only: others are not told a server's own words."""
    if not visit.request.scope.everything:
        return []
    return [_incident(visit, one.server, totals) for one in servers if _since(one.server) is not None]


def _since(server: Server) -> float | None:
    """Since when it is an incident; None when it is none."""
    if server.outage is not None and server.outage.ended_at is None:
        return server.outage.since
    return server.health_at if server.health in UNUSABLE else None


def _incident(visit: Visit, server: Server, totals: Sequence[Total]) -> Incident:
    reason = server_reason.reason(server)
    fell = server.outage is not None and server.outage.because == MASS_FALL
    if fell and server.health not in UNUSABLE:
        members = server.incident.members if server.incident is not None else 0
        reason = Reason("server-mass-fall", {"server": server.name, **({"count": str(members)} if members else {})})
    told = sentence(reason, visit.texts)
    hit = counted(totals, ASKING, server.name)
    every = counted(totals, (), server.name)
    story = ""
    if server.outage is not None and "/incidents/{incident}" in visit.places:
        story = f"/incidents/{server.outage.id}"
    return Incident(server.name, server.health, told.text, told.action, visit.moment(_since(server)), hit, every, story)
