"""The ladder: which rung comes next, from the verdict, what was already seen to have no effect, and the policy.

`plan` is the whole order of rungs for a verdict; `next_step` walks it: rungs that are `spent` are passed over, a
destructive one needs proof, age, calm weather and consent, and the end of the plan is a strike (a longer and longer
pause) and a person. Harmless first, always. Never lives here: budgets of the server (`pacing`), time-keeping of an
open attempt (`decide`).
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

import msgspec

from esteio.core.judge import pacing
from esteio.core.judge.diagnose import (
    FOR_PEOPLE,
    SERVER_RESTART,
    Kind,
    Verdict,
    flickers,
    is_gone,
    last_flap,
    left_as_adopted,
    left_closed,
    never_there,
    socket_open_while_claimed_closed,
    stays_down,
    stood_s,
    stood_through_restart,
)
from esteio.core.judge.second_socket import LOOP_S, NO_CONDITIONS, ServerConditions, nobody_reconnects, scanning_until
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.policy import Policy
from esteio.core.model.recovery import DESTRUCTIVE, OPENS_SOCKET, Rung
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.core.model.state import Reason

RESTART_NOOP = "restart-ended-socket-noop"
"""Name of the quirk: a restart of a session whose socket has already ended is answered 200 and does nothing."""


BOOTS_ALL = "connects-all-at-boot"
"""Name of the quirk: a new process connects every instance, whatever its list says."""
CLOSED_LOOKS = 4
"""So many looks in a row must find it closed: the moment between two tries of its own may meet one or two of them."""
STUCK_STRIKES = 2
"""After so many failed ladders a session that connects for ever is stuck in its process."""
LOGOUT_FAILS = "logout-of-a-dead-socket-fails"
"""Name of the quirk: a logout of a dead socket is refused and changes nothing."""
AGAIN_S = 5.0
"""What waits for something that may be seen at any moment is thought of again after this."""
NOTHING_TO_HEAL: frozenset[Kind] = frozenset({"live", "suspect", "new", "server_down", "server_wall"})
"""Verdicts that call for no rung of this session."""


class Step(msgspec.Struct, frozen=True):
    """What the ladder says now.

    `act`: open an attempt at `rung`. `ask`: the next rung is destructive and waits for a person's approval. `wait`:
    nothing before `until`. `strike`: the plan is at its end; pause. `person`: only a named human act helps.
    `rest`: there is nothing to heal.
    """

    do: Literal["act", "ask", "wait", "strike", "person", "rest"]
    because: Reason
    rung: Rung | None = None
    until: float | None = None


def plan(
    verdict: Verdict, policy: Policy, can: Capabilities, *, linked: bool = True, asked: bool = False
) -> tuple[Rung, ...]:
    """The rungs for this verdict, harmless first, in order. A session that was never linked has nothing to log out.
    `asked`: somebody waits for a code, which is what the levels of seed 002 belong to.

    A provider that reconnects by itself is not asked to connect: between two tries it says closed for a moment, and a
    connect in that moment starts a duel of two sockets that only a logout or a new process ends. (The seeds' letter
    does so all the same.)
    """
    connects = _times("connect", policy.connect_attempts)
    restart: tuple[Rung, ...] = ("restart",) if can.restart and can.restart_keeps_link else ()
    if by_letter(policy, can):
        return _letter(verdict, policy, can, asked=asked or not linked)
    tail = _destructive_tail(policy, can) if linked or policy.destructive == "auto" else ()
    match verdict.kind:
        case "ghost":
            return (*(restart or connects), *tail)
        case "reconnecting":
            # It has the credentials in its hands and nobody refused them: there is nothing to make anew.
            return restart or connects  # guard: reconnector-not-connected
        case "closed" | "missing" if not can.connect:
            return restart
        case "closed" | "missing":
            return (*connects, *tail)
        case "unknown" if _corrupt(verdict, policy) and can.connect:
            return tail
        case _:
            return ()


def by_letter(policy: Policy, can: Capabilities) -> bool:
    """Whether the seeds are followed to the letter, and the provider knows what they speak of."""
    return policy.letter.ghost_cure == "logout" and can.connect


def _letter(verdict: Verdict, policy: Policy, can: Capabilities, *, asked: bool) -> tuple[Rung, ...]:
    """Who asks for a code goes up the three levels of 002. Otherwise a ghost is logged out (001), whoever is down is
    restarted once (003), and the periodic reconnector connects (001, 004): nobody is deleted."""
    connects = _times("connect", policy.connect_attempts)
    logout: tuple[Rung, ...] = ("logout",) if can.restart else ()
    restart: tuple[Rung, ...] = ("restart",) if can.restart and can.restart_keeps_link else ()
    match verdict.kind:
        case "ghost":
            return (*logout, *_times("connect", policy.logout_connect_attempts))
        case "closed" | "missing" | "reconnecting" if asked:  # guard: levels-need-a-request
            return (*connects, *_destructive_tail(policy, can))
        case "closed" | "missing" | "reconnecting":
            return (*connects, *restart)
        case "unpaired" | "logged_out":
            return connects
        case "unknown" if asked and _corrupt(verdict, policy):
            return _destructive_tail(policy, can)
        case _:
            return ()


def asks_for_code(session: Session) -> bool:
    """Whether a person waits for a code: of a new session, or since the last sign of life."""
    return not session.linked or session.facts.pair_at > session.facts.life_at


def _destructive_tail(policy: Policy, can: Capabilities) -> tuple[Rung, ...]:
    if not can.connect:
        return ()
    again = _times("connect", policy.logout_connect_attempts)
    logout: tuple[Rung, ...] = ("logout", *again) if can.restart else ()
    return (*logout, "recreate") if policy.recreate else logout


def _times(rung: Rung, count: int) -> tuple[Rung, ...]:
    return (rung,) * count


def remaining(planned: tuple[Rung, ...], spent: tuple[str, ...]) -> tuple[Rung, ...]:
    """The plan without what was already tried in this fall, each try used up once."""
    tried = Counter(spent)
    left: list[Rung] = []
    for rung in planned:
        if tried[rung] > 0:
            tried[rung] -= 1
        else:
            left.append(rung)
    return tuple(left)


class Case(msgspec.Struct, frozen=True):
    """One session on its server at one moment: all that the next rung may depend on."""

    session: Session
    server: Server
    verdict: Verdict
    policy: Policy
    can: Capabilities
    quirks: frozenset[str]
    now: float
    conditions: ServerConditions


def next_step(
    session: Session,
    server: Server,
    verdict: Verdict,
    policy: Policy,
    can: Capabilities,
    *,
    quirks: frozenset[str],
    now: float,
    conditions: ServerConditions = NO_CONDITIONS,
) -> Step:
    """The next rung for a session that has no open attempt."""
    recovery = session.recovery
    if recovery.then:
        return Step("act", Reason("follows"), rung=recovery.then[0])
    if recovery.approved and _still_wanted(session, verdict):
        return _approved(session, server, policy, now)
    if verdict.kind in NOTHING_TO_HEAL:
        return Step("rest", verdict.because)
    if _unmade(session, verdict):
        return _made(server, verdict, policy, now)
    if _wants_pairing(session, verdict, can):
        # guard: pairing-waits-beside-loop
        return _hands_off(session, server, verdict, can, conditions, now=now) or _pair(session, verdict, can)
    if verdict.kind in FOR_PEOPLE and not _reconnector(session, verdict, policy, can):
        return Step("person", verdict.because)
    if left_as_adopted(session) or never_there(session, verdict):
        return Step("person", verdict.because)
    return _left_alone(session, verdict, policy, now) or _climb(
        Case(session, server, verdict, policy, can, quirks, now, conditions)
    )


def _unmade(session: Session, verdict: Verdict) -> bool:
    """Whether it is missing because the last create reached nobody, or died with us on its way."""
    last = session.recovery.last
    return (
        verdict.kind == "missing"
        and last is not None
        and last.rung == "create"
        and last.result in ("not-reached", "interrupted")
    )


def _made(server: Server, verdict: Verdict, policy: Policy, now: float) -> Step:
    """What a booting server has not loaded yet is missing too; if it is there after all, a create says so."""
    if pacing.in_boot_grace(server, policy, now):
        return Step("wait", Reason("boot-grace"), until=server.facts.booted_at + policy.boot_grace_s)
    return Step("act", verdict.because, rung="create")


def _left_alone(session: Session, verdict: Verdict, policy: Policy, now: float) -> Step | None:
    """Falls, and times, in which a hand of ours would only do harm."""
    recovery = session.recovery
    if verdict.kind == "temp_banned":
        until = session.facts.code_until or now + policy.quarantine_max_s
        return Step("wait", verdict.because, until=until)
    # guard: unknown-state-not-acted-on
    if verdict.kind == "unknown" and not (_corrupt(verdict, policy) and asks_for_code(session)):
        # A word we do not know is looked at again, never acted on.
        return Step("wait", verdict.because, until=now + policy.probe_suspect_s)
    if verdict.kind == "flapping":  # guard: flapping-not-restarted
        until = last_flap(session.facts) + policy.flap_within_s
        return Step("wait", verdict.because, until=until if until > now else now + policy.flap_within_s)
    if now < recovery.quarantine_until:  # guard: quarantine-kept
        return Step("wait", Reason("quarantine", {"strikes": str(recovery.strikes)}), until=recovery.quarantine_until)
    return None


_PAIRABLE: frozenset[Kind] = frozenset({"unpaired", "logged_out", "closed", "missing", "banned", "temp_banned"})


def _wants_pairing(session: Session, verdict: Verdict, can: Capabilities) -> bool:
    """A person asked for a code after the last act, and something can be done for it. Where a dead socket is held for
    open no call brings one; beside a QR that is shown some providers give a code to type."""
    facts = session.facts
    if facts.pair_at <= facts.act_at or verdict.because.code == SERVER_RESTART:
        return False
    typed = verdict.kind == "awaiting_qr" and session.recovery.pair_phone is not None and can.pairing_beside_qr
    return typed or verdict.kind in _PAIRABLE


def _hands_off(
    session: Session, server: Server, verdict: Verdict, can: Capabilities, conditions: ServerConditions, *, now: float
) -> Step | None:
    """A connect at a person's word is a second socket like any other, beside a loop or a scan."""
    until = scanning_until(session, can, now)
    if until:  # guard: scan-in-progress-left-alone
        return Step("wait", Reason("awaiting-qr"), until=until)
    if verdict.kind != "closed" or not session.linked or nobody_reconnects(session, server, verdict, can, conditions):
        return None
    return Step("wait", verdict.because, until=now + AGAIN_S)


