"""Fold evidence into facts: the only reader of evidence kinds.

Weight decides, and time decides between equals: proof of life newer than proof of death is life, and the other way
round; hints never prove, they make `decide` look. Two witnesses make a death: "Connection Closed" twice, at least
`closed_retry_after_s` apart or by different roads. One is a suspicion; a provider that reconnects by itself within
seconds thus changes nothing. Never lives here: what the facts mean (`diagnose`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import msgspec

from esteio.core.judge import restriction
from esteio.core.model.evidence import KINDS, NOT_LOADED, Evidence
from esteio.core.model.policy import Policy
from esteio.core.model.session import KEEP_CLOSED, KEEP_FLAPS, Facts, passed_at

CODES: dict[str, int] = {"logged_out": 401, "temp_banned": 402, "banned": 403, "outdated": 405, "replaced": 440}
_READ_ROADS = ("state", "probe", "list")
_PUSHES = ("webhook", "receipt")
_RECEIVES = frozenset({"message_received", "phone_echo_received"})
_SENDS = frozenset({"receipt_received", "server_ack_received", "round_trip_ok", "send_accepted"})
_ACKS = frozenset({"receipt_received", "server_ack_received"})
_QUEUED = frozenset({*_RECEIVES, *_ACKS, "ack_error", "said_open", "said_connecting", "said_closed"})
"""What comes through the provider's event queue; the echo of a send goes around it."""
CLAIMED: Mapping[str, str] = {"said_open": "open", "said_connecting": "connecting", "said_closed": "closed"}
"""Claims, and the words they are remembered by."""
KEEP_ACKS = 20
OVERTAKEN_S = 60.0
"""So long after the line opened, news of a code may still be that of the pairing which opened it."""
SOONER_S = 10.0
"""The word of a send may come before its answer: a webhook that came within so long before is taken for it."""
APART_S = 0.5
"""Readings closer together than this count as one."""
_REFUSALS: Mapping[str, str] = {"send_closed": "send", "call_closed": "send", "socket_closed": "probe"}
"""What a closed socket refused, and whose question it was: a client's, or a look of ours."""
_Fold = Callable[[Facts, Evidence], Facts]


def apply_evidence(facts: Facts, evidence: Evidence, policy: Policy, *, trust_claims: bool) -> Facts:
    """Facts after one more piece of evidence. `trust_claims`: the dialect has no better witness than its own state
    read (no socket probe), so a claim counts as a weak proof. Unknown kinds change nothing but `any_evidence_at`."""
    facts = _heard(facts, evidence)
    kind = evidence.kind
    if kind in CLAIMED or kind == "said_unknown":
        return _claim(facts, evidence, policy, trust_claims)
    spec = KINDS.get(kind)
    if spec is None:
        return facts
    if spec.weight == "life":
        return _life(facts, evidence)
    if kind in _REFUSALS:
        return _closed(facts, evidence, policy, _REFUSALS[kind])
    if kind in CODES:
        return _coded(facts, evidence)
    step = _SIMPLE.get(kind)
    return step(facts, evidence) if step else facts


def _heard(facts: Facts, evidence: Evidence) -> Facts:
    if evidence.source in ("operator", "self"):
        return facts
    if evidence.source in _PUSHES:
        if evidence.seen_at > facts.webhook_received_at:
            facts = msgspec.structs.replace(facts, webhook_received_at=evidence.seen_at, webhook_missing_since=0.0)
        if evidence.kind in _QUEUED and evidence.happened_at > facts.event_pushed_at:
            facts = _pushed(facts, evidence)
    return (
        facts
        if evidence.seen_at <= facts.any_evidence_at
        else msgspec.structs.replace(facts, any_evidence_at=evidence.seen_at)
    )


def expect_webhook(facts: Facts, evidence: Evidence) -> Facts:
    """Facts after a send was accepted by a provider that tells of each: a webhook should come now, or has just come."""
    at = evidence.happened_at
    if (
        evidence.kind != "send_accepted"
        or evidence.source != "send"
        or facts.webhook_missing_since
        or at - facts.webhook_received_at < SOONER_S
    ):
        return facts
    return msgspec.structs.replace(facts, webhook_missing_since=at)


def _pushed(facts: Facts, evidence: Evidence) -> Facts:
    """An event came through the queue: it moves, at least as of then."""
    at = evidence.happened_at
    if facts.stall_at and (at > facts.stall_at or evidence.kind in _ACKS):
        return msgspec.structs.replace(facts, event_pushed_at=at, stall_at=0.0)
    return msgspec.structs.replace(facts, event_pushed_at=at)


