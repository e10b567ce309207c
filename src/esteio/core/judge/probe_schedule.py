"""When to look again, and how deep: fresh proof of life is not probed, suspects often, the rest seldom.

A look is a read; it never acts. Never lives here: what a look means (`diagnose`).
"""

from __future__ import annotations

import math

import msgspec

from esteio.core.judge import inbound_health, pacing
from esteio.core.judge.diagnose import Verdict, confirmed_life, flickers, socket_open_while_claimed_closed
from esteio.core.judge.facts import apply_evidence
from esteio.core.judge.ladder import CLOSED_LOOKS, NOTHING_TO_HEAL
from esteio.core.judge.operator_actions import is_operator_action
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.clock_skew import is_ahead
from esteio.core.model.decision import Decision, Depth, Draft, PlannedProbe, View
from esteio.core.model.policy import Policy
from esteio.core.model.session import Facts, Session, passed_at
from esteio.core.model.state import Reason

EFFECT_LOOK_S = 2.0
"""How soon after an act, and how often, its effect is looked for."""
ROUND_TRIP_EVERY_S = 600.0
"""A line on which nothing was sent or received for this long, and often for half of it, is asked through WhatsApp, and
not only at its socket."""
RAREST_S = 300.0
"""A line that waits for a person is looked at this often at least."""
UNACKED_S = 1.5
"""What a provider took into a queue of its own proves nothing; where nothing is heard of it for so long, we look."""
TOGETHER_S = 0.25
"""Lines that are well are looked at in steps of so much: a process that is woken for each of them is woken from the
cold each time. A power of two, so that times are exact."""
AT_ONCE_S = 1.0
"""Hints make us look at once, but not more often than this."""


def plan_probe(draft: Draft, verdict: Verdict) -> None:
    """Decide whether to look now, at which depth, and otherwise when."""
    if verdict.kind in ("server_down", "server_wall") and draft.view.can.list_sessions:
        return
    due = next_probe(draft, verdict)
    if draft.now >= due:
        draft.look = depth(draft, verdict, draft.now)
        draft.facts(looked_at=draft.now)
        due = next_probe(draft, verdict)
    _plan_ahead(draft, verdict, due)
    draft.wake(due)


def _plan_ahead(draft: Draft, verdict: Verdict, due: float) -> None:
    """Nothing but its next look is due of a line that is well: what the judge would say then it says now, and need not
    be asked again."""
    facts = draft.session.facts
    # guard: planned-look-only-when-well, planned-look-not-beside-act
    well = verdict.kind == "live" and draft.session.state == "connected" and draft.session.recovery.open is None
    # guard: planned-look-after-answer, planned-look-not-without-webhook, planned-look-not-when-maybe-deaf
    if not well or draft.look is not None or facts.webhook_gone_at or inbound_health.doubt_at(facts):
        return
    if _not_seen_since_boot(draft) or flickers(facts, draft.policy, draft.now):  # guard: flickering-not-planned
        return
    others = min(draft.wakes, default=math.inf)
    if draft.now < due < others:  # guard: planned-look-not-past-wake
        # guard: planned-look-depth-of-its-time
        draft.planned = _planned(due, depth(draft, verdict, due), verdict.because, others, draft.policy)


def _planned(due: float, how: Depth, because: Reason, others: float, policy: Policy) -> PlannedProbe:
    return PlannedProbe(due, how, min(others, _together(due, policy.probe_idle_s)), because, others)


def as_planned(session: Session, planned: PlannedProbe, now: float) -> Decision:
    """What the judge would say at the time of a planned look, nothing having been heard since it was planned."""
    facts = msgspec.structs.replace(session.facts, looked_at=now)
    session = msgspec.structs.replace(session, facts=facts, wake_at=planned.wake_at)
    return _nothing_but_looks(session, planned.because, look=planned.depth, awaited=planned)


def _nothing_but_looks(
    session: Session,
    because: Reason,
    *,
    look: Depth | None = None,
    planned: PlannedProbe | None = None,
    awaited: PlannedProbe | None = None,
) -> Decision:
    return Decision(session, because, session.wake_at, look, quiet=True, shown=False, planned=planned, awaited=awaited)


_TIMES = (
    "any_evidence_at", "identity_at", "life_at", "life_seen_at", "looked_at", "questioned_at", "state_read_at",
    "state_read_times",
    "socket_ok_at", "webhook_checked_at",
)  # fmt: skip
"""What of the facts only tells when the same was seen again."""


