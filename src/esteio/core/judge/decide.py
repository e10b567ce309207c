"""The one judge: `decide(view, now)` looks at the whole and says the new state and everything that follows from it.

Order matters and is the whole argument: (1) news becomes facts; people's words take effect; (2) the open attempt is
judged by its effect; (3) the facts get a name, the verdict; (4) the state, what the session can do, and the gate follow
from the verdict alone; (5) the outage and its notices follow from the verdict; (6) only then is one rung chosen, and
only if the server's weather and budget allow it; (7) the next look and the next wake are set. The same view gives the
same decision, always. Its only caller is `engine.supervision.reconcile` (and the replay of a journal).

Never lives here: I/O, a clock, a retry loop, a provider's name.
"""

from __future__ import annotations

import msgspec

from esteio.core.judge import (
    attempt,
    inbound_health,
    operator_actions,
    outage,
    probe_schedule,
    state,
)
from esteio.core.judge import (
    recovery as recovery_module,
)
from esteio.core.judge.diagnose import Verdict, verdict
from esteio.core.judge.facts import apply_evidence, expect_webhook
from esteio.core.model import clock_skew
from esteio.core.model.decision import Decision, Draft, View
from esteio.core.model.recovery import Recovery
from esteio.core.model.session import Session


def decide(view: View, now: float) -> Decision:
    """The whole judgement of one session at `now` (epoch seconds)."""
    draft = Draft(_as_of(view, now), now)
    _apply_new_evidence(draft)
    attempt.evaluate(draft)
    inbound_health.update_health(draft)
    found = verdict(draft.session, draft.server, view.policy, now)
    _remember_link(draft, found)
    attempt.take_back(draft, found)
    _forget_healed(draft, found)
    state.update_state(draft, found)
    stood = draft.session
    outage.update_outage(draft, found)
    _forget_stable(draft, found)
    if not draft.session.paused:  # guard: paused-not-healed
        recovery_module.climb(draft, found)
        if draft.session is not stood:
            state.update_state(draft, found)
    probe_schedule.plan_probe(draft, found)
    return _decision(draft, found)


def _as_of(view: View, now: float) -> View:
    """The view with nothing dated later than now, should the clock have run ahead and been put right."""
    session = clock_skew.session_as_of(view.session, view.policy, now)  # guard: future-dates-cut
    server = clock_skew.server_as_of(view.server, view.policy, now)
    new_evidence = tuple([clock_skew.evidence_as_of(one, now) for one in view.new_evidence])
    if session is view.session and server is view.server and new_evidence == view.new_evidence:
        return view
    return msgspec.structs.replace(view, session=session, server=server, new_evidence=new_evidence)


# -- 1: news ------------------------------------------------------------------------------------------------------


def _apply_new_evidence(draft: Draft) -> None:
    trust, facts = not draft.view.can.socket_probe, draft.session.facts
    for evidence in draft.view.new_evidence:
        facts = apply_evidence(facts, evidence, draft.policy, trust_claims=trust)
        if draft.view.can.echoes_sends:
            facts = expect_webhook(facts, evidence)
        if operator_actions.is_operator_action(evidence):
            draft.change(facts=facts)
            operator_actions.apply_action(draft, evidence)
            facts = draft.session.facts
    if facts is not draft.session.facts:
        draft.change(facts=facts)


# -- 3: what the verdict changes by itself ------------------------------------------------------------------------


def _remember_link(draft: Draft, found: Verdict) -> None:
    facts = draft.session.facts
    # Who is let in again and again is linked: a duel that begins with the scan is an outage like any other.
    let_in = found.kind == "live" or (found.kind == "flapping" and facts.life_at)
    if let_in and not draft.session.linked:
        draft.change(linked=True)
    if draft.session.phone is None and facts.phone_seen and found.kind == "live":
        draft.change(phone=facts.phone_seen)


def _forget_healed(draft: Draft, found: Verdict) -> None:
    """What ends with a fall ends now; the counters end with a server boot, or later (see `_forget_stable`)."""
    recovery = draft.session.recovery
    tried_at = max(recovery.last_restart_at or 0.0, recovery.struck_at)
    if (recovery.restarts or recovery.strikes) and tried_at < _freed_at(draft):
        draft.recovery(restarts=0, last_restart_at=None, strikes=0, quarantine_until=0.0, spent=(), connects=0)
        recovery = draft.session.recovery
    if found.kind != "live" or found.unheard_since or attempt.only_claimed(draft):
        return
    if recovery.of_this_fall:
        if recovery.awaiting:
            _stale_approval(draft)
        wish = recovery.approved if recovery.asked_by_person and recovery.approved else None
        then = recovery.then if recovery.asked_by_person else ()
        draft.recovery(spent=(), awaiting=None, approved=wish, rejected=False, then=then, server_restart_proposed=False)


