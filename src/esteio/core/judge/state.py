"""State, reason, what the session can do, and the gate: all of them follow from the verdict alone.

Never lives here: what the verdict rests on (`diagnose`), what is done about it (`ladder`).
"""

from __future__ import annotations

from esteio.core.judge import restriction
from esteio.core.judge.diagnose import DOWN, Verdict, left_as_adopted, never_there, stood_through_restart
from esteio.core.model.decision import Draft
from esteio.core.model.session import SENDS, Session
from esteio.core.model.state import Axis, Reason, SessionState

_AUTOMATIC = frozenset({"ghost", "reconnecting", "closed", "flapping", "missing", "unknown"})
_STATES: dict[str, SessionState] = {
    "awaiting_qr": "awaiting_qr",
    "wrong_identity": "error",
    "refused": "error",
    "logged_out": "disconnected",
    "banned": "disconnected",
    "temp_banned": "disconnected",
    "outdated": "disconnected",
    "not_loaded": "disconnected",
    "replaced": "disconnected",
}


def update_state(draft: Draft, found: Verdict) -> None:
    """Write state, reason, axes and gate as the verdict has them."""
    state, reason = _state_of(draft, found)
    before = draft.session
    can_send, can_receive = _axes(draft, found)
    gate = "open" if SENDS[state] and found.kind in ("live", "suspect") else "held"  # guard: dead-closes-gate
    gate_since = before.gate_since if gate == before.gate else draft.now
    since = before.since if state == before.state else draft.now
    draft.change(
        state=state,
        reason=reason,
        since=since,
        can_send=can_send,
        can_receive=can_receive,
        gate=gate,
        gate_since=gate_since,
        restricted_until=restriction.until(before.facts, draft.now),
    )
    draft.wake(draft.session.restricted_until or None)


def why_not_sent(session: Session, found: Verdict) -> Reason:
    """What a message that may not wait fails with: seed 003's sentence while recovery goes on by itself, else the
    session's own reason."""
    automatic = found.kind in _AUTOMATIC or found.kind in ("server_down", "server_wall")
    return Reason("session-down") if automatic and not session.paused else session.reason


def _state_of(draft: Draft, found: Verdict) -> tuple[SessionState, Reason]:
    now_state = draft.session.state
    if draft.session.paused:
        return "paused", Reason("paused")
    if found.kind == "live":
        return ("degraded", found.weak[0]) if found.weak else ("connected", found.because)
    if never_there(draft.session, found) or (left_as_adopted(draft.session) and found.kind in _AUTOMATIC):
        return _adopted(found)
    if found.kind == "suspect":
        return (now_state if SENDS[now_state] else "connected"), found.because
    if found.kind in _STATES or found.kind == "unpaired":
        return (_STATES[found.kind], found.because) if found.kind in _STATES else _unpaired(draft, found)
    if found.kind in ("server_down", "server_wall"):
        return (now_state if now_state in ("disconnected", "error", "awaiting_qr") else "connecting"), found.because
    if found.kind in _AUTOMATIC:
        return _recovering(draft, found)
    return "connecting", _slow(draft, found)


def _adopted(found: Verdict) -> tuple[SessionState, Reason]:
    """What was taken over is shown as it is: nothing is being done about it."""
    match found.kind:
        case "missing":
            return "error", found.because
        case "reconnecting" | "flapping":
            return "connecting", found.because
        case "unknown":
            return "disconnected", found.because
    return "disconnected", Reason("adopted-closed")


def _unpaired(draft: Draft, found: Verdict) -> tuple[SessionState, Reason]:
    """No code on show: one is on its way when somebody asked, otherwise a person has to ask."""
    if draft.session.recovery.open is not None:
        return "connecting", Reason("code-on-its-way")
    return "disconnected", found.because


def _recovering(draft: Draft, found: Verdict) -> tuple[SessionState, Reason]:
    """`connecting` while we are at it; worse once a whole ladder failed or a person is needed, and then it stays worse
    until life is proved."""
    recovery = draft.session.recovery
    if found.because.code == "own-duel":
        return "disconnected", found.because
    if recovery.server_restart_proposed and found.kind != "missing":  # guard: gone-needs-no-server-restart
        return "disconnected", Reason("ghost-needs-server-restart", {"server": draft.server.name})
    if recovery.awaiting and found.kind == "missing":
        return "disconnected", found.because
    if recovery.awaiting:
        return "disconnected", awaited(draft, found.because, recovery.awaiting)
    if found.kind == "closed" and not draft.view.can.connect and _for_good(draft):
        return "disconnected", Reason("closed-for-good")
    worse = recovery.strikes > 0 or recovery.logouts > 0 or draft.session.state in ("disconnected", "error")
    if worse and (draft.session.linked or found.kind == "missing"):
        return "disconnected", found.because
    return "connecting", found.because


def awaited(draft: Draft, because: Reason, approval: str, **more: str) -> Reason:
    """A step waits for a person: which approval, of which session, and why."""
    named = {"cause": because.code, "session": str(draft.session.name), "approval": approval}
    return Reason("approval-awaited", {**because.args, **named, **more})


def _for_good(draft: Draft) -> bool:
    """Two ladders failed; or one, and after its pause the provider still says what it said before it."""
    recovery = draft.session.recovery
    paused = recovery.strikes == 1 and draft.now >= recovery.quarantine_until
    return recovery.strikes > 1 or (paused and stood_through_restart(draft.session))  # guard: frozen-memory-tells-early


def _slow(draft: Draft, found: Verdict) -> Reason:
    opened = draft.session.recovery.open
    late = (
        opened is not None
        and opened.performed_at is None
        and draft.now - opened.opened_at >= draft.policy.create_wait_s
    )
    if opened is not None and opened.rung == "create" and opened.performed_at is None and not late:
        draft.wake(opened.opened_at + draft.policy.create_wait_s)
    return Reason("provider-slow") if late else found.because


def _webhook_doubted(draft: Draft) -> bool:
    """The provider cannot tell where it sends its events, and since its process started it has sent us none."""
    facts = draft.session.facts
    untold = bool(facts.webhook_unread_at) or not draft.view.can.tells_webhook
    return untold and facts.event_pushed_at <= draft.server.facts.booted_at


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
    if found.unheard_since:
        receive = Axis("no", found.weak[0].code, found.unheard_since)
    elif found.weak and found.weak[0].code in ("deaf", "webhook-gone", "webhook-adopted", "webhook-unreachable"):
        receive = Axis("unknown", found.weak[0].code, draft.now if receive.at is None else receive.at)
    elif receive.value == "unknown" and _webhook_doubted(draft):
        receive = Axis("unknown", "webhook-unread", facts.webhook_unread_at or draft.session.created_at)
    return send, receive
