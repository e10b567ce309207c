"""One rung at most: what the ladder says is begun, asked for, put off or given up, within the server's budget.

Never lives here: which rung it is (`ladder`), how long an act has (`attempt`).
"""

from __future__ import annotations

import msgspec

from esteio.core.judge import attempt, inbound_health, ladder, pacing, state
from esteio.core.judge.diagnose import SERVER_RESTART, Verdict
from esteio.core.judge.second_socket import ServerConditions
from esteio.core.model.decision import Draft, Notice
from esteio.core.model.recovery import Approval
from esteio.core.model.server import Incident
from esteio.core.model.state import Reason

CANARY_PATIENCE = 3
"""A canary that is not healed within so many effect times gives its place to the next."""


def climb(draft: Draft, found: Verdict) -> None:
    """Choose at most one act, and begin it, ask for it, or note when to think of it again."""
    if draft.session.recovery.open is not None:  # guard: one-open-act
        return
    if _config(draft, found) or _must_look_first(draft) or _restore_inbound(draft, found):
        return
    if found.because.code == "own-duel":  # guard: own-duel-proposes-restart
        # Nothing that can be called ends it; a new process does.
        _propose_server_restart(draft)
    conditions = _conditions(draft, found)
    step = ladder.next_step(
        draft.session,
        draft.server,
        found,
        draft.policy,
        draft.view.can,
        quirks=draft.view.quirks,
        now=draft.now,
        conditions=conditions,
    )
    _give_way(draft, found, step)
    match step.do:
        case "act":
            _act(draft, step, away=conditions.away)
        case "ask":
            _ask(draft, step)
        case "wait":
            draft.recovery(next_at=step.until)
            draft.wake(step.until)
        case "strike" if conditions.away:  # guard: outage-adds-no-strike
            # It was in vain because of the outage: that is no strike, and the wait after it is no longer for it.
            again_at = draft.now + draft.policy.probe_suspect_s
            draft.recovery(spent=(), next_at=again_at, quarantine_until=again_at)
            draft.wake(again_at)
        case "strike":
            _strike(draft, found, conditions)
        case _:
            if found.because.code == SERVER_RESTART:
                _propose_server_restart(draft)
            if draft.session.recovery.next_at is not None:
                draft.recovery(next_at=None)


AWAY_AT_MOST_S = 1800.0
"""Where nothing of a server has lived for so long, its sessions are treated as if each had a trouble of its own."""


def _conditions(draft: Draft, found: Verdict) -> ServerConditions:
    """What the rest of the server tells."""
    incident = draft.server.incident
    together = incident is not None and incident.ended_at is None
    since = incident.since if together and incident is not None else found.since
    frozen = together and incident is not None and incident.canary_ok_at is None
    all_down = found.kind in ("closed", "reconnecting") or draft.view.fleet > 1
    nobody = frozen or (draft.view.none_alive and draft.view.can.connect and all_down)
    away = nobody and draft.now - since < AWAY_AT_MOST_S
    return ServerConditions(heard_at=draft.view.server_webhook_at, nobody=nobody, away=away, together=together)


def _must_look_first(draft: Draft) -> bool:
    """After a crash in the middle of an act nothing is done before a look has been answered."""
    facts = draft.session.facts
    if not facts.interrupted_at:
        return False
    # guard: crash-needs-a-look
    return max(facts.state_read_at, facts.life_seen_at, facts.missing_at, facts.look_failed_at) <= facts.interrupted_at


def _config(draft: Draft, found: Verdict) -> bool:
    """A webhook that was forgotten is set again: it opens no socket and needs no rung."""
    facts = draft.session.facts
    last = draft.session.recovery.last
    tried = last.opened_at if last is not None and last.rung == "set_webhook" else 0.0
    due = found.kind == "live" and facts.webhook_gone_at and draft.now - tried >= draft.policy.restart_cooldown_s
    if due:
        taken_over = facts.adopted_at and not facts.webhook_set_at
        attempt.begin(draft, "set_webhook", "webhook-adopted" if taken_over else "webhook-gone")
    return bool(due)


def _restore_inbound(draft: Draft, found: Verdict) -> bool:
    """A line that lives and hears nothing. A deaf one is restarted once; where that did not help, or the events stand
    still (a restart would kill it: its own reconnect waits in the same queue), only the process helps."""
    facts, can = draft.session.facts, draft.view.can
    if found.kind != "live" or not (facts.stall_at or inbound_health.quiet(facts)):
        return False
    renewed = facts.renewed_at > facts.message_pushed_at
    if facts.deaf_at and not renewed and can.restart and can.restart_keeps_link:
        _act(draft, ladder.Step("act", Reason("deaf"), rung="restart"))
    # guard: holiday-proposes-no-server-restart
    elif facts.stall_at or (renewed and facts.silence_at > facts.renewed_at and not facts.silence_shared):
        _propose_server_restart(draft)
    return draft.session.recovery.open is not None


