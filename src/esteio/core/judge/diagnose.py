"""Name what the facts say a session is: the verdict, with the reason a person will read.

The newest fall that is proved stands against the newest proof of life. Total: whatever was seen, there is a verdict.
Never lives here: how evidence becomes facts (`facts`), what to do about it (`ladder`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

import msgspec

from esteio.core.judge import inbound_health, pacing, restriction
from esteio.core.model import server_reason as weather
from esteio.core.model.address import same_line
from esteio.core.model.evidence import NOT_LOADED
from esteio.core.model.policy import Policy
from esteio.core.model.server import UNUSABLE, Server
from esteio.core.model.session import Facts, Session, passed_at
from esteio.core.model.state import Reason

_READ_ROADS = ("state", "probe", "list")
QR_LIVES_S = 90.0
"""A QR not renewed for this long is gone (45 s each on Evolution, 60 then 20 s elsewhere)."""

QR_SHOWN_S = 48.0
"""A code that is older is not shown any more; the next one mostly comes before."""
SERVER_RESTART = "ghost-needs-server-restart"
"""The reason of a session that nothing but a restart of the provider's process brings back."""

Kind = Literal[
    "live",
    "suspect",
    "ghost",
    "reconnecting",
    "closed",
    "flapping",
    "replaced",
    "awaiting_qr",
    "unpaired",
    "logged_out",
    "banned",
    "temp_banned",
    "outdated",
    "missing",
    "not_loaded",
    "refused",
    "server_down",
    "server_wall",
    "wrong_identity",
    "new",
    "unknown",
]

DOWN: frozenset[Kind] = frozenset(
    {
        "ghost",
        "reconnecting",
        "closed",
        "flapping",
        "replaced",
        "unpaired",
        "awaiting_qr",
        "logged_out",
        "banned",
        "temp_banned",
        "outdated",
        "missing",
        "not_loaded",
        "wrong_identity",
    }
)
"""Verdicts that speak of the session's own fall."""
HALF_FALLS = frozenset({"deaf", "stalled"})
"""Of a session that lives and hears nothing."""
FOR_PEOPLE: frozenset[Kind] = frozenset(
    {
        "logged_out",
        "banned",
        "outdated",
        "replaced",
        "wrong_identity",
        "unpaired",
        "awaiting_qr",
        "refused",
        "not_loaded",
    }
)
"""Nothing automatic helps: a named human act does."""


class Verdict(msgspec.Struct, frozen=True):
    """What the session is, since when as far as evidence dates it, and why (a reason code with a sentence)."""

    kind: Kind
    because: Reason
    since: float
    proven: bool = True
    weak: tuple[Reason, ...] = ()
    """What is wrong with a session that lives: deaf, restricted, configuration gone. The first is shown."""
    unheard_since: float = 0.0
    """Since when it is proved that nothing comes in from a session that lives: half a fall; 0 while it is not."""


def verdict(session: Session, server: Server, policy: Policy, now: float) -> Verdict:
    """The name of what is the case now. Total: whatever was seen, there is a verdict."""
    facts = session.facts
    if _wrong_phone(session):  # guard: pinned-phone-compared
        args = {"seen": facts.phone_seen, "phone": session.phone or ""}
        return Verdict("wrong_identity", Reason("wrong-identity", args), facts.identity_at)
    weather = _weather(server)
    if weather:  # guard: server-verdict-first
        return weather
    fall = _fall(session, server, policy, now)
    if fall and (fall.kind == "flapping" or facts.life_at <= fall.since):
        return fall
    unproved_since = _unproved_since(session)  # guard: outdated-fall-proof-is-not-life
    if unproved_since:
        death = _death(msgspec.structs.replace(facts, dead_at=unproved_since), server)
        return msgspec.structs.replace(death, proven=False)  # guard: outdated-fall-proof-unlinks-nobody
    if facts.life_at:
        return _living(session, policy, now)
    return fall or _unborn(facts, session)


