"""Messages in doubt: resolved by looking at the provider, never by hoping.

Whoever finds the message there settles it as sent; only proved absence lets it go out again, and only `core.outbound`
says what counts as that. Never lives here: a resend, a judgement of the session.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from esteio.clock import Clock
from esteio.core import outbound
from esteio.core.evidence import Evidence
from esteio.core.model import AttemptRecord, Message, MessageId, SessionId
from esteio.core.policy import Policy
from esteio.core.session import Session
from esteio.engine.address import AddressBook, Unaddressed
from esteio.providers import driver
from esteio.providers.base import LookupOutcome, SentQuery, Transport
from esteio.store.base import SendSettlement, Store

BATCH = 50
CLOCKS_APART_S = 60.0
"""How far a provider's clock may be behind ours."""


class Doubts:
    """Looks after messages in doubt."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        addresses: AddressBook,
        transport: Transport,
        *,
        policies: Callable[[str], Policy],
        judged: Callable[[SessionId], Session | None],
        told: Callable[[SessionId, MessageId, Sequence[Evidence]], None],
    ) -> None:
        self._store, self._clock, self._addresses = store, clock, addresses
        self._transport, self._policies, self._judged, self._told = transport, policies, judged, told

    async def look(self) -> int:
        """One round over the messages whose next look is due; how many were looked for."""
        due = await self._store.doubted(self._clock.now(), BATCH)
        for message in due:
            await self._resolve(message)
        return len(due)

    async def _resolve(self, message: Message) -> None:
        # What was last judged here is fresher than the row: looks that changed nothing are not written.
        session = self._judged(message.session_id) or await self._store.session_by_id(message.session_id)
        if session is None:
            return
        policy = self._policies(session.policy)
        began = self._clock.now()
        outcome = await self._look_up(message, session)
        now = self._clock.now()
        proved = outbound.live_since_doubt(session, message)
        settled = outbound.resolve(message, outcome.result, policy, live_proved=proved, read_began=began, now=now)
        decided = settled.state != "in_doubt"
        settlement = SendSettlement(
            message_id=message.id,
            session_id=message.session_id,
            fence=0,
            state=settled.state,
            at=now,
            attempt=AttemptRecord(now, f"looked: {outcome.result}", outcome.detail) if decided else None,
            provider_id=outcome.provider_id,
            due_at=settled.due_at,
            reason=settled.reason,
            closed_tries=settled.closed_tries,
            doubt_since=settled.doubt_since,
            queue_ref=message.queue_ref,
            sent_at=message.doubt_since if settled.state == "sent" else None,
            evidence=outcome.evidence,
        )
        if await self._store.settle_doubt(settlement):
            self._told(message.session_id, message.id, outcome.evidence)

    async def _look_up(self, message: Message, session: Session) -> LookupOutcome:
        since = (message.doubt_since or message.created_at) - CLOCKS_APART_S
        try:
            provider, where = await self._addresses.of_session(session)
        except Unaddressed:
            return LookupOutcome("unknown", detail="the server was deleted")
        known = await self._store.known_provider_ids(message.session_id, since)
        query = SentQuery(message.to or message.chat, message.content, since, message.queue_ref, known)
        return await driver.run(provider.look_up(where, self._clock.now(), query), self._transport)
