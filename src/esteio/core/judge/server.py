"""The judgement of a server: its weather from its own evidence, and the progress of a mass fall.

Evidence about a session says nothing about its server, and the reverse. One failure is nothing; several
without an answer between are `down`; a refused connection that later answers is a start of the process, and starts the
boot grace. Never lives here: anything about one session's socket.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from esteio.core.judge import pacing
from esteio.core.model import clock_skew, server_reason
from esteio.core.model.decision import JournalLine, Notice
from esteio.core.model.evidence import AWAY, Evidence
from esteio.core.model.ids import SessionId
from esteio.core.model.policy import Policy
from esteio.core.model.recovery import Outage
from esteio.core.model.server import MASS_FALL, UNUSABLE, HealthState, Incident, Server, ServerFacts
from esteio.core.model.state import Reason

DOWN_AFTER = 3
"""Failures without an answer between; refused connections count double (nobody listens there)."""
FAILURES_KEPT = 8
FAILURES_WITHIN_S = 120.0
SLOW_FOR_S = 120.0
REFUSED_AFTER = 2
WRONG_AFTER = 3
"""Refused lists, and answers of something else, that count against a server which did answer as its kind does."""


class ServerInputs(msgspec.Struct, frozen=True):
    """What the judgement of a server depends on."""

    server: Server
    new_evidence: tuple[Evidence, ...]
    policy: Policy
    fallen: tuple[tuple[SessionId, float], ...] = ()
    fleet: int = 0


class ServerDecision(msgspec.Struct, frozen=True):
    """The new server and what follows. `weather_changed`: its sessions should be judged again."""

    server: Server
    lines: tuple[JournalLine, ...]
    notices: tuple[Notice, ...]
    events: tuple[str, ...]
    look: bool
    wake_at: float
    weather_changed: bool
    quiet: bool


class _ServerDraft:
    """The sheet this decision is written on."""

    def __init__(self, view: ServerInputs, now: float) -> None:
        self.view, self.now = view, now
        self.server = clock_skew.server_as_of(view.server, view.policy, now)
        self.lines: list[JournalLine] = []
        self.notices: list[Notice] = []
        self.events: list[str] = []
        self.wakes: list[float] = []

    def change(self, **fields: object) -> None:
        self.server = msgspec.structs.replace(self.server, **fields)

    def record(self, code: str, /, **args: str) -> None:
        self.lines.append(JournalLine("decision", code, {"server": self.server.name, **args}))


def decide_server(view: ServerInputs, now: float) -> ServerDecision:
    """The whole judgement of one server at `now`."""
    sheet = _ServerDraft(view, now)
    facts = sheet.server.facts
    for evidence in view.new_evidence:
        facts = apply_evidence(facts, clock_skew.evidence_as_of(evidence, now))
        _note_list(sheet, evidence)
    sheet.change(facts=facts)
    _health(sheet)
    _incident(sheet)
    _outage(sheet)
    look = _look(sheet)
    wake_at = max(min(sheet.wakes), now)
    sheet.change(wake_at=wake_at)
    before, after = view.server, sheet.server
    changed = after.health != before.health or after.facts.booted_at != before.facts.booted_at
    return ServerDecision(
        server=after,
        lines=tuple(sheet.lines),
        notices=tuple(sheet.notices),
        events=tuple(sheet.events),
        look=look,
        wake_at=wake_at,
        weather_changed=changed or after.incident != before.incident,
        quiet=not sheet.lines and _only_times(before, after),
    )


# -- facts --------------------------------------------------------------------------------------------------------


def apply_evidence(facts: ServerFacts, evidence: Evidence) -> ServerFacts:
    """Facts after one more piece of evidence about the server."""
    step = _FOLD.get(evidence.kind)
    return step(facts, evidence) if step else facts


def _answered(facts: ServerFacts, evidence: Evidence) -> ServerFacts:
    at = evidence.happened_at
    if at < facts.failed_at:
        return facts
    changes: dict[str, object] = {"answered_at": max(at, facts.answered_at), "failures": (), "down_since": 0.0}
    if facts.failed_by == "server_unreachable" and len(facts.failures) >= 2:
        # Nobody listened, and now somebody does: the process has started.
        changes["booted_at"] = at
    if facts.wall_at and at > facts.wall_at:
        changes |= {"wall_at": 0.0, "wall_detail": ""}
    if facts.auth_refused_at and at > facts.auth_refused_at:
        changes["auth_refused_at"] = 0.0
    if not evidence.data.get("weak"):
        changes |= {"recognised_at": at, "wrongs": 0, "wrong_by": "", "refusals": 0}
    return msgspec.structs.replace(facts, **changes, failed_by="")


def _failed(facts: ServerFacts, evidence: Evidence) -> ServerFacts:
    at = evidence.happened_at
    if at < facts.answered_at:
        return facts
    weight = 2 if evidence.kind in _NOBODY_THERE else 1
    recent = tuple(t for t in facts.failures if at - t <= FAILURES_WITHIN_S)
    failures = (*recent, *(at,) * weight)[-FAILURES_KEPT:]
    since = facts.down_since or at
    # That it has started ends an absence too: its answers to sessions that are well are not all written.
    if AWAY in evidence.data and facts.gone_at <= max(facts.answered_at, facts.booted_at):
        facts = msgspec.structs.replace(facts, gone_at=at, alive_at=facts.answered_at)
    return msgspec.structs.replace(facts, failures=failures, failed_at=at, failed_by=evidence.kind, down_since=since)


def _wall(facts: ServerFacts, evidence: Evidence) -> ServerFacts:
    return msgspec.structs.replace(facts, wall_at=evidence.happened_at, wall_detail=evidence.data.get("detail", ""))


def _booted(facts: ServerFacts, evidence: Evidence) -> ServerFacts:
    at = evidence.happened_at
    if at > facts.gone_at + FAILURES_WITHIN_S and facts.gone_at <= facts.answered_at:
        # Nobody saw it gone, and it has been.
        facts = msgspec.structs.replace(facts, gone_at=at, alive_at=min(at, facts.answered_at))
    return msgspec.structs.replace(facts, booted_at=max(facts.booted_at, at))


def _slow(facts: ServerFacts, evidence: Evidence) -> ServerFacts:
    return msgspec.structs.replace(facts, slow_at=evidence.happened_at)


def _auth(facts: ServerFacts, evidence: Evidence) -> ServerFacts:
    at = evidence.happened_at
    if at < facts.recognised_at:
        return facts
    refusals = facts.refusals + (evidence.source == "list")
    return msgspec.structs.replace(facts, auth_refused_at=at, refusals=refusals)


def _wrong(facts: ServerFacts, evidence: Evidence) -> ServerFacts:
    if evidence.happened_at < facts.recognised_at:
        return facts
    return msgspec.structs.replace(facts, wrongs=facts.wrongs + 1, wrong_by=evidence.kind)


_NOBODY_THERE = frozenset(
    {"server_unreachable", "server_unknown_host", "server_certificate_refused", "server_tls_failed"}
)
"""What surely was not carried out; none of it passes by itself between two tries."""
_FOLD: dict[str, Callable[[ServerFacts, Evidence], ServerFacts]] = {
    "server_answered": _answered,
    "server_failed": _failed,
    **dict.fromkeys(_NOBODY_THERE, _failed),
    "server_timed_out": _failed,
    "server_html": _wrong,
    "server_no_route": _wrong,
    "server_wrong_kind": _wrong,
    "server_wall": _wall,
    "server_booted": _booted,
    "server_boot_observed": _booted,
    "server_slow": _slow,
    "server_auth_refused": _auth,
}


def _note_list(sheet: _ServerDraft, evidence: Evidence) -> None:
    if evidence.kind != "server_listed":
        return
    version = evidence.data.get("version")
    if version and version != sheet.server.version:
        sheet.change(version=version)
        sheet.record("server-version", version=version)
    if "sessions" in evidence.data:
        sheet.change(sessions_at_server=int(evidence.data["sessions"]))


# -- weather ------------------------------------------------------------------------------------------------------


def health_of(facts: ServerFacts, policy: Policy, now: float) -> tuple[HealthState, str]:
    """The health and the evidence kind it rests on."""
    if facts.wall_at > facts.answered_at:
        return "wall", "server_wall"
    if len(facts.failures) >= DOWN_AFTER:
        return "down", facts.failed_by
    known = bool(facts.recognised_at)
    if facts.refusals >= REFUSED_AFTER or (facts.auth_refused_at and not known):
        return "refused", "server_auth_refused"
    if facts.wrongs >= (WRONG_AFTER if known else 1):
        return "wrong-kind", facts.wrong_by
    if facts.booted_at and now < facts.booted_at + policy.boot_grace_s:
        return "booting", "server_booted"
    if facts.slow_at and now - facts.slow_at < SLOW_FOR_S:
        return "slow", "server_slow"
    return ("up", "server_answered") if known else ("unknown", "")


def _health(sheet: _ServerDraft) -> None:
    state, because = health_of(sheet.server.facts, sheet.view.policy, sheet.now)
    if state == "booting":
        sheet.wakes.append(sheet.server.facts.booted_at + sheet.view.policy.boot_grace_s)
    if state == sheet.server.health and because == sheet.server.health_because:
        return
    if state != sheet.server.health:
        sheet.record("server-health", **{"from": sheet.server.health, "to": state, "because": because})
        if sheet.server.health in UNUSABLE and state not in UNUSABLE:
            sheet.change(facts=msgspec.structs.replace(sheet.server.facts, back_at=sheet.now))
    sheet.change(health=state, health_because=because, health_at=sheet.now)


def changed_outage(before: Server, after: Server, now: float) -> Outage | None:
    """The outage that a decision at `now` began, ended or told people of, as it now is; None for none."""
    if after.outage == before.outage:
        return None
    if after.outage is None and before.outage is not None:
        return msgspec.structs.replace(before.outage, ended_at=_ended_at(after, before.outage, now))
    return after.outage


def _outage(sheet: _ServerDraft) -> None:
    """One outage from when the server, or many of its sessions together, are down until that is over: subscribers are
    told once of each, and people too."""
    outage, incident = sheet.server.outage, _open_incident(sheet)
    down = sheet.server.health in UNUSABLE
    if outage is None and (down or incident is not None):
        _open_outage(sheet, down)
    elif outage is not None and not down and incident is None:
        stands_at = _stands_at(sheet, outage)
        if sheet.now >= stands_at:
            _end_outage(sheet, outage)
        else:
            sheet.wakes.append(stands_at)
    _outage_notice(sheet)


def _open_incident(sheet: _ServerDraft) -> Incident | None:
    incident = sheet.server.incident
    return incident if incident is not None and incident.ended_at is None else None


def _open_outage(sheet: _ServerDraft, down: bool) -> None:
    server, incident = sheet.server, sheet.server.incident
    if down or incident is None:
        since, because = server.facts.down_since or server.facts.wall_at or sheet.now, server.health_because
    else:
        since, because = incident.since, incident.because
    opened = Outage(
        id=f"sout_{server.name}_{sheet.view.server.row_version}",
        since=since,
        because=because,
        notice_due=since + sheet.view.policy.notify_after_s,
    )
    sheet.change(outage=opened)
    sheet.events.append("server.outage_started")


def _stands_at(sheet: _ServerDraft, outage: Outage) -> float:
    """When an outage that its server's start has ended is over: what did not come back with the server is known by
    then, and is no second outage."""
    booted_at = sheet.server.facts.booted_at
    # guard: one-outage-per-boot
    return booted_at + sheet.view.policy.effect_within_s if booted_at > outage.since else sheet.now


def _end_outage(sheet: _ServerDraft, outage: Outage) -> None:
    if outage.noticed:
        sheet.notices.append(_closing(sheet, outage))
    sheet.change(outage=None)
    sheet.events.append("server.outage_ended")


def _closing(sheet: _ServerDraft, outage: Outage) -> Notice:
    args = {"server": str(sheet.server.name)}
    if _of_many(sheet.server, outage):
        return Notice(
            outage.id,
            "closed",
            Reason("server-mass-fall-over", _counted(sheet)),
            outage.since,
            sheet.now - outage.since,
        )
    ended = _ended_at(sheet.server, outage, sheet.now)
    return Notice(outage.id, "closed", Reason("server-up", args), outage.since, ended - outage.since)


def _ended_at(server: Server, outage: Outage, now: float) -> float:
    """When it was over, that is known `now`: with the server's start, unless many sessions fell with it."""
    booted_at = server.facts.booted_at
    return booted_at if booted_at > outage.since and not _of_many(server, outage) else now


