"""The first page: sessions by server with their two lights; incidents and what waits for a person stand on top.

Never lives here: what a state means (`core.views.sentences`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from esteio.api.dashboard.fleet_search import Search
from esteio.api.dashboard.page import Moment, Visit, moved
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.api.http.route import speaker
from esteio.core.model.recovery import Approval
from esteio.core.model.server import UNUSABLE
from esteio.core.model.session import Session
from esteio.core.model.state import TROUBLED_FIRST, Axis, Reason
from esteio.core.views import server_documents
from esteio.core.views.documents import OutageDocument, outage
from esteio.core.views.sentences import proof, sentence
from esteio.engine.errors import CommandError

PAGE = 60
"""Tiles on a page."""


class Light(NamedTuple):
    """One of the two questions: `yes`, `no` or `unknown`, by which evidence, and since when that is known."""

    value: str
    evidence: str
    at: Moment | None


class Tile(NamedTuple):
    """One session as it stands on the first page."""

    session: Session
    phone: str
    sends: Light
    receives: Light
    since: Moment | None
    reason: str
    outage: OutageDocument | None
    held: int


class Waiting(NamedTuple):
    """A destructive step that waits for a person, with what it would cost."""

    approval: Approval
    because: str
    cost: str
    at: Moment | None


class Incident(NamedTuple):
    """A server that cannot be used, and what can be done."""

    server: str
    health: str
    action: str
    since: Moment | None


async def fleet(visit: Visit) -> ApiResponse:
    """The page, by the words of its address (`fleet_search`)."""
    search = Search.of(visit.request)
    totals = await visit.api.store.fleet.totals(Search().filter(visit.request.scope.globs))
    return visit.drawn(
        "fleet.html",
        search=search,
        part=await visit.shared("fleet_live.html", search, lambda: _shown(visit, search)),
        servers=sorted({one.server for one in totals}),
        states=TROUBLED_FIRST,
    )


async def _shown(visit: Visit, search: Search) -> dict[str, Any]:
    """What changes by itself."""
    page = await visit.api.store.fleet.page(search.filter(visit.request.scope.globs), limit=PAGE, after=search.after)
    held = await visit.api.store.messages.waiting_by_session([one.id for one in page.items])
    tiles = [tile(visit, one, held.get(one.id, 0)) for one in page.items]
    return {
        "search": search,
        "by_server": [(name, [one for one in tiles if one.session.server == name]) for name in _in_order(page.items)],
        "approvals": await waiting(visit),
        "incidents": _incidents(visit, await visit.api.store.servers.all()),
        "following": search.address(after=page.next) if page.next else None,
    }


def _in_order(sessions: Sequence[Session]) -> list[str]:
    """Their servers, as they first come."""
    return list(dict.fromkeys(one.server for one in sessions))


def tile(visit: Visit, session: Session, held: int) -> Tile:
    """A session as it is shown."""
    return Tile(
        session=session,
        phone=session.phone or session.facts.phone_seen,
        sends=light(visit, session, session.can_send),
        receives=light(visit, session, session.can_receive),
        since=visit.moment(session.since),
        reason=sentence(session.reason, visit.texts).text,
        outage=outage(session.outage),
        held=held,
    )


def light(visit: Visit, session: Session, axis: Axis) -> Light:
    """An answer with its proof in words."""
    return Light(axis.value, proof(axis, session.reason, visit.texts), visit.moment(axis.at))


async def waiting(visit: Visit, session: str | None = None) -> list[Waiting]:
    """What waits for a person, of one session or of all that the caller reaches."""
    scope, say = visit.request.scope, speaker(visit.texts)
    return [
        Waiting(one, say(Reason(one.because)).text, say(one.cost).text, visit.moment(one.created_at))
        for one in await visit.api.store.approvals.by_state()
        if scope.reaches(one.session) and session in (None, one.session)
    ]


def _incidents(visit: Visit, servers: Any) -> list[Incident]:
    """Servers' outages; for those who see some sessions only, without the server's own words."""
    everything = visit.request.scope.everything
    found = []
    for stored in servers:
        shown = server_documents.health(stored.server, visit.texts)
        open_one = stored.server.outage is not None and stored.server.outage.ended_at is None
        if everything and (open_one or stored.server.health in UNUSABLE):
            since = stored.server.outage.since if open_one else stored.server.health_at
            found.append(Incident(stored.server.name, stored.server.health, shown.action or "", visit.moment(since)))
    return found


async def decide(visit: Visit) -> ApiResponse:
    """A person's word about a destructive step, then its session's page. Raises `CommandError`."""
    await visit.form()
    api, path = visit.api, visit.request.path
    found = await api.store.approvals.get(path["id"])
    if found is None or path["decision"] not in ("approve", "reject"):
        raise CommandError("not-found")
    visit.request.scope.check(found.session)
    decision: Any = "approved" if path["decision"] == "approve" else "rejected"
    await api.commands.approvals.decide(found.id, decision, visit.request.who)
    return moved(f"/sessions/{found.session}", done=decision)


ROUTES = (
    PageRoute("GET", "/", fleet, "read"),
    PageRoute("POST", "/approvals/{id}/{decision}", decide, "operate"),
)
