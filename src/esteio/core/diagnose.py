"""Fold evidence into facts, and read a verdict from them.

`fold` is the only reader of evidence kinds. Weight decides, and time decides between equals: proof of life newer than
proof of death is life, and the other way round; hints never prove, they make `decide` look. `verdict` names what the
session is, with the reason a person will read. Never lives here: what to do about it (`ladder`).

Two witnesses make a death: "Connection Closed" twice, at least `closed_retry_after_s` apart or by different roads.
One is a suspicion. A provider that reconnects by itself within seconds thus changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec

from esteio.core import restriction
from esteio.core.evidence import KINDS, Evidence
from esteio.core.model import Reason, Server
from esteio.core.policy import Policy
from esteio.core.session import KEEP_CLOSED, KEEP_FLAPS, Facts, Session

CODES: dict[str, int] = {"logged_out": 401, "temp_banned": 402, "banned": 403, "outdated": 405, "replaced": 440}
_READ_ROADS = ("state", "probe", "list")
_RECEIVES = frozenset({"message_received", "phone_echo_received"})
_SENDS = frozenset({"receipt_received", "server_ack_received", "round_trip_ok", "send_accepted"})
_ACKS = frozenset({"receipt_received", "server_ack_received"})
_CLAIMS = {"said_open": "open", "said_connecting": "connecting", "said_closed": "closed"}
QR_LIVES_S = 90.0
"""A QR not renewed for this long is gone (45 s each on Evolution, 60 then 20 s elsewhere)."""
KEEP_ACKS = 20
_Fold = Callable[[Facts, Evidence], Facts]


# -- folding -----------------------------------------------------------------------------------------------------


def fold(facts: Facts, evidence: Evidence, policy: Policy, *, trust_claims: bool) -> Facts:
    """Facts after one more piece of evidence. `trust_claims`: the dialect has no better witness than its own state
    read (no socket probe), so a claim counts as a weak proof. Unknown kinds change nothing but `any_at`."""
    facts = _heard(facts, evidence)
    kind = evidence.kind
    if kind in _CLAIMS or kind == "said_unknown":
        return _claim(facts, evidence, policy, trust_claims)
    spec = KINDS.get(kind)
    if spec is None:
        return facts
    if spec.weight == "life":
        return _life(facts, evidence)
    if kind in ("send_closed", "socket_closed"):
        return _closed(facts, evidence, policy, "send" if kind == "send_closed" else "probe")
    if kind in CODES:
        return _coded(facts, evidence)
    step = _SIMPLE.get(kind)
    return step(facts, evidence) if step else facts


def _heard(facts: Facts, evidence: Evidence) -> Facts:
    if evidence.road in ("operator", "self") or evidence.seen_at <= facts.any_at:
        return facts
    return msgspec.structs.replace(facts, any_at=evidence.seen_at)


def _life(facts: Facts, evidence: Evidence) -> Facts:
    at, kind = evidence.happened_at, evidence.kind
    if kind == "socket_ok":
        # An open socket object proves little while the provider itself is still pairing or connecting (201 without
        # effect was observed there); beside a claim of open it ends a death, for a dead socket answers otherwise.
        if facts.said != "open":
            return facts
        facts = msgspec.structs.replace(facts, socket_ok_at=max(at, facts.socket_ok_at))
    if kind in _SENDS and at > facts.send_ok_at:
        facts = msgspec.structs.replace(facts, send_ok_at=at, send_ok_by=kind)
    if kind in _RECEIVES and at > facts.receive_ok_at:
        facts = msgspec.structs.replace(facts, receive_ok_at=at, receive_ok_by=kind, silence_at=0.0, stall_at=0.0)
    if kind in _ACKS and at > facts.acked_at:
        facts = msgspec.structs.replace(facts, acked_at=at)
    if kind == "receipt_received" and facts.stall_at:
        facts = msgspec.structs.replace(facts, stall_at=0.0)
    return _lived(facts, at, kind, evidence.seen_at)


def _lived(facts: Facts, at: float, kind: str, seen_at: float) -> Facts:
    if at <= facts.life_at:
        return facts
    if facts.silents and kind in ("socket_ok", "said_open"):
        # A half-open connection looks open from the provider's side: only what passed through it ends a silence.
        return facts
    changes: dict[str, object] = {"life_at": at, "life_by": kind, "life_seen_at": max(seen_at, facts.life_seen_at)}
    later = [(t, road) for t, road in zip(facts.closed, facts.closed_by, strict=True) if t > at]
    changes |= {"closed": tuple(t for t, _ in later), "closed_by": tuple(road for _, road in later)}
    silents = facts.silents if facts.silent_at > at else 0
    if not silents:
        changes |= {"silents": 0, "silent_at": 0.0}
    if facts.dead_at:
        # Two witnesses count only without life between them.
        closed_at = later[-1][0] if len(later) >= 2 else 0.0
        changes["dead_at"] = closed_at or (facts.silent_at if silents >= 2 else 0.0)
    if facts.code and at > facts.code_at:
        changes |= {"code": 0, "code_at": 0.0, "code_road": "", "code_until": 0.0}
    if facts.unpaired_at and at > facts.unpaired_at:
        changes["unpaired_at"] = 0.0
    if facts.missing_at and at > facts.missing_at:
        changes["missing_at"] = 0.0
    if facts.refused_at:
        changes |= {"refused_at": 0.0, "refused_detail": ""}
    return msgspec.structs.replace(facts, **changes)


def _closed(facts: Facts, evidence: Evidence, policy: Policy, road: str) -> Facts:
    at = evidence.happened_at
    if at <= facts.life_at:
        return facts
    if not facts.closed:
        return msgspec.structs.replace(facts, closed=(at,), closed_by=(road,))
    apart = min(policy.closed_retry_after_s, policy.probe_suspect_s) * 0.9
    # Beside a claim of `connecting` or `closed` the provider may be at it by itself: only time tells a hiccup from a
    # fall. Beside a claim of `open` it is not.
    beside = policy.probe_is_witness and road not in facts.closed_by and facts.said not in ("connecting", "closed")
    # The first witness stays, however fast the others come and in whatever order.
    first, latest = min(at, facts.closed[0]), max(at, facts.closed[-1])
    second = beside or latest - first >= apart
    return msgspec.structs.replace(
        facts,
        closed=(first, *(*facts.closed[1:], latest)[1 - KEEP_CLOSED :]),
        closed_by=(facts.closed_by[0], *(*facts.closed_by[1:], road)[1 - KEEP_CLOSED :]),
        dead_at=facts.dead_at or (latest if second else 0.0),
    )


def _claim(facts: Facts, evidence: Evidence, policy: Policy, trust_claims: bool) -> Facts:
    word = _CLAIMS.get(evidence.kind) or evidence.data.get("state", "?")
    at = evidence.happened_at
    if evidence.road == "list":
        return msgspec.structs.replace(facts, listed=word, listed_at=at) if at >= facts.listed_at else facts
    if evidence.road == "webhook":
        return _pushed_claim(facts, evidence, policy, word)
    if at < facts.said_at:
        return facts
    was = facts.said
    facts = msgspec.structs.replace(facts, said=word, said_at=at, said_since=facts.said_since if word == was else at)
    if word == "open" and was != "open":
        facts = msgspec.structs.replace(facts, opened_at=at)
    if not trust_claims:
        return facts
    if word in ("closed", "connecting"):
        return _closed(facts, evidence, policy, "probe")
    if word == "open" and _claim_may_heal(facts, was, at):
        return _lived(facts, at, "said_open", evidence.seen_at)
    return facts


def _claim_may_heal(facts: Facts, was: str, at: float) -> bool:
    """A bare claim of open ends a death only when something changed since: the claim itself, or an act of ours."""
    return not facts.closed or was != "open" or facts.closed[-1] < facts.act_at < at


def _pushed_claim(facts: Facts, evidence: Evidence, policy: Policy, word: str) -> Facts:
    at = evidence.happened_at
    if word == "connecting":
        times = _spread(evidence)
        facts = msgspec.structs.replace(facts, connecting=tuple(sorted((*facts.connecting, *times)))[-KEEP_FLAPS:])
    if at < facts.hinted_at:
        return facts
    facts = msgspec.structs.replace(facts, hinted=word, hinted_at=at)
    if word == "open" and policy.any_webhook_proves_life:
        return _lived(facts, at, "said_open", evidence.seen_at)
    return facts


def _spread(evidence: Evidence) -> tuple[float, ...]:
    """The times behind a counted row, as well as they are known: evenly between the first and the last."""
    n = min(evidence.count, KEEP_FLAPS)
    if n <= 1 or evidence.first_at is None:
        return (evidence.happened_at,) * max(n, 1)
    step = (evidence.happened_at - evidence.first_at) / (n - 1)
    return tuple(evidence.first_at + step * i for i in range(n))


def _coded(facts: Facts, evidence: Evidence) -> Facts:
    at = evidence.happened_at
    if at <= facts.life_at or at < facts.code_at:
        return facts
    said = evidence.data.get("code", "")
    code = int(said) if said.isascii() and said.isdigit() else CODES[evidence.kind]
    until = _time(evidence.data.get("until", ""))
    road = evidence.road if facts.code != code or evidence.road in _READ_ROADS else facts.code_road
    return msgspec.structs.replace(facts, code=code, code_at=at, code_road=road, code_until=until)


def _time(text: str) -> float:
    """Epoch seconds in a provider's word; 0 when it is none."""
    try:
        at = float(text)
    except ValueError:
        return 0.0
    return at if math.isfinite(at) else 0.0


