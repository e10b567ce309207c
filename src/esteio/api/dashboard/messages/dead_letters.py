"""Messages and events that were given up: grouped by the reason, ticked, previewed, sent again, and told one by one.

Messages in doubt are not among them: each may have arrived, so a person looks at each on its own page. Never lives
here: when something is given up, how it goes out again (`engine.commands.dead_letters`).
"""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from esteio.api.dashboard.messages import content
from esteio.api.dashboard.messages.content import Line
from esteio.api.dashboard.messages.listing import reached
from esteio.api.dashboard.page import Moment, Visit, moved
from esteio.api.dashboard.route import PageRoute
from esteio.api.http import cursors
from esteio.api.http.request import ApiResponse
from esteio.core.model.message import Message
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.core.views.documents import timestamp
from esteio.core.views.sentences import Sentence, sentence
from esteio.engine.commands.requests import DeadLetterRequest
from esteio.store.base import FoundPage, MessageSearch
from esteio.store.delivery import DeadEvent, DeadFilter

PAGE = 50
OLD_S = 86_400.0
"""A message that was made longer ago is not ticked by itself: what it says may no longer hold."""
TICKED = "ids"
"""The word of a query that names what was ticked, in order, with commas between."""


class Group(NamedTuple):
    """Messages that ended for the same reason."""

    code: str
    reason: Sentence
    lines: list[Line]


class Coming(NamedTuple):
    """A message as it would go out again. `place`: its place among those of its chat; `held`: its session cannot send
    now; `overtaken`: a later one of its chat has gone since."""

    line: Line
    place: int
    old: bool
    held: bool
    overtaken: bool


class Undelivered(NamedTuple):
    """An event that a webhook never took. `detail`: what that answered, for who may see the webhook."""

    dead: DeadEvent
    happened: Moment | None
    died: Moment | None
    detail: str


class Subscriber(NamedTuple):
    """A webhook with the events that it never took; `host` "" for who may not see it."""

    id: str
    host: str
    events: list[Undelivered]


async def show(visit: Visit) -> ApiResponse:
    """The list, by the words of its query: `session`, `after`. Raises `CommandError("invalid-value")` for an `after`
    that is none of ours."""
    name = visit.request.query_word("session").strip()[:64]
    session = await reached(visit, name)
    found = FoundPage((), None) if name and session is None else await _dead(visit, session)
    following = None if found.next is None else {"session": name, "after": cursors.made("messages", found.next)}
    doubts = await visit.api.store.message_history.search(
        MessageSearch(state="in_doubt", reach=visit.request.scope), limit=1
    )
    return visit.drawn(
        "messages/dead_letters.html",
        session=name,
        groups=_groups(visit, found.items),
        following=None if following is None else f"/messages/dead-letters?{urlencode(following)}",
        doubts=bool(doubts.items),
        first=not visit.request.query_word("after"),
    )


async def _dead(visit: Visit, session: Session | None) -> FoundPage:
    after = visit.request.query_word("after")
    place = cursors.place({"after": after} if after else {}, "messages")
    wanted = MessageSearch(None if session is None else session.id, dead=True, reach=visit.request.scope)
    return await visit.api.store.message_history.search(wanted, limit=PAGE, after=place)


def _groups(visit: Visit, found: tuple[Message, ...]) -> list[Group]:
    def code(message: Message) -> str:
        return message.state if message.reason is None else message.reason.code

    groups = []
    for key, listed in groupby(sorted(found, key=code), code):
        lines = [content.line(visit, one) for one in listed]
        groups.append(Group(key, sentence(Reason(key), visit.texts), lines))
    return sorted(groups, key=lambda group: -len(group.lines))


async def preview(visit: Visit) -> ApiResponse:
    """What would be sent, by the words of the query: `ids`, each ticked one, or `all` with `session`."""
    if visit.request.query_word("all"):
        return await _preview_all(visit)
    found = await _named(visit)
    coming = await _coming(visit, found)
    return visit.drawn("messages/preview.html", coming=coming, all_of=None, session="", until="")


async def _preview_all(visit: Visit) -> ApiResponse:
    session, until = visit.request.query_word("session")[:64], timestamp(visit.api.clock.now())
    asked = DeadLetterRequest(kind="message", session=session or None, until=until, dry_run=True)
    count = await visit.api.commands.dead_letters.replay(asked, visit.request.scope)
    return visit.drawn("messages/preview.html", coming=[], all_of=count.messages, session=session, until=until)