def _unproved_since(session: Session) -> float:
    """It fell, and what proved that is out of date, but no life was seen since: it is down until there is, and what the
    provider says by now gives the fall its name. 0 when it is not so."""
    outage, facts = session.outage, session.facts
    if outage is None or outage.because in HALF_FALLS:
        return 0.0
    return outage.since if facts.life_at < outage.since else 0.0  # guard: late-old-life-ends-nothing


def _wrong_phone(session: Session) -> bool:
    seen, pinned = session.facts.phone_seen, session.phone
    return bool(seen and pinned) and not same_line(seen, pinned or "")


def _weather(server: Server) -> Verdict | None:
    if server.health not in UNUSABLE:
        return None
    kind: Kind = "server_down" if server.health == "down" else "server_wall"
    return Verdict(kind, weather.reason(server), server.health_at)


def _fall(session: Session, server: Server, policy: Policy, now: float) -> Verdict | None:
    """The newest fall that the evidence proves, if any."""
    facts = session.facts
    if _on_show(facts, now):
        return _linkless(facts, now)
    if _refused(session, server):
        return Verdict("refused", Reason("provider-refused", {"detail": facts.refused_detail}), facts.refused_at)
    coded = _coded_verdict(session, server, now)
    if coded:
        return coded
    if not _being_made(session) and is_gone(facts):
        since = max(facts.missing_since, facts.life_at)
        return Verdict("missing", Reason("instance-missing", {}), since)
    # guard: unloaded-has-no-life
    if (
        facts.state_read == NOT_LOADED
        and facts.state_read_since >= facts.life_at
        and stood_s(facts) >= policy.boot_grace_s
    ):
        return Verdict("not_loaded", Reason("not-loaded", {"server": server.name}), facts.state_read_since)
    if facts.unpaired_at > facts.life_at and facts.unpaired_at >= facts.dead_at - 1:
        return _linkless(facts, now)
    return _socketless(session, server, policy, now)


def is_gone(facts: Facts) -> bool:
    """Whether the newest that the provider said of the instance is that it does not know it."""
    newest = max(facts.act_at, facts.state_read_at)
    return facts.missing_at > facts.life_at and facts.missing_at >= newest  # guard: unmet-act-keeps-its-answer


def _socketless(session: Session, server: Server, policy: Policy, now: float) -> Verdict | None:
    facts = session.facts
    if left_closed(facts, server, policy, now):
        return Verdict("closed", Reason("closed", {}), facts.state_read_at)
    if _flaps_on(facts, policy, now):
        return Verdict("flapping", _why_flapping(session, server), last_flap(facts))
    return _death(facts, server) if facts.dead_at else None


def left_closed(facts: Facts, server: Server, policy: Policy, now: float) -> bool:
    """Whether a new process of its server came up without it, and nobody has touched it since. No socket of before
    lives on."""
    return stays_down(facts, server, policy, now) and server.facts.booted_at > facts.act_at


def stays_down(facts: Facts, server: Server, policy: Policy, now: float) -> bool:
    """Whether its memory and its list have said closed since its server's new process, and nobody connecting: also
    after an act of ours that did nothing."""
    booted_at = server.facts.booted_at
    if not pacing.in_boot_grace(server, policy, now) or facts.state_read != "closed" or facts.listed != "closed":
        return False
    return facts.state_read_at > booted_at > max(facts.life_at, facts.last_connecting_at)


def stood_s(facts: Facts) -> float:
    """How long the provider has said the same of it, look after look."""
    return facts.state_read_at - facts.state_read_since


def stood_through_restart(session: Session) -> bool:
    """Whether the provider said closed before the last restart, which it took, and at every look since: either nothing
    was done, or its memory stands still by itself and the restarted line lives behind it."""
    facts, last, restarted_at = session.facts, session.recovery.last, session.recovery.last_restart_at
    in_vain = last is not None and (last.rung, last.result) == ("restart", "no-effect")
    # guard: moved-memory-is-not-frozen
    return in_vain and facts.state_read == "closed" and facts.state_read_since <= (restarted_at or 0.0)


