"""A person's decision about a destructive rung that waits for one.

Never lives here: the rung itself (the judge begins it when the decision is evidence).
"""

from __future__ import annotations

from typing import Literal

from esteio.clock import Clock
from esteio.core.model.evidence import Evidence
from esteio.core.model.recovery import Approval
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.errors import CommandError, unknown
from esteio.engine.runtime.ports import Wakeups
from esteio.log import logger
from esteio.store.ports.sessions import Approvals

log = logger("commands")


class ApprovalCommands:
    """A person's approval or rejection, written as evidence for the session; carrying it out is the judge's."""

    def __init__(self, approvals: Approvals, clock: Clock, *, audit: AuditLog, wakeups: Wakeups) -> None:
        self._approvals, self._clock, self._audit, self._wakeups = approvals, clock, audit, wakeups

    async def decide(self, approval_id: str, decision: Literal["approved", "rejected"], who: str) -> Approval:
        """The approval as it is afterwards. Raises `CommandError`: unknown-approval, approval-decided."""
        approval = await self._approvals.get(approval_id)
        if approval is None:
            raise unknown("approval", approval_id)
        now = self._clock.now()
        kind = "operator_approved" if decision == "approved" else "operator_rejected"
        evidence = Evidence(kind, now, now, "operator", {"approval": approval.id, "rung": approval.rung, "who": who})
        shown = {"decision": decision, "rung": approval.rung}
        with self._audit.records("approval.decided", session=approval.session, target=approval_id, after=shown):
            decided = await self._approvals.decide(approval_id, decision, now, evidence)
        if not decided:
            after = await self._approvals.get(approval_id)
            raise CommandError("approval-decided", state=after.state if after else "stale")
        log.info(
            "approval.decided", session=approval.session, approval=approval_id, rung=approval.rung, decision=decision
        )
        self._wakeups.session(approval.session_id)
        return await self._approvals.get(approval_id) or approval