def _life(facts: Facts, evidence: Evidence) -> Facts:
    at, kind = evidence.happened_at, evidence.kind
    if kind == "socket_ok":
        # An open socket object proves little while the provider itself is still pairing or connecting (201 without
        # effect was observed there); beside a claim of open it ends a death, for a dead socket answers otherwise.
        if facts.state_read != "open":
            return msgspec.structs.replace(
                facts, socket_open_while_claimed_closed_at=max(at, facts.socket_open_while_claimed_closed_at)
            )  # guard: open-socket-remembered
        facts = msgspec.structs.replace(facts, socket_ok_at=max(at, facts.socket_ok_at))
    if kind in _SENDS and at > facts.send_ok_at:
        facts = msgspec.structs.replace(facts, send_ok_at=at, send_ok_by=kind)
    if kind in _RECEIVES and at > facts.receive_ok_at:
        facts = msgspec.structs.replace(facts, receive_ok_at=at, receive_ok_by=kind)
    if kind in _RECEIVES and at > facts.message_pushed_at and evidence.source in _PUSHES:
        # What a list told is no proof that we are told of things.
        facts = msgspec.structs.replace(facts, message_pushed_at=at, silence_at=0.0, deaf_at=0.0, stall_at=0.0)
    if kind in _ACKS and at > facts.acked_at:
        facts = msgspec.structs.replace(facts, acked_at=at)
    if kind == "round_trip_ok":
        facts = msgspec.structs.replace(facts, round_trip_ok_at=max(at, facts.round_trip_ok_at))
    return _lived(facts, at, kind, evidence.seen_at)


def _lived(facts: Facts, at: float, kind: str, seen_at: float) -> Facts:
    if at <= facts.life_at:
        return facts
    if facts.unanswered_probes and kind in ("socket_ok", "said_open"):
        # A half-open connection looks open from the provider's side: only what passed through it ends a silence.
        return facts
    changes: dict[str, object] = {"life_at": at, "life_by": kind, "life_seen_at": max(seen_at, facts.life_seen_at)}
    later: list[tuple[float, str]] = []
    if facts.closed:
        # guard: life-clears-refusals
        later = [(t, source) for t, source in zip(facts.closed, facts.closed_by, strict=True) if t > at]
        changes |= {"closed": tuple(t for t, _ in later), "closed_by": tuple(source for _, source in later)}
    unanswered_probes = facts.unanswered_probes if facts.probe_unanswered_at > at else 0
    if facts.unanswered_probes and not unanswered_probes:
        changes |= {"unanswered_probes": 0, "probe_unanswered_at": 0.0}
    if facts.dead_at:
        # Two witnesses count only without life between them.
        closed_at = later[-1][0] if len(later) >= 2 else 0.0
        changes["dead_at"] = closed_at or (facts.probe_unanswered_at if unanswered_probes >= 2 else 0.0)
    if facts.code and at > facts.code_at:
        changes |= {"code": 0, "code_at": 0.0, "code_source": "", "code_until": 0.0}
    if facts.unpaired_at and at > facts.unpaired_at:
        changes["unpaired_at"] = 0.0
    if facts.missing_at and at > facts.missing_at:
        changes["missing_at"] = 0.0
    if facts.refused_at:
        changes |= {"refused_at": 0.0, "refused_detail": ""}
    return msgspec.structs.replace(facts, **changes)


def _closed(facts: Facts, evidence: Evidence, policy: Policy, source: str) -> Facts:
    at = evidence.happened_at
    # guard: refusal-older-than-life, hung-refusal-is-of-old-socket
    if at <= facts.life_at or _another_since_asked(facts, evidence):
        return facts
    if not facts.closed:
        return msgspec.structs.replace(facts, closed=(at,), closed_by=(source,))  # guard: first-refusal-is-no-death
    apart = min(policy.closed_retry_after_s, policy.probe_suspect_s) * 0.9
    # Beside a claim of `connecting` or `closed` the provider may be at it by itself: only time tells a hiccup from a
    # fall. Beside a claim of `open` it is not.
    beside = (
        policy.letter.probe_is_witness
        and source not in facts.closed_by
        and facts.state_read not in ("connecting", "closed")
    )
    # The first witness stays, however fast the others come and in whatever order.
    first, latest = min(at, facts.closed[0]), max(at, facts.closed[-1])
    second = beside or latest - first >= apart  # guard: death-needs-second-refusal
    return msgspec.structs.replace(
        facts,
        closed=(first, *(*facts.closed[1:], latest)[1 - KEEP_CLOSED :]),
        closed_by=(facts.closed_by[0], *(*facts.closed_by[1:], source)[1 - KEEP_CLOSED :]),
        dead_at=facts.dead_at or (latest if second else 0.0),
    )