def _on_show(facts: Facts, now: float) -> bool:
    """Whether a code of now is shown, whatever ended the session before. Not once the provider gave up: it says closed
    since then, and refuses what only a dead socket does."""
    newest = facts.qr_at > max(facts.life_at, facts.code_at, facts.refused_at, facts.paired_at)
    gave_up = facts.state_read == "closed" and facts.dead_at > facts.qr_at
    return newest and now - facts.qr_at < QR_LIVES_S and not gave_up


def _refused(session: Session, server: Server) -> bool:
    """The provider refused to make it, or to make it anew; until something of it lives, or the server has started."""
    facts = session.facts
    fresh = facts.refused_at > max(facts.life_at, server.facts.booted_at)
    return bool(facts.refused_at) and (fresh or not session.linked)


def _linkless(facts: Facts, now: float) -> Verdict:
    if facts.qr_at > facts.life_at and now - facts.qr_at < QR_LIVES_S:
        shown = now - facts.qr_at < QR_SHOWN_S
        because = Reason("awaiting-qr", {}) if shown else Reason("awaiting-code", {})
        return Verdict("awaiting_qr", because, facts.qr_at)
    return Verdict("unpaired", Reason("unpaired", {}), facts.unpaired_at)


def _being_made(session: Session) -> bool:
    """The first create is under way: that the provider does not know the instance yet is no news."""
    opened = session.recovery.open
    return opened is not None and opened.rung == "create" and not session.facts.life_at


def _coded_verdict(session: Session, server: Server, now: float) -> Verdict | None:
    facts = session.facts
    if not facts.code or facts.code_at <= facts.life_at or not _code_confirmed(facts):
        return None
    args = {"code": str(facts.code)}
    match facts.code:
        case 401 if _held_open(facts, server):
            return Verdict("logged_out", Reason(SERVER_RESTART, args | {"server": server.name}), facts.code_at)
        case 401:
            return Verdict("logged_out", Reason("logged-out", args), facts.code_at)
        case 402:
            if facts.code_until and now >= facts.code_until:
                return Verdict("closed", Reason("closed", {}), facts.code_at)
            return Verdict("temp_banned", Reason("temp-banned", args), facts.code_at)
        case 405:
            return Verdict("outdated", Reason("outdated", args), facts.code_at)
        case 440:
            own = _our_own(session, server, facts.code_at)
            because = Reason("own-duel", {"server": session.server}) if own else Reason("replaced", args)
            return Verdict("replaced", because, facts.code_at)
        case _:
            return Verdict("banned", Reason("banned", args), facts.code_at)


def _held_open(facts: Facts, server: Server) -> bool:
    """A late `open` of the socket that was thrown out: connect does nothing for it, and delete is refused."""
    since = max(facts.code_at, server.facts.booted_at)
    stands = facts.state_read == "open" and facts.state_read_at > since and "probe" in facts.closed_by
    return stands and not is_gone(facts)


def _code_confirmed(facts: Facts) -> bool:
    """A code that was read counts; one that was only pushed counts when a look agreed afterwards."""
    if facts.code_source in _READ_ROADS:
        return True
    agrees = facts.state_read != "open" and facts.state_read_at >= facts.code_at  # guard: pushed-logout-needs-a-look
    return agrees or facts.dead_at >= facts.code_at


def _death(facts: Facts, server: Server) -> Verdict:
    if server.facts.booted_at > max(facts.dead_at, facts.state_read_at):
        # What was seen before the process started is about a socket that is gone with it.
        return Verdict("reconnecting", Reason("reconnecting", {}), facts.dead_at)
    if facts.missing_at > facts.state_read_at:  # guard: state-of-a-gone-instance-forgotten
        # What was read of it before it was gone says nothing of what an act has made since.
        return Verdict("reconnecting", Reason("reconnecting", {}), facts.dead_at)
    fresh = facts.state_read
    # A connection that is made anew since nobody answered is another one.
    if facts.unanswered_probes >= 2 and facts.last_connecting_at <= facts.probe_unanswered_at:
        return Verdict("ghost", Reason("half-open", {}), facts.dead_at)
    if fresh == "connecting":
        return Verdict("reconnecting", Reason("reconnecting", {}), facts.dead_at)
    if fresh == "closed":
        return Verdict("closed", Reason("closed", {}), facts.dead_at)
    if fresh == "open" or not fresh:
        return Verdict("ghost", Reason("ghost-socket", {}), facts.dead_at)
    return Verdict("unknown", Reason("unknown-state", {"word": fresh}), facts.dead_at, proven=False)


