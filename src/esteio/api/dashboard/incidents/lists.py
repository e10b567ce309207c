"""`/incidents`: what is down now, then what was, newest first; what fell with its server stands inside its incident.

A key for some sessions sees those sessions' outages, and no server's. Never lives here: one incident (`report`).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

from esteio.api.dashboard.page import Moment, Visit
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.core.model.history import OutageRecord
from esteio.core.model.ids import ServerName, SessionId
from esteio.core.model.state import Reason
from esteio.core.views.catalogue import Catalogue
from esteio.core.views.sentences import duration, sentence, timeline_text
from esteio.core.views.uptime import Cause, cause

PAGE, MOST_OPEN = 40, 200
"""Ended ones on a page, and open ones."""
READ_AT_ONCE = 200
CAUSES: dict[Cause, str] = {
    "connection": "incident.connection",
    "phone": "incident.phone",
    "server": "incident.server-itself",
}
"""What is said of each cause."""
_CURSOR = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)~(.{1,100})")


class Told(NamedTuple):
    """One outage as a line of the list."""

    record: OutageRecord
    who: str
    because: str
    cause: Cause
    since: Moment | None
    ended: Moment | None
    lasted: str


class Words(NamedTuple):
    """What was asked for; "" for what was not."""

    server: str
    session: str
    after: str

    @property
    def any(self) -> bool:
        """Whether only some are asked for."""
        return bool(self.server or self.session)


async def show(visit: Visit) -> ApiResponse:
    """The page, by the words of its query: `server`, `session`, `after`."""
    words = Words(*(visit.request.query_word(name).strip()[:100] for name in ("server", "session", "after")))
    meant = await _meant(visit, words)
    opened = [] if words.after or meant is None else await _open(visit, meant)
    ended = [] if meant is None else await _ended(visit, meant, words.after)
    more = f"{ended[PAGE - 1].outage.since!r}~{ended[PAGE - 1].outage.id}" if len(ended) > PAGE else ""
    return visit.drawn(
        "incidents.html",
        words=words,
        servers=[one.server.name for one in await visit.api.store.servers.within(visit.request.scope)]
        if _everything(visit)
        else [],
        causes=CAUSES,
        opened=[told(visit, one) for one in opened[:MOST_OPEN]],
        unshown=max(0, len(opened) - MOST_OPEN),
        ended=[told(visit, one) for one in ended[:PAGE]],
        following="/incidents?" + urlencode({**_query(words), "after": more}) if more else None,
    )


def told(visit: Visit, record: OutageRecord) -> Told:
    """An outage in the reader's language."""
    outage = record.outage
    until = visit.api.clock.now() if outage.ended_at is None else outage.ended_at
    return Told(
        record,
        record.session or record.server,
        because(outage.because, record.server, visit.texts),
        cause(outage.because),
        visit.moment(outage.since),
        visit.moment(outage.ended_at),
        duration(until - outage.since),
    )


def because(code: str, server: str, texts: Catalogue) -> str:
    """Why it was down: of a session a reason, of a server what was seen of it."""
    if texts.find("reason", code) is not None:
        return sentence(Reason(code, {"server": server}), texts).text
    return timeline_text(code, {"server": server}, texts)


def _everything(visit: Visit) -> bool:
    return visit.request.scope.everything


def _query(words: Words) -> dict[str, str]:
    return {name: word for name, word in words._asdict().items() if word}


async def _meant(visit: Visit, words: Words) -> dict[str, Any] | None:
    """What to ask the store for; None when nothing can be meant."""
    session_id: SessionId | None = None
    if words.session:
        session = await visit.api.commands.lookup.session_or_none(words.session, visit.request.scope)
        if session is None:
            return None
        session_id = session.id
    each = bool(words.session) or not _everything(visit)
    server = ServerName(words.server) if words.server else None
    return {"reach": visit.request.scope, "server": server, "session_id": session_id, "each": each}


async def _open(visit: Visit, meant: dict[str, Any]) -> list[OutageRecord]:
    found = await visit.api.store.history.open_outages(**meant)
    return [one for one in found if _named(visit, one)]  # guard: open-incidents-in-scope


def _named(visit: Visit, one: OutageRecord) -> bool:
    """Of those of the caller's tenant, whether its session is inside the patterns; a server's own is the operator's."""
    return _everything(visit) if one.session is None else visit.request.scope.named(one.session)


async def _ended(visit: Visit, meant: dict[str, Any], after: str) -> list[OutageRecord]:
    """A page of those that the caller reaches, and one more where there is one."""
    found = []
    async for one in _all_ended(visit, meant, after):
        if _named(visit, one):
            found.append(one)
            if len(found) > PAGE:
                break
    return found


async def _all_ended(visit: Visit, meant: dict[str, Any], after: str) -> AsyncIterator[OutageRecord]:
    cursor = _CURSOR.fullmatch(after)
    before = (float(cursor[1]), cursor[2]) if cursor else None
    limit = PAGE + 1 if _everything(visit) else READ_AT_ONCE
    while page := await visit.api.store.history.ended_outages(**meant, before=before, limit=limit):
        for one in page:
            yield one
        if len(page) < limit:
            return
        before = (page[-1].outage.since, page[-1].outage.id)


ROUTES = (PageRoute("GET", "/incidents", show, "read"),)
