"""Messages of all sessions that the caller reaches: looked for, filtered, page by page.

Never lives here: how far a look comes (`store.sql.messages.history`).
"""

from __future__ import annotations

from typing import NamedTuple, get_args
from urllib.parse import urlencode

from esteio.api.dashboard.messages.content import line
from esteio.api.dashboard.page import Visit
from esteio.api.dashboard.route import PageRoute
from esteio.api.http import cursors
from esteio.api.http.request import ApiResponse
from esteio.core.model.message import Direction, MessageState
from esteio.core.model.session import Session
from esteio.store.base import FoundPage, MessageSearch

PAGE = 50
LONGEST = 200
"""Characters of a word that is looked for."""
WORDS = ("q", "session", "state", "direction", "chat")
STATES: tuple[MessageState, ...] = get_args(MessageState)
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


class Chip(NamedTuple):
    """A state to filter by; None: all of them."""

    state: MessageState | None
    address: str
    chosen: bool


async def show(visit: Visit) -> ApiResponse:
    """The page, by the words of its query: `q`, `session`, `state`, `direction`, `chat`, `after`. Raises
    `CommandError("invalid-value")` for an `after` that is none of ours."""
    words = {name: visit.request.query_word(name).strip()[:LONGEST] for name in WORDS}
    after = cursors.place({name: word for name in ("after",) if (word := visit.request.query_word(name))}, "messages")
    session = await reached(visit, words["session"])
    nobody = bool(words["session"]) and session is None
    found = FoundPage((), None) if nobody else await _found(visit, words, session, after)
    following = None if found.next is None else _address(words, after=cursors.made("messages", found.next))
    return visit.drawn(
        "messages/list.html",
        words=words,
        directions=DIRECTIONS,
        chips=[Chip(one, _address(words, state=one or ""), (one or "") == words["state"]) for one in (None, *STATES)],
        lines=[line(visit, one) for one in found.items],
        following=following,
        reached=visit.moment(found.reached_at),
        first=after is None,
        nobody=nobody,
        filtered=any(words.values()),
        newest=_address(words),
        elsewhere=_address(words, chat=""),
    )


async def reached(visit: Visit, name: str) -> Session | None:
    """The session of this name, where the caller reaches one."""
    return await visit.api.commands.lookup.session_or_none(name, visit.request.scope) if name else None


async def _found(visit: Visit, words: dict[str, str], session: Session | None, after: str | None) -> FoundPage:
    wanted = MessageSearch(
        session_id=None if session is None else session.id,
        reach=visit.request.scope,
        state=next((one for one in STATES if one == words["state"]), None),
        direction=next((one for one in DIRECTIONS if one == words["direction"]), None),
        chat=words["chat"] or None,
        words=words["q"],
    )
    return await visit.api.store.message_history.search(wanted, limit=PAGE, after=after)


def _address(words: dict[str, str], **other: str) -> str:
    query = urlencode({name: word for name, word in (words | other).items() if word})
    return f"/messages?{query}" if query else "/messages"


ROUTES = (PageRoute("GET", "/messages", show, "read"),)
