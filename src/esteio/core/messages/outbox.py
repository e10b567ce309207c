"""One attempt to send: what the provider's answer makes of the message. And the two values that a send is told in.

`SendOutcome` is what the adapter's flow returns, `SendSettlement` what is written; `settle` makes the one of the other,
`doubts.resolve` makes a settlement of a look for a message in doubt. Both are pure and total, and move a message only
as the table of `transitions` says. Three things never happen: a message that may have left is never sent again without
proof that it did not (or the policy's word), one that surely did not leave is never given up while its policy keeps it,
and a state never moves backwards but by a person's retry. Never lives here: a look (`doubts`), storage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from esteio.core.judge import pacing
from esteio.core.messages import provider_queue
from esteio.core.messages.transitions import STATE_AFTER, Event, after, stage
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import MessageId, SessionId
from esteio.core.model.message import AttemptRecord, Message, MessageState
from esteio.core.model.policy import Policy
from esteio.core.model.state import Reason

Certainty = Literal["accepted", "refused", "not_sent", "in_doubt"]
"""`accepted`: the provider took it. `refused`: it said no, for a reason about the request. `not_sent`: it surely did
not happen, and may be tried again. `in_doubt`: it may have happened."""

Fault = Literal[
    "none",
    "socket",
    "server",
    "rate",
    "media",
    "media-not-allowed",
    "media-is-a-page",
    "media-unfit",
    "restriction",
    "invalid-number",
    "request",
    "unpaired",
    "missing",
    "timeout",
    "route",
    "store",
    "too-large",
]
"""Why a send was not accepted. `socket`: "Connection Closed" in any shape. `server`: 5xx, HTML, refused connection,
licence wall. `request`: our mistake (validation); in doubt: a no in words that nobody knows. `store`: the provider's
database failed, so its list says nothing of this message. `too-large`: refused for its size. `missing`: the instance is
unknown to the provider. `route`: nobody at the server's address knows the path; that is a fault of our settings, or of
somebody in between."""

FIRST_LOOK_S = 5.0
"""The first look for a message in doubt without any answer …"""
LOOK_NOW_S = 1.0
"""… and after an answer, or an exchange that was cut: that is news, and a process that has died is not back so soon."""
SLOW_S = 1.0
"""A refusal that took longer names the time of its question too."""
TRIES_WITH_EFFORT = 3
"""So many attempts for faults that time alone seldom cures: media, and an account that is restricted."""


class IllegalMove(Exception):
    """A move that the table does not have: a defect of ours. Nothing is changed."""


class SendOutcome(msgspec.Struct, frozen=True):
    """What became of one send. `detail` is the provider's own words, secrets stripped, at most 500 characters."""

    certainty: Certainty
    provider_id: str | None = None
    fault: Fault = "none"
    detail: str = ""
    evidence: tuple[Evidence, ...] = ()
    queue_ref: str | None = None
    """The provider's own queue entry, where it queues (W-API `insertedId`)."""
    queued: bool = False
    """Accepted into a queue of the provider's own: it may leave later, and after what is handed over later."""
    over: bool = False
    """The provider itself has answered: nothing of this send goes on there."""
    gateway: bool = False
    """Somebody in between has answered that the provider is not there: it hardly goes on."""
    size: int = 0
    """Bytes of the request, where it was refused for its size."""


class SendSettlement(msgspec.Struct, frozen=True):
    """What one attempt, or one look for a message in doubt, makes of it. Times are epoch seconds.

    `fence` is the claim's (0 for a look, which holds no claim). `due_at`: the next send of a queued one, the next look
    at one in doubt or in the provider's queue. `evidence` goes to the session, and to its server, in the transaction
    that moves the message.
    """

    message_id: MessageId
    session_id: SessionId
    fence: int
    event: Event
    at: float
    attempt: AttemptRecord | None = None
    provider_id: str | None = None
    due_at: float | None = None
    reason: Reason | None = None
    closed_tries: int = 0
    doubt_since: float | None = None
    queue_ref: str | None = None
    sent_at: float | None = None
    evidence: tuple[Evidence, ...] = ()

    @property
    def state(self) -> MessageState:
        """The state that people see from now on."""
        return STATE_AFTER[self.event]