async def _coming(visit: Visit, found: list[Message]) -> list[Coming]:
    """In the order in which they would go, chat by chat."""
    store, now = visit.api.store, visit.api.clock.now()
    places: dict[tuple[str, str], int] = {}
    gates: dict[str, bool] = {}
    coming = []
    for one in sorted(found, key=lambda one: (one.session, one.chat, one.created_at)):
        chat = (one.session, one.chat)
        places[chat] = places.get(chat, 0) + 1
        if one.session not in gates:
            session = await store.sessions.by_id(one.session_id)
            gates[one.session] = session is None or session.gate == "held"
        overtaken = await store.message_history.overtaken(one)
        old = now - one.created_at > OLD_S
        coming.append(Coming(content.line(visit, one), places[chat], old, gates[one.session], overtaken))
    return coming


async def _named(visit: Visit) -> list[Message]:
    """The messages that a query names and the caller reaches."""
    ids = visit.request.query_word(TICKED).split(",")[:PAGE]
    lookup = visit.api.commands.lookup.message_or_none
    # guard: dead-letters-named-in-scope
    found = [await lookup(one, visit.request.scope) for one in dict.fromkeys(ids)]
    return [one for one in found if one is not None]


async def replay(visit: Visit) -> ApiResponse:
    """Sends the ticked ones again, or all; then what becomes of each. Raises `CommandError`."""
    words = await visit.form()
    dead_letters, scope = visit.api.commands.dead_letters, visit.request.scope
    if until := words.word("until"):
        asked = DeadLetterRequest(kind="message", session=words.word("session") or None, until=until)
        await dead_letters.replay(asked, scope)
        return moved("/messages/dead-letters", done="dead-all-replayed")
    ids = words.every("pick")[:PAGE]
    await dead_letters.replay_messages(ids, scope)
    return moved(f"/messages/dead-letters/result?{urlencode({TICKED: ','.join(ids)})}")


async def chosen(visit: Visit) -> ApiResponse:
    """From the ticks of the list to the preview of them. Raises `CommandError`."""
    words = await visit.form()
    ids = words.every("pick")[:PAGE]
    return moved(f"/messages/dead-letters/preview?{urlencode({TICKED: ','.join(ids)})}")


async def result(visit: Visit) -> ApiResponse:
    """What became of each, as it is now."""
    found = await _named(visit)
    return visit.drawn("messages/result.html", lines=[content.line(visit, one) for one in found])


async def events(visit: Visit) -> ApiResponse:
    """Events that webhooks never took, the oldest first. Raises `CommandError("invalid-value")`."""
    after = visit.request.query_word("after")
    scope = visit.request.scope
    place = int(after) if after.isascii() and after.isdecimal() and len(after) < 19 else 0
    found = await visit.api.store.dead_letters.events(DeadFilter(), limit=PAGE, after=place, reach=visit.request.scope)
    return visit.drawn(
        "messages/dead_events.html",
        subscribers=await _subscribers(
            visit, [one for one in found if (scope.named(one.session) if one.session else scope.whole)]
        ),
        following=f"/messages/dead-letters/events?after={found[-1].id}" if len(found) == PAGE else None,
    )


async def _subscribers(visit: Visit, found: list[DeadEvent]) -> list[Subscriber]:
    """What somebody else's webhook answered is not for a scoped key."""
    mine = {one.id: one for one in await visit.api.commands.webhooks.within(visit.request.scope)}
    shown = []
    for endpoint, listed in groupby(sorted(found, key=lambda one: (one.endpoint, one.id)), lambda one: one.endpoint):
        lines = [
            Undelivered(one, visit.moment(one.event_at), visit.moment(one.died_at), one.detail * (endpoint in mine))
            for one in listed
        ]
        host = urlsplit(mine[endpoint].url).hostname or "" if endpoint in mine else ""
        shown.append(Subscriber(endpoint, host, lines))
    return shown


async def replay_events(visit: Visit) -> ApiResponse:
    """Back into their webhooks' queues. Raises `CommandError`."""
    words = await visit.form()
    ids = [int(word) for word in words.every("pick") if word.isascii() and word.isdecimal() and len(word) < 19]
    await visit.api.commands.dead_letters.replay_events(ids[:PAGE], visit.request.scope)
    return moved("/messages/dead-letters/events", done="dead-events-replayed")


ROUTES = (
    PageRoute("GET", "/messages/dead-letters", show, "read"),
    PageRoute("POST", "/messages/dead-letters", chosen, "operate"),
    PageRoute("GET", "/messages/dead-letters/preview", preview, "operate"),
    PageRoute("POST", "/messages/dead-letters/replay", replay, "operate"),
    PageRoute("GET", "/messages/dead-letters/result", result, "read"),
    PageRoute("GET", "/messages/dead-letters/events", events, "read"),
    PageRoute("POST", "/messages/dead-letters/events", replay_events, "operate"),
)