def _pair(session: Session, verdict: Verdict, can: Capabilities) -> Step:
    """What is gone, whatever ended it before, or locked out with its credentials, is brought back by nothing less than
    a recreate: that is asked for, with what it costs."""
    burnt = verdict.kind in ("missing", "banned", "temp_banned")
    gone = can.connect and (burnt or is_gone(session.facts))  # guard: unlinked-and-gone-is-recreated
    dead_credentials = verdict.kind == "logged_out" and not can.connect_pairs_after_unlink
    rung: Rung = "recreate" if gone or dead_credentials else "connect"
    return Step("ask" if rung == "recreate" else "act", Reason("asked-to-pair"), rung=rung)


def _reconnector(session: Session, verdict: Verdict, policy: Policy, can: Capabilities) -> bool:
    """By the letter of seed 001 a logout is followed by the periodic reconnector's connect: so that a QR is there."""
    unlinked = verdict.kind in ("unpaired", "logged_out") and verdict.because.code != SERVER_RESTART
    return by_letter(policy, can) and unlinked and session.recovery.logouts > 0


def _still_wanted(session: Session, verdict: Verdict) -> bool:
    """An approval whose reason is gone is not carried out; an outright wish of a person is."""
    return session.recovery.asked_by_person or verdict.kind not in NOTHING_TO_HEAL  # guard: stale-approval-dropped


