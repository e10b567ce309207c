"""The state machine of outgoing messages: one table, state × event → state, for both directions and for receipts.

An event that the table does not know in a state is not legal there and changes nothing. No move leads backwards but
`retried`, which a person asks for; `not_sent` and `resent` lead back into the queue from a send that surely did not
leave, or by the policy's word. An incoming message has one state, `delivered`, and never moves.

The store reads a row, or compares its state while it writes, and takes the new state from here; its statements take the
states that they compare from here too (`store` fills `{{before_EVENT}}`). Never lives here: which event an outcome is
(`outbox`, `doubts`, `receipts`), times, reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from esteio.core.model.message import Message, MessageState

Stage = Literal[
    "queued",
    "sending",
    "in_doubt",
    "set_aside",
    "sent",
    "provider_queued",
    "delivered",
    "read",
    "failed",
    "expired",
    "cancelled",
]
"""A state as the machine knows it. People see `set_aside` as `in_doubt`: nothing can settle it for now, and its chat
goes on. They see `provider_queued` as `sent`: it may still be in the provider's own queue, and its chat waits."""

Event = Literal[
    "claimed",
    "lease_lost",
    "accepted",
    "queued_at_provider",
    "doubted",
    "not_sent",
    "too_late",
    "failed",
    "found",
    "not_found",
    "set_aside",
    "resent",
    "echo_seen",
    "receipt_server",
    "receipt_device",
    "receipt_read",
    "receipt_error",
    "queue_shows",
    "queue_left",
    "queue_given_up",
    "held_back",
    "released",
    "expired",
    "session_down",
    "cancelled",
    "retried",
    "erased",
]

Moves = Mapping[Stage, Stage]

_DOUBT: Moves = {"in_doubt": "in_doubt", "set_aside": "set_aside"}
_OPEN: tuple[Stage, ...] = ("sending", "in_doubt", "set_aside")
_UNCONFIRMED: tuple[Stage, ...] = (*_OPEN, "provider_queued")


def _all(before: tuple[Stage, ...], after: Stage) -> Moves:
    return dict.fromkeys(before, after)


MOVES: Mapping[Event, Moves] = {
    "claimed": _all(("queued",), "sending"),
    "lease_lost": _all(("sending",), "in_doubt"),
    "accepted": _all(("sending",), "sent"),
    "queued_at_provider": _all(_OPEN, "provider_queued"),
    "doubted": _all(("sending",), "in_doubt"),
    "not_sent": _all(_OPEN, "queued"),
    "too_late": _all(_OPEN, "expired"),
    "failed": _all(_OPEN, "failed"),
    "found": _all(("in_doubt", "set_aside"), "sent"),
    "not_found": _DOUBT,
    "set_aside": _all(("in_doubt",), "set_aside"),
    "resent": _all(("in_doubt", "set_aside"), "queued"),
    "echo_seen": _all(_UNCONFIRMED, "sent"),
    "receipt_server": _all(_UNCONFIRMED, "sent"),
    "receipt_device": _all((*_UNCONFIRMED, "sent"), "delivered"),  # guard: receipts-only-climb
    "receipt_read": _all((*_UNCONFIRMED, "sent", "delivered"), "read"),
    "receipt_error": _all((*_UNCONFIRMED, "sent"), "failed"),
    "queue_shows": _all(("provider_queued",), "provider_queued"),
    "queue_left": _all(("provider_queued",), "sent"),
    "queue_given_up": _all(("provider_queued",), "sent"),
    "held_back": _all(("queued",), "queued"),
    "released": _all(("queued",), "queued"),
    "expired": _all(("queued",), "expired"),
    "session_down": _all(("queued",), "failed"),
    "cancelled": _all(("queued",), "cancelled"),
    "retried": _all(("failed", "expired", "cancelled", "in_doubt", "set_aside"), "queued"),
    "erased": {"queued": "cancelled", "in_doubt": "failed", "set_aside": "failed", "provider_queued": "sent"},
}

MEANINGS: Mapping[Event, str] = {
    "claimed": "its turn came: one attempt begins, under a lease",
    "lease_lost": "the lease ran out, or the process stopped, before the attempt's outcome was written",
    "accepted": "the provider took it and gave an id",
    "queued_at_provider": "it was taken into, or found in, the provider's own queue",
    "doubted": "the attempt ended without a clear answer",
    "not_sent": "it surely did not leave, and is tried again",
    "too_late": "it surely did not leave, and its time is over",
    "failed": "it surely did not leave and is not tried again; or its doubt fails by policy",
    "found": "a look found it at the provider",
    "not_found": "a look settled nothing; it is looked for again",
    "set_aside": "looking can tell no more; its chat goes on",
    "resent": "nobody can tell, and the policy says `resend`",
    "echo_seen": "the provider's own event shows that it left",
    "receipt_server": "WhatsApp's server has it",
    "receipt_device": "the recipient's phone has it",
    "receipt_read": "it was read, or played",
    "receipt_error": "WhatsApp refused it afterwards (a 463, for instance)",
    "queue_shows": "the provider's queue still shows it, or cannot be read",
    "queue_left": "the provider's queue does not show it any more",
    "queue_given_up": "it was waited for long enough",
    "held_back": "it waits for a reason of its own: a restriction (463), or the message before it",
    "released": "that reason is gone",
    "expired": "its time was over before its turn came",
    "session_down": "its session went down, and it says `on_down: fail`",
    "cancelled": "a person took it back",
    "retried": "a person asked to send it again",
    "erased": "its contact's data were erased",
}
"""What happened, for the page (`docs/reference/states.md`)."""

PUBLIC: Mapping[Stage, MessageState] = {
    "queued": "queued",
    "sending": "sending",
    "in_doubt": "in_doubt",
    "set_aside": "in_doubt",
    "sent": "sent",
    "provider_queued": "sent",
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "expired": "expired",
    "cancelled": "cancelled",
}
"""A stage as people see it, and as the row's `state` holds it."""


def after(stage: Stage, event: Event) -> Stage | None:
    """The stage that follows; None when the event is not legal there: then nothing may be changed."""
    return MOVES[event].get(stage)


def stage_of(state: MessageState, *, aside: bool = False, provider_queued: bool = False) -> Stage:
    """The stage of a row. `aside` counts only in doubt, `provider_queued` only for what is sent; `held` is `queued`."""
    if state == "in_doubt" and aside:
        return "set_aside"
    if state == "sent" and provider_queued:
        return "provider_queued"
    return "queued" if state == "held" else state


def stage(message: Message) -> Stage:
    """The stage of a message."""
    aside, queued = message.set_aside_at is not None, message.provider_queued_at is not None
    return stage_of(message.state, aside=aside, provider_queued=queued)


def states_before(event: Event) -> tuple[MessageState, ...]:
    """The public states in which an event is legal, each once, in the table's order."""
    return tuple(dict.fromkeys(PUBLIC[stage] for stage in MOVES[event]))


STATE_AFTER: Mapping[Event, MessageState] = {
    event: PUBLIC[next(iter(moves.values()))] for event, moves in MOVES.items() if event != "erased"
}
"""The one public state that an event leads to; `erased` alone leads to several."""
UNDER_WAY: tuple[MessageState, ...] = states_before("not_sent")
"""Nobody knows whether it left."""
LEFT: tuple[MessageState, ...] = ("sent", "delivered", "read")
"""It is with the provider, or further."""
