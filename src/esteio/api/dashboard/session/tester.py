"""The tester: a message is sent from the page, and each step of it is shown as it is told, to the reader's phone.

A form that cannot be taken is shown again with what is wrong; the words of a message never stand in an address. Never
lives here: a rule about messages (`engine.commands.messages`).
"""

from __future__ import annotations

import hashlib
import mimetypes
from typing import Any, NamedTuple

from esteio.api.dashboard import forms
from esteio.api.dashboard.forms import Form
from esteio.api.dashboard.page import Visit, moved
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.core.messages.transitions import LEFT
from esteio.core.model.ids import MessageId
from esteio.core.model.message import Message
from esteio.core.model.session import Session
from esteio.core.views.sentences import Sentence, sentence
from esteio.engine.commands.requests import MessageRequest
from esteio.engine.errors import CommandError
from esteio.store.base import Acks

FOLLOWED_S = 300.0
"""So long after it was accepted a message is looked at again and again."""
OVER = frozenset({"read", "failed", "expired", "cancelled"})


class Step(NamedTuple):
    """One step of a message. `after`: since it was accepted, "" while it is not told. `stands`: `reached`, `now` (it
    is waited for), `ahead`, `ended`."""

    name: str
    stands: str
    after: str


class Tested(NamedTuple):
    """A message that was sent from here. `said`: why it does not go on, and what to do."""

    message: Message
    steps: tuple[Step, ...]
    said: Sentence | None
    under_way: bool


async def tested(visit: Visit, session: Session) -> Tested | None:
    """The one that the query's `sent` names, if it is of this session."""
    word = visit.request.query_word("sent")
    message = await visit.api.store.messages.get(MessageId(word)) if word else None
    if message is None or message.session_id != session.id or message.direction != "out":
        return None
    acks = await visit.api.store.messages.acks(message.id)
    said = None if message.reason is None else sentence(message.reason, visit.texts)
    if message.state == "held":
        said = sentence(session.reason, visit.texts)
    fresh = visit.api.clock.now() - message.created_at < FOLLOWED_S
    return Tested(message, steps(message, acks), said, under_way=fresh and message.state not in OVER)


def steps(message: Message, acks: Acks) -> tuple[Step, ...]:
    """Each with its time: a later step that was told proves those before it."""
    times = (message.created_at, message.sent_at, acks.server, acks.device, acks.read)
    reached = max(place for place, at in enumerate(times) if at is not None)
    if message.state in LEFT:
        reached = max(reached, {"sent": 1, "delivered": 3, "read": 4}[message.state])
    over = message.state in OVER and message.state != "read"
    return tuple(
        Step(name, _stands(place, reached, over=over), _after(message, at))
        for place, (name, at) in enumerate(zip(NAMES, times, strict=True))
    )


NAMES = ("accepted", "provider", "server", "device", "read")


def _stands(place: int, reached: int, *, over: bool) -> str:
    if place <= reached:
        return "reached"
    if place > reached + 1:
        return "ahead"
    return "ended" if over else "now"


def _after(message: Message, at: float | None) -> str:
    return "" if at is None else f"+{max(0.0, at - message.created_at):.1f} s"


async def form(visit: Visit) -> ApiResponse:
    """The form on a page of its own. Raises `CommandError("unknown-session")`."""
    session = await visit.api.commands.lookup.session(visit.request.path["name"], visit.request.scope)
    return visit.drawn("session/send.html", session=session, words={}, wrong=None, once=visit.api.clock.token())


async def send(visit: Visit) -> ApiResponse:
    """On to the session's page, which follows the message; or the form again. Raises `CommandError`: unknown-session,
    login-form-old."""
    words = await visit.form()
    session = await visit.api.commands.lookup.session(visit.request.path["name"], visit.request.scope)
    try:
        request = forms.read(MessageRequest, _said(words))
        messages, caller = visit.api.commands.messages, visit.request.key.id
        message, _ = await messages.send(
            session, request, caller=caller, idem_key=_once(words), trace_context=visit.request.trace_context
        )
    except CommandError as error:
        told = forms.wrong(error, visit.texts)
        wrong = told._replace(field=told.field.partition(".")[0])
        again = visit.api.clock.token()
        return visit.drawn("session/send.html", 400, session=session, words=words, wrong=wrong, once=again)
    return moved(f"/sessions/{session.name}?sent={message.id}#tester")


def _once(words: Form) -> str | None:
    """What a second click, or a form that is sent once more, has in common with the first; another text has not."""
    if not words.word("once"):
        return None
    said = "\n".join(words.word(name) for name in ("once", "to", "text", "media"))
    return hashlib.sha256(said.encode()).hexdigest()


def _said(words: Form) -> dict[str, Any]:
    """The form as the API takes it."""
    to, text, url = words.word("to"), words.word("text"), words.word("media")
    if not url:
        return {"to": to, "text": text}
    return {"to": to, "media": {"kind": _kind(url), "url": url}, "caption": text or None}


def _kind(url: str) -> str:
    """By the ending of its name; what is not known goes as a document."""
    guessed = mimetypes.guess_type(url.partition("?")[0])[0] or ""
    kind = guessed.partition("/")[0]
    return kind if kind in ("image", "video", "audio") else "document"


ROUTES = (
    PageRoute("GET", "/sessions/{name}/send", form, "send"),
    PageRoute("POST", "/sessions/{name}/send", send, "send"),
)
