"""Spans of what providers bring: how long a webhook waited, its reading, and the acknowledgements that it told of.

Never lives here: a reading, what is written.
"""

from __future__ import annotations

from esteio.core.model.inbound import Receipt, SendEcho
from esteio.core.model.session import Session
from esteio.engine.outbox.spans import SYSTEM, MessageSpans, operation
from esteio.log import in_trace
from esteio.store.base import InboxSettlement, RawInbound
from esteio.store.ports.messages import Messages
from esteio.tracing import names
from esteio.tracing.tracer import Span, Tracer, Value


class InboxSpans:
    """Tells a tracer of stored webhooks. `sends`: who tells of the messages that they acknowledge."""

    def __init__(self, tracer: Tracer, messages: Messages, sends: MessageSpans) -> None:
        self._tracer, self._messages, self._sends = tracer, messages, sends

    def begin(self, raw: RawInbound, session: Session | None, now: float) -> Span:
        """A webhook is read from now on; the task's lines belong to it."""
        parent = raw.trace_context
        about: dict[str, Value] = {}
        if self._tracer.on and session is not None:
            about = {
                names.MESSAGING_SYSTEM: SYSTEM,
                names.MESSAGING_DESTINATION: session.name,
                names.SERVER: session.server,
                names.INBOX_ROW: raw.id,
            }
        if self._tracer.on and parent is not None:
            waited = self._tracer.start(names.INBOX_WAIT, "internal", raw.received_at, parent=parent, attributes=about)
            waited.end(now)
        span = self._tracer.start(
            names.PROCESS, "consumer", now, parent=parent, attributes=about | operation("process")
        )
        in_trace(span.context)
        return span

    def end(self, span: Span, settlement: InboxSettlement) -> None:
        """It was read and applied, or filed as one that cannot be read."""
        error = "" if settlement.readable else "unreadable"
        span.end(settlement.at, {names.EVENTS: len(settlement.events)}, error=error)

    async def acked(self, settlement: InboxSettlement) -> None:
        """Its receipts, each in the trace of the message that it speaks of."""
        if not self._tracer.on:
            return
        for event in settlement.events:
            if isinstance(event, Receipt):
                await self._acked(settlement, event)
            elif isinstance(event, SendEcho) and self._sends.was_early(settlement.session_id, event.provider_id):
                await self._told_early(settlement, event)

    async def _told_early(self, settlement: InboxSettlement, echo: SendEcho) -> None:
        message = await self._messages.by_provider_id(settlement.session_id, echo.provider_id)
        if message is not None:
            await self._sends.acked(message, sent_at=message.sent_at)

    async def _acked(self, settlement: InboxSettlement, receipt: Receipt) -> None:
        message = await self._messages.by_provider_id(settlement.session_id, receipt.provider_id)
        if message is None:
            self._sends.early(settlement.session_id, receipt.provider_id)
            return
        await self._sends.acked(
            message, sent_at=message.sent_at, written_at=settlement.at, link=settlement.trace_context
        )
