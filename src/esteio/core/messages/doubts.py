"""Messages in doubt: what one look for such a message makes of it.

A message in doubt holds up its chat while looking may still tell. Once looking can tell no more (the session lives, the
send can no longer be under way, and the provider has no answer to give) it is *set aside*: still in doubt, shown with
its reason, looked for now and then, but the chat goes on. That keeps the order honest: if it left, it left before all
that goes now; and it is never sent by itself behind something that has gone since. If its absence is proved later, it
goes only when nothing has overtaken it, otherwise it fails and a person may retry it. Never lives here: how one looks
at the provider (the adapter's `look_up`), evidence about the session, storage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from esteio.core.judge import pacing
from esteio.core.messages.outbox import FIRST_LOOK_S, SendSettlement, again, failed, in_its_queue, moved
from esteio.core.messages.transitions import Event, stage
from esteio.core.model.evidence import Evidence
from esteio.core.model.message import AttemptRecord, Message
from esteio.core.model.policy import Policy
from esteio.core.model.server import ServerFacts
from esteio.core.model.session import Session
from esteio.core.model.state import Reason

LookResult = Literal["found", "absent", "unknown"]

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


class LookupOutcome(msgspec.Struct, frozen=True):
    """Whether a message that is in doubt is at the provider.

    `found` (with its id), `absent` (the provider's list was read to the needed depth and it is not there),
    `unknown` (cannot be told: no list, an error, several alike). `later`: another look may tell more, for this one
    could not read, or came too early.
    """

    result: LookResult
    provider_id: str | None = None
    detail: str = ""
    evidence: tuple[Evidence, ...] = ()
    later: bool = False
    queued: bool = False
    """Found in the provider's own queue, so it has not left yet."""


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
    """Whether this message is in doubt and set aside."""
    return stage(message) == "set_aside"


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
    outcome: LookupOutcome,
    policy: Policy,
    *,
    live_proved: bool,
    read_began: float,
    now: float,
    overtaken: bool = False,
    opened: float = 0.0,
    died: bool = False,
    unstored: bool = False,
) -> SendSettlement:
    """A message in doubt after one look, with a line among its attempts where the look decided something.

    Absence counts only when nothing takes its worth away, and either the provider has answered the send or the session
    is proved live and the read began later than the send could have gone on; what stays unknown for `hold_for_s` goes
    by the policy's `in_doubt`. `live_proved`: as `live_since_doubt`. `read_began`: when the look began. `overtaken`: a
    later message of its chat may have gone meanwhile. `opened`: as `opened_at`; what is set aside does not care.
    `died`: as `may_have_died`. `unstored`: the server's database failed on another send about that time (`UNSTORED_S`).
    """
    if outcome.result == "found":
        settlement = _found(message, outcome, now)
    else:
        reason = _known_of(message, died=died, unstored=unstored)
        reads = _Reads(outcome, live_proved, read_began, now, overtaken, opened)
        settlement = _not_found(message, reason, reads, policy)
    decided = settlement.event != "not_found"
    return msgspec.structs.replace(
        settlement,
        attempt=AttemptRecord(now, f"looked: {outcome.result}", outcome.detail) if decided else None,
        provider_id=outcome.provider_id,
        queue_ref=message.queue_ref,
        evidence=outcome.evidence,
    )


class _Reads(NamedTuple):
    """What a look that did not find the message goes by; the names are `resolve`'s."""

    outcome: LookupOutcome
    live_proved: bool
    read_began: float
    now: float
    overtaken: bool
    opened: float


def _found(message: Message, outcome: LookupOutcome, now: float) -> SendSettlement:
    if outcome.queued:  # guard: queued-doubt-is-parked
        return in_its_queue(message, now, message.doubt_since)
    return moved(message, "found", now, sent_at=message.doubt_since)


def _not_found(message: Message, reason: Reason, reads: _Reads, policy: Policy) -> SendSettlement:
    outcome, live_proved, read_began, now, overtaken, opened = reads
    began = _began(message)
    in_vain = reason.code in _ABSENT_IN_VAIN
    # Also where no look can tell, the chat waits until the provider has nothing of it in its hands: it may come late.
    # guard: absence-needs-settled-send
    over = reason.code in _OVER or is_aside(message) or read_began > _ends_at(began, reason.code, policy)
    conclusive = over and (in_vain or reason.code in _OVER or live_proved)  # guard: absence-needs-live-session
    if outcome.result == "absent" and conclusive and not in_vain:  # guard: absence-not-after-server-failure
        return _absent(message, reason, overtaken, now)
    # guard: queue-hours-count-live-time
    mute = conclusive and (not outcome.later or read_began > max(began, opened) + LOOKS_LIVE_S)
    given_up_at = _given_up_at(message, policy, mute=mute)
    if now < given_up_at:
        # guard: doubt-looks-restart-with-gate, set-aside-looked-for-rarely
        anew = began if is_aside(message) else max(began, opened)
        due_at = min(given_up_at, _next_look(anew, _ends_at(began, reason.code, policy), now))
        if is_aside(message) or (mute and policy.in_doubt != "resend"):
            return _set_aside(message, reason, now, due_at)
        return _looked_for_again(message, reason, now, due_at)
    match policy.in_doubt:  # guard: unprovable-needs-policy
        case "resend" if not overtaken:
            return again(message, "resent", now, now, Reason("resent-after-doubt"))
        case "fail":
            return failed(message, now, "in-doubt-failed")
        case _:
            return _set_aside(message, reason, now, now + LOOK_SELDOM_S)


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


def _absent(message: Message, reason: Reason, overtaken: bool, now: float) -> SendSettlement:
    """It surely did not leave. In its place of the chat it goes; behind what has gone since, only by a person. What was
    answered is not asked again at once, and not for ever when it is a no."""
    if overtaken:
        return failed(message, now, "not-sent-overtaken")
    if reason.code == "in-doubt-refused" and message.attempts >= TRIES_REFUSED:
        return failed(message, now, "request-refused", reason.args.get("detail", ""))
    pause = pacing.doubling(5.0, 300.0, message.attempts - 1) if reason.code in _OVER else 0.0
    return again(message, "not_sent", now, now + pause, Reason("not-sent-after-all"))


def _set_aside(message: Message, reason: Reason, now: float, due_at: float) -> SendSettlement:
    """Out of its chat's way, once; what is so already is only looked for again."""
    held = reason if reason.code in _HELD else Reason(DOUBTS[reason.code], reason.args)
    return _looked_for_again(message, held, now, due_at, "not_found" if is_aside(message) else "set_aside")


def _looked_for_again(
    message: Message, reason: Reason, now: float, due_at: float, event: Event = "not_found"
) -> SendSettlement:
    tries, began = message.closed_tries, _began(message)
    return moved(message, event, now, due_at=due_at, reason=reason, closed_tries=tries, doubt_since=began)


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
