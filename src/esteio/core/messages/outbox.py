"""What becomes of a message: the states it may pass through, and what one attempt or one look makes of it.

`settle` reads the outcome of a send, `resolve` that of looking for one in doubt. Both are pure and total. Three things
are never done here: a message that may have left is never sent again without proof that it did not (or the policy's
word), one that surely did not leave is never given up while its policy keeps it, and a state never moves backwards but
by a person's retry.

A message in doubt holds up its chat while looking may still tell. Once looking can tell no more (the session lives, the
send can no longer be under way, and the provider has no answer to give) it is *set aside*: still in doubt, shown with
its reason, looked for now and then, but the chat goes on. That keeps the order honest: if it left, it left before all
that goes now; and it is never sent by itself behind something that has gone since. If its absence is proved later, it
goes only when nothing has overtaken it, otherwise it fails and a person may retry it. Never lives here: evidence about
the session (the adapter's), storage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from esteio.core.judge import pacing
from esteio.core.messages import provider_queue
from esteio.core.model.message import Message, MessageState
from esteio.core.model.policy import Policy
from esteio.core.model.server import ServerFacts
from esteio.core.model.session import Session
from esteio.core.model.state import Gate, Reason

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

LookResult = Literal["found", "absent", "unknown"]

FIRST_LOOK_S = 5.0
"""The first look for a message in doubt without any answer …"""
LOOK_NOW_S = 1.0
"""… and after an answer, or an exchange that was cut: that is news, and a process that has died is not back so soon."""
LOOKS_GROW, LOOKS_GROW_LATER = 2.0, 0.5
"""The pause before the next look, in the time that there has been something to hope for: while the send may still go
on, and once an absence could tell."""
LOOK_AT_MOST_S = 300.0
"""The longest time between looks while there is hope …"""
LOOK_SELDOM_S = 3600.0
"""… and after it, for one that policy keeps in doubt."""
LOOKS_LIVE_S = 1800.0
"""A live session whose list cannot be read holds up a chat no longer than this; and so late comes the latest echo, so
that who sends again by policy waits for it (webhooks 25 minutes late were seen)."""
LINGERS_S = 60.0
"""A server that was too slow for us goes on working: so much longer than the send's own time may a message still leave
(storm seeds 200, 221: answered after 88 s, sent again after 80)."""
ENDS_S = 66.0
"""When somebody in between has answered, and the provider itself is back to its business: no send of its own goes on
longer (a half-open socket is given up after 60 s)."""
UNSTORED_S = 600.0
"""A database that fails on one send fails on those around it, so long before and after."""
TRIES_REFUSED = 6
"""So many attempts that were refused in words nobody knows and each proved absent, and the words are believed."""
TRIES_WITH_EFFORT = 3
"""So many attempts for faults that time alone seldom cures: media, and an account that is restricted."""

DOUBTS: Mapping[str, str] = {
    "in-doubt": "in-doubt-held",
    "in-doubt-answered": "in-doubt-held",
    "in-doubt-refused": "in-doubt-held",
    "in-doubt-proxy": "in-doubt-held",
    "in-doubt-unstored": "in-doubt-held-unstored",
    "in-doubt-restarted": "in-doubt-held-restarted",
}
"""What is known of a doubt, and the same once it is set aside: no answer; the provider failed in its own words; it said
no in words that nobody knows; somebody in between said that it is not there; its database failed; its process may have
died with the send in its hands."""
_HELD = frozenset(DOUBTS.values())
_OVER = frozenset({"in-doubt-answered", "in-doubt-refused", "in-doubt-unstored"})
_ABSENT_IN_VAIN = frozenset(
    {"in-doubt-unstored", "in-doubt-restarted", "in-doubt-held-unstored", "in-doubt-held-restarted"}
)

# -- states ------------------------------------------------------------------------------------------------------

MOVES: Mapping[MessageState, frozenset[MessageState]] = {
    "queued": frozenset({"sending", "failed", "expired", "cancelled"}),
    "held": frozenset({"sending", "failed", "expired", "cancelled"}),
    "sending": frozenset({"queued", "in_doubt", "sent", "delivered", "read", "failed", "expired"}),
    "in_doubt": frozenset({"queued", "sent", "delivered", "read", "failed", "expired"}),
    "sent": frozenset({"delivered", "read", "failed"}),
    "delivered": frozenset({"read"}),
    "read": frozenset(),  # guard: receipts-only-climb
    "failed": frozenset(),
    "expired": frozenset(),
    "cancelled": frozenset(),
}
"""Moves without a person. `sending` and `in_doubt` return to `queued` only when the message is known not to have left,
or by the policy's word."""
RETRIED: frozenset[MessageState] = frozenset({"failed", "expired", "cancelled", "in_doubt"})
"""From these a person's retry leads to `queued`."""


