"""What a provider has taken into a queue of its own and may not have sent yet: it is *parked*, and its chat waits.

W-API takes every message, also while its line is dead and nobody can know, and sends it when the line is back; what is
handed over then goes straight out and would come first. So a parked message counts as sent, and the next one of its
chat goes when it is known to be out: WhatsApp acknowledged it, the provider told of it, or the provider's queue was
read without it (it leaves that queue only by being sent). While the queue shows it, it is waited for; what cannot be
read at all holds a chat up only for a moment. After that the chat goes on and the message says so.
Never lives here: how a queue is read (the adapter's), storage.
"""

from __future__ import annotations

import msgspec

from esteio.core.messages.transitions import Event
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import MessageId
from esteio.core.model.message import AttemptRecord, Message
from esteio.core.model.state import Reason

FIRST_LOOK_S = 3.0
"""Most messages are acknowledged by then, and their queue is never looked at."""
LOOK_AT_MOST_S = 60.0
SHOWN_AT_MOST_S = 1800.0
"""So long a live session's queue may go on showing a message before its chat goes on without it."""
UNREAD_AT_MOST_S = 60.0
"""The same for a queue that cannot be read."""
BEHIND = Reason("behind-its-queue")
"""Why the next message of the chat waits."""


class QueueOutcome(msgspec.Struct, frozen=True):
    """What the provider's own queue shows: every id of every entry. None: it has no queue, or could not be read."""

    ids: frozenset[str] | None
    detail: str = ""
    evidence: tuple[Evidence, ...] = ()
    """About the server."""


class QueueSettlement(msgspec.Struct, frozen=True):
    """What one look at the queue makes of a message that is in it. `due_at`: the next look, while nothing has changed.
    `attempt`: how it is told that its chat goes on although it is not known to be out."""

    message_id: MessageId
    event: Event
    at: float
    due_at: float | None = None
    reason: Reason | None = None
    attempt: AttemptRecord | None = None


def next_check(message: Message, queue: QueueOutcome, *, opened: float, now: float) -> QueueSettlement:
    """The message after the queue was read. `opened`: since when the session can send, 0 while it cannot: a queue that
    stands still then is no news."""
    ids = queue.ids
    if ids is not None and not ids & {message.provider_id, message.queue_ref}:  # guard: unread-queue-is-not-empty
        return QueueSettlement(message.id, "queue_left", now)
    reason = Reason("in-its-queue" if ids is not None else "queue-unread")
    since = max(message.provider_queued_at or now, opened)
    waited = now - since if opened else 0.0  # guard: queue-wait-counts-live-time
    if waited >= (SHOWN_AT_MOST_S if ids is not None else UNREAD_AT_MOST_S):  # guard: queue-wait-bounded
        attempt = AttemptRecord(now, "looked: queue", queue.detail or "still in the provider's queue")
        return QueueSettlement(message.id, "queue_given_up", now, None, Reason("passed-in-queue"), attempt)
    due_at = now + min(LOOK_AT_MOST_S, max(FIRST_LOOK_S, waited / 2))
    return QueueSettlement(message.id, "queue_shows", now, due_at, reason)
