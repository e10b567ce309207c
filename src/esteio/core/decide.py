"""The one judge: `decide(view, now)` looks at the whole and says the new state and everything that follows from it.

Order matters and is the whole argument: (1) news becomes facts; people's words take effect; (2) the open attempt is
judged by its effect; (3) the facts get a name, the verdict; (4) the state, what the session can do, and the gate follow
from the verdict alone; (5) the outage and its notices follow from the verdict; (6) only then is one rung chosen, and
only if the server's weather and budget allow it; (7) the next look and the next wake are set. The same view gives the
same decision, always. Its only caller is `engine.reconcile` (and the replay of a journal).

Never lives here: I/O, a clock, a retry loop, a provider's name.
"""

from __future__ import annotations

import msgspec

from esteio.core import attempt, ladder, outage, pacing, watch
from esteio.core.decision import Decision, Draft, View
from esteio.core.diagnose import DOWN, Verdict, fold, verdict
from esteio.core.evidence import Evidence
from esteio.core.model import Approval, Attempt, Axis, Reason, Recovery, SessionState
from esteio.core.session import SENDS

_AUTOMATIC = frozenset({"ghost", "reconnecting", "closed", "flapping", "missing", "unknown"})
_STATES: dict[str, SessionState] = {
    "awaiting_qr": "awaiting_qr",
    "wrong_identity": "error",
    "refused": "error",
    "logged_out": "disconnected",
    "banned": "disconnected",
    "temp_banned": "disconnected",
    "outdated": "disconnected",
    "replaced": "disconnected",
}


def decide(view: View, now: float) -> Decision:
    """The whole judgement of one session at `now` (epoch seconds)."""
    draft = Draft(view, now)
    for evidence in view.news:
        _take_in(draft, evidence)
    attempt.judge(draft)
    found = verdict(draft.session, draft.server, view.policy, now)
    _remember_link(draft, found)
    _forget_healed(draft, found)
    _state(draft, found)
    outage.follow(draft, found)
    if not draft.session.paused:
        _climb(draft, found)
        _state(draft, found)
    watch.plan_look(draft, found)
    return _decision(draft, found)


# -- 1: news ------------------------------------------------------------------------------------------------------


def _take_in(draft: Draft, evidence: Evidence) -> None:
    trust = not draft.view.can.socket_probe
    draft.change(facts=fold(draft.session.facts, evidence, draft.policy, trust_claims=trust))
    act = _WORDS.get(evidence.kind)
    if act is not None:
        act(draft, evidence)


def _paused(draft: Draft, evidence: Evidence) -> None:
    draft.change(paused=True)
    draft.recovery(then=(), approved=None)
    draft.drop_control = True


def _resumed(draft: Draft, evidence: Evidence) -> None:
    draft.change(paused=False)
    _person(draft)


def _recover(draft: Draft, evidence: Evidence) -> None:
    _person(draft)


def _person(draft: Draft) -> None:
    """A person's word clears counters, cool-downs and quarantine; an act that is under way goes on."""
    kept = draft.session.recovery
    draft.change(recovery=Recovery(open=kept.open, last=kept.last, then=kept.then, awaiting=kept.awaiting, asked_by_person=True))


def _pair(draft: Draft, evidence: Evidence) -> None:
    _person(draft)
    draft.recovery(pair_phone=evidence.data.get("phone_number"))


def _recreate(draft: Draft, evidence: Evidence) -> None:
    _person(draft)
    draft.recovery(approved="recreate", then=())


def _approved(draft: Draft, evidence: Evidence) -> None:
    draft.recovery(approved=evidence.data.get("rung"), awaiting=None, quarantine_until=0.0)


def _rejected(draft: Draft, evidence: Evidence) -> None:
    draft.recovery(awaiting=None, rejected=True)


def _logged_out(draft: Draft, evidence: Evidence) -> None:
    """A person's own logout is no fall: nobody is told."""
    draft.change(linked=False)
    if draft.session.outage is not None:
        draft.change(outage=None)