def _approved(session: Session, server: Server, policy: Policy, now: float) -> Step:
    """A person's yes is carried out, but not while the server is just starting (a wish outright does not wait)."""
    rung: Rung = session.recovery.approved  # type: ignore[assignment]
    # guard: boot-grace-before-approved
    if pacing.in_boot_grace(server, policy, now) and not session.recovery.asked_by_person:
        return Step("wait", Reason("boot-grace"), until=server.facts.booted_at + policy.boot_grace_s)
    return Step("act", Reason("approved", {"rung": rung}), rung=rung)


def _climb(case: Case) -> Step:
    session, verdict, policy, can, now = case.session, case.verdict, case.policy, case.can, case.now
    planned = plan(verdict, policy, can, linked=session.linked, asked=asks_for_code(session))
    left = remaining(planned, session.recovery.spent)
    if by_letter(policy, can) and left == ("restart",) and now < pacing.restart_allowed_at(session.recovery, policy):
        # The health check's one restart in half an hour keeps the reconnector from nothing.
        left = ()
    if LOGOUT_FAILS in case.quirks and policy.letter.ghost_cure != "logout" and left[:1] == ("logout",):
        # It would be refused: what is asked of a person is what can help.
        left = tuple(rung for rung in left if rung == "recreate")
    if not left:
        return Step("strike", verdict.because)
    rung = left[0]
    patience = (
        _patience(case, rung)
        or _blindness(session, policy, can, rung, now)  # guard: look-before-second-connect
        or _standstill(session, policy, can, rung, now)  # guard: frozen-memory-not-restarted-blind
    )
    if patience:
        return patience
    if rung not in DESTRUCTIVE:
        return Step("act", verdict.because, rung=rung)
    return _destructive(case, rung)