def _stamps(field: str) -> _Fold:
    """A folding step that only stamps a field with the time of happening, if it is news."""

    def step(facts: Facts, evidence: Evidence) -> Facts:
        if evidence.happened_at <= getattr(facts, field):
            return facts
        return msgspec.structs.replace(facts, **{field: evidence.happened_at})

    return step


def _qr(facts: Facts, evidence: Evidence) -> Facts:
    at = evidence.happened_at
    if at <= facts.life_at:
        return facts
    return msgspec.structs.replace(facts, qr_at=max(at, facts.qr_at), unpaired_at=max(at, facts.unpaired_at))


def _silent(facts: Facts, evidence: Evidence) -> Facts:
    at = evidence.happened_at
    strong = max(facts.send_ok_at, facts.receive_ok_at)
    if at <= strong or at <= facts.silent_at:
        return facts
    silents = facts.silents + 1
    # A weak proof of life (an open socket) does not speak against silence, however new it is.
    dead = facts.dead_at or (max(at, facts.life_at) if silents >= 2 else 0.0)
    return msgspec.structs.replace(facts, silents=silents, silent_at=at, dead_at=dead)


def _identity(facts: Facts, evidence: Evidence) -> Facts:
    return msgspec.structs.replace(facts, phone_seen=evidence.data.get("phone", ""), identity_at=evidence.happened_at)


