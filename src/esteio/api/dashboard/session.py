"""A session's own page: its two lights with their proof, what is being done, what happened, its messages, its code.

Never lives here: a rule about sessions (`engine.commands`).
"""

from __future__ import annotations

import base64
from typing import NamedTuple

from esteio.api.dashboard import fleet, uptime
from esteio.api.dashboard.page import Moment, Visit, moved
from esteio.api.dashboard.route import PageRoute
from esteio.api.http import qr_image
from esteio.api.http.request import ApiResponse
from esteio.api.http.route import teller
from esteio.api.v1.sessions import LAST_SEQ
from esteio.core.model.message import Message
from esteio.core.model.recovery import Rung
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.core.views import documents
from esteio.core.views.sentences import sentence
from esteio.engine.commands.requests import PairRequest
from esteio.engine.errors import CommandError

LINES, MESSAGES = 50, 25
ACTS = ("pair", "recover", "pause", "resume")


class Code(NamedTuple):
    """A code to scan that is current now, as a picture, and until when."""

    picture: str
    expires_at: str
    pairing_code: str | None


class Step(NamedTuple):
    """Where the ladder stands: the rung (None: not chosen yet), which attempt, the next look."""

    rung: Rung | None
    attempt: int
    next: Moment | None


class Line(NamedTuple):
    """One line of the timeline."""

    kind: str
    text: str
    at: Moment | None


class Sent(NamedTuple):
    """A message, without its words: they are not needed to see how it fares."""

    message: Message
    at: Moment | None
    reason: str


async def show(visit: Visit) -> ApiResponse:
    """The page."""
    api = visit.api
    session = await api.commands.lookup.session(visit.request.path["name"])
    lines = await api.store.journal.page_back(session.id, LAST_SEQ, LINES)
    tell = teller(visit.texts)
    page = await api.store.messages.page(session.id, limit=MESSAGES)
    down = documents.outage(session.outage)
    strips = (await uptime.strips(visit, [session], *uptime.WINDOWS))[session.id]
    return visit.drawn(
        "session.html",
        tile=fleet.tile(visit, session, await api.held(session.id)),
        action=sentence(session.reason, visit.texts).action,
        outage=None if down is None else (sentence(Reason(down.because), visit.texts).text, visit.read(down.since)),
        step=_step(visit, session),
        strips=strips,
        legend=uptime.legend(visit, strips),
        approvals=await fleet.waiting(visit, session.name),
        timeline=[Line(one.kind, tell(one), visit.moment(one.at)) for one in lines],
        messages=[_sent(visit, one) for one in page.items],
        code=await _code(visit, session),
    )


async def act(visit: Visit) -> ApiResponse:
    """A button: pair, look now, pause, resume; then the page again. Raises `CommandError`."""
    await visit.form()
    name, wish = visit.request.path["name"], visit.request.path["act"]
    if wish not in ACTS:
        raise CommandError("not-found")
    commands, who = visit.api.commands, visit.request.who
    if wish == "pair":
        await commands.pairing.pair(name, PairRequest(wait_s=0), who)
    elif wish == "recover":
        await commands.operator_actions.recover(name, who)
    elif wish == "pause":
        await commands.operator_actions.pause(name, who)
    else:
        await commands.operator_actions.resume(name, who)
    return moved(f"/sessions/{name}", done=wish)


def _step(visit: Visit, session: Session) -> Step | None:
    found = documents.recovery(session.recovery)
    return None if found is None else Step(found.rung, found.attempt, visit.read(found.next_at))


def _sent(visit: Visit, message: Message) -> Sent:
    reason = "" if message.reason is None else sentence(message.reason, visit.texts).text
    return Sent(message, visit.moment(message.created_at), reason)


async def _code(visit: Visit, session: Session) -> Code | None:
    """Only for those who may pair, and never one that is over or was used."""
    current = await visit.api.commands.pairing.current_qr(session) if visit.may("operate") else None
    if current is None:
        return None
    picture = qr_image.png(current.code) if current.code else qr_image.provided(current.png_base64)
    if picture is None:
        return None
    data = "data:image/png;base64," + base64.b64encode(picture).decode()
    return Code(data, documents.timestamp(current.expires_at), current.pairing_code)


ROUTES = (
    PageRoute("GET", "/sessions/{name}", show, "read"),
    PageRoute("POST", "/sessions/{name}/{act}", act, "operate"),
)