def _created(draft: Draft, evidence: Evidence) -> None:
    """The row came with its first work; that is this session's first attempt."""
    act = evidence.data.get("attempt")
    if act and draft.session.recovery.open is None:
        until = evidence.happened_at + draft.policy.effect_within_s
        draft.recovery(open=Attempt(id=act, rung="create", number=1, opened_at=evidence.happened_at, until=until))
    draft.recovery(asked_by_person=True)


_WORDS = {
    "act_answered": attempt.answered,
    "act_interrupted": attempt.interrupted,
    "operator_paused": _paused,
    "operator_resumed": _resumed,
    "operator_recover": _recover,
    "operator_pair": _pair,
    "operator_recreate": _recreate,
    "operator_approved": _approved,
    "operator_rejected": _rejected,
    "operator_logout": _logged_out,
    "created": _created,
}


# -- 3: what the verdict changes by itself ------------------------------------------------------------------------


def _remember_link(draft: Draft, found: Verdict) -> None:
    facts = draft.session.facts
    if found.kind == "live" and not draft.session.linked:
        draft.change(linked=True)
    if draft.session.phone is None and facts.phone_seen and found.kind == "live":
        draft.change(phone=facts.phone_seen)


def _forget_healed(draft: Draft, found: Verdict) -> None:
    """What ends with a fall ends now; counters only after a stable time, a server boot or a person's word."""
    recovery = draft.session.recovery
    booted = draft.server.facts.booted_at
    if recovery.last is not None and recovery.last.opened_at < booted and (recovery.restarts or recovery.strikes):
        draft.recovery(restarts=0, last_restart_at=None, strikes=0, quarantine_until=0.0, spent=(), connects=0)
        recovery = draft.session.recovery
    if found.kind != "live":
        return
    if recovery.spent or recovery.awaiting or recovery.approved or recovery.rejected or recovery.then or recovery.server_restart_proposed:
        if recovery.awaiting:
            _stale_approval(draft)
        wish = recovery.approved if recovery.asked_by_person and recovery.approved else None
        then = recovery.then if recovery.asked_by_person else ()
        draft.recovery(spent=(), awaiting=None, approved=wish, rejected=False, then=then, server_restart_proposed=False)
    _forget_stable(draft)


def _forget_stable(draft: Draft) -> None:
    recovery = draft.session.recovery
    if recovery.open is not None or recovery.approved or recovery.then:
        return
    fresh = Recovery(last=recovery.last)
    if recovery == fresh:
        return
    ended = draft.session.last_outage.ended_at if draft.session.last_outage else None
    stable_at = max(ended or draft.session.created_at, recovery.last_restart_at or 0.0) + draft.policy.stable_after_s
    if draft.now >= stable_at:
        draft.change(recovery=fresh)
    else:
        draft.wake(stable_at)


def _stale_approval(draft: Draft) -> None:
    if draft.view.approval is not None:
        draft.approval = msgspec.structs.replace(draft.view.approval, state="stale", decided_at=draft.now)
        draft.say("decision", "approval-stale", rung=draft.view.approval.rung)


# -- 4: state, axes, gate -----------------------------------------------------------------------------------------


def _state(draft: Draft, found: Verdict) -> None:
    state, reason = _state_of(draft, found)
    before = draft.session
    can_send, can_receive = _axes(draft, found)
    gate = "open" if SENDS[state] and found.kind in ("live", "suspect") else "held"
    gate_since = before.gate_since if gate == before.gate else draft.now
    since = before.since if state == before.state else draft.now
    draft.change(
        state=state, reason=reason, since=since, can_send=can_send, can_receive=can_receive, gate=gate, gate_since=gate_since
    )


def _state_of(draft: Draft, found: Verdict) -> tuple[SessionState, Reason]:
    now_state = draft.session.state
    if draft.session.paused:
        return "paused", Reason("paused")
    if found.kind == "live":
        return ("degraded", found.weak[0]) if found.weak else ("connected", found.because)
    if found.kind == "suspect":
        return (now_state if SENDS[now_state] else "connected"), found.because
    if found.kind in _STATES:
        return _STATES[found.kind], found.because
    if found.kind == "unpaired":
        return _unpaired(draft, found)
    if found.kind in ("server_down", "server_wall"):
        return (now_state if now_state in ("disconnected", "error", "awaiting_qr") else "connecting"), found.because
    if found.kind in _AUTOMATIC:
        return _recovering(draft, found)
    return "connecting", _slow(draft, found)