def _ack_missing(facts: Facts, evidence: Evidence) -> Facts:
    return msgspec.structs.replace(facts, acks_missing=(*facts.acks_missing, evidence.happened_at)[-KEEP_ACKS:])


def _ack_error(facts: Facts, evidence: Evidence) -> Facts:
    at, code = evidence.happened_at, evidence.data.get("code", "")
    times = (*facts.ack_errors, at)[-KEEP_ACKS:]
    facts = msgspec.structs.replace(facts, ack_errors=times, ack_error_code=code)
    if at <= facts.restricted_at or not restriction.restricted(facts, code, at):
        return facts
    until = _time(evidence.data.get("until", ""))
    return msgspec.structs.replace(facts, restricted_at=at, restricted_until=max(until, facts.restricted_until))


def _webhook_ok(facts: Facts, evidence: Evidence) -> Facts:
    return msgspec.structs.replace(facts, webhook_gone_at=0.0, webhook_checked_at=evidence.happened_at)


def _webhook_gone(facts: Facts, evidence: Evidence) -> Facts:
    at = evidence.happened_at
    return msgspec.structs.replace(facts, webhook_gone_at=facts.webhook_gone_at or at, webhook_checked_at=at)


def _unpaired(facts: Facts, evidence: Evidence) -> Facts:
    if evidence.happened_at <= facts.life_at:
        return facts
    return msgspec.structs.replace(facts, unpaired_at=evidence.happened_at)


def _answered(facts: Facts, evidence: Evidence) -> Facts:
    changes: dict[str, object] = {"act_at": max(facts.act_at, evidence.happened_at)}
    if evidence.data.get("rung") in ("create", "recreate") and evidence.data.get("answer") == "no":
        changes |= {"refused_at": evidence.happened_at, "refused_detail": evidence.data.get("detail", "")}
    elif evidence.data.get("answer") == "ok" and facts.refused_at:
        changes |= {"refused_at": 0.0, "refused_detail": ""}
    return msgspec.structs.replace(facts, **changes)