def moved(message: Message, event: Event, now: float, **fields: Any) -> SendSettlement:
    """The settlement that moves a message by an event; `fields` are the settlement's. Raises `IllegalMove`."""
    if after(stage(message), event) is None:
        raise IllegalMove(f"{event} of a message that is {message.state}")
    return SendSettlement(message.id, message.session_id, 0, event, now, **fields)


def is_expired(message: Message, now: float) -> bool:
    """Whether its time is over. It counts only while the message has not left."""
    return message.expires_at is not None and now >= message.expires_at


class _Again(NamedTuple):
    """How a fault that time may cure is tried again: first pause, longest pause, sentence."""

    first_s: float
    most_s: float
    code: str


_AGAIN: Mapping[Fault, _Again] = {
    "server": _Again(5, 300, "send-server"),
    "timeout": _Again(5, 300, "send-server"),
    "none": _Again(5, 300, "send-server"),
    "rate": _Again(15, 300, "send-rate"),
    "media": _Again(10, 60, "media-failed"),
    "restriction": _Again(3600, 4 * 3600, "restricted-463"),
    "unpaired": _Again(5, 300, "unpaired"),
    "missing": _Again(5, 300, "instance-missing"),
    "route": _Again(5, 300, "route-unknown"),
    "store": _Again(5, 300, "send-server"),
}
_FINAL: Mapping[Fault, str] = {
    "invalid-number": "invalid-number",
    "request": "request-refused",
    "media-not-allowed": "media-not-allowed",
    "media-is-a-page": "media-is-a-page",
    "media-unfit": "media-failed",
    "too-large": "too-large-for-server",
}
_BY_ON_DOWN: frozenset[Fault] = frozenset({"unpaired", "missing", "restriction"})
_BY_TRIES: frozenset[Fault] = frozenset({"media", "restriction"})


def settle(
    message: Message,
    outcome: SendOutcome,
    policy: Policy,
    *,
    fence: int,
    began: float,
    now: float,
    server: str = "",
) -> SendSettlement:
    """The message after one attempt. It comes as it was claimed: `attempts` counts this one, and `updated_at` is when
    it was claimed; `began` is when this attempt began. `server`: whose address was asked."""
    word = outcome.certainty if outcome.fault == "none" else f"{outcome.certainty}:{outcome.fault}"
    return msgspec.structs.replace(
        _settled(message, outcome, policy, now, server),
        fence=fence,
        attempt=AttemptRecord(began, word, outcome.detail),
        provider_id=outcome.provider_id,
        queue_ref=outcome.queue_ref,
        evidence=tuple([_with_question(one, began) for one in outcome.evidence]),
    )


def _settled(message: Message, outcome: SendOutcome, policy: Policy, now: float, server: str) -> SendSettlement:
    if outcome.certainty == "accepted":
        if outcome.queued:  # guard: queued-is-parked
            return in_its_queue(message, now, sent_at=now)
        return moved(message, "accepted", now, sent_at=now)
    if outcome.certainty == "in_doubt":  # guard: lost-answer-is-doubt
        return _doubted(message, outcome, now)
    if outcome.fault == "socket":
        return _closed(message, policy, now)
    if outcome.fault in _FINAL or (outcome.certainty == "refused" and outcome.fault == "none"):
        code = _FINAL.get(outcome.fault, "request-refused")
        return failed(message, now, code, outcome.detail, size=megabytes(outcome.size), server=server)
    return _faulted(message, outcome, now, server)


def _with_question(evidence: Evidence, began: float) -> Evidence:
    """A half-open socket lets a send hang for a minute and then refuses it, and by that time another may have carried
    messages: when it was asked, the judge must know as well."""
    if evidence.kind != "send_closed" or evidence.happened_at - began <= SLOW_S:
        return evidence
    return msgspec.structs.replace(evidence, data={**evidence.data, "asked_at": f"{began:.3f}"})