def _another_since_asked(facts: Facts, evidence: Evidence) -> bool:
    """Whether the socket of now is another one than that in which a send hung before it was refused: messages passed
    since, or an answer after none did, or it was closed and opened."""
    asked_at = _time(evidence.data.get("asked_at", ""))
    # guard: hung-refusal-remembers-reopen
    return 0 < asked_at < max(passed_at(facts), facts.answered_at, facts.opened_at)


def _claim(facts: Facts, evidence: Evidence, policy: Policy, trust_claims: bool) -> Facts:
    word = CLAIMED.get(evidence.kind) or evidence.data.get("state", "?")
    at = evidence.happened_at
    if evidence.source == "list":
        return _listed(facts, word, at)
    if evidence.source == "webhook":
        return _pushed_claim(facts, evidence, policy, word)
    if at < facts.state_read_at:
        return facts
    was = facts.state_read
    facts = _says(facts, word, at)
    if word == "open" and was != "open":
        reopened = (*facts.reopened, at)[-KEEP_FLAPS:] if was in ("closed", "connecting") else facts.reopened
        facts = msgspec.structs.replace(facts, opened_at=at, reopened=reopened)
    if not trust_claims:  # guard: claims-not-trusted
        return facts
    if word in ("closed", "connecting"):
        return _closed(facts, evidence, policy, "probe")
    if word == "open" and _claim_may_heal(facts, was, at):
        return _lived(facts, at, "said_open", evidence.seen_at)
    return facts


def _says(facts: Facts, word: str, at: float) -> Facts:
    """What moved between two looks that say the same has not stood still: their row begins anew."""
    goes_on = (
        word == facts.state_read and facts.last_connecting_at < facts.state_read_at
    )  # guard: closed-run-broken-by-other-words
    times = (
        facts.state_read_times + (at - facts.state_read_at >= APART_S) if goes_on else 1
    )  # guard: one-moment-is-one-look
    since = facts.state_read_since if goes_on else at
    last_connecting_at = max(at, facts.last_connecting_at) if word == "connecting" else facts.last_connecting_at
    return msgspec.structs.replace(
        facts,
        state_read=word,
        state_read_at=at,
        state_read_since=since,
        state_read_times=times,
        last_connecting_at=last_connecting_at,
    )


def _listed(facts: Facts, word: str, at: float) -> Facts:
    if at < facts.listed_at:
        return facts
    since = facts.listed_since if word == facts.listed else at
    return msgspec.structs.replace(facts, listed=word, listed_at=at, listed_since=since)


def _claim_may_heal(facts: Facts, was: str, at: float) -> bool:
    """A bare claim of open ends a death only when something changed since: the claim itself, or an act of ours."""
    return not facts.closed or was != "open" or facts.closed[-1] < facts.changed_at < at


def _pushed_claim(facts: Facts, evidence: Evidence, policy: Policy, word: str) -> Facts:
    at = evidence.happened_at
    if word == "connecting":
        times = _apart((*facts.connecting, *_spread(evidence)))
        # guard: pushed-connecting-remembered
        facts = msgspec.structs.replace(facts, connecting=times, last_connecting_at=max(at, facts.last_connecting_at))
    elif word == "open":
        facts = msgspec.structs.replace(facts, opens=_apart((*facts.opens, *_spread(evidence))))
    if at < facts.state_pushed_at:
        return facts
    facts = msgspec.structs.replace(facts, state_pushed=word, state_pushed_at=at)
    if word == "open" and policy.any_webhook_proves_life:
        return _lived(facts, at, "said_open", evidence.seen_at)
    return facts


def _apart(times: tuple[float, ...]) -> tuple[float, ...]:
    """The last of them in order, each at least half a second after the one before: a webhook may be told to two
    addresses, and a queue that stood still tells of all it held in one instant."""
    kept: list[float] = []
    for at in sorted(times):
        if not kept or at - kept[-1] >= APART_S:  # guard: open-counted-once
            kept.append(at)
    return tuple(kept[-KEEP_FLAPS:])


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
    source = evidence.source if facts.code != code or evidence.source in _READ_ROADS else facts.code_source
    return msgspec.structs.replace(facts, code=code, code_at=at, code_source=source, code_until=until)


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


