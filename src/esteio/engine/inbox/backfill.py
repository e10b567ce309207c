"""Gaps read back: after whatever kept us from hearing, the provider's own list is read once, and what it holds that we
do not arrives like a webhook, marked as recovered.

The row in the store says what is owed, so a crash forgets nothing; the same keys that drop doubled webhooks drop what
was known, and what a late webhook still brings. Never lives here: since when (`core.judge.gap`), what a record means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from esteio.clock import Clock
from esteio.core.judge import gap as core
from esteio.core.judge import pacing
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import SessionId
from esteio.core.model.inbound import InboundEvent, ReceivedMessage
from esteio.core.model.session import Session
from esteio.core.views.documents import timestamp
from esteio.engine.commands.provider_webhooks import Secrets, blank, known_secrets
from esteio.engine.media.stager import MediaStager
from esteio.engine.runtime.leases import ALONE, Leases
from esteio.engine.supervision.endpoints import Endpoints, EndpointUnknown
from esteio.log import logger
from esteio.providers import driver
from esteio.providers.base import Transport, WebhookReading
from esteio.store.base import CrashReport, Gap, InboxResult, InboxSettlement, JournalEntry, StoreFull
from esteio.store.ports.inbox import HistoryGaps, Inbox
from esteio.store.ports.sessions import Sessions

AT_ONCE = 4
CHUNK = 200
"""Events applied in one transaction: a long list may not hold up the writer."""

log = logger("backfill")


class Backfill:
    """Reads gaps back. `told` and `applied` are the inbox's own: what is read here is heard like any webhook."""

    def __init__(
        self,
        clock: Clock,
        addresses: Endpoints,
        transport: Transport,
        *,
        history_gaps: HistoryGaps,
        sessions: Sessions,
        inbox: Inbox,
        media: MediaStager,
        notify: Callable[[Session, Sequence[Evidence]], None],
        applied: Callable[[SessionId, InboxSettlement, InboxResult], None],
        leases: Leases = ALONE,
    ) -> None:
        self._leases = leases
        self._history_gaps, self._sessions, self._inbox = history_gaps, sessions, inbox
        self._clock, self._addresses, self._transport = clock, addresses, transport
        self._media, self._notify, self._applied = media, notify, applied

    async def after_start(self, report: CrashReport) -> None:
        """Nobody listened while we were away. Of several nodes each marks what it takes from one that died."""
        if report.last_alive is not None and self._leases.node is None:
            now = self._clock.now()
            since = max(report.last_alive - core.MARGIN_S, now - core.AT_MOST_S)
            await self._history_gaps.mark_all(since, now + core.SETTLES_S)

    async def look(self) -> int:
        """One round over the gaps that are due; how many were read."""
        due = await self._history_gaps.due(self._clock.now(), AT_ONCE, node=self._leases.node)
        for outcome in await asyncio.gather(*(self._read(gap) for gap in due), return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
        return len(due)

    async def _read(self, gap: Gap) -> None:
        session = await self._sessions.by_id(gap.session_id)
        if session is None:
            return
        reading = await self._history(session, gap.since)
        if not reading.readable:
            await self._again(session, gap, reading)
            return
        came = 0
        for start in range(0, max(len(reading.events), 1), CHUNK):
            last = start + CHUNK >= len(reading.events)
            came += await self._apply(session, reading.events[start : start + CHUNK], reading.evidence if last else ())
        log.info("backfill.finished", session=session.name, server=session.server, count=came, note=reading.note)
        line = self._line(gap, reading, came)
        await self._history_gaps.close(gap, line if came or reading.note else None)

    def _line(self, gap: Gap, reading: WebhookReading, came: int) -> JournalEntry:
        data, since = {"note": reading.note} if reading.note else {}, timestamp(gap.since) or ""
        if not reading.kept:
            return JournalEntry("act", self._clock.now(), "gap-unknowable", {"since": since}, data)
        return JournalEntry("act", self._clock.now(), "gap-read", {"count": str(came), "since": since}, data)

    async def _history(self, session: Session, since: float) -> WebhookReading:
        try:
            provider, where = await self._addresses.of_session(session)
            reading = await driver.run(provider.history(where, self._clock.now(), since), self._transport)
            return _blanked(reading, known_secrets(provider, where))
        except EndpointUnknown:
            return WebhookReading(readable=True)
        except Exception as error:
            log.exception("backfill.failed", session=session.name, server=session.server)
            return WebhookReading(readable=False, note=f"internal error: {type(error).__name__}")

    async def _apply(self, session: Session, events: Sequence[InboundEvent], evidence: Sequence[Evidence]) -> int:
        """How many messages came to light. One event that cannot be stored keeps no other back."""
        try:
            return await self._settled(session, events, evidence)
        except StoreFull:
            raise
        except Exception:
            log.exception("backfill.failed", session=session.name, server=session.server)
        if len(events) <= 1:
            return 0
        middle = len(events) // 2
        return await self._apply(session, events[:middle], evidence) + await self._apply(session, events[middle:], ())

    async def _settled(self, session: Session, events: Sequence[InboundEvent], evidence: Sequence[Evidence]) -> int:
        if not events and not evidence:
            return 0
        settlement = InboxSettlement(
            raw_id=0,
            session_id=session.id,
            at=self._clock.now(),
            readable=True,
            events=await self._media.kept(events),
            evidence=tuple(evidence),
            recovered=True,
            generation=self._leases.generation(session.id),
        )
        result = await self._inbox.settle(settlement)
        self._applied(session.id, settlement, result)
        self._notify(session, settlement.evidence)
        return sum(1 for index in result.fresh if _counts(events[index]))

    async def _again(self, session: Session, gap: Gap, reading: WebhookReading) -> None:
        now = self._clock.now()
        if gap.tries + 1 < core.TRIES:
            pause = pacing.doubling(core.AGAIN_S, core.AGAIN_AT_MOST_S, gap.tries)
            await self._history_gaps.postpone(gap, now + pause + pacing.jitter(session.id, gap.tries, pause / 4))
            return
        log.warning("backfill.given_up", session=session.name, server=session.server, note=reading.note)
        args = {"detail": reading.note, "since": timestamp(gap.since) or ""}
        await self._history_gaps.close(gap, JournalEntry("act", now, "gap-unread", args))


def _blanked(reading: WebhookReading, secrets: Secrets) -> WebhookReading:
    """Without our secrets in what is kept of the list."""
    return msgspec.structs.replace(reading, events=tuple(_without(event, secrets) for event in reading.events))


def _without(event: InboundEvent, secrets: Secrets) -> InboundEvent:
    if not isinstance(event, ReceivedMessage) or event.source is None:
        return event
    return msgspec.structs.replace(event, source=blank(event.source, secrets))


def _counts(event: InboundEvent) -> bool:
    return isinstance(event, ReceivedMessage) and not event.from_me
