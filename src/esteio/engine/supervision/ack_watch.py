"""The watch over acknowledgements: a sent message that stays without any becomes evidence once, and nothing else.

Only sessions that sent something lately are looked at, by reads; a write happens when something is missing. Never lives
here: how long is too long (`core.judge.ack_timeout`), a resend.
"""

from __future__ import annotations

from collections.abc import Callable

from esteio.clock import Clock
from esteio.core.judge import ack_timeout
from esteio.core.model.evidence import seen_with
from esteio.core.model.ids import SessionId
from esteio.core.model.policy import Policy
from esteio.core.model.session import Session
from esteio.engine.supervision.memory import Memory, SessionRecord
from esteio.store.base import LateAck
from esteio.store.ports.inbox import Traffic

LEARN_EVERY_S = 600.0
UNKNOWN_EVERY_S = 120.0
"""While no acknowledgement is known; some servers never tell of any."""
BATCH = 100
_NEVER: tuple[float, float | None] = (0.0, None)
LISTENS_S = 60.0
"""What is said of the newest messages is not yet read: this much later it is."""


class AckWatch:
    """Looks after messages that nobody acknowledges. `told`: a session has news in the store."""

    def __init__(
        self,
        traffic: Traffic,
        clock: Clock,
        *,
        policies: Callable[[str], Policy],
        memory: Memory,
        notify: Callable[[SessionId], None],
    ) -> None:
        self._traffic, self._clock = traffic, clock
        self._policies, self._memory, self._notify = policies, memory, notify
        self._sent: dict[SessionId, float] = {}
        """Whom to look at, and when a message of it last moved."""

    def __repr__(self) -> str:
        return f"AckWatch(sessions={len(self._sent)})"

    def sent(self, session_id: SessionId) -> None:
        """A message of this session moved."""
        self._sent[session_id] = self._clock.now()

    async def look(self) -> int:
        """One round; how many messages turned out to be without an acknowledgement."""
        now, found = self._clock.now(), 0
        for session_id, at in list(self._sent.items()):
            session = self._memory.peek(session_id)
            if now - at > ack_timeout.LOOK_BACK_S:
                del self._sent[session_id]
                if (record := self._memory.find(session_id)) is not None:
                    record.ack_patience = None
            elif session is not None and session.gate == "open":
                found += await self._look_at(session, now)
        return found

    async def _look_at(self, session: Session, now: float) -> int:
        record = self._memory.session(session.id)
        if _in_the_dark(record, now):
            return 0
        policy = self._policies(session.policy)
        # While the line was down no acknowledgement could come, and what waits comes a moment after it is back.
        whole = now - session.gate_since > LISTENS_S
        since = now - ack_timeout.LOOK_BACK_S if whole else session.gate_since
        late = await self._traffic.late_acks(session.id, since, now - policy.ack_within_s, BATCH)
        if not late:
            if whole and self._sent[session.id] <= now - policy.ack_within_s:  # guard: ack-watch-kept-while-missing
                # All that left is acknowledged; the next message that moves begins the watch anew.
                del self._sent[session.id]
            return 0
        patience = await self._patience(record, session, policy, now)
        missing = [one for one in late if patience is not None and now - one.sent_at > patience]
        return await self._tell(session, missing, now) if missing else 0

    async def _patience(self, record: SessionRecord, session: Session, policy: Policy, now: float) -> float | None:
        learned_at, patience = record.ack_patience or _NEVER
        if patience is None or now - learned_at >= LEARN_EVERY_S:
            times = await self._traffic.ack_times(session.id, 0.0, now, ack_timeout.SAMPLES)
            patience = ack_timeout.patience(times, policy)
            record.ack_patience = (now, patience)
        return patience

    async def _tell(self, session: Session, missing: list[LateAck], now: float) -> int:
        evidence = [
            seen_with("ack_missing", now, "self", {"message": one.message_id}, one.sent_at)
            for one in missing[: ack_timeout.TOLD_AT_ONCE]
        ]
        told = await self._traffic.report_missing_acks(session.id, [one.message_id for one in missing], evidence, now)
        if told:
            self._notify(session.id)
        return told


def _in_the_dark(record: SessionRecord, now: float) -> bool:
    """Whether no acknowledgement of the session was known a moment ago: then none is missing now."""
    learned_at, patience = record.ack_patience or _NEVER
    return patience is None and now - learned_at < UNKNOWN_EVERY_S