def _patience(case: Case, rung: Rung) -> Step | None:
    """Reasons to wait that hold for harmless rungs too."""
    session, server, verdict, policy, can = case.session, case.server, case.verdict, case.policy, case.can
    now, conditions = case.now, case.conditions
    if verdict.kind == "reconnecting" and rung == "connect":
        # While the provider connects a connect only asks, so it may come soon, but never in the moment of the fall.
        if now < verdict.since + policy.connect_every_s:
            return Step("wait", verdict.because, until=verdict.since + policy.connect_every_s)
    elif verdict.kind == "reconnecting":
        # The provider is at it by itself; only when it is not done in time do we put a hand to it.
        ready = max(verdict.since, session.facts.act_at, _boot(server, policy)) + policy.effect_within_s
        if now < ready:  # guard: reconnector-gets-time
            return Step("wait", verdict.because, until=ready)
    by_list = can.boots_by_list and BOOTS_ALL not in case.quirks  # guard: self-booting-versions-left-alone
    alone = by_list and left_closed(session.facts, server, policy, now)  # guard: left-closed-by-boot-connects-at-once
    down = by_list and stays_down(session.facts, server, policy, now)
    stays = alone or _stays_closed(session, server, policy, now, down=down)
    if policy.letter.ghost_cure != "logout":
        # (Seed 002's letter connects all the same.)
        stays = stays and nobody_reconnects(
            session, server, verdict, can, conditions
        )  # guard: loop-unheard-is-no-leave
    if verdict.kind == "closed" and rung == "connect" and not stays:
        # Between a drop and its own reconnect a provider says closed for a moment; a connect in that moment opens a
        # second socket with the same credentials, and the two throw each other out for ever. So does one beside a
        # socket that lives, whose `open` still waits in a queue that stands still.
        return Step("wait", verdict.because, until=max(now, session.facts.state_read_at) + policy.probe_suspect_s)
    if verdict.kind == "missing" and pacing.in_boot_grace(server, policy, now):  # guard: boot-grace-before-missing
        return Step("wait", Reason("boot-grace"), until=server.facts.booted_at + policy.boot_grace_s)
    if rung == "restart" and not can.connect and _seldom_seen_closed(session):
        # Its own next try may be a moment away: the restart would be lost in it.
        return Step("wait", verdict.because, until=max(now, session.facts.state_read_at) + policy.probe_suspect_s)
    if rung == "restart" and not conditions.away:  # guard: outage-restart-without-cooldown
        allowed = pacing.restart_allowed_at(session.recovery, policy)
        if now < allowed:  # guard: restart-cooldown-kept
            return Step("wait", Reason("restart-cooldown"), until=allowed)
    return None


