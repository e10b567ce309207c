"""Webhooks in: the bytes are durable before the 200 (`commands`), and are read here, in order, each once.

Reading is pure (the adapter's), applying is one transaction (`Store.settle_inbox`): a crash between reads again, and
what was applied before is recognised by its key. A body that cannot be read, or that says what cannot be stored, is
kept, counted and shown, and the next one is read: nothing that a stranger sends ends this loop. Never lives here: the
HTTP answer, a session's state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from esteio.clock import Clock
from esteio.core.judge.facts import is_overtaken
from esteio.core.model.evidence import Evidence, seen
from esteio.core.model.ids import SessionId
from esteio.core.model.session import Session
from esteio.engine.commands.webhook_budget import WebhookBudget
from esteio.engine.inbox.spans import InboxSpans
from esteio.engine.media.stager import MediaStager
from esteio.engine.runtime.leases import ALONE, Leases
from esteio.engine.runtime.worker import AT_ONCE, Worker, by_session
from esteio.engine.supervision.endpoints import Endpoints, EndpointUnknown
from esteio.engine.supervision.probes import qr_row
from esteio.log import logger
from esteio.providers.base import WebhookReading
from esteio.store.base import InboxResult, InboxSettlement, RawInbound, StoreFull
from esteio.store.ports.inbox import Inbox
from esteio.store.ports.sessions import Sessions
from esteio.tracing.tracer import Span

BATCH = 200
BATCH_BYTES = 8 * 2**20
"""So many bodies, or bytes of them, are in memory at a time; one that is larger comes alone."""
UNREADABLE_BYTES = 64 * 2**20
"""So much of what cannot be read is kept whole, per session and hour; of what comes beyond, the beginning."""
BEGINNING = 16_384
LOG_EVERY_S = 60.0
_NOTE = 200

log = logger("inbox")


class InboxReader(Worker):
    """Reads what was stored. `told`: a session has news; `sends`: a message in doubt was settled."""

    def __init__(
        self,
        inbox: Inbox,
        sessions: Sessions,
        clock: Clock,
        addresses: Endpoints,
        *,
        media: MediaStager,
        spans: InboxSpans,
        notify: Callable[[Session, Sequence[Evidence]], None],
        applied: Callable[[SessionId, InboxSettlement, InboxResult], None],
        leases: Leases = ALONE,
    ) -> None:
        super().__init__(clock)
        self._leases = leases
        self._inbox, self._sessions, self._addresses = inbox, sessions, addresses
        self._media, self._spans, self._notify, self._applied = media, spans, notify, applied
        self._unreadable = WebhookBudget(UNREADABLE_BYTES)
        self._logged: dict[SessionId, tuple[float, int]] = {}
        """When an unreadable one was last logged, and how many came since."""

    async def _run_once(self) -> float | None:
        return AT_ONCE if await self.read_some() else None

    async def read_some(self) -> int:
        """Read one batch, oldest first; how many there were."""
        unread = await self._inbox.unread(BATCH, BATCH_BYTES, node=self._leases.node)
        batch = [raw for raw in unread if self._leases.holds(raw.session_id)]
        await by_session(batch, self._read_in_order)
        return len(batch)

    async def _read_in_order(self, session_id: SessionId, raws: Sequence[RawInbound]) -> None:
        session = await self._sessions.by_id(session_id)
        for raw in raws:
            await self._read(raw, session)

    async def _read(self, raw: RawInbound, session: Session | None) -> None:
        """Whatever this row does, a full disk aside, it is filed and the others go on."""
        began = self._clock.now()
        span = self._spans.begin(raw, session, began)
        try:
            reading = await self._reading(raw, session)
            await self._apply(raw, session, reading, began, span)
        except StoreFull:
            raise
        except Exception as error:  # noqa: BLE001 - logged when it is filed
            # A defect of an adapter or a value that no column takes: the body is kept for reading again.
            await self._file(raw, session, f"it failed: {type(error).__name__}: {error}", began, span=span, error=error)

    async def _apply(
        self, raw: RawInbound, session: Session | None, reading: WebhookReading, began: float, span: Span
    ) -> None:
        if not reading.readable:
            await self._file(raw, session, reading.note, began, span=span)
            return
        code = reading.qr
        if code is not None and session is not None and is_overtaken(session.facts, raw.received_at):
            # It was scanned already: nobody may be shown it.
            code = None
        settlement = InboxSettlement(
            raw_id=raw.id,
            session_id=raw.session_id,
            at=self._clock.now(),
            readable=True,
            events=await self._media.kept(reading.events),
            evidence=reading.evidence,
            qr=None if code is None else qr_row(code, raw.received_at),
            note=reading.note,
            carried=reading.carried,
            trace_context=span.context,
        )
        await self._settle(settlement, session, span)
        log.debug(
            "provider_webhook.read",
            **self._keys(raw, session, began),
            count=len(settlement.events),
            evidence=[one.kind for one in settlement.evidence],
            note=settlement.note,
        )

    async def _settle(self, settlement: InboxSettlement, session: Session | None, span: Span) -> None:
        generation = self._leases.generation(settlement.session_id)
        settlement = msgspec.structs.replace(settlement, generation=generation)
        result = await self._inbox.settle(settlement)
        self._spans.end(span, settlement)
        await self._spans.acked(settlement)
        if settlement.qr is not None:
            log.info("session.qr_received", **_who(session))
        self._applied(settlement.session_id, settlement, result)
        if session is not None:
            self._notify(session, settlement.evidence)

    async def _file(
        self,
        raw: RawInbound,
        session: Session | None,
        note: str,
        began: float,
        *,
        span: Span,
        error: Exception | None = None,
    ) -> None:
        """Keep it as one that cannot be read, with a line in the timeline that counts its like."""
        now, size = self._clock.now(), len(raw.body)
        note = " ".join(note.encode("utf-8", "replace").decode().split())[:_NOTE]
        line = seen("webhook_unreadable", now, "webhook", note=note)
        whole = self._unreadable.take(raw.session_id, size, now)
        if not whole and size > BEGINNING:
            note = f"{note} (the first {BEGINNING} of {size} bytes are kept)"
        settlement = InboxSettlement(
            raw_id=raw.id,
            session_id=raw.session_id,
            at=now,
            readable=False,
            note=note,
            counted=(line,),
            keep_bytes=None if whole else BEGINNING,
        )
        await self._settle(settlement, session, span)
        suppressed = self._suppressed(raw.session_id, now)
        if suppressed is not None:
            keys = self._keys(raw, session, began)
            log.warning("provider_webhook.unreadable", **keys, note=note, suppressed=suppressed, exc_info=error)

    def _suppressed(self, session_id: SessionId, now: float) -> int | None:
        """How many unreadable ones of this session were not logged since the last that was. None: nor is this one. A
        misled provider may send thousands: there is one line a minute and session."""
        last, more = self._logged.get(session_id, (now - LOG_EVERY_S, 0))
        if now - last < LOG_EVERY_S:
            self._logged[session_id] = (last, more + 1)
            return None
        self._logged = {one: said for one, said in self._logged.items() if now - said[0] < 2 * LOG_EVERY_S}
        self._logged[session_id] = (now, 0)
        return more

    def _keys(self, raw: RawInbound, session: Session | None, began: float) -> dict[str, object]:
        """What each line about one stored webhook says."""
        now = self._clock.now()
        return {
            **_who(session),
            "provider_webhook": raw.id,
            "size": len(raw.body),
            "duration_ms": (now - began) * 1000,
            "age_ms": (now - raw.received_at) * 1000,
        }

    async def _reading(self, raw: RawInbound, session: Session | None) -> WebhookReading:
        if session is None:
            return WebhookReading(readable=False, note="the session was deleted")
        try:
            provider, where = await self._addresses.of_session(session)
        except EndpointUnknown:
            return WebhookReading(readable=False, note="the session or its server was deleted")
        return provider.read_webhook(where, raw.body, raw.path, raw.received_at)


def _who(session: Session | None) -> dict[str, str | None]:
    return {"session": session.name if session else None, "server": session.server if session else None}
