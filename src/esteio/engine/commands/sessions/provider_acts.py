"""What a delete or a change of instance needs done at the provider first: a logout, a delete, the old webhook put back.

Each is a work row; the command waits for its outcome. A row that was not answered in time is remembered, so that asking
again does not act again. Never lives here: the exchange itself (`engine.outbox.performers`).
"""

from __future__ import annotations

import asyncio
from typing import Literal
from weakref import WeakValueDictionary

from esteio.clock import Clock
from esteio.core.model.ids import SessionId
from esteio.core.model.session import Session
from esteio.engine.commands.sessions.operator_evidence import OperatorEvidence
from esteio.engine.errors import CommandError
from esteio.engine.runtime.ports import Waiter, Wakeups
from esteio.engine.supervision.endpoints import Endpoints
from esteio.store.base import Work
from esteio.store.ports.work import WorkQueue

ANSWERED_WITHIN_S = 30.0
"""How long the provider's answer is waited for."""
DONE = frozenset({"ok", "missing", "noop"})
"""Outcomes after which there is nothing left to do at the provider."""
Act = Literal["logout", "delete", "put_back_webhook", "set_webhook"]


class ProviderActs:
    """Has one of these acts done, and says whether it was."""

    def __init__(
        self,
        work: WorkQueue,
        clock: Clock,
        *,
        addresses: Endpoints,
        evidence: OperatorEvidence,
        waiter: Waiter,
        wakeups: Wakeups,
    ) -> None:
        self._work, self._clock, self._addresses = work, clock, addresses
        self._evidence, self._waiter, self._wakeups = evidence, waiter, wakeups
        self._pending: dict[tuple[SessionId, Act], str] = {}
        """Ids of the rows that are under way, or were not answered in time."""
        self._begun_by_one: WeakValueDictionary[tuple[SessionId, Act], asyncio.Lock] = WeakValueDictionary()

    async def webhook_put_back(self, session: Session, who: str) -> bool:
        """Whether the webhook that stood there before ours is there again, or none was kept; otherwise as `done`."""
        if await self._addresses.kept_webhook(session) is None:
            return True
        return await self.done(session, "put_back_webhook", who)

    async def done(self, session: Session, act: Act, who: str) -> bool:
        """Whether the provider has done it; False while it has not answered within `ANSWERED_WITHIN_S`. Raises
        `CommandError`: provider-refused, provider-unanswered (it surely was not asked), act-unanswered (nobody knows
        whether it was done)."""
        async with self._begun_by_one.setdefault((session.id, act), asyncio.Lock()):  # guard: one-act-for-two-callers
            work_id = await self._still_pending(session, act) or await self._begin(session, act, who)
        outcome = ""

        async def look() -> bool:
            nonlocal outcome
            outcome = await self._outcome(work_id)
            return bool(outcome)

        if not await self._waiter.wait_look(session.id, look, ANSWERED_WITHIN_S):
            return False
        answer, _, detail = outcome.partition(": ")
        if self._pending.get((session.id, act)) == work_id:
            # The first of those who waited for it.
            del self._pending[session.id, act]
        if answer == "not_reached":
            raise CommandError("provider-unanswered", server=session.server, why=detail)
        if answer == "unanswered":
            raise CommandError("act-unanswered", server=session.server)
        if answer not in DONE:
            raise CommandError("provider-refused", detail=detail or answer)
        return True

    def forget(self, session_id: SessionId) -> None:
        """The session was deleted."""
        for key in [key for key in self._pending if key[0] == session_id]:
            del self._pending[key]

    async def _still_pending(self, session: Session, act: Act) -> str | None:
        """The row of an earlier request that is still under way, or came to a good end meanwhile."""
        work_id = self._pending.get((session.id, act))
        outcome = "" if work_id is None else await self._outcome(work_id)
        return work_id if not outcome or outcome.partition(": ")[0] in DONE else None

    async def _begin(self, session: Session, act: Act, who: str) -> str:
        if act != "put_back_webhook":
            await self._evidence.add(session, "operator_logout", {"who": who})
        work = operator_act(self._clock, session, act)
        await self._work.add([work])
        self._pending[session.id, act] = work.id
        self._wakeups.work()
        return work.id

    async def _outcome(self, work_id: str) -> str:
        """What became of a work row; "" while it is under way."""
        row = await self._work.get(work_id)
        if row is None:
            return "unanswered"
        return (row.outcome or "unanswered") if row.state in ("done", "dropped") else ""


def operator_act(clock: Clock, session: Session, act: Act) -> Work:
    """The row of an act that a person asked for; it is done in its turn, after the session's earlier ones."""
    now = clock.now()
    return Work(
        id=clock.new_id("wrk"),
        lane=f"s{session.id}:control",
        kind="control",
        payload={"rung": act, "attempt": "", "because": "operator", "by_person": True},
        due_at=now,
        created_at=now,
        session_id=session.id,
        server=session.server,
    )