def _blindness(session: Session, policy: Policy, can: Capabilities, rung: Rung, now: float) -> Step | None:
    """After an act that opens a socket nobody has looked at it yet, and it may stand: a connect would open one beside
    it. Where looks fail it is tried all the same, as late as any act's effect may be."""
    facts, last = session.facts, session.recovery.last
    if rung != "connect" or not can.socket_probe or last is None or last.rung not in OPENS_SOCKET - {"logout"}:
        return None
    seen_at = max(
        (at for at, source in zip(facts.closed, facts.closed_by, strict=True) if source == "probe"), default=0.0
    )
    until = facts.act_at + policy.effect_within_s
    return None if seen_at > facts.act_at or now >= until else Step("wait", Reason("look-first"), until=until)


def _standstill(session: Session, policy: Policy, can: Capabilities, rung: Rung, now: float) -> Step | None:
    """Where no socket can be probed, a memory that did not move while a restart was carried out tells nothing more:
    the line may live behind it, and each restart leaves one more socket, that throw each other out for ever once it
    moves. The next comes as late as the longest pause, and sooner only by a person's word or the server's boot."""
    restarted_at = session.recovery.last_restart_at
    if rung != "restart" or can.socket_probe or restarted_at is None or not stood_through_restart(session):
        return None
    until = restarted_at + policy.quarantine_max_s
    return Step("wait", Reason("memory-stands-still"), until=until) if now < until else None


def _stays_closed(session: Session, server: Server, policy: Policy, now: float, *, down: bool) -> bool:
    """Closed at several looks apart, with no socket beside it and no word of connecting since the first. A provider
    that was seen at it by itself in this fall, or has just started (and did not leave it `down`), says closed again
    and again between its own tries: there it must stand as long as an act would have."""
    facts = session.facts
    if facts.state_read != "closed":
        return True
    patience = min(policy.closed_retry_after_s, policy.probe_suspect_s) * 0.9
    booting = pacing.in_boot_grace(server, policy, now) and not down  # guard: boot-connect-retry-bounded
    if booting or facts.last_connecting_at > max(
        facts.life_at, facts.unpaired_at
    ):  # guard: connecting-provider-waits-longer
        patience = policy.effect_within_s
    stood = stood_s(facts) >= patience and facts.state_read_times >= CLOSED_LOOKS  # guard: closed-twice-is-not-enough
    # guard: closed-once-is-not-enough, no-connect-beside-open-socket, connecting-between-looks-resets-closed
    return stood and facts.last_connecting_at <= facts.state_read_since and not socket_open_while_claimed_closed(facts)


def _seldom_seen_closed(session: Session) -> bool:
    return session.facts.state_read == "closed" and session.facts.state_read_times < CLOSED_LOOKS


def _boot(server: Server, policy: Policy) -> float:
    return server.facts.booted_at + policy.boot_grace_s - policy.effect_within_s if server.facts.booted_at else 0.0


def _corrupt(verdict: Verdict, policy: Policy) -> bool:
    """A word that nobody knows, by the letter of 002: the instance is made anew without any proof."""
    return verdict.kind == "unknown" and policy.letter.unknown_is_corrupt