def as_before(view: View, awaited: PlannedProbe, now: float) -> Decision | None:
    """What the judge would say of a planned look (`view.news`) that brought what the last one brought, nothing else
    having been heard; None where it has to be asked."""
    if view.session.recovery.of_this_fall or is_ahead(view.session, now):  # guard: same-look-not-after-fall
        return None  # once more proved, that may be forgotten; and what is dated ahead the judge puts right
    was = view.session.facts
    facts, trust = was, not view.can.socket_probe
    for evidence in view.new_evidence:
        if is_operator_action(evidence):  # guard: same-look-is-no-action
            return None
        facts = apply_evidence(facts, evidence, view.policy, trust_claims=trust)
    # guard: same-look-only-if-same-answer
    if msgspec.structs.replace(facts, **{name: getattr(was, name) for name in _TIMES}) != was:
        return None
    due = _idle_until(facts, view.policy)
    if not now < due < awaited.others_at:  # guard: same-look-not-past-wake
        return None
    session = msgspec.structs.replace(view.session, facts=facts, wake_at=due)
    how = _of_the_living(session, view.can, view.policy, due)
    planned = _planned(due, how, awaited.because, awaited.others_at, view.policy)
    return _nothing_but_looks(session, awaited.because, planned=planned)


def _idle_until(facts: Facts, policy: Policy) -> float:
    """When a line that is well, and of which nothing is heard, is looked at again. Life that is told of late is no
    fresher for it."""
    return _together(max(facts.looked_at, facts.life_at), policy.probe_idle_s)  # guard: pushed-life-spares-no-check