def flap(facts: Facts, policy: Policy, now: float) -> tuple[float, ...]:
    """The last `flap_count` pushed `open`, or else `connecting`, when they lie inside `flap_within_s` and the last of
    them is recent. Either word is enough: one provider never gets as far as open, another tells of nothing else. Where
    no word comes looks must do, which meet one change in several."""
    within = policy.flap_within_s
    told = ((facts.opens, within, within), (facts.connecting, within, within))  # guard: flap-counted-by-opens
    for all_times, window, recent in (*told, (_unheard(facts), 10 * within, 4 * within)):  # guard: flap-seen-by-looks
        times = all_times[-policy.flap_count :]
        full = len(times) == policy.flap_count > 0
        if full and times[-1] - times[0] <= window and now < times[-1] + recent:
            return times
    return ()


def _flaps_on(facts: Facts, policy: Policy, now: float) -> bool:
    """Whether it is in a flap that life has not ended. Between two connects of one a line lives for a moment, and what
    is handed over in it may never leave: the next connect must have stayed away twice as long as any of the flap did.
    """
    times = flap(facts, policy, now)
    calm = 2 * max((later - sooner for sooner, later in pairwise(times)), default=0.0)  # guard: flap-closes-gate
    return bool(times) and facts.life_at <= last_flap(facts) + calm  # guard: flap-ends-with-life


def _unheard(facts: Facts) -> tuple[float, ...]:
    """When looks found it open again and no webhook had told of it."""
    heard_at = max((*facts.connecting[-1:], *facts.opens[-1:]), default=0.0)
    return tuple(at for at in facts.reopened if at > heard_at)


def flickers(facts: Facts, policy: Policy, now: float) -> bool:
    """Whether it may be in a flap that only looks can tell of: found open again twice of late."""
    twice = _unheard(facts)[-2:]
    return len(twice) == 2 and now - twice[0] < 10 * policy.flap_within_s


OURS_WITHIN_S = 120.0
"""A duel of two sockets that begins so soon after an act of ours that opened one is our own."""


def _our_own(session: Session, server: Server, at: float) -> bool:
    """Whether a duel that was seen at `at` began with a connect of ours: nothing had moved before it in this fall. Or
    it was made in the fall before, and stood beside a loop until the way to WhatsApp was open again."""
    facts, before, began = session.facts, session.last_outage, session.outage.since if session.outage else at
    ours = facts.connect_at
    if not server.facts.booted_at < ours <= at:  # guard: own-duel-is-ours
        return False
    if ours >= began - OURS_WITHIN_S:
        return not any(began <= moved < ours for moved in (*facts.connecting, *facts.opens))
    return before is not None and before.since <= ours and began - (before.ended_at or 0.0) <= OURS_WITHIN_S


def _why_flapping(session: Session, server: Server) -> Reason:
    """Two sockets of ours, or whatever else lets it in and throws it out again."""
    facts = session.facts
    if _our_own(session, server, last_flap(facts)):
        return Reason("own-duel", {"server": session.server})
    return Reason("flapping", {"count": str(max(len(facts.connecting), len(facts.opens), len(facts.reopened)))})


def last_flap(facts: Facts) -> float:
    """When a connection was last begun or opened, as far as we were told or saw; 0 when never."""
    return max((*facts.connecting[-1:], *facts.opens[-1:], *facts.reopened[-1:]), default=0.0)