def in_its_queue(message: Message, now: float, sent_at: float | None) -> SendSettlement:
    """It is in the provider's own queue: that is looked at soon."""
    return moved(message, "queued_at_provider", now, due_at=now + provider_queue.FIRST_LOOK_S, sent_at=sent_at)


def _doubted(message: Message, outcome: SendOutcome, now: float) -> SendSettlement:
    """Doubt dates from the beginning of the send: that is where it is looked for."""
    code = _kind_of_doubt(outcome)
    words = _words(outcome.detail) if code != "in-doubt" else {}
    pause = FIRST_LOOK_S if code == "in-doubt" and outcome.fault != "server" else LOOK_NOW_S
    return moved(
        message,
        "doubted",
        now,
        due_at=now + pause,
        reason=Reason(code, words),
        closed_tries=message.closed_tries,
        doubt_since=min(message.updated_at, now),
    )


def _kind_of_doubt(outcome: SendOutcome) -> str:
    if outcome.fault == "store":
        return "in-doubt-unstored"
    if outcome.over:
        return "in-doubt-refused" if outcome.fault == "request" else "in-doubt-answered"
    return "in-doubt-proxy" if outcome.gateway else "in-doubt"


def _closed(message: Message, policy: Policy, now: float) -> SendSettlement:
    """ "Connection Closed": once it may be a hiccup; again, and the session is down."""
    tries = message.closed_tries + 1
    beyond = tries - policy.closed_retries
    if beyond > 0 and message.on_down == "fail":
        return failed(message, now, "session-down", closed_tries=tries)
    # A held message waits a little by itself too: the judge's gate closes a moment after this row is written.
    pause = pacing.doubling(policy.closed_retry_after_s or 1.0, 60.0, beyond - 1)
    due = now + (policy.closed_retry_after_s if beyond <= 0 else pause)
    reason = Reason("session-down" if beyond > 0 else "send-retried")
    return again(message, "not_sent", now, due, reason, closed_tries=tries)


def _faulted(message: Message, outcome: SendOutcome, now: float, server: str) -> SendSettlement:
    ladder = _AGAIN[outcome.fault]
    spent = outcome.fault in _BY_TRIES and message.attempts >= TRIES_WITH_EFFORT
    if spent or (outcome.fault in _BY_ON_DOWN and message.on_down == "fail"):
        return failed(message, now, ladder.code, outcome.detail)
    due = now + pacing.doubling(ladder.first_s, ladder.most_s, message.attempts - 1)
    words = _words(outcome.detail, server if outcome.fault == "route" else "")
    return again(message, "not_sent", now, due, Reason(ladder.code, words))


def again(
    message: Message, event: Event, now: float, due_at: float, reason: Reason, *, closed_tries: int | None = None
) -> SendSettlement:
    """It goes back into the queue by this event, or expires when its time is over."""
    tries = message.closed_tries if closed_tries is None else closed_tries
    if is_expired(message, now):
        return moved(message, "too_late", now, reason=Reason("expired"), closed_tries=tries)
    return moved(message, event, now, due_at=due_at, reason=reason, closed_tries=tries)


def failed(
    message: Message,
    now: float,
    code: str,
    detail: str = "",
    *,
    closed_tries: int | None = None,
    size: str = "",
    server: str = "",
) -> SendSettlement:
    """It is not tried again, for the reason `code`; `size` and `server` are words of that reason."""
    tries = message.closed_tries if closed_tries is None else closed_tries
    words = _words(detail, server if size else "")
    return moved(
        message, "failed", now, reason=Reason(code, words | {"size": size} if size else words), closed_tries=tries
    )


def megabytes(size: int) -> str:
    """A length in bytes for people, as limits are written; empty for none."""
    if not size:
        return ""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{max(1, round(size / 1e3))} kB"


def _words(detail: str, server: str = "") -> dict[str, str]:
    return {name: words for name, words in (("detail", detail), ("server", server)) if words}