def _together(last: float, period_s: float) -> float:
    """A period later; rather a moment early than alone."""
    return max((last + period_s) // TOGETHER_S * TOGETHER_S, last + period_s / 2)


def _unacked(facts: Facts) -> bool:
    """Whether nothing was heard since a message was taken into the provider's own queue."""
    # What acknowledges it may be told in whole seconds, and so be dated before it.
    # guard: ack-spares-the-look, ack-in-whole-seconds
    return facts.queued_at > max(facts.looked_at, facts.state_read_at, passed_at(facts) + inbound_health.CLOCK_S)


def next_probe(draft: Draft, verdict: Verdict) -> float:
    """The time of the next look as things stand."""
    facts, policy, session = draft.session.facts, draft.policy, draft.session
    looked = facts.looked_at
    if _contradicted(draft, verdict):
        return looked + AT_ONCE_S
    attempt = session.recovery.open
    if attempt is not None:
        return max(looked, attempt.performed_at or attempt.opened_at) + EFFECT_LOOK_S
    if verdict.kind == "live":
        return _next_of_the_living(draft)
    if verdict.kind == "closed" and 1 < facts.state_read_times < CLOSED_LOOKS:
        # It is about to be asked to connect: is it closed in every moment, or only between tries of its own?
        return looked + AT_ONCE_S
    # guard: rare-looks-need-inventory
    if _waits_for_a_person(draft, verdict) and draft.view.can.list_sessions and not session.paused:
        return looked + _rarer(draft)
    if session.paused or _settled_down(draft, verdict) or verdict.kind in ("server_down", "server_wall"):
        # Where the server itself cannot be asked (no list), its sessions are how we hear that it is back.
        return looked + policy.probe_idle_s
    if verdict.kind == "suspect" and facts.queued_at > facts.life_at:
        # A message was handed over: the second look comes when a refused send would be tried again.
        # guard: queued-while-closed-looks-sooner
        return looked + min(policy.closed_retry_after_s, policy.probe_suspect_s)
    return looked + policy.probe_suspect_s


def _not_seen_since_boot(draft: Draft) -> bool:
    """What lived before its server's process started has a socket no more: it is looked for until it is seen again,
    and soonest where the server does not connect it by itself."""
    server, facts = draft.server, draft.session.facts
    return pacing.in_boot_grace(server, draft.policy, draft.now) and facts.life_at < server.facts.booted_at


def _next_of_the_living(draft: Draft) -> float:
    facts, session, period = draft.session.facts, draft.session, draft.policy.probe_idle_s
    if _not_seen_since_boot(draft):
        return facts.looked_at + (EFFECT_LOOK_S if facts.listed == "closed" else draft.policy.probe_suspect_s)
    if _unacked(facts):  # guard: provider-queued-is-unacked
        return facts.queued_at + UNACKED_S
    if flickers(facts, draft.policy, draft.now):  # guard: flickering-looked-at-often
        # Where no webhook tells of a flap, looks that are seldom would meet it too seldom.
        return facts.looked_at + draft.policy.probe_suspect_s
    if inbound_health.doubt_at(facts) or session.paused:
        # Traffic does not spare it a look: that it sends is not the question.
        return facts.looked_at + period
    spread = pacing.jitter(session.id, 0, period) if not facts.looked_at else 0.0
    needs_proof = not confirmed_life(session) and not facts.looked_at
    return facts.looked_at if needs_proof else _idle_until(facts, draft.policy) - spread


def _contradicted(draft: Draft, verdict: Verdict) -> bool:
    """Fresh news that does not fit the verdict, not yet looked into."""
    facts = draft.session.facts
    looked = facts.looked_at
    if facts.closed and facts.closed[-1] > looked and facts.closed_by[-1] == "send":
        return True
    if facts.missed_at > looked and not facts.webhook_gone_at:
        # What should have been told to us was not: our address is read at once.
        return True
    if facts.interrupted_at > looked or facts.recover_at > looked or inbound_health.doubt_at(facts) > looked:
        return True
    # guard: listed-open-while-down-looked-into
    if facts.listed_since > looked and (facts.listed not in ("", "open")) == (verdict.kind == "live"):
        return True
    if facts.code and facts.code_at > looked and facts.code_source == "webhook":
        return True
    if verdict.kind == "server_down" and facts.webhook_received_at >= looked:
        return True  # a server that is down tells nothing
    if facts.state_pushed_at <= looked:
        return False
    return (facts.state_pushed == "open") != (verdict.kind == "live")


_ONLY_PEOPLE = frozenset({"logged_out", "banned", "temp_banned", "outdated", "wrong_identity", "refused", "unpaired"})
"""Verdicts that a person ends, or a date. A code on show, or a twin, may end by itself at any moment."""


def _waits_for_a_person(draft: Draft, verdict: Verdict) -> bool:
    """A new process of the server may be the help that was waited for."""
    recovery = draft.session.recovery
    asked = recovery.awaiting is not None or recovery.server_restart_proposed
    in_vain = asked and draft.server.facts.booted_at <= draft.session.since  # guard: booted-ghost-looked-at-rarely
    return verdict.kind in _ONLY_PEOPLE or (in_vain and verdict.kind not in NOTHING_TO_HEAL)


def _rarer(draft: Draft) -> float:
    """What waits for a person may wait for weeks, and each look at it is three questions: the longer it has been so,
    the rarer they are. That somebody has helped is told by a webhook, by the server's list or by its boot, at once."""
    stood = draft.session.facts.looked_at - max(draft.session.since, draft.server.facts.booted_at)
    return max(draft.policy.probe_idle_s, min(stood / 10, RAREST_S))


def _settled_down(draft: Draft, verdict: Verdict) -> bool:
    """Down, and nothing automatic is going to happen soon."""
    recovery = draft.session.recovery
    if verdict.kind in _ONLY_PEOPLE:
        return True
    # A pause that is left over from the last fall says nothing of a line that falls anew.
    return verdict.kind != "suspect" and draft.now < recovery.quarantine_until and recovery.strikes > 1


def depth(draft: Draft, verdict: Verdict, at: float) -> Depth:
    """The cheapest read that can tell then: its socket alone when idle, a WhatsApp round trip for suspects and the just
    healed."""
    can, facts = draft.view.can, draft.session.facts
    unsure = facts.unanswered_probes or inbound_health.doubt_at(facts)
    if verdict.kind == "live" and not unsure:
        how = _of_the_living(draft.session, can, draft.policy, at)
        return "socket" if how == "pulse" and _contradicted(draft, verdict) else how  # guard: heartbeat-undisputed
    if can.question_refutes:
        return _of_the_unprobed(draft.session, draft.policy, at)
    if not can.round_trip_probe:
        return "socket"
    if verdict.kind == "suspect" or unsure:
        return "roundtrip"
    if socket_open_while_claimed_closed(facts) and verdict.kind in ("closed", "reconnecting"):
        # Its socket is open and its memory says otherwise: WhatsApp knows whether it lives.
        return "roundtrip"
    return "roundtrip" if _long_unheard(draft.session, at) else "socket"


def _of_the_living(session: Session, can: Capabilities, policy: Policy, at: float) -> Depth:
    """How deep a line is looked at that is well."""
    if can.question_refutes:
        return _of_the_unprobed(session, policy, at)
    if not can.round_trip_probe:
        return "socket"
    if not confirmed_life(session) or _long_unheard(session, at):
        return "roundtrip"
    # Its socket proves it; what its memory says is asked again as soon as that, or anybody, says otherwise.
    return "pulse" if session.facts.state_read == "open" else "socket"  # guard: heartbeat-agrees-with-memory


def _of_the_unprobed(session: Session, policy: Policy, at: float) -> Depth:
    """How deep a line is looked at whose socket cannot be asked: what a dead one refuses is asked of an idle line at
    each look, and of a suspect no oftener, for an answer may come from a cache. Who was refused is asked once more, and
    who cannot be asked is left alone for a while."""
    facts = session.facts
    if at - facts.unanswerable_at < ROUND_TRIP_EVERY_S:  # guard: check-paced-when-refused
        return "socket"
    refused = bool(facts.closed) and facts.closed[-1] >= facts.questioned_at
    # guard: suspect-check-paced, refused-check-repeated
    return "roundtrip" if refused or at - facts.questioned_at >= policy.probe_idle_s / 2 else "socket"


def _long_unheard(session: Session, at: float) -> bool:
    """A half-open socket looks open from near by; on a line without traffic only WhatsApp's answer tells."""
    return pacing.is_due(session.id, passed_at(session.facts), at, ROUND_TRIP_EVERY_S)
