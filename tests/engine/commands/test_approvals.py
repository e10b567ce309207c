"""A person's decision about a destructive rung: evidence once, whoever comes second is told."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from esteio.core.model.recovery import Approval
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.engine.commands.sessions.approvals import ApprovalCommands
from esteio.engine.errors import CommandError
from esteio.store.base import DecisionCommit
from tests.engine.commands.conftest import Parts, WithParts


async def waiting(parts: Parts) -> Session:
    """A session whose next rung waits for a person."""
    session = await parts.session()
    approval = Approval(
        "apr_1", session.id, session.name, "recreate", "instance-missing", Reason("new-pairing"), parts.clock.now()
    )
    asked = msgspec.structs.replace(session, recovery=msgspec.structs.replace(session.recovery, awaiting=approval.id))
    assert await parts.store.decisions.commit_session(DecisionCommit(session=asked, approval=approval))
    return session


@pytest.mark.parametrize(("decision", "kind"), [("approved", "operator_approved"), ("rejected", "operator_rejected")])
def test_a_decision_is_evidence_for_the_judge(
    with_parts: WithParts, decision: Literal["approved", "rejected"], kind: str
) -> None:
    async def test(parts: Parts) -> None:
        session = await waiting(parts)
        decided = await ApprovalCommands(
            parts.store.approvals, parts.clock, audit=parts.audit, wakeups=parts.woken
        ).decide("apr_1", decision, "ana")
        assert decided.state == decision
        (evidence,) = await parts.evidence(session)
        assert (evidence.kind, evidence.data) == (kind, {"approval": "apr_1", "rung": "recreate", "who": "ana"})
        assert parts.woken.calls == [("session", session.id)]

    with_parts(test)


def test_who_comes_second_is_told_what_was_decided(with_parts: WithParts) -> None:
    async def test(parts: Parts) -> None:
        await waiting(parts)
        approvals = ApprovalCommands(parts.store.approvals, parts.clock, audit=parts.audit, wakeups=parts.woken)
        await approvals.decide("apr_1", "rejected", "ana")
        with pytest.raises(CommandError) as caught:
            await approvals.decide("apr_1", "approved", "bia")
        assert (caught.value.code, caught.value.words) == ("approval-decided", {"state": "rejected"})
        with pytest.raises(CommandError, match="unknown-approval"):
            await approvals.decide("apr_2", "approved", "bia")

    with_parts(test)
