"""One message whole: what it says, its life in steps, every attempt, what can be done with it.

Never lives here: which state follows which (`core.messages.transitions`).
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec

from esteio.api.dashboard.messages import content
from esteio.api.dashboard.page import Moment, Visit, moved
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.api.v1 import media, raw
from esteio.core.model.ids import MessageId
from esteio.core.model.message import AttemptRecord, Message, MessageState
from esteio.engine.commands.messages import RETRIED_FROM
from esteio.engine.errors import CommandError

LARGEST_RAW = 65_536
"""Bytes of the provider's own words that a page shows."""
CANCELLED_FROM = frozenset({"queued", "held"})

ATTEMPTS = {
    "accepted": "attempt.accepted",
    "refused": "attempt.refused",
    "not_sent": "attempt.not_sent",
    "in_doubt": "attempt.in_doubt",
    "looked": "attempt.looked",
}
"""What came of an attempt (`Certainty`, or a look), as a text."""


class Step(NamedTuple):
    """A state that the message took, and when."""

    state: MessageState
    at: Moment | None
    now: bool


class Attempt(NamedTuple):
    """One try. `key`: the text that says what came of it; `outcome`: the same in the program's words."""

    at: Moment | None
    key: str
    outcome: str
    detail: str


async def show(visit: Visit) -> ApiResponse:
    """The page. Raises `CommandError`: unknown-message, session-out-of-reach."""
    message = await _mine(visit)
    store, why = visit.api.store, content.why(visit, message)
    quoted = None if message.quote is None else await store.messages.get(MessageId(message.quote))
    mine = quoted is not None and quoted.session_id == message.session_id
    attempts = await store.messages.attempts(message.id)
    return visit.drawn(
        "messages/message.html",
        message=message,
        parts=message.content,
        media=content.media(visit, message),
        at=visit.moment(message.created_at),
        reason=why.text,
        action=why.action,
        steps=life(visit, message, await store.message_history.steps(message)),
        attempts=[_attempt(visit, one) for one in attempts],
        next_at=visit.moment(message.due_at) if message.state in ("queued", "in_doubt") else None,
        expires=visit.moment(message.expires_at) if message.state in CANCELLED_FROM else None,
        quoted=content.line(visit, quoted) if mine and quoted is not None else None,
        raw=await _raw(visit, message),
        may_retry=visit.may("send") and message.direction == "out" and message.state in RETRIED_FROM,
        may_cancel=visit.may("send") and message.state in CANCELLED_FROM,
    )


async def bytes_of(visit: Visit) -> ApiResponse:
    """Its media, for who is logged in. Raises `CommandError`."""
    await _mine(visit)
    return await media.by_key(visit.api, visit.request)


async def act(visit: Visit) -> ApiResponse:
    """Retry or cancel, then the page again. Raises `CommandError`."""
    await visit.form()
    message, wish = await _mine(visit), visit.request.path["act"]
    if wish == "retry":
        await visit.api.commands.messages.retry(message.id)
        return moved(f"/messages/{message.id}", done="message-retried")
    if wish == "cancel":
        await visit.api.commands.messages.cancel(message.id)
        return moved(f"/messages/{message.id}", done="message-cancelled")
    raise CommandError("not-found")


async def _mine(visit: Visit) -> Message:
    # guard: message-page-in-scope
    return await visit.api.commands.lookup.message(visit.request.path["id"], visit.request.scope)


def life(visit: Visit, message: Message, seen: Sequence[tuple[MessageState, float]]) -> list[Step]:
    """Every state with its time, in order; what is too old for the log of events, from the message itself."""
    first: MessageState = "queued" if message.direction == "out" else message.state
    known = [(first, message.created_at), *seen]
    if message.sent_at and "sent" not in dict(known):
        known.append(("sent", message.sent_at))
    if message.state not in dict(known):
        known.append((message.state, message.updated_at))
    known.sort(key=operator.itemgetter(1))
    last = len(known) - 1
    return [Step(state, visit.moment(at), place == last) for place, (state, at) in enumerate(known)]


def _attempt(visit: Visit, one: AttemptRecord) -> Attempt:
    key = ATTEMPTS.get(one.outcome.partition(":")[0], "attempt.other")
    return Attempt(visit.moment(one.at), key, one.outcome, one.detail)


async def _raw(visit: Visit, message: Message) -> str | None:
    """What the provider sent, for an admin; None when nothing is kept."""
    found = await visit.api.store.inbox.of_message(message.id) if visit.may("admin") else None
    if found is None:
        return None
    body = raw.shown(found.body, visit.request.scope, visit.api.addresses_told)[:LARGEST_RAW]
    with suppress(msgspec.DecodeError, RecursionError):
        body = msgspec.json.format(body, indent=2)
    return body.decode("utf-8", "replace")


ROUTES = (
    PageRoute("GET", "/messages/{id}", show, "read"),
    PageRoute("GET", "/messages/{id}/media", bytes_of, "read"),
    PageRoute("POST", "/messages/{id}/{act}", act, "send"),
)
