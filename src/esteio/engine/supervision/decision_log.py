"""What the log says of decisions, once each and after they are durable: states, outages, approvals, acts, health.

Never lives here: a rule, a sentence for people (the timeline has those).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from esteio.core.judge.server import ServerDecision
from esteio.core.model.decision import Decision
from esteio.core.model.evidence import Evidence
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.log import logger

SOUND = frozenset({"up", "slow", "booting", "unknown"})
GOOD = frozenset({"connected", "connecting", "awaiting_qr", "paused"})
log = logger("supervision")


class Pass(msgspec.Struct, frozen=True):
    """How a decision came about: the evidence it was made on, how often others were faster, how long it took."""

    evidence: Sequence[Evidence]
    tries: int
    duration_s: float

    @property
    def keys(self) -> dict[str, object]:
        """Of the log."""
        kinds = list(dict.fromkeys(one.kind for one in self.evidence))
        return {"evidence": kinds, "tries": self.tries, "duration_ms": self.duration_s * 1000}


def log_decision(before: Session, decision: Decision, made: Pass) -> None:
    """A session's decision that was committed."""
    after = decision.session
    words = {"session": after.name, "server": after.server}
    log.debug(
        "decision.committed",
        **words,
        state=after.state,
        reason=after.reason.code,
        rung=decision.act.rung if decision.act else None,
        attempt_id=decision.act.id if decision.act else None,
        **made.keys,
        next_at=decision.wake_at,
    )
    if after.state != before.state:
        write = log.info if after.state in GOOD else log.warning
        write("session.state_changed", **words, before=before.state, after=after.state, reason=after.reason.code)
    for event in decision.events:
        if event == "session.outage_started" and after.outage is not None:
            log.warning("session.outage_started", **words, outage=after.outage.id, reason=after.outage.because)
        elif event == "session.outage_ended" and after.last_outage is not None:
            ended = after.last_outage.ended_at or decision.session.since
            lasted_s = ended - after.last_outage.since
            log.info("session.outage_ended", **words, outage=after.last_outage.id, duration_ms=lasted_s * 1000)
        elif event == "approval.requested" and decision.approval is not None:
            approval = decision.approval
            log.warning(
                "approval.requested", **words, approval=approval.id, rung=approval.rung, reason=approval.because
            )
    if decision.act is not None:
        act = decision.act
        log.info("session.attempt_started", **words, rung=act.rung, attempt_id=act.id, reason=act.because)


def log_server_decision(before: Server, decision: ServerDecision, made: Pass) -> None:
    """A server's decision that was committed."""
    after = decision.server
    log.debug(
        "decision.committed",
        server=after.name,
        state=after.health,
        reason=after.health_because,
        **made.keys,
        next_at=decision.wake_at,
    )
    if after.health != before.health:
        write = log.info if after.health in SOUND else log.warning
        reason = after.health_because
        write("server.health_changed", server=after.name, before=before.health, after=after.health, reason=reason)
    for event in decision.events:
        if event == "server.outage_started":
            log.warning("server.outage_started", server=after.name, reason=after.health_because)
        elif event == "server.outage_ended":
            log.info("server.outage_ended", server=after.name)
