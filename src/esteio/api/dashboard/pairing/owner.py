"""`/pair/{token}`: one session's code for the owner of its phone, who has no login.

Nothing else of the session or of the gateway stands here: no name, no reason, the number's last four digits. A link
that is unknown, over or revoked looks the same. Never lives here: whether a link opens (`engine.commands.sessions`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from esteio.api.dashboard.page import Visit, moved
from esteio.api.dashboard.pairing import drawing
from esteio.api.dashboard.pairing.pages import WAIT_S, way
from esteio.api.dashboard.pairing.stream import HEADERS, Source, pushed
from esteio.api.dashboard.pairing.view import By, View, masked, view
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.api.login.cookies import VISITOR, cookie
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.engine.commands.requests import PairRequest
from esteio.engine.errors import CommandError
from esteio.engine.key_scope import Scope
from esteio.store.base import PairLink

PRIVATE = {"referrer-policy": "no-referrer", "x-robots-tag": "noindex, nofollow"}
MOST_STREAMS = 8
"""Pages of one link that may be open at once."""
WHO = "pair-link"
"""Who asked for a code, as the timeline names them."""
_NOTHING = Reason(code="")
"""Why it is so is not for strangers."""


async def show(visit: Visit) -> ApiResponse:
    """The page."""
    _as_stranger(visit)
    link = await _link(visit)
    if link is None:
        return _dead(visit)
    return await _page(visit, link, way(visit.request.query_word("by")))


async def live(visit: Visit) -> ApiResponse:
    """What the page shows, pushed; over with the link."""
    _as_stranger(visit)
    api, by, token = visit.api, way(visit.request.query_word("by")), visit.request.path["token"]
    link = await _link(visit)
    if link is None:
        return _dead(visit)
    if visit.head:
        return ApiResponse(200, kind="text/event-stream", headers={**HEADERS, **PRIVATE})
    if not api.pair_visits.entered(link.session_id, MOST_STREAMS):
        return ApiResponse(429, headers={**HEADERS, **PRIVATE, "retry-after": "10"})

    async def look() -> View:
        found = await api.commands.pair_links.opened(token)
        if found is None:
            raise CommandError("not-found")
        return await _view(visit, found, by)

    async def welcome() -> bool:
        return await api.commands.pair_links.opened(token) is not None

    def draw(seen: View) -> dict[str, Any]:
        return drawing.frame(visit, drawing.owners(visit, token, by, seen))

    def ended() -> None:
        api.pair_visits.left(link.session_id)

    return _private(pushed(api, link.session_id, Source(look, draw, welcome), ended))


async def ask(visit: Visit) -> ApiResponse:
    """A code, to scan or to type, of the session's own number; then the page."""
    _as_stranger(visit)
    link = await _link(visit)
    try:
        words = await visit.form()
    except CommandError:
        # A form of another visit: the page has a new one.
        return _dead(visit, 403) if link is None else await _page(visit, link, "qr", 403)
    if link is None:
        return _dead(visit)
    api, by = visit.api, way(words.get("by", ""))
    session = await _session(visit, link)
    seen = await _view(visit, link, by)
    if not (_typeable(seen) if by == "code" else seen.asks):
        return _back(visit, by)
    if wait := api.pair_visits.asks.begin(f"link {link.session_id}", api.clock.now()):
        return await _page(visit, link, by, 429, wait=wait)
    number = session.phone if by == "code" else None
    try:
        request = PairRequest(wait_s=WAIT_S, phone_number=number)
        await api.commands.pairing.pair(session.name, request, WHO, scope=Scope(session.tenant))
    except CommandError:
        return _back(visit, by)  # what keeps a code away is told there, in the owner's words
    return _back(visit, by)


async def _page(visit: Visit, link: PairLink, by: By, status: int = 200, *, wait: int = 0) -> ApiResponse:
    seen = await _view(visit, link, by)
    token = visit.request.path["token"]
    return _private(
        visit.drawn(
            "pairing/owner.html",
            status,
            cookie=_visitor_cookie(visit),
            **drawing.owners(visit, token, by, seen),
            whose=link.title or masked(seen.phone),
            tabs=bool(seen.phone) and seen.kind != "connected",
            until=visit.moment(link.expires_at),
            over=link.done_at is not None,
            wait=wait,
        )
    )


def _dead(visit: Visit, status: int = 404) -> ApiResponse:
    """Unknown, over and revoked look the same. Who tries many is made to wait."""
    api = visit.api
    wait = api.pair_visits.wrong.begin(visit.address, api.clock.now())
    drawn = _private(visit.drawn("pairing/owner.html", 429 if wait else status, view=None, over=True, whose=""))
    return msgspec.structs.replace(drawn, headers={**drawn.headers, "retry-after": str(wait)}) if wait else drawn


async def _link(visit: Visit) -> PairLink | None:
    return await visit.api.commands.pair_links.opened(visit.request.path["token"])


async def _session(visit: Visit, link: PairLink) -> Session:
    session = await visit.api.store.sessions.by_id(link.session_id)
    if session is None:
        raise CommandError("not-found")
    return session


async def _view(visit: Visit, link: PairLink, by: By) -> View:
    """What the owner may know of it. After the session was linked the link shows no code any more, whatever comes."""
    if link.done_at is not None:
        return View("connected", _NOTHING)
    session = await _session(visit, link)
    seen = await view(visit.api, session.name, by, Scope(session.tenant))
    return seen._replace(reason=_NOTHING, approval=None)


def _typeable(seen: View) -> bool:
    return seen.typeable and bool(seen.phone)


def _as_stranger(visit: Visit) -> None:
    """Also an operator sees here what the owner sees."""
    visit.login = None
    visit.visitor = visit.visitor or visit.api.clock.token()


def _visitor_cookie(visit: Visit) -> str | None:
    return None if cookie(visit.cookies, VISITOR) else visit.api.logins.visitor(visit.visitor)


def _private(answer: ApiResponse) -> ApiResponse:
    return msgspec.structs.replace(answer, headers={**answer.headers, **PRIVATE})


def _back(visit: Visit, by: By) -> ApiResponse:
    return _private(moved(f"/pair/{visit.request.path['token']}" + ("?by=code" if by == "code" else "")))


STREAM = PageRoute("GET", "/pair/{token}/live", live, None)
ROUTES = (
    PageRoute("GET", "/pair/{token}", show, None),
    PageRoute("POST", "/pair/{token}", ask, None),
)
