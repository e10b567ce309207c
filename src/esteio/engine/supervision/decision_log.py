"""What the log says of decisions, once each and after they are durable: states, outages, approvals, acts, health.

Never lives here: a rule, a sentence for people (the timeline has those).
"""

from __future__ import annotations

from esteio.core.judge.server import ServerDecision
from esteio.core.model.decision import Decision
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.log import logger

SOUND = frozenset({"up", "slow", "booting", "unknown"})
GOOD = frozenset({"connected", "connecting", "awaiting_qr", "paused"})
log = logger("supervision")


def log_decision(before: Session, decision: Decision) -> None:
    """A session's decision that was committed."""
    after = decision.session
    words = {"session": after.name, "server": after.server}
    if after.state != before.state:
        tell = log.info if after.state in GOOD else log.warning
        tell("session.state_changed", **words, before=before.state, after=after.state, reason=after.reason.code)
    for event in decision.events:
        if event == "session.outage_started" and after.outage is not None:
            log.warning(event, **words, outage=after.outage.id, because=after.outage.because)
        elif event == "session.outage_ended" and after.last_outage is not None:
            ended = after.last_outage.ended_at or decision.session.since
            log.info(event, **words, outage=after.last_outage.id, down_s=round(ended - after.last_outage.since, 1))
        elif event == "approval.requested" and decision.approval is not None:
            approval = decision.approval
            log.warning(event, **words, approval=approval.id, rung=approval.rung, because=approval.because)
    if decision.act is not None:
        log.info("session.act_begun", **words, rung=decision.act.rung, attempt=decision.act.id)


def log_server_decision(before: Server, decision: ServerDecision) -> None:
    """A server's decision that was committed."""
    after = decision.server
    if after.health != before.health:
        tell = log.info if after.health in SOUND else log.warning
        because = after.health_because
        tell("server.health_changed", server=after.name, before=before.health, after=after.health, because=because)
    for event in decision.events:
        if event == "server.outage_started":
            log.warning(event, server=after.name, because=after.health_because)
        elif event == "server.outage_ended":
            log.info(event, server=after.name)