def _freed_at(draft: Draft) -> float:
    """What was tried before this was in vain for a reason that is gone: the process is another, or one of those that
    fell together lives again. (Where no socket can be probed a restart may have left one that lives unseen.)"""
    incident = draft.server.incident
    healed_at = incident.canary_ok_at if incident is not None and draft.view.can.socket_probe else None
    return max(draft.server.facts.booted_at, healed_at or 0.0)


def _forget_stable(draft: Draft, found: Verdict) -> None:
    """After the outage is followed: one that ends in this very decision has not been over for long."""
    recovery = draft.session.recovery
    if found.kind != "live" or found.unheard_since or recovery.open is not None:
        return
    if recovery.approved or recovery.then:
        return
    fresh = Recovery(last=recovery.last)
    if recovery == fresh:
        return
    ended = draft.session.last_outage.ended_at if draft.session.last_outage else None
    stable_at = max(ended or draft.session.created_at, recovery.last_restart_at or 0.0) + draft.policy.stable_after_s
    if draft.now >= stable_at:  # guard: stable-period-kept
        if recovery.awaiting:
            _stale_approval(draft)
        draft.change(recovery=fresh)
    else:
        draft.wake(stable_at)


def _stale_approval(draft: Draft) -> None:
    if draft.view.approval is not None:
        # guard: healed-closes-approval
        draft.approval = msgspec.structs.replace(draft.view.approval, state="stale", decided_at=draft.now)
        draft.record("decision", "approval-stale", rung=draft.view.approval.rung)


# -- 7: the decision ----------------------------------------------------------------------------------------------


def _decision(draft: Draft, found: Verdict) -> Decision:
    before, after = draft.view.session, draft.session
    if after.state != before.state or after.reason.code != before.reason.code:
        args = {**after.reason.args, "from": before.state, "to": after.state, "because": after.reason.code}
        draft.record("decision", "state", **args)
    if after.state != before.state:
        draft.events.insert(0, "session.state_changed")
    wake_at = min(max(min(draft.wakes), draft.now), draft.now + clock_skew.WAKE_MOST_S) if draft.wakes else None
    after = msgspec.structs.replace(after, wake_at=wake_at)
    # Also a message that was under way when the gate closed: it comes back into the queue with its evidence.
    fails = after.gate == "held"
    server = draft.server if draft.server is not draft.view.server else None
    shown = not _only_facts(before, after)
    return Decision(
        session=after,
        server=server,
        lines=tuple(draft.lines),
        act=draft.act,
        notices=tuple(draft.notices),
        events=tuple(draft.events),
        approval=draft.approval,
        look=draft.look,
        wake_at=wake_at,
        planned=draft.planned,
        fail_queued=state.why_not_sent(after, found) if fails else None,
        drop_control=draft.drop_control,
        clear_qr=_qr_is_over(draft, found),
        # guard: changed-state-is-written
        quiet=server is None and not draft.lines and (not shown or _only_times(before, after)),
        shown=shown,
        because=found.because,
    )


def _qr_is_over(draft: Draft, found: Verdict) -> bool:
    return found.kind == "live" and draft.view.session.state != "connected"


def _only_facts(before: Session, after: Session) -> bool:
    """Whether nothing but facts and the next wake differ."""
    return msgspec.structs.replace(before, facts=after.facts, wake_at=after.wake_at) == after


def _only_times(before: Session, after: Session) -> bool:
    """Whether it is what it was, seen anew: such a decision need not be written at once."""
    same = before.reason.code == after.reason.code
    same = same and before.can_send.value == after.can_send.value  # guard: changed-abilities-are-written
    same = same and before.can_receive.value == after.can_receive.value  # guard: changed-hearing-is-written
    seen_anew = msgspec.structs.replace(
        before,
        reason=after.reason,
        can_send=after.can_send,
        can_receive=after.can_receive,
        recovery=msgspec.structs.replace(before.recovery, next_at=after.recovery.next_at),
    )
    return same and _only_facts(seen_anew, after)
