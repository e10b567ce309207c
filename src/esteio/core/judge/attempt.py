"""The life of one control act: opened, answered, and then judged by its effect, never by its answer.

An attempt is open until its effect is seen, it was refused outright, or its time is up *and* it was answered (a call
that is still under way may not be doubled: two connects at once open two sockets that keep disconnecting each other).
Never lives here: which
rung is tried (`ladder`).
"""

from __future__ import annotations

import msgspec

from esteio.core.judge import pacing
from esteio.core.judge.diagnose import Verdict
from esteio.core.model.decision import Draft
from esteio.core.model.evidence import Evidence
from esteio.core.model.policy import Policy
from esteio.core.model.recovery import Attempt, Rung
from esteio.core.model.session import Facts

GIVE_UP_S = 180.0
"""An attempt whose answer never came (its work row was lost with a node) is closed this long after its time."""
_REFUSED = frozenset({"no", "noop", "unsupported", "missing"})


def time_for(rung: Rung, policy: Policy) -> float:
    """How long the rung has to show its effect."""
    return policy.connect_every_s if rung == "connect" else policy.effect_within_s


def begin(draft: Draft, rung: Rung, because: str) -> None:
    """Open an attempt at `rung`: booked on the session, and on the server's budget where it opens a socket."""
    recovery, now = draft.session.recovery, draft.now
    follows = recovery.then[1:] if recovery.then and recovery.then[0] == rung else recovery.then
    first: Rung = "delete" if rung == "recreate" else rung
    if rung == "recreate":
        follows = ("create",)
    attempt = Attempt(
        id=draft.new_id("att"),
        rung=first,
        number=recovery.spent.count(rung) + 1,
        opened_at=now,
        until=now + time_for(first, draft.policy),
        because=because,
    )
    draft.recovery(open=attempt, then=follows, next_at=None, **_counted(draft, rung))
    if pacing.costs_slot(rung):  # guard: budget-books-attempt
        draft.server = pacing.take_slot(draft.server, draft.session.id, attempt, now)
    if first == "connect":
        draft.facts(connect_at=now)
    draft.act = attempt
    draft.record("act", "begin", rung=rung, number=str(attempt.number), because=because)


def _counted(draft: Draft, rung: Rung) -> dict[str, object]:
    recovery, now = draft.session.recovery, draft.now
    match rung:
        case "restart":
            return {"restarts": recovery.restarts + 1, "last_restart_at": now}
        case "logout":
            return {"logouts": recovery.logouts + 1, "last_logout_at": now, "approved": None}
        case "recreate":
            return {"recreates": recovery.recreates + 1, "approved": None}
        case _:
            return {}


def answered(draft: Draft, evidence: Evidence) -> None:
    """Note the answer of the open attempt; answers of older attempts are history."""
    attempt = draft.session.recovery.open
    if attempt is None or evidence.data.get("attempt") != attempt.id:
        return
    answer = evidence.data.get("answer", "")
    attempt = msgspec.structs.replace(attempt, performed_at=evidence.happened_at, answer=answer)
    draft.recovery(open=attempt)
    if answer == "not_reached":
        _close(draft, attempt, "not-reached")
    elif attempt.rung == "create" and answer == "exists":
        draft.recovery(then=("connect",))
        _close(draft, attempt, "exists")
    elif attempt.rung == "connect" and answer == "noop":
        # The provider is open or connecting by its own word: its time runs like any connect's, so that the next one
        # keeps its distance.
        return
    elif answer in _REFUSED and not (attempt.rung == "delete" and answer == "missing"):
        _refused(draft, attempt, evidence.data.get("detail", "") or answer)
    elif attempt.rung in ("delete", "set_webhook") and answer in ("ok", "missing"):
        _close(draft, attempt, "effect")


