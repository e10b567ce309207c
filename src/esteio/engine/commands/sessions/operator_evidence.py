"""What a person asked of a session, written as evidence for the judge; and the wait until the judge has taken it in.

Never lives here: what becomes of it (`core.judge.operator_actions`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Final

from esteio.clock import Clock
from esteio.core.model.evidence import Evidence
from esteio.core.model.session import Session
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.errors import unknown
from esteio.engine.runtime.ports import NotFound, Waiter, Wakeups
from esteio.store.ports.sessions import Journal

RECORDED_AS: Final[Mapping[str, str]] = {
    "operator_logout": "session.logout",
    "operator_pair": "session.pair_requested",
    "operator_paused": "session.paused",
    "operator_recover": "session.recover_requested",
    "operator_recreate": "session.recreate_requested",
    "operator_resumed": "session.resumed",
}
"""What each wish is called in the audit log. `created` has been recorded with the session's row."""
SETTLE_S = 5.0
"""How long a command waits for the judge, so that its answer shows what was asked for."""


class OperatorEvidence:
    """Writes evidence with the source `operator` and wakes the session's judgement."""

    def __init__(self, journal: Journal, clock: Clock, *, audit: AuditLog, waiter: Waiter, wakeups: Wakeups) -> None:
        self._journal, self._clock, self._audit = journal, clock, audit
        self._waiter, self._wakeups = waiter, wakeups

    async def add(self, session: Session, kind: str, data: Mapping[str, str]) -> None:
        """Durable when this returns. Raises `CommandError("unknown-session")`."""
        now = self._clock.now()
        evidence = Evidence(kind, now, now, "operator", data)
        action = RECORDED_AS.get(kind)
        record = nullcontext() if action is None else self._audit.records(action, session=session.name)
        try:
            with record:
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