def _living(session: Session, policy: Policy, now: float) -> Verdict:
    facts = session.facts
    weak = tuple(_weaknesses(facts, policy, session.server, now))
    unheard_since = facts.stall_at or facts.deaf_at
    if facts.closed or facts.unanswered_probes:
        reason = Reason("suspect", {})
        return Verdict("suspect", reason, facts.life_at, proven=False, weak=weak, unheard_since=unheard_since)
    return Verdict("live", _proof(session), facts.life_at, weak=weak, unheard_since=unheard_since)


def _proof(session: Session) -> Reason:
    """The latest proof that it lives; a claim, which is all that some providers give, is none."""
    facts = session.facts
    if facts.life_by != "said_open":
        return Reason("live", {"evidence": facts.life_by})
    last = session.outage or session.last_outage
    fell = last.since if last else 0.0
    at, by = max((facts.send_ok_at, facts.send_ok_by), (facts.receive_ok_at, facts.receive_ok_by))
    return Reason("live", {"evidence": by}) if at > fell else Reason("live-unproved", {})


RESTRICTED_FOR_S = 3600.0


def _weaknesses(facts: Facts, policy: Policy, server: str, now: float) -> Iterator[Reason]:
    if facts.stall_at:
        yield Reason("stalled", {})
    if inbound_health.quiet(facts):
        yield Reason("deaf", {})
    if inbound_health.unreachable_since(facts, now):
        yield Reason("webhook-unreachable", {"server": server})
    if restriction.until(facts, now):
        recent = [at for at in facts.ack_errors if now - at < RESTRICTED_FOR_S]
        yield Reason("restricted-463", {"count": str(len(recent))} if recent else {})
    if facts.webhook_gone_at and now - facts.webhook_gone_at >= policy.effect_within_s:
        taken_over = facts.adopted_at and not facts.webhook_set_at
        yield Reason("webhook-adopted", {}) if taken_over else Reason("webhook-gone", {})
    # They carry the time of the send: what was sent before the last acknowledgement says nothing about the line.
    missing = [at for at in facts.acks_missing if at > facts.acked_at and now - at < RESTRICTED_FOR_S]
    if len(missing) >= 3:
        yield Reason("acks-missing", {"count": str(len(missing))})


def left_as_adopted(session: Session) -> bool:
    """An adoption creates and restarts nothing: until the instance has been seen to live, or a person asks, it is left
    as it was found."""
    recovery = session.recovery
    asked = recovery.asked_by_person or recovery.open is not None or bool(recovery.spent or recovery.strikes)
    return bool(session.facts.adopted_at) and not session.linked and not asked


def never_there(session: Session, verdict: Verdict) -> bool:
    """What was adopted under a name that the provider does not know: to connect would create it."""
    return verdict.kind == "missing" and bool(session.facts.adopted_at) and not session.linked


def _unborn(facts: Facts, session: Session) -> Verdict:
    if facts.state_read == "closed" and facts.state_read_times >= 2 and facts.adopted_at:
        return Verdict("closed", Reason("closed", {}), facts.state_read_since, proven=False)
    if facts.closed or facts.state_read in ("connecting", "closed"):
        return Verdict("new", Reason("connecting", {}), session.created_at, proven=False)
    if facts.state_read and facts.state_read not in ("open", "connecting", "closed"):
        return Verdict(
            "unknown", Reason("unknown-state", {"word": facts.state_read}), facts.state_read_at, proven=False
        )
    return Verdict("new", Reason("created", {}), session.created_at, proven=False)


def confirmed_life(session: Session) -> bool:
    """Whether sending or receiving was proved since the last fall, not only an open socket claimed."""
    fell = session.last_outage.since if session.last_outage else 0.0
    return passed_at(session.facts) > fell


def socket_open_while_claimed_closed(facts: Facts) -> bool:
    """Whether its socket was found open although its memory says otherwise: its events may stand still."""
    return facts.socket_open_while_claimed_closed_at > max(
        facts.life_at, *facts.closed, 0.0
    )  # guard: later-proof-outdates-open-socket
