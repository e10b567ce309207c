"""A message as its row holds it, its states, and the record of one attempt to send it.

Times are epoch seconds (UTC). Never lives here: which state follows which (`core.messages.transitions`).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from esteio.core.model.content import Content
from esteio.core.model.ids import MessageId, SessionId, SessionName
from esteio.core.model.state import Reason

MessageState = Literal[
    "queued", "sending", "held", "in_doubt", "sent", "delivered", "read", "failed", "expired", "cancelled"
]
"""`held` is never stored: it is `queued` behind a closed gate."""
Direction = Literal["out", "in"]


class Message(msgspec.Struct, frozen=True):
    """One message of either direction, as the store holds it."""

    id: MessageId
    session_id: SessionId
    session: SessionName
    direction: Direction
    chat: str
    """The conversation: an address (`core.model.address`), in the one spelling that the session files it under. With
    the
    session, the lane."""
    content: Content
    state: MessageState
    created_at: float
    updated_at: float
    to: str | None = None
    sender: str | None = None
    provider_id: str | None = None
    reason: Reason | None = None
    priority: int = 5
    expires_at: float | None = None
    on_down: Literal["hold", "fail"] = "hold"
    client_ref: str | None = None
    quote: str | None = None
    mentions: tuple[str, ...] = ()
    attempts: int = 0
    due_at: float = 0.0
    closed_tries: int = 0
    """"Connection Closed" answers in the present series: the short retry of seed 004 counts them."""
    sent_at: float | None = None
    doubt_since: float | None = None
    queue_ref: str | None = None
    recovered: bool = False
    """An inbound message that was read back after a gap."""
    author: str | None = None
    """Of an inbound message in a group: its author's JID as WhatsApp's key names it (`sender` may be the phone)."""
    read_as: str | None = None
    """The region that was put in front of `to`, which came without a country code."""
    provider_queued_at: float | None = None
    """Sent, and since then perhaps still in the provider's own queue; its chat waits (`core.messages.provider_queue`).
    """
    set_aside_at: float | None = None
    """In doubt, and since then out of the way of its chat (`core.messages.doubts`)."""
    trace_context: str | None = None
    """The trace that it belongs to, in the W3C form: `traceparent`, and after a blank `tracestate` where there is one.
    It goes on in whatever process and node handles the message next."""


class AttemptRecord(msgspec.Struct, frozen=True):
    """One line of `GET /v1/messages/{id}`'s `attempts`."""

    at: float
    outcome: str
    detail: str = ""