def _refused(draft: Draft, attempt: Attempt, words: str) -> None:
    if attempt.rung == "delete":
        draft.recovery(then=())
        if attempt.because == "approved":
            # A person asked for it outright, or agreed to it: they read why it was not done.
            draft.facts(refused_at=draft.now, refused_detail=words)
    _close(draft, attempt, "refused")


def interrupted(draft: Draft, evidence: Evidence) -> None:
    """The process died while the act was under way: nobody knows what happened. It is over; a look comes first."""
    attempt = draft.session.recovery.open
    if attempt is not None and evidence.data.get("attempt") == attempt.id:
        _close(draft, attempt, "interrupted")


def evaluate(draft: Draft) -> None:
    """Close the open attempt when its effect was seen or its time is up; otherwise wake when it will be."""
    attempt = draft.session.recovery.open
    if attempt is None:
        return
    if has_effect(attempt, draft.session.facts):
        _close(draft, attempt, "effect")
    elif draft.now >= attempt.until and attempt.performed_at is not None:  # guard: open-call-not-doubled
        _close(draft, attempt, "no-effect")
    elif draft.now >= attempt.until + GIVE_UP_S:
        _close(draft, attempt, "interrupted")
    else:
        draft.wake(attempt.until if draft.now < attempt.until else attempt.until + GIVE_UP_S)


def has_effect(attempt: Attempt, facts: Facts) -> bool:
    """Whether what the rung is for was seen after it was performed. A 200 is no effect."""
    if attempt.performed_at is None and attempt.rung != "create":
        return False
    since = attempt.opened_at
    if attempt.because == "deaf":
        # The socket was open all the while; only a message that comes in tells that it hears again.
        return not facts.silence_at
    if attempt.rung == "logout":
        return max(facts.unpaired_at, facts.qr_at) > since or (
            facts.state_read == "closed" and facts.state_read_at > since
        )
    # A connect's may come before its answer. A restart closes what lived until then.
    # guard: restart-effect-is-newer
    from_then = attempt.performed_at if attempt.rung == "restart" and attempt.performed_at else since
    lives = facts.life_at > from_then and not facts.closed and not facts.dead_at  # guard: effect-is-newer-than-act
    return lives or facts.qr_at > since  # guard: accepted-is-no-effect


def only_claimed(draft: Draft) -> bool:
    """Whether nothing but the provider's word says that the last attempt helped."""
    facts, last = draft.session.facts, draft.session.recovery.last
    if last is None or last.result != "effect" or facts.life_by != "said_open":
        return False
    return max(facts.send_ok_at, facts.receive_ok_at, facts.socket_ok_at) <= last.opened_at < facts.life_at


def take_back(draft: Draft, found: Verdict) -> None:
    """An effect that was only claimed, by a provider whose sockets cannot be probed, and that the next send refuted,
    was none: the rung is spent."""
    recovery = draft.session.recovery
    last = recovery.last
    # guard: refuted-claim-was-no-effect
    if found.kind == "ghost" and last is not None and recovery.open is None and only_claimed(draft):
        spent = (*recovery.spent, last.rung)
        draft.recovery(last=msgspec.structs.replace(last, result="no-effect"), spent=spent)
        draft.record("act", "no-effect", rung=last.rung, number=str(last.number))


def _close(draft: Draft, attempt: Attempt, result: str) -> None:
    recovery = draft.session.recovery
    attempt = msgspec.structs.replace(attempt, result=result)
    spent = recovery.spent
    # guard: no-effect-uses-up-rung
    if result in ("no-effect", "refused", "interrupted") or (attempt.rung == "logout" and result == "effect"):
        # A logout that took effect is used up too: what follows it is the connect.
        spent = (*spent, "recreate" if attempt.rung in ("delete", "create") else attempt.rung)
    connects = recovery.connects + (attempt.rung == "connect" and result != "effect")
    draft.recovery(open=None, last=attempt, spent=spent, connects=connects)
    draft.server = pacing.free_slot(draft.server, attempt.id)
    draft.record("act", result, rung=attempt.rung, number=str(attempt.number))
