"""What is dated later than now counts as now: a wall clock that ran ahead and was put right may blind nobody.

Times in facts are times of happening, and news older than the newest is none; so a time that has not come yet would
hush all that is seen until it comes. What may lie ahead (a pause, the end of an attempt) lies no further ahead than it
could have been put. Never lives here: noticing that a clock was put back (`engine.supervision.scheduler`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from esteio.core.model.evidence import Evidence
from esteio.core.model.policy import Policy
from esteio.core.model.server import Server
from esteio.core.model.session import Session

SLACK_S = 1.0
"""Clocks are put right by parts of a second all day long."""
WAKE_MOST_S = 3600.0
"""No session asks to be judged again later than this: what is due much later in the store was dated ahead."""
_UNBOUNDED = ("code_until", "restricted_until", "restricted_until", "wake_at")
"""What others say ends then, or follows from the rest."""

_Bound = Callable[[str], float]
T = TypeVar("T", bound=msgspec.Struct)


def is_ahead(session: Session, now: float) -> bool:
    """Whether something of it is dated later than now. What is dated so, is so by what is looked at most."""
    facts, limit = session.facts, now + SLACK_S
    newest = (facts.any_evidence_at, facts.life_at, facts.looked_at, facts.state_read_at, facts.act_at, session.since)
    return max(newest) > limit


def session_as_of(session: Session, policy: Policy, now: float) -> Session:
    """The session with nothing dated later than now; the same value where nothing is."""
    return _as_of(session, now, _bounds(policy)) if is_ahead(session, now) else session


def server_as_of(server: Server, policy: Policy, now: float) -> Server:
    """The same of a server."""
    facts, limit = server.facts, now + SLACK_S
    newest = (facts.answered_at, facts.failed_at, facts.booted_at, facts.listed_at, server.last_attempt_at)
    return _as_of(server, now, _bounds(policy)) if max(newest) > limit else server


def evidence_as_of(evidence: Evidence, now: float) -> Evidence:
    """The same of one piece of news."""
    if evidence.seen_at <= now + SLACK_S:
        return evidence
    return msgspec.structs.replace(
        evidence, seen_at=min(evidence.seen_at, now), happened_at=min(evidence.happened_at, now), first_at=None
    )


def _bounds(policy: Policy) -> _Bound:
    ahead: Mapping[str, float] = {
        "quarantine_until": policy.quarantine_max_s * 1.1,
        "next_at": policy.quarantine_max_s * 1.1,
        "notice_due": policy.notify_after_s,
        "until": policy.effect_within_s,
    }
    return lambda name: ahead.get(name, 0.0)


def _as_of(value: T, now: float, bound: _Bound) -> T:
    changes: dict[str, Any] = {}
    for name in value.__struct_fields__:
        old = getattr(value, name)
        new = old if name in _UNBOUNDED else _value_as_of(old, now + bound(name), now, bound)
        if new is not old:
            changes[name] = new
    return msgspec.structs.replace(value, **changes) if changes else value


def _value_as_of(value: Any, limit: float, now: float, bound: _Bound) -> Any:
    if isinstance(value, float):
        return min(value, limit)
    if isinstance(value, tuple):
        return tuple(_value_as_of(one, limit, now, bound) for one in value)
    return _as_of(value, now, bound) if isinstance(value, msgspec.Struct) else value
