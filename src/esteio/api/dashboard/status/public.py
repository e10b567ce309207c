"""`/status/{page}`: what strangers see of the sessions that an admin chose: up or down, a month of it, what happened.

A session stands there under the label that was made for it; nothing else of ours or of anybody's is told: no names, no
numbers, no servers, no words of providers. A page that is off does not differ from one that never was. Never lives
here: who may change a page (`settings`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from esteio.api.dashboard.kept_answers import FRESH_S
from esteio.api.dashboard.page import HTML, SAFE, Moment, Visit
from esteio.api.dashboard.route import PageRoute
from esteio.api.dashboard.uptime import MONTH_LONG, Strip, legend, pasts, strip
from esteio.api.http.request import ApiResponse
from esteio.core.model.session import Session
from esteio.core.model.status_page import StatusPage
from esteio.core.views.sentences import duration
from esteio.core.views.uptime import Cause, Condition, Uptime, cause, uptime
from esteio.engine.errors import CommandError

Answer = Literal["up", "down", "unknown"]
LEAST_S = 60.0
"""A shorter outage is not listed."""
MOST_TOLD = 10
ANSWERS: Mapping[Answer, str] = {"up": "status.up", "down": "status.down", "unknown": "status.unknown"}
HAPPENED: Mapping[Cause, str] = {
    "connection": "status.connection",
    "phone": "status.phone",
    "server": "status.server",
}
_OF: Mapping[Condition, Answer] = {"up": "up", "degraded": "up", "down": "down"}


class Line(NamedTuple):
    """One label: how it is now, and its month."""

    label: str
    answer: Answer
    strip: Strip


class Happened(NamedTuple):
    """One outage as strangers are told of it; `ended` None while it lasts."""

    label: str
    text: str
    since: Moment | None
    ended: Moment | None
    lasted: str


async def show(visit: Visit) -> ApiResponse:
    """The page. Raises `CommandError("not-found")`."""
    kept, name = visit.public_pages, visit.request.path["page"]
    page = (await kept.get("pages", lambda: _pages(visit))).get(name)
    if page is None:
        raise CommandError("not-found")
    # Not by a cookie: what is kept on the way to a stranger is kept by language alone.
    visit.texts = visit.api.texts.by_language.get(visit.request.query_word("lang")) or visit.request.texts
    body = await kept.get((name, visit.texts.language), lambda: _drawn(visit, page))
    headers = {
        **SAFE,
        "cache-control": f"public, max-age={FRESH_S:.0f}",
        "vary": "Accept-Language",
        "content-language": visit.texts.language,
        "x-robots-tag": "noindex",
    }
    return ApiResponse(200, body, HTML, headers)


async def _pages(visit: Visit) -> dict[str, StatusPage]:
    """Those that are on, but for those of suspended tenants."""
    suspensions, found = visit.api.commands.suspensions, await visit.api.store.status_pages.all()
    # guard: suspended-tenants-pages-closed
    return {one.name: one for one in found if one.enabled and not await suspensions.holds(one.tenant)}


async def _drawn(visit: Visit, page: StatusPage) -> bytes:
    now = visit.api.clock.now()
    known = await _known(visit, page, now)
    lines = [
        Line(label, _OF.get(whole.segments[-1].condition, "unknown"), strip(visit, MONTH_LONG, whole, blame=False))
        for label, whole in known
    ]
    drawn = visit.drawn(
        "status/public.html",
        page=page,
        lines=lines,
        answers=ANSWERS,
        overall=_overall(visit, [one.answer for one in lines]),
        happened=_happened(visit, known, now),
        legend=legend(visit, [one.strip for one in lines]),
        now=visit.moment(now),
        every=FRESH_S,
    )
    return drawn.body


async def _known(visit: Visit, page: StatusPage, now: float) -> list[tuple[str, Uptime]]:
    """Each label with its month; sessions that are gone are left out."""
    since = now - MONTH_LONG.seconds
    found: list[tuple[str, Session]] = []
    for one in page.sessions:
        session = await visit.api.store.sessions.by_id(one.session_id)
        if session is not None:
            found.append((one.label, session))
    past = await pasts(visit.api.store.history, [session for _, session in found], since)
    return [(label, uptime(session, past[session.id], since, now)) for label, session in found]


def _overall(visit: Visit, answers: Sequence[Answer]) -> str:
    down, unknown = answers.count("down"), answers.count("unknown")
    if not answers:
        return visit.say("status.nothing")
    if down:
        return visit.say("status.some-down", down, n=down, total=len(answers))
    return visit.say("status.some-unknown", unknown, n=unknown) if unknown else visit.say("status.all-up")


def _happened(visit: Visit, known: Sequence[tuple[str, Uptime]], now: float) -> list[Happened]:
    """The last outages, newest first."""
    found = sorted((one for label, whole in known for one in _outages(label, whole)), key=lambda one: -one[1])
    return [
        Happened(
            label,
            visit.say(HAPPENED[cause(because)]),
            visit.moment(since),
            None if until >= now else visit.moment(until),
            duration(until - since),
        )
        for label, since, until, because in found[:MOST_TOLD]
    ]


def _outages(label: str, whole: Uptime) -> Iterator[tuple[str, float, float, str]]:
    """Each run of being down that lasted: label, since, until, why it began."""
    for down, group in groupby(whole.segments, key=lambda one: one.condition == "down"):
        run = list(group)
        if down and run[-1].until - run[0].since >= LEAST_S:
            yield label, run[0].since, run[-1].until, run[0].because


ROUTES = (PageRoute("GET", "/status/{page}", show, None),)