def is_overtaken(facts: Facts, at: float) -> bool:
    """Whether the news of a code, that came at this time by a webhook, is older than it looks: the line was proved open
    a moment before. Webhooks keep no order, and not all date themselves. If the code is new after all, the next look
    says that the line is not open."""
    return (
        facts.state_read == "open"
        and 0 < facts.opened_at <= min(facts.life_at, at)
        and at - facts.opened_at < OVERTAKEN_S
    )


def _qr(facts: Facts, evidence: Evidence) -> Facts:
    at = evidence.happened_at
    if at <= facts.life_at or (evidence.source in _PUSHES and is_overtaken(facts, at)):
        return facts
    return msgspec.structs.replace(facts, qr_at=max(at, facts.qr_at), unpaired_at=max(at, facts.unpaired_at))


def _silent(facts: Facts, evidence: Evidence) -> Facts:
    at = evidence.happened_at
    if at <= passed_at(facts) or at <= facts.probe_unanswered_at:
        return facts
    unanswered_probes = facts.unanswered_probes + 1
    # A weak proof of life (an open socket) does not speak against silence, however new it is.
    dead = facts.dead_at or (
        max(at, facts.life_at) if unanswered_probes >= 2 else 0.0
    )  # guard: silence-needs-second-probe
    return msgspec.structs.replace(facts, unanswered_probes=unanswered_probes, probe_unanswered_at=at, dead_at=dead)


def _silence(facts: Facts, evidence: Evidence) -> Facts:
    at = max(evidence.happened_at, facts.silence_at)
    return msgspec.structs.replace(facts, silence_at=at, silence_shared=evidence.data.get("shared") == "yes")


def _missing(facts: Facts, evidence: Evidence) -> Facts:
    """Gone since the first that said so, as long as nothing else was read of it."""
    at = evidence.happened_at
    if at <= facts.missing_at:
        return facts
    goes_on = facts.missing_at > max(facts.state_read_at, facts.life_at)
    since = facts.missing_since if goes_on else at  # guard: gone-since-first-told
    return msgspec.structs.replace(facts, missing_at=at, missing_since=since)


def _identity(facts: Facts, evidence: Evidence) -> Facts:
    named = evidence.data.get("named")
    return msgspec.structs.replace(
        facts,
        phone_seen=evidence.data.get("phone", ""),
        identity_at=evidence.happened_at,
        login_named=facts.login_named if named is None else named == "yes",
    )


def _ack_missing(facts: Facts, evidence: Evidence) -> Facts:
    times = (*facts.acks_missing, evidence.happened_at)[-KEEP_ACKS:]
    first = min(facts.unanswered_from, evidence.happened_at)
    if first <= max(facts.acked_at, facts.event_pushed_at):
        first = evidence.happened_at
    missed_at = max(evidence.seen_at, facts.missed_at)
    return msgspec.structs.replace(facts, acks_missing=times, unanswered_from=first, missed_at=missed_at)


def _ack_error(facts: Facts, evidence: Evidence) -> Facts:
    at, code = evidence.happened_at, evidence.data.get("code", "")
    times = (*facts.ack_errors, at)[-KEEP_ACKS:]
    facts = msgspec.structs.replace(facts, ack_errors=times)
    if at <= facts.restricted_at or not restriction.restricted(facts, code, at):
        return facts
    until = _time(evidence.data.get("until", ""))
    return msgspec.structs.replace(facts, restricted_at=at, restricted_until=max(until, facts.restricted_until))


def _webhook_ok(facts: Facts, evidence: Evidence) -> Facts:
    return msgspec.structs.replace(
        facts, webhook_gone_at=0.0, webhook_unread_at=0.0, webhook_checked_at=evidence.happened_at
    )


def _webhook_gone(facts: Facts, evidence: Evidence) -> Facts:
    at = evidence.happened_at
    if evidence.data.get("untold") and facts.webhook_set_at:
        # It took our address and tells none all the same: setting it again and again would teach us nothing.
        return _webhook_unread(facts, evidence)
    if facts.state_read == NOT_LOADED:  # guard: unloaded-keeps-webhook
        return facts  # of what is not in its memory a server tells no address; the next look tells more
    return msgspec.structs.replace(facts, webhook_gone_at=facts.webhook_gone_at or at, webhook_checked_at=at)


def _adopted(facts: Facts, evidence: Evidence) -> Facts:
    """What stood there was read already, where the provider tells."""
    facts = msgspec.structs.replace(facts, adopted_at=evidence.happened_at)
    match evidence.data.get("stands"):
        case "foreign" | "none":
            return _webhook_gone(facts, evidence)
        case _:
            return facts