def _unpaired(draft: Draft, found: Verdict) -> tuple[SessionState, Reason]:
    """No code on show: one is on its way when somebody asked, otherwise a person has to ask."""
    if draft.session.recovery.open is not None:
        return "connecting", Reason("code-on-its-way")
    return "disconnected", found.because


def _recovering(draft: Draft, found: Verdict) -> tuple[SessionState, Reason]:
    """`connecting` while we are at it; worse once a whole ladder failed or a person is needed, and then it stays worse
    until life is proved."""
    recovery = draft.session.recovery
    if recovery.server_restart_proposed:
        return "disconnected", Reason("ghost-needs-server-restart", {"server": draft.server.name})
    if recovery.awaiting:
        return "disconnected", Reason("approval-awaited", {"because": found.because.code})
    worse = recovery.strikes > 0 or recovery.logouts > 0 or draft.session.state in ("disconnected", "error")
    if worse and draft.session.linked:
        return "disconnected", found.because
    return "connecting", found.because


def _slow(draft: Draft, found: Verdict) -> Reason:
    opened = draft.session.recovery.open
    late = opened is not None and opened.performed_at is None and draft.now - opened.opened_at >= draft.policy.create_wait_s
    if opened is not None and opened.rung == "create" and opened.performed_at is None and not late:
        draft.wake(opened.opened_at + draft.policy.create_wait_s)
    return Reason("provider-slow") if late else found.because


def _axes(draft: Draft, found: Verdict) -> tuple[Axis, Axis]:
    facts = draft.session.facts
    if found.kind in DOWN or found.kind in ("server_down", "server_wall", "refused"):
        no = Axis("no", found.because.code, found.since)
        return no, no
    if found.kind not in ("live", "suspect"):
        return Axis(), Axis()
    fell = draft.session.last_outage.since if draft.session.last_outage else 0.0
    send = Axis("yes", facts.send_ok_by, facts.send_ok_at) if facts.send_ok_at > fell else Axis()
    receive = Axis("yes", facts.receive_ok_by, facts.receive_ok_at) if facts.receive_ok_at > fell else Axis()
    if found.weak and found.weak[0].code in ("deaf", "stalled", "webhook-gone"):
        receive = Axis("unknown", found.weak[0].code, draft.now if receive.at is None else receive.at)
    return send, receive


# -- 6: one rung --------------------------------------------------------------------------------------------------


def _climb(draft: Draft, found: Verdict) -> None:
    if draft.session.recovery.open is not None:
        return
    _config(draft, found)
    if draft.act is not None or _must_look_first(draft):
        return
    step = ladder.next_step(
        draft.session,
        draft.server,
        found,
        draft.policy,
        draft.view.can,
        quirks=draft.view.quirks,
        now=draft.now,
    )
    match step.do:
        case "act":
            _act(draft, step)
        case "ask":
            _ask(draft, step)
        case "wait":
            draft.recovery(next_at=step.until)
            draft.wake(step.until)
        case "strike":
            _strike(draft, found)
        case _:
            if draft.session.recovery.next_at is not None:
                draft.recovery(next_at=None)


def _must_look_first(draft: Draft) -> bool:
    """After a crash in the middle of an act nothing is done before a look has been answered."""
    facts = draft.session.facts
    if not facts.interrupted_at:
        return False
    return max(facts.said_at, facts.life_seen_at, facts.missing_at, facts.look_failed_at) <= facts.interrupted_at


def _config(draft: Draft, found: Verdict) -> None:
    """A webhook that was forgotten is set again: it opens no socket and needs no rung."""
    facts = draft.session.facts
    last = draft.session.recovery.last
    tried = last.opened_at if last is not None and last.rung == "set_webhook" else 0.0
    if found.kind == "live" and facts.webhook_gone_at and draft.now - tried >= draft.policy.restart_cooldown_s:
        attempt.begin(draft, "set_webhook", "webhook-gone")