def may_move(before: MessageState, after: MessageState, *, by_person: bool = False) -> bool:
    """Whether a message may pass from one state to another."""
    return after in MOVES[before] or (by_person and after == "queued" and before in RETRIED)


def shown_state(state: MessageState, gate: Gate) -> MessageState:
    """The state for people: what is queued behind a closed gate is held."""
    return "held" if state == "queued" and gate == "held" else state


def is_expired(message: Message, now: float) -> bool:
    """Whether its time is over. It counts only while the message has not left."""
    return message.expires_at is not None and now >= message.expires_at


# -- one attempt -------------------------------------------------------------------------------------------------


class SendResult(msgspec.Struct, frozen=True):
    """What an adapter said of one send (`providers.base.SendOutcome` without its evidence)."""

    certainty: Certainty
    fault: Fault = "none"
    detail: str = ""
    provider_id: str | None = None
    queue_ref: str | None = None
    queued: bool = False
    over: bool = False
    gateway: bool = False
    size: int = 0


class Settled(msgspec.Struct, frozen=True):
    """What the message's row becomes. `due_at`: the next send of a queued one, the next look at one in doubt or
    parked."""

    state: MessageState
    due_at: float | None = None
    reason: Reason | None = None
    closed_tries: int = 0
    doubt_since: float | None = None
    aside: bool = False
    """In doubt, and from now on no longer in the way of its chat."""
    parked: bool = False
    """Sent, and perhaps still in the provider's own queue: its chat waits (`core.messages.provider_queue`)."""


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


def settle(message: Message, result: SendResult, policy: Policy, now: float, *, server: str = "") -> Settled:
    """The message after one attempt. It comes as it was claimed: `attempts` counts this one, and `updated_at` is when
    this attempt began. `server`: whose address was asked."""
    if result.certainty == "accepted":
        return _parked(now) if result.queued else Settled("sent")  # guard: queued-is-parked
    if result.certainty == "in_doubt":  # guard: lost-answer-is-doubt
        return _doubted(message, result, now)
    if result.fault == "socket":
        return _closed(message, policy, now)
    if result.fault in _FINAL or (result.certainty == "refused" and result.fault == "none"):
        code = _FINAL.get(result.fault, "request-refused")
        return _failed(message, code, result.detail, size=megabytes(result.size), server=server)
    return _faulted(message, result, now, server)


def _parked(now: float, doubt_since: float | None = None) -> Settled:
    return Settled("sent", now + provider_queue.FIRST_LOOK_S, doubt_since=doubt_since, parked=True)


def _doubted(message: Message, result: SendResult, now: float) -> Settled:
    """Doubt dates from the beginning of the send: that is where it is looked for."""
    began = min(message.updated_at, now)
    code = _kind_of_doubt(result)
    words = _words(result.detail) if code != "in-doubt" else {}
    pause = FIRST_LOOK_S if code == "in-doubt" and result.fault != "server" else LOOK_NOW_S
    return Settled("in_doubt", now + pause, Reason(code, words), message.closed_tries, began)


def _kind_of_doubt(result: SendResult) -> str:
    if result.fault == "store":
        return "in-doubt-unstored"
    if result.over:
        return "in-doubt-refused" if result.fault == "request" else "in-doubt-answered"
    return "in-doubt-proxy" if result.gateway else "in-doubt"


def _closed(message: Message, policy: Policy, now: float) -> Settled:
    """ "Connection Closed": once it may be a hiccup; again, and the session is down."""
    tries = message.closed_tries + 1
    beyond = tries - policy.closed_retries
    if beyond > 0 and message.on_down == "fail":
        return _failed(message, "session-down", closed_tries=tries)
    # A held message waits a little by itself too: the judge's gate closes a moment after this row is written.
    pause = pacing.doubling(policy.closed_retry_after_s or 1.0, 60.0, beyond - 1)
    due = now + (policy.closed_retry_after_s if beyond <= 0 else pause)
    return _queued(message, due, Reason("session-down" if beyond > 0 else "send-retried"), now, tries)


