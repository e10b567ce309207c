"""What a person asked of a session, written as evidence for the judge; and the wait until the judge has taken it in.

Never lives here: what becomes of it (`core.judge.operator_actions`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from esteio.clock import Clock
from esteio.core.model.evidence import Evidence
from esteio.core.model.session import Session
from esteio.engine.errors import unknown
from esteio.engine.runtime.ports import NotFound, Waiter, Wakeups
from esteio.store.ports.sessions import Journal

SETTLE_S = 5.0
"""How long a command waits for the judge, so that its answer shows what was asked for."""


class OperatorEvidence:
    """Writes evidence with the source `operator` and wakes the session's judgement."""

    def __init__(self, journal: Journal, clock: Clock, *, waiter: Waiter, wakeups: Wakeups) -> None:
        self._journal, self._clock, self._waiter, self._wakeups = journal, clock, waiter, wakeups

    async def add(self, session: Session, kind: str, data: Mapping[str, str]) -> None:
        """Durable when this returns. Raises `CommandError("unknown-session")`."""
        now = self._clock.now()
        evidence = Evidence(kind, now, now, "operator", data)
        try:
            await self._journal.add_evidence(session.id, session.server, [evidence], now)
        except LookupError as error:
            raise unknown("session", session.name) from error
        self._wakeups.session(session.id)

    async def judged(self, session: Session, done: Callable[[Session], bool]) -> Session:
        """The session as soon as `done` says so, or as it is after `SETTLE_S`. Raises
        `CommandError("unknown-session")`."""
        try:
            return await self._waiter.wait_session(session.id, done, SETTLE_S)
        except NotFound as error:
            raise unknown("session", session.name) from error