def _act(draft: Draft, step: ladder.Step) -> None:
    rung = step.rung
    assert rung is not None
    if pacing.costs_slot(rung):
        free_at = _allowed_at(draft)
        if free_at > draft.now:
            draft.recovery(next_at=free_at)
            draft.wake(free_at)
            return
    attempt.begin(draft, rung, step.because.code)


def _allowed_at(draft: Draft) -> float:
    """When the server's budget and its incident let this session act. A person's wish skips the freeze, not the
    budget."""
    incident = draft.server.incident
    frozen = incident is not None and incident.ended_at is None and incident.canary_ok_at is None
    if frozen and incident is not None and incident.canary != draft.session.id and not draft.session.recovery.asked_by_person:
        return draft.now + draft.policy.probe_suspect_s
    return pacing.slot_free_at(draft.server, draft.session.id, draft.policy, draft.now)


def _ask(draft: Draft, step: ladder.Step) -> None:
    recovery = draft.session.recovery
    if recovery.rejected or step.rung is None:
        _pause(draft)
        return
    if recovery.awaiting is not None:
        if draft.now >= recovery.quarantine_until:
            _pause(draft)
        return
    outage_id = draft.session.outage.id if draft.session.outage else None
    approval = Approval(
        id=draft.new_id("apr"),
        session_id=draft.session.id,
        session=draft.session.name,
        rung=step.rung,
        because=step.because.code,
        cost=Reason(f"cost-{step.rung}", {"session": draft.session.name}),
        created_at=draft.now,
        outage=outage_id,
    )
    draft.approval = approval
    draft.events.append("approval.requested")
    draft.recovery(awaiting=approval.id)
    draft.say("decision", "approval-asked", rung=step.rung, because=step.because.code)
    _pause(draft)


def _strike(draft: Draft, found: Verdict) -> None:
    """The plan is at its end. Pause, longer each time; propose the cure that only people have where it is known."""
    if ladder.needs_server_restart(draft.session, found, draft.view.quirks) and not draft.session.recovery.server_restart_proposed:
        draft.recovery(server_restart_proposed=True)
        draft.say("decision", "server-restart-proposed", server=draft.server.name)
    _pause(draft)


def _pause(draft: Draft) -> None:
    """Quarantine. Harmless rungs begin anew after it, so `spent` is emptied."""
    recovery = pacing.quarantine(draft.session.recovery, draft.policy, draft.now, draft.session.id)
    recovery = msgspec.structs.replace(recovery, next_at=recovery.quarantine_until, asked_by_person=False)
    draft.change(recovery=recovery)
    draft.wake(recovery.quarantine_until)
    draft.say("decision", "quarantined", seconds=f"{recovery.quarantine_until - draft.now:.0f}", strikes=str(recovery.strikes))


# -- 7: the decision ----------------------------------------------------------------------------------------------


def _decision(draft: Draft, found: Verdict) -> Decision:
    before, after = draft.view.session, draft.session
    if after.state != before.state or after.reason.code != before.reason.code:
        args = {"from": before.state, "to": after.state, "because": after.reason.code, **after.reason.args}
        draft.say("decision", "state", **args)
    if after.state != before.state:
        draft.events.insert(0, "session.state_changed")
    wake_at = max(min(draft.wakes), draft.now) if draft.wakes else None
    after = msgspec.structs.replace(after, wake_at=wake_at)
    closed_gate = before.gate == "open" and after.gate == "held"
    server = draft.server if draft.server is not draft.view.server else None
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
        fail_queued=after.reason if after.gate == "held" and (closed_gate or after.state != before.state) else None,
        drop_control=draft.drop_control,
        clear_qr=_qr_is_over(draft, found),
        quiet=server is None and not draft.lines and _only_times(before, after),
        because=found.because,
    )


def _qr_is_over(draft: Draft, found: Verdict) -> bool:
    return found.kind == "live" and draft.view.session.state != "connected"


def _only_times(before: object, after: object) -> bool:
    """Whether nothing but facts and the next wake differ: such a decision need not be written at once."""
    keep = {"facts": None, "wake_at": None}
    return msgspec.structs.replace(before, **keep) == msgspec.structs.replace(after, **keep)


