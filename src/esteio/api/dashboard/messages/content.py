"""What a message says, as a page shows it: one line in lists; its media by an address that stays the same, so that what
is being played goes on when the page is drawn anew.

Never lives here: the bytes (`api.v1.media`).
"""

from __future__ import annotations

from typing import NamedTuple

from esteio.api.dashboard.page import Moment, Visit
from esteio.api.http.route import speaker
from esteio.core.model.content import Content
from esteio.core.model.message import Message
from esteio.core.views import documents
from esteio.core.views.sentences import Sentence, sentence

LONGEST = 140
"""Characters of an excerpt."""


class Line(NamedTuple):
    """A message in a list."""

    message: Message
    at: Moment | None
    excerpt: str
    reason: str


class Shown(NamedTuple):
    """A media. `path`: where its bytes are, "" when there are none here; `reason`: why they are gone."""

    kind: str
    path: str
    name: str
    mime: str
    size: int | None
    state: str
    reason: str


def line(visit: Visit, message: Message) -> Line:
    """A message as lists show it."""
    return Line(message, visit.moment(message.created_at), excerpt(message.content), why(visit, message).text)


def why(visit: Visit, message: Message) -> Sentence:
    """The reason of its state; empty where it has none."""
    return Sentence("") if message.reason is None else sentence(message.reason, visit.texts)


def excerpt(content: Content) -> str:
    """Its words in one line; "" where it has none."""
    words = " ".join(_words(content).split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def _words(content: Content) -> str:
    if content.text:
        return content.text
    if content.media is not None and content.media.filename:
        return content.media.filename
    if content.location is not None:
        return content.location.name or f"{content.location.latitude}, {content.location.longitude}"
    if content.poll is not None:
        return content.poll.question
    if content.reaction is not None:
        return content.reaction.emoji
    return ", ".join(one.name for one in content.contacts)


def media(visit: Visit, message: Message) -> Shown | None:
    """Its media; an address that somebody else gave is never one that a page opens."""
    found, kept = documents.media(message, speaker(visit.texts)), message.content.media
    if found is None or kept is None:
        return None
    path = "" if kept.url is not None or found.state != "kept" else f"/messages/{message.id}/media"
    told = "" if not isinstance(found.reason, documents.ReasonDocument) else found.reason.text
    return Shown(found.kind, path, found.filename or "", found.mime or "", found.size, found.state, told)