_SIMPLE: Mapping[str, _Fold] = {
    "qr_shown": _qr,
    "qr_limit": _unpaired,
    "no_qr_yet": _stamps("no_qr_at"),
    "paired": _stamps("paired_at"),
    "unpaired": _unpaired,
    "instance_missing": _stamps("missing_at"),
    "identity_seen": _identity,
    "round_trip_silent": _silent,
    "ack_error": _ack_error,
    "ack_missing": _ack_missing,
    "silence": _stamps("silence_at"),
    "stall": _stamps("stall_at"),
    "webhook_config_gone": _webhook_gone,
    "webhook_config_ok": _webhook_ok,
    "look_failed": _stamps("look_failed_at"),
    "act_answered": _answered,
    "act_interrupted": _stamps("interrupted_at"),
    "operator_recover": _stamps("recover_at"),
    "operator_pair": _stamps("pair_at"),
}


# -- the verdict -------------------------------------------------------------------------------------------------

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
        "wrong_identity",
    }
)
"""Verdicts that speak of the session's own fall."""
FOR_PEOPLE: frozenset[Kind] = frozenset(
    {"logged_out", "banned", "outdated", "replaced", "wrong_identity", "unpaired", "awaiting_qr", "refused"}
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


def verdict(session: Session, server: Server, policy: Policy, now: float) -> Verdict:
    """The name of what is the case now. Total: whatever was seen, there is a verdict."""
    facts = session.facts
    if _wrong_phone(session):
        args = {"seen": facts.phone_seen, "phone": session.phone or ""}
        return Verdict("wrong_identity", Reason("wrong-identity", args), facts.identity_at)
    weather = _weather(server)
    if weather:
        return weather
    fall = _fall(session, server, policy, now)
    if fall and fall.since >= facts.life_at:
        return fall
    if facts.life_at:
        return _living(session, policy, now)
    return fall or _unborn(facts, session)


def _wrong_phone(session: Session) -> bool:
    seen, pinned = session.facts.phone_seen, session.phone
    return bool(seen and pinned) and not same_phone(seen, pinned or "")


def same_phone(a: str, b: str) -> bool:
    """Whether two Brazilian or other numbers are the same line; the ninth digit may be missing in either."""
    return _without_ninth(a) == _without_ninth(b)


def _without_ninth(digits: str) -> str:
    if digits.startswith("55") and len(digits) == 13 and digits[4] == "9":
        return digits[:4] + digits[5:]
    return digits


def _weather(server: Server) -> Verdict | None:
    args = {"server": server.name, "detail": server.health_because}
    if server.health == "wall":
        return Verdict("server_wall", Reason("server-wall", args), server.health_at)
    if server.health == "down":
        return Verdict("server_down", Reason("server-down", args), server.health_at)
    return None


def _fall(session: Session, server: Server, policy: Policy, now: float) -> Verdict | None:
    """The newest fall that the evidence proves, if any."""
    facts = session.facts
    coded = _coded_verdict(facts, now)
    if coded:
        return coded
    if facts.refused_at and not session.linked:
        return Verdict("refused", Reason("provider-refused", {"detail": facts.refused_detail}), facts.refused_at)
    if (
        not _being_made(session)
        and facts.missing_at > max(facts.life_at, facts.act_at)
        and facts.missing_at >= facts.said_at
    ):
        return Verdict("missing", Reason("instance-missing", {}), facts.missing_at)
    if facts.unpaired_at > facts.life_at and facts.unpaired_at >= facts.dead_at - 1:
        return _linkless(facts, now)
    if is_flapping(facts, policy, now):
        return Verdict("flapping", Reason("flapping", {"count": str(len(facts.connecting))}), facts.connecting[-1])
    if facts.dead_at:
        return _death(facts, server)
    return None


def _linkless(facts: Facts, now: float) -> Verdict:
    if facts.qr_at > facts.life_at and now - facts.qr_at < QR_LIVES_S:
        return Verdict("awaiting_qr", Reason("awaiting-qr", {}), facts.qr_at)
    return Verdict("unpaired", Reason("unpaired", {}), facts.unpaired_at)


def _being_made(session: Session) -> bool:
    """A create is under way: that the provider does not know the instance yet is no news."""
    opened = session.recovery.open
    return opened is not None and opened.rung == "create"


def _coded_verdict(facts: Facts, now: float) -> Verdict | None:
    if not facts.code or facts.code_at <= facts.life_at or not _code_confirmed(facts):
        return None
    args = {"code": str(facts.code)}
    match facts.code:
        case 401:
            return Verdict("logged_out", Reason("logged-out", args), facts.code_at)
        case 402:
            if facts.code_until and now >= facts.code_until:
                return Verdict("closed", Reason("closed", {}), facts.code_at)
            return Verdict("temp_banned", Reason("temp-banned", args), facts.code_at)
        case 405:
            return Verdict("outdated", Reason("outdated", args), facts.code_at)
        case 440:
            return Verdict("replaced", Reason("replaced", args), facts.code_at)
        case _:
            return Verdict("banned", Reason("banned", args), facts.code_at)


def _code_confirmed(facts: Facts) -> bool:
    """A code that was read counts; one that was only pushed counts when a look agreed afterwards."""
    if facts.code_road in _READ_ROADS:
        return True
    agrees = facts.said != "open" and facts.said_at >= facts.code_at
    return agrees or facts.dead_at >= facts.code_at


def _death(facts: Facts, server: Server) -> Verdict:
    if server.facts.booted_at > max(facts.dead_at, facts.said_at):
        # What was seen before the process started is about a socket that is gone with it.
        return Verdict("reconnecting", Reason("reconnecting", {}), facts.dead_at)
    fresh = facts.said
    if facts.silents >= 2:
        return Verdict("ghost", Reason("half-open", {}), facts.dead_at)
    if fresh == "connecting":
        return Verdict("reconnecting", Reason("reconnecting", {}), facts.dead_at)
    if fresh == "closed":
        return Verdict("closed", Reason("closed", {}), facts.dead_at)
    if fresh == "open" or not fresh:
        return Verdict("ghost", Reason("ghost-socket", {}), facts.dead_at)
    return Verdict("unknown", Reason("unknown-state", {"word": fresh}), facts.dead_at, proven=False)


def is_flapping(facts: Facts, policy: Policy, now: float) -> bool:
    """`flap_count` pushed `connecting` inside `flap_within_s`, the last of them recent."""
    times = facts.connecting
    if len(times) < policy.flap_count or now - times[-1] > policy.flap_within_s:
        return False
    return times[-1] - times[-policy.flap_count] <= policy.flap_within_s


def _living(session: Session, policy: Policy, now: float) -> Verdict:
    facts = session.facts
    weak = tuple(_weaknesses(facts, policy, now))
    if facts.closed or facts.silents:
        return Verdict("suspect", Reason("suspect", {}), facts.life_at, proven=False, weak=weak)
    return Verdict("live", Reason("live", {"evidence": facts.life_by}), facts.life_at, weak=weak)


RESTRICTED_FOR_S = 3600.0


def _weaknesses(facts: Facts, policy: Policy, now: float) -> Iterator[Reason]:
    if restriction.until(facts, now):
        recent = [at for at in facts.ack_errors if now - at < RESTRICTED_FOR_S]
        yield Reason("restricted-463", {"count": str(len(recent))} if recent else {})
    if facts.stall_at > facts.receive_ok_at:
        yield Reason("stalled", {})
    if facts.silence_at > facts.receive_ok_at:
        yield Reason("deaf", {})
    if facts.webhook_gone_at and now - facts.webhook_gone_at >= policy.effect_within_s:
        yield Reason("webhook-gone", {})
    # They carry the time of the send: what was sent before the last acknowledgement says nothing about the line.
    missing = [at for at in facts.acks_missing if at > facts.acked_at and now - at < RESTRICTED_FOR_S]
    if len(missing) >= 3:
        yield Reason("acks-missing", {"count": str(len(missing))})


def _unborn(facts: Facts, session: Session) -> Verdict:
    if facts.closed or facts.said in ("connecting", "closed"):
        return Verdict("new", Reason("connecting", {}), session.created_at, proven=False)
    if facts.said and facts.said not in ("open", "connecting", "closed"):
        return Verdict("unknown", Reason("unknown-state", {"word": facts.said}), facts.said_at, proven=False)
    return Verdict("new", Reason("created", {}), session.created_at, proven=False)


def confirmed_life(session: Session) -> bool:
    """Whether sending or receiving was proved since the last fall, not only an open socket claimed."""
    facts = session.facts
    fell = session.last_outage.since if session.last_outage else 0.0
    return max(facts.send_ok_at, facts.receive_ok_at) > fell
