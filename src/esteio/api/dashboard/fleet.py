"""The first page: what is wrong on top, then what waits for a person, then the sessions, those in trouble first.

Never lives here: what a state means (`core.views.sentences`), how sessions are found (`store.fleet`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from esteio.api.dashboard import approvals, uptime
from esteio.api.dashboard.fleet_overview import ASKING, RESTING, chips, counted, incidents, number, summary
from esteio.api.dashboard.fleet_search import Search
from esteio.api.dashboard.page import Moment, Visit, moved
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.core.model.ids import ServerName
from esteio.core.model.recovery import Rung
from esteio.core.model.session import Session
from esteio.core.model.state import Axis
from esteio.core.views.documents import OutageDocument, outage, recovery
from esteio.core.views.sentences import proof, sentence
from esteio.store.base import StoredServer, Total

PAGE: Final = {"tiles": 48, "table": 100}
"""How many sessions stand on a page, by its view."""
SHORT_DAY: Final = uptime.Window("uptime.day", uptime.DAY, 24)
"""The strip of a tile."""
SHOWN = 3
"""How many incidents, and how many of the steps that wait, are told in full: the sessions should be in sight."""
SOON_S = 90.0
"""A next look so near is worth drawing the page again before an event tells of it."""
_BACK = re.compile(r"/(?:\?[A-Za-z0-9._~%&=+,-]*)?")


class Light(NamedTuple):
    """One of the two questions: `yes`, `no` or `unknown`, by which evidence, and since when that is known."""

    value: str
    evidence: str
    at: Moment | None


class Step(NamedTuple):
    """The ladder's step, under way or to come; the rung is None while it is not chosen. `soon`: about to change."""

    rung: Rung | None
    when: Literal["now", "next"]
    attempt: int
    next: Moment | None
    soon: bool


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
    step: Step | None

    @property
    def asks(self) -> bool:
        """Whether it asks for a look."""
        return self.session.state not in RESTING

    @property
    def calm(self) -> bool:
        """Whether there is nothing to say of it."""
        return self.session.state == "connected" and self.sends.value == self.receives.value == "yes" and not self.held


class Group(NamedTuple):
    """A server's tiles of this page, and how many sessions it has in all, of which so many ask for a look."""

    name: str
    health: str
    sessions: int
    asking: int
    tiles: list[Tile]


async def fleet(visit: Visit) -> ApiResponse:
    """The page, by the words of its address (`fleet_search`)."""
    search = Search.of(visit.request)
    totals = await visit.api.store.fleet.totals(Search().filter(visit.request.scope))
    return visit.drawn(
        "fleet.html",
        search=search,
        part=await visit.shared("fleet_live.html", search, lambda: _shown(visit, search)),
        servers=sorted({one.server for one in totals}),
    )


async def _shown(visit: Visit, search: Search) -> dict[str, Any]:
    """What changes by itself."""
    store, scope = visit.api.store, visit.request.scope
    page = await store.fleet.page(search.filter(scope), limit=PAGE[search.view], after=search.after)
    held = await store.messages.waiting_by_session([one.id for one in page.items])
    tiles = [tile(visit, one, held.get(one.id, 0)) for one in page.items]
    totals = found = await store.fleet.totals(Search().filter(scope))
    if search.text or search.server:
        found = await store.fleet.totals(search._replace(states=()).filter(scope))
    servers = await store.servers.within(scope)
    return {
        "search": search,
        "tiles": tiles,
        "strips": await uptime.marked(visit, page.items, SHORT_DAY) if search.view == "tiles" else {},
        "groups": _groups(tiles, servers, totals),
        "approvals": await approvals.waiting(visit),
        "approvals_shown": SHOWN,
        "incidents_shown": SHOWN,
        "incidents": incidents(visit, servers, totals),
        "summary": summary(visit, found),
        "chips": chips(visit, search, found) if totals else [],
        "number": lambda count: number(visit, count),
        "any_server": bool(servers),
        "following": search.address(after=page.next) if page.next else None,
    }


def _groups(tiles: Sequence[Tile], servers: Sequence[StoredServer], totals: Sequence[Total]) -> list[Group]:
    """The tiles by server, in the order in which the servers first come."""
    by_server: dict[ServerName, list[Tile]] = {}
    for one in tiles:
        by_server.setdefault(one.session.server, []).append(one)
    health = {one.server.name: one.server.health for one in servers}
    return [
        Group(name, health[name], counted(totals, (), name), counted(totals, ASKING, name), its)
        for name, its in by_server.items()
        if name in health
    ]


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
        step=_step(visit, session),
    )


def _step(visit: Visit, session: Session) -> Step | None:
    found = recovery(session.recovery)
    if found is None or session.state in RESTING:
        return None
    under_way, next_at = session.recovery.open is not None, session.recovery.next_at
    soon = under_way or (next_at is not None and next_at - visit.api.clock.now() < SOON_S)
    return Step(found.rung, "now" if under_way else "next", found.attempt, visit.read(found.next_at), soon)


def light(visit: Visit, session: Session, axis: Axis) -> Light:
    """An answer with its proof in words."""
    return Light(axis.value, proof(axis, session.reason, visit.texts), visit.moment(axis.at))


async def look(visit: Visit) -> ApiResponse:
    """The button on a tile: the session is looked at now; then the page again. Raises `CommandError`."""
    form = await visit.form()
    name = visit.request.path["name"]
    await visit.api.commands.operator_actions.recover(name, visit.request.who, scope=visit.request.scope)
    return moved(form["back"] if _BACK.fullmatch(form.get("back", "")) else "/", done="look")


ROUTES = (
    PageRoute("GET", "/", fleet, "read"),
    PageRoute("POST", "/look/{name}", look, "operate"),
)
