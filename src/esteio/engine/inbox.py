"""Webhooks in: the bytes are durable before the 200 (`commands`), and are read here, in order, each once.

Reading is pure (the adapter's), applying is one transaction (`Store.settle_inbox`): a crash between reads again, and
what was applied before is recognised by its key. A body that cannot be read is kept, counted and shown. Never lives
here: the HTTP answer, a session's state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from esteio.clock import Clock
from esteio.core.evidence import Evidence
from esteio.core.model import SessionId
from esteio.core.session import Session
from esteio.engine.address import AddressBook, Unaddressed
from esteio.engine.looking import as_row
from esteio.engine.media import MediaRoom
from esteio.engine.rounds import AT_ONCE, Rounds, by_session
from esteio.log import logger
from esteio.providers.base import WebhookReading
from esteio.store.base import InboxResult, InboxSettlement, RawInbound, Store

BATCH = 200
log = logger("inbox")


class InboxReader(Rounds):
    """Reads what was stored. `told`: a session has news; `sends`: a message in doubt was settled."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        addresses: AddressBook,
        *,
        media: MediaRoom,
        told: Callable[[Session, Sequence[Evidence]], None],
        applied: Callable[[SessionId, InboxSettlement, InboxResult], None],
    ) -> None:
        super().__init__(clock)
        self._store, self._addresses = store, addresses
        self._media, self._told, self._applied = media, told, applied

    async def _round(self) -> float | None:
        return AT_ONCE if await self.read_some() else None

    async def read_some(self) -> int:
        """Read one batch, oldest first; how many there were."""
        batch = await self._store.unread_raw(BATCH)
        await by_session(batch, self._read_in_order)
        return len(batch)

    async def _read_in_order(self, session_id: SessionId, raws: Sequence[RawInbound]) -> None:
        session = await self._store.session_by_id(session_id)
        for raw in raws:
            await self._read(raw, session)

    async def _read(self, raw: RawInbound, session: Session | None) -> None:
        reading = await self._reading(raw, session)
        settlement = InboxSettlement(
            raw_id=raw.id,
            session_id=raw.session_id,
            at=self._clock.now(),
            readable=reading.readable,
            events=await self._media.kept(reading.events),
            evidence=reading.evidence,
            qr=as_row(reading.qr, raw.received_at) if reading.qr is not None else None,
            note=reading.note,
        )
        result = await self._store.settle_inbox(settlement)
        if reading.readable:
            session_name = session.name if session else None
            log.debug("inbox.read", session=session_name, events=len(settlement.events), note=reading.note)
        if settlement.qr is not None and session is not None:
            log.info("session.qr_seen", session=session.name)
        if not reading.readable:
            log.warning("inbox.unreadable", session=session.name if session else None, note=reading.note)
        self._applied(raw.session_id, settlement, result)
        if session is not None:
            self._told(session, reading.evidence)

    async def _reading(self, raw: RawInbound, session: Session | None) -> WebhookReading:
        if session is None:
            return WebhookReading(readable=False, note="the session was deleted")
        try:
            provider, where = await self._addresses.of_session(session)
        except Unaddressed:
            return WebhookReading(readable=False, note="the server was deleted")
        try:
            return provider.read_webhook(where, raw.body, raw.path, raw.received_at)
        except Exception as error:
            # A defect of an adapter may not stop the inbox; the body is kept for reading again.
            log.exception("inbox.unreadable", session=session.name)
            return WebhookReading(readable=False, note=f"the adapter failed: {type(error).__name__}: {error}")
