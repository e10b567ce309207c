"""A session's last messages: how each fares, what it says, its media, its attempts.

Never lives here: a rule, one message whole (`dashboard.messages`).
"""

from __future__ import annotations

from typing import NamedTuple

from esteio.api.dashboard.messages import content
from esteio.api.dashboard.messages.content import Line, Shown
from esteio.api.dashboard.page import Moment, Visit
from esteio.core.model.message import Message
from esteio.core.model.session import Session
from esteio.core.views.sentences import Sentence

SHOWN = 10


class Attempt(NamedTuple):
    """One try at sending it."""

    at: Moment | None
    outcome: str
    detail: str


class Sent(NamedTuple):
    """A message as it stands in the list."""

    line: Line
    media: Shown | None
    said: Sentence
    attempts: tuple[Attempt, ...]


async def shown(visit: Visit, session: Session) -> list[Sent]:
    """The last ones, newest first."""
    page = await visit.api.store.messages.page(session.id, limit=SHOWN)
    return [await _sent(visit, one) for one in page.items]


async def _sent(visit: Visit, message: Message) -> Sent:
    tried = await visit.api.store.messages.attempts(message.id) if message.direction == "out" else ()
    return Sent(
        line=content.line(visit, message),
        media=content.media(visit, message),
        said=content.why(visit, message),
        attempts=tuple(Attempt(visit.moment(one.at), one.outcome, one.detail) for one in tried),
    )