def _of_many(server: Server, outage: Outage) -> bool:
    """Whether many sessions fell together in it, with the server or after it."""
    incident = server.incident
    return incident is not None and (outage.because == MASS_FALL or incident.since >= outage.since)


def _counted(sheet: _ServerDraft) -> dict[str, str]:
    incident = sheet.server.incident
    args = {"server": str(sheet.server.name)}
    return args if incident is None else args | {"count": str(max(incident.members, len(sheet.view.fallen)))}


def _outage_notice(sheet: _ServerDraft) -> None:
    outage, server = sheet.server.outage, sheet.server
    if outage is None or outage.noticed:
        return
    if server.health in UNUSABLE:
        reason = server_reason.reason(server)
    elif _open_incident(sheet) is not None:
        reason = Reason("server-mass-fall", _counted(sheet))
    else:
        return
    due = outage.notice_due or outage.since
    if sheet.now < due:
        sheet.wakes.append(due)
        return
    sheet.notices.append(Notice(outage.id, "opened", reason, outage.since, sheet.now - outage.since))
    sheet.change(outage=msgspec.structs.replace(outage, noticed=True))


# -- a mass fall --------------------------------------------------------------------------------------------------


def _incident(sheet: _ServerDraft) -> None:
    incident = sheet.server.incident
    if incident is None:
        return
    if incident.ended_at is not None:
        if sheet.now - incident.ended_at > sheet.view.policy.stable_after_s:
            sheet.change(incident=None)
        return
    # What fell before it is none of its members: it would never be over while one old number waits for its QR.
    fallen = [session for session, since in sheet.view.fallen if since >= incident.since]
    over = incident.canary_ok_at is not None and sheet.now - incident.since >= sheet.view.policy.restart_cooldown_max_s
    if not fallen or over:
        # Who is still down after so long has a trouble of its own, and gets a notice of its own.
        sheet.record("mass-fall-over", seconds=f"{sheet.now - incident.since:.0f}")
        sheet.change(incident=msgspec.structs.replace(incident, ended_at=sheet.now, canary_ok_at=sheet.now))
        return
    sheet.wakes.append(sheet.now + sheet.view.policy.probe_suspect_s)
    if incident.canary_ok_at is None and incident.canary not in fallen:
        sheet.change(incident=msgspec.structs.replace(incident, canary_ok_at=sheet.now))
        sheet.record("canary-healed", session=str(incident.canary))


# -- looking ------------------------------------------------------------------------------------------------------


def _look(sheet: _ServerDraft) -> bool:
    """One list call per period; a server that is down is asked every `probe_suspect_s` whether it is back."""
    policy, facts = sheet.view.policy, sheet.server.facts
    troubled = sheet.server.health in UNUSABLE or bool(facts.failures or facts.refusals or facts.wrongs)
    period = policy.probe_suspect_s if troubled else policy.probe_idle_s
    due = facts.listed_at + period if facts.listed_at else 0.0
    look = sheet.now >= due
    if look:
        facts = msgspec.structs.replace(facts, listed_at=sheet.now)
        sheet.change(facts=facts, slots=pacing.open_slots(sheet.server, sheet.now))
        due = sheet.now + period
    sheet.wakes.append(due)
    return look


def _only_times(before: Server, after: Server) -> bool:
    keep = {"facts": ServerFacts(), "wake_at": None, "slots": ()}
    return msgspec.structs.replace(before, **keep) == msgspec.structs.replace(after, **keep)
