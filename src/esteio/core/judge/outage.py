"""Outages and notices: one fall, at most one notice, and one word when it is over.

An outage begins with the proof of a fall of a session that had been linked, and ends with the first proof of life;
another fall within `flap_within_s` reopens it (same id, no second notice), so the closing notice waits that long.
Many falls of one server together are one incident with one notice, told by the server. Never lives here: sending.
"""

from __future__ import annotations

import math

import msgspec

from esteio.core.judge import pacing
from esteio.core.judge.diagnose import DOWN, Verdict
from esteio.core.model.decision import Draft, Notice
from esteio.core.model.policy import Policy
from esteio.core.model.recovery import Outage
from esteio.core.model.server import MASS_FALL, Incident
from esteio.core.model.session import Session
from esteio.core.model.state import Reason


def update_outage(draft: Draft, verdict: Verdict) -> None:
    """Open, reopen, end or keep the session's outage, and say what is due to people."""
    outage = draft.session.outage
    fallen = verdict.kind in DOWN or bool(verdict.unheard_since)
    if fallen and draft.session.linked and not draft.session.paused:
        if outage is None:
            _open(draft, verdict)
    elif outage is not None and (verdict.kind in ("live", "suspect") or draft.session.paused):
        _end(draft, outage)
    _notices(draft)


def changed(before: Session, after: Session, now: float) -> tuple[Outage, ...]:
    """The outages that a decision at `now` ended, began, took up again or told people of, as they now are. One that a
    person's word took away is over from now on."""
    was, stands = before.outage, after.outage
    if was is stands:
        return ()
    found = () if stands is None or stands == was else (stands,)
    if was is None or (stands is not None and stands.id == was.id):
        return found
    last = after.last_outage
    over = last if last is not None and last.id == was.id else msgspec.structs.replace(was, ended_at=now)
    return (over, *found)


def _open(draft: Draft, verdict: Verdict) -> None:
    last, since = draft.session.last_outage, min(verdict.unheard_since or verdict.since, draft.now)
    if last is not None and _goes_on(last, since, draft.policy):
        again = msgspec.structs.replace(last, ended_at=None, reopened=last.reopened + 1)
        draft.change(outage=again, last_outage=None)
    else:
        fresh = Outage(
            id=draft.new_id("out"),
            since=since,
            because=_because(verdict).code,
            notice_due=since + draft.policy.notify_after_s,
            held_at_start=draft.view.held,
        )
        draft.change(outage=fresh)
        _mass_fall(draft, since)
    draft.events.append("session.outage_started")
    reason = _because(verdict)
    draft.record("decision", "outage-started", **{**reason.args, "because": reason.code})


def _because(verdict: Verdict) -> Reason:
    """Of a session that lives and hears nothing: why it hears nothing."""
    return verdict.weak[0] if verdict.unheard_since else verdict.because


def _goes_on(last: Outage, since: float, policy: Policy) -> bool:
    """Whether a fall is the last outage again: soon after it, and before people were told that it is over."""
    told = last.noticed and last.notice_due is None
    return last.ended_at is not None and not told and since - last.ended_at <= policy.flap_within_s


def _end(draft: Draft, outage: Outage) -> None:
    # A pause is no proof of life: until then it was down.
    ended = draft.now if draft.session.paused else min(draft.now, max(draft.session.facts.life_at, outage.since))
    draft.change(outage=None, last_outage=msgspec.structs.replace(outage, ended_at=ended))
    draft.events.append("session.outage_ended")
    draft.record("decision", "outage-ended", seconds=f"{ended - outage.since:.0f}")


def _notices(draft: Draft) -> None:
    outage, last = draft.session.outage, draft.session.last_outage
    if outage is not None and not outage.noticed and not _told_by_server(draft, outage):
        _opening(draft, outage)
    if outage is None and last is not None and last.noticed and last.notice_due is not None:
        _closing(draft, last)


def _told_by_server(draft: Draft, outage: Outage) -> bool:
    """Whether this fall is part of the server's incident: it happened with the others, not at some later time."""
    incident, policy = draft.server.incident, draft.policy
    if incident is None or incident.ended_at is not None:
        return False
    together = policy.mass_fall_within_s + policy.boot_grace_s
    return -policy.mass_fall_within_s <= outage.since - incident.since <= together


def _opening(draft: Draft, outage: Outage) -> None:
    due = outage.notice_due or outage.since
    if draft.now < due:
        draft.wake(due)
        return
    draft.change(outage=msgspec.structs.replace(outage, noticed=True))
    reason = draft.session.reason
    draft.notices.append(Notice(outage.id, "opened", reason, outage.since, draft.now - outage.since, draft.view.held))
    draft.record("notice", "notice-opened", **{**reason.args, "because": reason.code})


def _closing(draft: Draft, last: Outage) -> None:
    """Said once the session has stood for `flap_within_s`: a flap is one outage until then."""
    ended = last.ended_at or draft.now
    due = ended + draft.policy.flap_within_s
    if draft.now < due:
        draft.wake(due)
        return
    draft.change(last_outage=msgspec.structs.replace(last, notice_due=None))
    held = last.held_at_start
    draft.notices.append(Notice(last.id, "closed", draft.session.reason, last.since, ended - last.since, held))
    draft.record("notice", "notice-closed", seconds=f"{ended - last.since:.0f}")


def _mass_fall(draft: Draft, since: float) -> None:
    """This fall may be the one that makes many falls of one server an incident."""
    incident = draft.server.incident
    if incident is not None and incident.ended_at is None:
        return
    policy = draft.policy
    together = {
        session: at
        for session, at in draft.view.fallen
        if since - at <= policy.mass_fall_within_s and session != draft.session.id
    }
    # One alone is no mass; where nobody has fallen yet the fleet is not even counted.
    # guard: mass-fall-needs-two
    need = max(2, policy.mass_fall_count, math.ceil(policy.mass_fall_fraction * draft.view.fleet))
    if len(together) + 1 < need:
        return
    members = {draft.session.id, *together}
    tried = [slot.session for slot in pacing.open_slots(draft.server, draft.now) if slot.session in members]
    opened = Incident(
        id=f"inc_{draft.server.name}_{draft.server.row_version}",
        since=min([since, *together.values()]),
        because=MASS_FALL,
        canary=min(tried or members),
        canary_at=draft.now if tried else 0.0,
        members=len(members),
    )
    draft.server = msgspec.structs.replace(draft.server, incident=opened)
    draft.record("decision", "mass-fall", server=draft.server.name, count=str(len(together) + 1))
