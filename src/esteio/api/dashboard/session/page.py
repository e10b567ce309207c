"""The page itself: everything that stands on it is gathered here. Never lives here: a part's own rules (its module)."""

from __future__ import annotations

from typing import NamedTuple

from esteio.api.dashboard import approvals, uptime
from esteio.api.dashboard.page import Moment, Visit
from esteio.api.dashboard.route import PageRoute
from esteio.api.dashboard.session import acts, ladder, lights, messages, tester, timeline
from esteio.api.http.request import ApiResponse
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.core.views import documents
from esteio.core.views.documents import OutageDocument
from esteio.core.views.sentences import sentence
from esteio.engine.errors import CommandError

SOON_S = 35.0
"""A next step that comes within so long is waited for: no event tells of it, and the page is drawn of itself as rarely.
"""


class Down(NamedTuple):
    """The outage that is not over; `because` "" where it is the session's own reason."""

    because: str
    since: Moment | None
    reopened: int


class Restriction(NamedTuple):
    """What WhatsApp keeps this number from, and until when."""

    kind: documents.RestrictionKind
    until: Moment | None


async def show(visit: Visit) -> ApiResponse:
    """The page; of a session that is not there, or not any more, one that says so."""
    api, name = visit.api, visit.request.path["name"]
    try:
        session = await api.commands.lookup.session(name, visit.request.scope)
    except CommandError:
        return visit.drawn("session/gone.html", 404, name=name)
    tested = await tester.tested(visit, session)
    waiting = await approvals.waiting(visit, session.name)
    steps = await ladder.shown(visit, session, waiting)
    strips = (await uptime.strips(visit, [session], *uptime.WINDOWS))[session.id]
    return visit.drawn(
        "session/page.html",
        session=session,
        phone=session.phone or session.facts.phone_seen,
        since=visit.moment(session.since),
        said=sentence(session.reason, visit.texts),
        outage=_outage(visit, session, documents.outage(session.outage)),
        held=await api.held(session.id),
        restriction=_restriction(visit, session),
        restarted=visit.moment(session.recovery.last_restart_at),
        axes=await lights.shown(visit, session),
        ladder=steps,
        approvals=waiting,
        timeline=await timeline.shown(visit, session),
        messages=await messages.shown(visit, session),
        tested=tested,
        once=visit.api.clock.token(),
        settings=acts.settings(visit, session),
        recreate_cost=sentence(Reason("cost-recreate", {"session": session.name}), visit.texts).text,
        line_kinds=timeline.KINDS,
        strips=strips,
        legend=uptime.legend(visit, strips),
        soon=_soon(visit, session, under_way=tested is not None and tested.under_way),
    )


def _outage(visit: Visit, session: Session, down: OutageDocument | None) -> Down | None:
    if down is None:
        return None
    same = down.because == session.reason.code
    because = "" if same else sentence(Reason(down.because), visit.texts).text
    return Down(because, visit.read(down.since), down.reopened)


def _restriction(visit: Visit, session: Session) -> Restriction | None:
    found = documents.restriction(session)
    return None if found is None else Restriction(found.kind, visit.read(found.until))


def _soon(visit: Visit, session: Session, *, under_way: bool) -> bool:
    """Whether the page is worth drawing anew every few seconds, though nothing is told of."""
    recovery = session.recovery
    coming = recovery.next_at is not None and recovery.next_at - visit.api.clock.now() < SOON_S
    return recovery.open is not None or under_way or coming or session.reason.code == "suspect"


ROUTES = (
    PageRoute("GET", "/sessions/{name}", show, "read"),
    *tester.ROUTES,
    *acts.ROUTES,
)
