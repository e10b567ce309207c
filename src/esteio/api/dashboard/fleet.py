"""The first page: sessions by server with their two lights; incidents and what waits for a person stand on top.

Never lives here: what a state means (`core.views.sentences`).
"""

from __future__ import annotations

from itertools import groupby
from typing import Any, NamedTuple, get_args
from urllib.parse import urlencode

from esteio.api.dashboard.page import Moment, Visit, moved
from esteio.api.http.request import LARGEST_PAGE, ApiResponse
from esteio.api.http.route import speaker
from esteio.core.model.ids import ServerName
from esteio.core.model.recovery import Approval
from esteio.core.model.server import UNUSABLE
from esteio.core.model.session import Session
from esteio.core.model.state import Axis, Reason, SessionState
from esteio.core.views import server_documents
from esteio.core.views.documents import OutageDocument, outage
from esteio.core.views.sentences import sentence, timeline_text
from esteio.engine.errors import CommandError

PAGE = 60
"""Tiles on a page."""
STATES = get_args(SessionState)


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
    """The page, by the words of its query: `q`, `state`, `server`, `after`."""
    words = {name: visit.request.query_word(name).strip()[:100] for name in ("q", "state", "server", "after")}
    sessions, last = await _found(visit, words)
    held = await visit.api.store.messages.waiting_by_session([one.id for one in sessions])
    tiles = [tile(visit, one, held.get(one.id, 0)) for one in sessions]
    servers = await visit.api.store.servers.all()
    in_order = sorted(tiles, key=lambda one: one.session.server)
    by_server = [(name, list(group)) for name, group in groupby(in_order, lambda one: one.session.server)]
    return visit.drawn(
        "fleet.html",
        words=words,
        by_server=by_server,
        servers=[one.server.name for one in servers] if visit.request.scope.everything else sorted(dict(by_server)),
        states=STATES,
        approvals=await waiting(visit),
        incidents=_incidents(visit, servers),
        following=None if last is None else "/?" + urlencode({k: v for k, v in (words | {"after": last}).items() if v}),
    )


async def _found(visit: Visit, words: dict[str, str]) -> tuple[list[Session], str | None]:
    """A page of the sessions that the caller reaches and that the words mean, and the last one's name when more
    follow."""
    scope, looked = visit.request.scope, words["q"].casefold()
    state: Any = words["state"] if words["state"] in STATES else None
    shown: list[Session] = []
    after: str | None = words["after"] or None
    while True:
        page = await visit.api.store.sessions.page(
            state=state,
            server=ServerName(words["server"]) if words["server"] else None,
            limit=PAGE if scope.everything and not looked else LARGEST_PAGE,
            after=after,
        )
        shown += [one for one in page.items if scope.reaches(one.name) and looked in _searched(one)]
        if len(shown) > PAGE or (len(shown) == PAGE and page.next is not None):
            return shown[:PAGE], shown[PAGE - 1].name
        if page.next is None:
            return shown, None
        after = page.next


def _searched(session: Session) -> str:
    return f"{session.name} {session.phone or ''} {session.facts.phone_seen}".casefold()


def tile(visit: Visit, session: Session, held: int) -> Tile:
    """A session as it is shown."""
    return Tile(
        session=session,
        phone=session.phone or session.facts.phone_seen,
        sends=light(visit, session.can_send),
        receives=light(visit, session.can_receive),
        since=visit.moment(session.since),
        reason=sentence(session.reason, visit.texts).text,
        outage=outage(session.outage),
        held=held,
    )


def light(visit: Visit, axis: Axis) -> Light:
    """An answer with its proof in words."""
    proof = timeline_text(axis.evidence, {}, visit.texts) if axis.evidence else ""
    return Light(axis.value, proof, visit.moment(axis.at))


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
    return moved(f"/sessions/{found.session}")