def _destructive(case: Case, rung: Rung) -> Step:
    session, server, verdict, policy, now = case.session, case.server, case.verdict, case.policy, case.now
    if policy.letter.ghost_cure != "logout" and _not_its_own_fault(case):
        # Where waiting has not helped either, harmless rungs begin anew and a new process is proposed.
        wait = Step("wait", verdict.because, until=now + policy.probe_suspect_s)
        return Step("strike", verdict.because) if case.conditions.stays_dark else wait
    if pacing.in_boot_grace(server, policy, now):  # guard: boot-grace-before-destructive
        return Step("wait", Reason("boot-grace"), until=server.facts.booted_at + policy.boot_grace_s)
    # guard: destructive-never, destructive-needs-proof
    if policy.destructive == "never" or not (verdict.proven or _corrupt(verdict, policy)):
        return Step("strike", verdict.because)
    if rung == "logout":
        allowed = pacing.logout_allowed_at(session.recovery, policy)
        if now < allowed:  # guard: logouts-apart
            return Step("wait", Reason("logout-limit"), until=allowed)
    if policy.destructive == "ask" and (
        # guard: unlink-not-beside-restart-proposal
        (verdict.kind != "missing" and _awaits_boot(session, server))
        or needs_server_restart(session, verdict, case.can, case.quirks)
    ):
        # That is proposed, at once: it costs nothing to say, and no link.
        return Step("strike", verdict.because)
    if now < verdict.since + policy.destructive_after_s:  # guard: destructive-needs-age
        return Step("wait", verdict.because, until=verdict.since + policy.destructive_after_s)
    if policy.destructive == "auto":  # guard: destructive-asks
        return Step("act", verdict.because, rung=rung)
    return Step("ask", verdict.because, rung=rung)


def _not_its_own_fault(case: Case) -> bool:
    """What fell with others, or where nothing lives, fell for a reason that no unlink mends. And what is closed has its
    credentials, and nobody refused them: at first what keeps it out is more often the network than the link. What the
    others do is not known yet where the server could not be asked until just now. And a duel of two sockets is
    not ended by it, which looks alone tell of late."""
    session, server, verdict, policy, now = case.session, case.server, case.verdict, case.policy, case.now
    # guard: unlink-not-while-flickering
    if now < server.facts.back_at + LOOP_S or flickers(session.facts, policy, now):
        return True
    young = now < max(verdict.since, session.facts.state_read_since) + LOOP_S
    # guard: unlink-not-in-shared-outage, unlink-not-while-nobody-lives, unlink-not-while-young
    return case.conditions.together or case.conditions.nobody or (verdict.kind == "closed" and young)


def _awaits_boot(session: Session, server: Server) -> bool:
    """Whether people were told in this fall that a restart of the server's process helps, and it has not come yet."""
    fell = session.outage.since if session.outage else 0.0
    return session.recovery.server_restart_proposed and server.facts.booted_at <= fell


def needs_server_restart(session: Session, verdict: Verdict, can: Capabilities, quirks: frozenset[str]) -> bool:
    """A ghost that no act of ours reaches: where a restart did nothing and nothing else is left, or the provider is
    known for it (the socket has ended, a logout would be refused as well); or where there is no restart at all, and a
    connect does nothing for a session that says open; or one that connects for ever. A restart of the provider's
    process helps, and costs no link."""
    spent = session.recovery.spent
    if verdict.kind == "reconnecting":
        # Restarted again and again, and it still says that it connects: behind a queue that stands still it would.
        return session.recovery.strikes >= STUCK_STRIKES
    if verdict.kind != "ghost":
        return False
    if not can.restart:
        return "connect" in spent  # guard: ghost-keeps-link-without-restart
    if "logout" in spent and "restart" not in spent:
        # The seeds' letter: had the logout done anything, it would be no ghost any more.
        return True
    # What opened a new socket was no act without effect, though it did not heal.
    stirred = session.facts.last_connecting_at > (session.recovery.last_restart_at or 0.0)
    # guard: effective-restart-spares-server
    return "restart" in spent and not stirred and (RESTART_NOOP in quirks or not can.connect)