def _webhook_unread(facts: Facts, evidence: Evidence) -> Facts:
    at = evidence.happened_at
    unread_at = facts.webhook_unread_at or at
    return msgspec.structs.replace(facts, webhook_gone_at=0.0, webhook_unread_at=unread_at, webhook_checked_at=at)


def _unheard(facts: Facts, evidence: Evidence) -> Facts:
    return msgspec.structs.replace(
        facts,
        list_only_newest_at=max(evidence.happened_at, facts.list_only_newest_at),
        list_only_oldest_at=_time(evidence.data.get("oldest", "")) or evidence.happened_at,
        list_compared_at=max(evidence.seen_at, facts.list_compared_at),
    )


def _unlisted(facts: Facts, evidence: Evidence) -> Facts:
    return _listed(facts, "absent", evidence.happened_at)


def _unpaired(facts: Facts, evidence: Evidence) -> Facts:
    if evidence.happened_at <= facts.life_at:
        return facts
    # guard: next-login-may-be-nameless
    return msgspec.structs.replace(facts, unpaired_at=evidence.happened_at, login_named=False)


def _refused(facts: Facts) -> bool:
    """Whether a claim of open was refuted where no socket can be probed: the question goes through the socket there."""
    return facts.state_read == "open" and "probe" in facts.closed_by


def _question_answered(facts: Facts, evidence: Evidence) -> Facts:
    """An answer may come from a cache. Where the question was refused before it does not, and the claim of open beside
    it is true; where it was left open before, something passed through the line."""
    at = evidence.happened_at
    if at > facts.unanswered_at > facts.answered_at:  # guard: cached-answer-does-not-pass
        facts = msgspec.structs.replace(facts, answered_at=at)
    if not _refused(facts) or at <= facts.closed[-1]:  # guard: cached-answer-heals-nothing
        return facts
    return _lived(facts, at, "said_open", evidence.seen_at)


def _answered(facts: Facts, evidence: Evidence) -> Facts:
    if evidence.data.get("answer") == "missing":  # guard: act-answered-missing-says-gone
        facts = _missing(facts, evidence)
    changes: dict[str, object] = {"act_at": max(facts.act_at, evidence.happened_at)}
    if evidence.data.get("answer") != "noop" or not _refused(facts):  # guard: noop-connect-heals-nothing
        changes["changed_at"] = max(facts.changed_at, evidence.happened_at)
    if evidence.data.get("rung") in ("create", "recreate") and evidence.data.get("answer") == "no":
        changes |= {"refused_at": evidence.happened_at, "refused_detail": evidence.data.get("detail", "")}
    elif evidence.data.get("answer") == "ok" and facts.refused_at:
        changes |= {"refused_at": 0.0, "refused_detail": ""}
    if evidence.data.get("rung") == "set_webhook" and evidence.data.get("answer") == "ok":
        changes["webhook_set_at"] = max(facts.webhook_set_at, evidence.happened_at)
    if evidence.data.get("rung") == "restart":
        changes["renewed_at"] = max(facts.renewed_at, evidence.happened_at)
    return msgspec.structs.replace(facts, **changes)


_SIMPLE: Mapping[str, _Fold] = {
    "qr_shown": _qr,
    "qr_limit": _unpaired,
    "no_qr_yet": _stamps("no_qr_at"),
    "paired": _stamps("paired_at"),
    "unpaired": _unpaired,
    "instance_missing": _missing,
    "identity_seen": _identity,
    "round_trip_silent": _silent,
    "ack_error": _ack_error,
    "ack_missing": _ack_missing,
    "silence": _silence,
    "list_unheard": _unheard,
    "list_heard": _stamps("list_compared_at"),
    "unlisted": _unlisted,
    "webhook_config_gone": _webhook_gone,
    "webhook_config_ok": _webhook_ok,
    "webhook_config_unread": _webhook_unread,
    "adopted": _adopted,
    "send_queued": _stamps("queued_at"),
    "question_asked": _stamps("questioned_at"),
    "question_unanswerable": _stamps("unanswerable_at"),
    "question_unanswered": _stamps("unanswered_at"),
    "question_answered": _question_answered,
    "look_failed": _stamps("look_failed_at"),
    "act_answered": _answered,
    "act_interrupted": _stamps("interrupted_at"),
    "operator_recover": _stamps("recover_at"),
    "operator_changed": _stamps("recover_at"),
    "operator_pair": _stamps("pair_at"),
}