def _faulted(message: Message, result: SendResult, now: float, server: str) -> Settled:
    again = _AGAIN[result.fault]
    spent = result.fault in _BY_TRIES and message.attempts >= TRIES_WITH_EFFORT
    if spent or (result.fault in _BY_ON_DOWN and message.on_down == "fail"):
        return _failed(message, again.code, result.detail)
    due = now + pacing.doubling(again.first_s, again.most_s, message.attempts - 1)
    words = _words(result.detail, server if result.fault == "route" else "")
    return _queued(message, due, Reason(again.code, words), now, message.closed_tries)


def _queued(message: Message, due_at: float, reason: Reason, now: float, closed_tries: int) -> Settled:
    if is_expired(message, now):
        return Settled("expired", None, Reason("expired"), closed_tries)
    return Settled("queued", due_at, reason, closed_tries)


def _failed(
    message: Message, code: str, detail: str = "", closed_tries: int | None = None, *, size: str = "", server: str = ""
) -> Settled:
    tries = message.closed_tries if closed_tries is None else closed_tries
    words = _words(detail, server if size else "")
    return Settled("failed", None, Reason(code, words | {"size": size} if size else words), tries)


def megabytes(size: int) -> str:
    """A length in bytes for people, as limits are written; empty for none."""
    if not size:
        return ""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{max(1, round(size / 1e3))} kB"


def _words(detail: str, server: str = "") -> dict[str, str]:
    return {name: words for name, words in (("detail", detail), ("server", server)) if words}


# -- doubt -------------------------------------------------------------------------------------------------------


def live_since_doubt(session: Session, message: Message) -> bool:
    """Whether the session was proved alive after the doubtful send began: only then can absence be believed, for a
    message may leave a dead provider's own queue when it comes back."""
    return session.gate == "open" and session.facts.life_at > _began(message)


def opened_at(session: Session) -> float:
    """Since when its gate is open, 0 while it is not: then looking begins anew, however long a doubt has lasted."""
    return session.gate_since if session.gate == "open" else 0.0


def reopened(before: Session, after: Session) -> bool:
    """Whether the session can send again: its doubts are looked at now, for each of them holds up a chat."""
    return before.gate != "open" and after.gate == "open"  # guard: gate-opening-hastens-doubts


def answers_again(before: ServerFacts, after: ServerFacts) -> bool:
    """Whether a server that failed or was away answers, or has started anew: its doubts are looked at now."""
    return (bool(before.failures) and not after.failures) or after.booted_at > before.booted_at


def is_aside(message: Message) -> bool:
    """Whether this message in doubt is set aside: its reason says so."""
    return message.state == "in_doubt" and message.reason is not None and message.reason.code in _HELD


def is_over(message: Message) -> bool:
    """Whether the provider has answered this send in doubt, or is another process by now."""
    return message.reason is not None and message.reason.code in _OVER | _ABSENT_IN_VAIN


def may_have_died(message: Message, facts: ServerFacts, policy: Policy) -> bool:
    """Whether the provider's process may have died while it had this send in its hands: nobody listened there for a
    time that began after the send did, and it was not heard again after the send must have been over."""
    began = _began(message)
    # guard: absence-not-after-server-boot
    return facts.gone_at > began and facts.alive_at < conclusive_at(began, policy)


def resolve(
    message: Message,
    result: LookResult,
    policy: Policy,
    *,
    live_proved: bool,
    read_began: float,
    now: float,
    later: bool = False,
    overtaken: bool = False,
    opened: float = 0.0,
    queued: bool = False,
    died: bool = False,
    unstored: bool = False,
) -> Settled:
    """A message in doubt after one look. Absence counts only when nothing takes its worth away, and either the provider
    has answered the send or the session is proved live and the read began later than the send could have gone on; what
    stays unknown for `hold_for_s` goes by the policy's `in_doubt`. `later`: another look may tell more than this one
    did. `overtaken`: a later message of its chat may have gone meanwhile. `opened`: as `opened_at`; what is set aside
    does not care. `queued`: it was found in the provider's own queue. `died`: as `may_have_died`.
    `unstored`: the server's database failed on another send about that time (`UNSTORED_S`)."""
    began = _began(message)
    if result == "found":
        return _parked(now, began) if queued else Settled("sent", doubt_since=began)  # guard: queued-doubt-is-parked
    reason = _known_of(message, died=died, unstored=unstored)
    in_vain = reason.code in _ABSENT_IN_VAIN
    # Also where no look can tell, the chat waits until the provider has nothing of it in its hands: it may come late.
    # guard: absence-needs-settled-send
    over = reason.code in _OVER or is_aside(message) or read_began > _ends_at(began, reason.code, policy)
    conclusive = over and (in_vain or reason.code in _OVER or live_proved)  # guard: absence-needs-live-session
    if result == "absent" and conclusive and not in_vain:  # guard: absence-not-after-server-failure
        return _absent(message, reason, overtaken, now)
    # guard: queue-hours-count-live-time
    mute = conclusive and (not later or read_began > max(began, opened) + LOOKS_LIVE_S)
    given_up_at = _given_up_at(message, policy, mute=mute)
    if now < given_up_at:
        # guard: doubt-looks-restart-with-gate, set-aside-looked-for-rarely
        anew = began if is_aside(message) else max(began, opened)
        due_at = min(given_up_at, _next_look(anew, _ends_at(began, reason.code, policy), now))
        if is_aside(message) or (mute and policy.in_doubt != "resend"):
            return _set_aside(message, reason, due_at)
        return Settled("in_doubt", due_at, reason, message.closed_tries, began)
    match policy.in_doubt:  # guard: unprovable-needs-policy
        case "resend" if not overtaken:
            return _queued(message, now, Reason("resent-after-doubt"), now, message.closed_tries)
        case "fail":
            return _failed(message, "in-doubt-failed")
        case _:
            return _set_aside(message, reason, now + LOOK_SELDOM_S)