def _propose_server_restart(draft: Draft) -> None:
    if not draft.session.recovery.server_restart_proposed:
        draft.recovery(server_restart_proposed=True)
        draft.record("decision", "server-restart-proposed", server=draft.server.name)


def _act(draft: Draft, step: ladder.Step, *, away: bool = False) -> None:
    rung = step.rung
    if rung is None:  # pragma: no cover - an `act` always names its rung
        return
    # Every rung that the ladder names opens a socket, or follows one that did: all of them wait for the budget.
    free_at = _allowed_at(draft)
    if free_at > draft.now:  # guard: budget-asked-before-act
        draft.recovery(next_at=free_at)
        draft.wake(free_at)
        return
    _take_turn(draft)
    attempt.begin(draft, rung, step.because.code)
    if rung == "restart" and away:
        draft.recovery(restarts=min(1, draft.session.recovery.restarts))


def _allowed_at(draft: Draft) -> float:
    """When the server's budget and its incident let this session act. A person's wish skips the freeze, not the
    budget."""
    incident = _freeze(draft)
    if incident is not None and not draft.session.recovery.asked_by_person and not _may_try(draft, incident):
        return draft.now + draft.policy.probe_suspect_s
    return pacing.slot_free_at(draft.server, draft.session.id, draft.policy, draft.now)


# -- while many of a server are down, one is healed first ----------------------------------------------------------


def _freeze(draft: Draft) -> Incident | None:
    """The incident of the server while nobody has been healed in it."""
    incident = draft.server.incident
    # guard: canary-goes-alone
    if incident is None or incident.ended_at is not None or incident.canary_ok_at is not None:
        return None
    return incident


def _may_try(draft: Draft, incident: Incident) -> bool:
    """Whether it is this session's turn: a canary that asks for nothing is passed over at once, and one that was not
    healed in its time gives its place to whoever needs an act next."""
    turn_s = CANARY_PATIENCE * draft.policy.effect_within_s
    return incident.canary == draft.session.id or draft.now - incident.canary_at >= turn_s


def _take_turn(draft: Draft) -> None:
    incident = _freeze(draft)
    if incident is None or not _may_try(draft, incident):
        return
    mine = incident.canary == draft.session.id
    if mine and incident.canary_at:
        return
    turn = msgspec.structs.replace(incident, canary=draft.session.id, canary_at=draft.now)
    draft.server = msgspec.structs.replace(draft.server, incident=turn)
    if not mine:
        draft.record("decision", "canary-changed", server=draft.server.name, session=draft.session.name)


def _give_way(draft: Draft, found: Verdict, step: ladder.Step) -> None:
    """A canary that flaps, or that nothing is left to do for, keeps nobody waiting."""
    incident = _freeze(draft)
    if incident is None or incident.canary != draft.session.id or not incident.canary_at:
        return
    if step.do not in ("act", "wait") or found.kind == "flapping":
        given = msgspec.structs.replace(incident, canary_at=0.0)
        draft.server = msgspec.structs.replace(draft.server, incident=given)


def _ask(draft: Draft, step: ladder.Step) -> None:
    recovery = draft.session.recovery
    if recovery.rejected or step.rung is None:  # guard: rejection-remembered
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
    reason = state.awaited(draft, step.because, approval.id, rung=step.rung)
    draft.notices.append(Notice(approval.id, "approval", reason, draft.now, held=draft.view.held))
    draft.recovery(awaiting=approval.id)
    draft.record("decision", "approval-asked", **{**step.because.args, "rung": step.rung, "because": step.because.code})
    _pause(draft)


def _strike(draft: Draft, found: Verdict, conditions: ServerConditions) -> None:
    """The plan is at its end. Pause, longer each time; propose the cure that only people have where it is known."""
    helps = ladder.needs_server_restart(draft.session, found, draft.view.can, draft.view.quirks)
    if helps or (conditions.stays_dark and found.kind != "missing"):
        if "logout" in draft.session.recovery.spent and not draft.session.recovery.server_restart_proposed:
            draft.record("decision", "logout-in-vain", server=draft.server.name)
        _propose_server_restart(draft)
    _pause(draft)


def _pause(draft: Draft) -> None:
    """Quarantine. Harmless rungs begin anew after it, so `spent` is emptied."""
    recovery = pacing.quarantine(draft.session.recovery, draft.policy, draft.now, draft.session.id)
    recovery = msgspec.structs.replace(recovery, next_at=recovery.quarantine_until, asked_by_person=False)
    draft.change(recovery=recovery)
    draft.wake(recovery.quarantine_until)
    draft.record(
        "decision", "quarantined", seconds=f"{recovery.quarantine_until - draft.now:.0f}", strikes=str(recovery.strikes)
    )