def _known_of(message: Message, *, died: bool, unstored: bool) -> Reason:
    """What is known of the doubt, with what has come to light. The provider's own answer came before it died; an answer
    that is no database's error says nothing of a database that fails."""
    known = message.reason if message.reason is not None and message.reason.code.startswith("in-doubt") else None
    reason = known or Reason("in-doubt")
    if reason.code in _ABSENT_IN_VAIN:
        return reason
    if unstored:
        return Reason("in-doubt-held-unstored" if is_aside(message) else "in-doubt-unstored", reason.args)
    if not died or reason.code in _OVER:
        return reason
    return Reason("in-doubt-held-restarted" if is_aside(message) else "in-doubt-restarted")


def _absent(message: Message, reason: Reason, overtaken: bool, now: float) -> Settled:
    """It surely did not leave. In its place of the chat it goes; behind what has gone since, only by a person. What was
    answered is not asked again at once, and not for ever when it is a no."""
    if overtaken:
        return _failed(message, "not-sent-overtaken")
    if reason.code == "in-doubt-refused" and message.attempts >= TRIES_REFUSED:
        return _failed(message, "request-refused", reason.args.get("detail", ""))
    pause = pacing.doubling(5.0, 300.0, message.attempts - 1) if reason.code in _OVER else 0.0
    return _queued(message, now + pause, Reason("not-sent-after-all"), now, message.closed_tries)


def _set_aside(message: Message, reason: Reason, due_at: float) -> Settled:
    held = reason if reason.code in _HELD else Reason(DOUBTS[reason.code], reason.args)
    return Settled("in_doubt", due_at, held, message.closed_tries, _began(message), not is_aside(message))


def _ends_at(began: float, code: str, policy: Policy) -> float:
    """When the provider surely has nothing of this send in its hands any more."""
    at = conclusive_at(began, policy)
    return min(at, began + ENDS_S) if code == "in-doubt-proxy" else at


def conclusive_at(began: float, policy: Policy) -> float:
    """From when on a look that does not find the message proves that it did not leave."""
    return began + policy.send_timeout_s + LINGERS_S


def _began(message: Message) -> float:
    return message.updated_at if message.doubt_since is None else message.doubt_since


def _given_up_at(message: Message, policy: Policy, *, mute: bool) -> float:
    """Until when looking goes on before policy speaks. Who resends does so while the message may still go, but never
    before a look could have told, nor, where no look can tell, before the latest echo; the chat waits that long."""
    began = _began(message)
    last = began + policy.hold_for_s
    if mute and policy.in_doubt == "resend":
        last = min(last, began + LOOKS_LIVE_S)
    if policy.in_doubt != "resend" or message.expires_at is None:
        return last
    return max(min(last, message.expires_at - policy.send_timeout_s), min(last, began + 2 * policy.send_timeout_s))


def _next_look(anew: float, ends: float, now: float) -> float:
    """Later and later, since the doubt began or (`anew`) since the session can send again: whatever is news brings the
    next look forward by itself. The first useful look for absence is when the send's time is over."""
    grows = LOOKS_GROW if now <= ends else LOOKS_GROW_LATER
    pause = min(LOOK_AT_MOST_S, max(FIRST_LOOK_S, (now - anew) * grows))
    return min(now + pause, ends + 1) if now <= ends else now + pause
