"""Spans of messages that go out: how long each waited, every attempt, doubts, and how far WhatsApp says it got.

A message is under way for hours and through several processes, so no span is held open for it: what is over is told
with the times that stand in its row. Where nothing is recorded each method costs one look. Never lives here: what is
done, what is written.
"""

from __future__ import annotations

from typing import TypeVar

from esteio.core.messages.outbox import SendSettlement
from esteio.core.model.ids import SessionId
from esteio.core.model.message import Message, MessageState
from esteio.log import in_trace
from esteio.store.base import SendClaim, StoreFull
from esteio.store.ports.messages import Messages
from esteio.tracing import names
from esteio.tracing.context import context_of
from esteio.tracing.tracer import Span, Tracer, Value

T = TypeVar("T")
SUCCEEDED: frozenset[MessageState] = frozenset({"sent", "delivered", "read"})
REMEMBERED = 20_000
"""Acknowledgements that were told, and ids that nobody knew yet: so many are kept in mind, the latest."""
SYSTEM = "whatsapp"


class MessageSpans:
    """Tells a tracer of outgoing messages. `messages`: where their acknowledgements are read."""

    def __init__(self, tracer: Tracer, messages: Messages) -> None:
        self._tracer, self._messages = tracer, messages
        self._told: dict[tuple[str, str], None] = {}
        self._early: dict[tuple[SessionId, str], None] = {}
        """Ids of the provider's that an acknowledgement named before the send was answered."""

    def begin(self, claim: SendClaim, now: float) -> Span:
        """An attempt begins, and the wait before it is over; the task's lines and exchanges belong to it."""
        message = claim.message
        parent = message.trace_context
        if not self._tracer.on:
            in_trace(parent)
            return self._tracer.start(names.SEND, "producer", now, parent=parent)
        about = self._about(message)
        if parent is not None:
            since = message.created_at if message.attempts <= 1 else message.due_at
            self._tracer.start(names.WAIT, "internal", since, parent=parent, attributes=about).end(now)
        attempt: dict[str, Value] = {names.ATTEMPT: message.attempts, names.SERVER: claim.server}
        span = self._tracer.start(
            names.SEND, "producer", now, parent=parent, attributes=about | operation("send") | attempt
        )
        in_trace(span.context)
        return span

    def end(self, span: Span, settlement: SendSettlement) -> None:
        """The attempt came to this."""
        if not span.recording:
            return
        outcome = settlement.attempt.outcome if settlement.attempt else settlement.event
        said = {names.OUTCOME: outcome, names.STATE: settlement.state}
        if settlement.reason is not None:
            said[names.REASON] = settlement.reason.code
        span.end(settlement.at, said, error="" if settlement.state in SUCCEEDED else outcome)

    def early(self, session_id: SessionId, provider_id: str) -> None:
        """An acknowledgement names a message that nobody knows by this id: perhaps its send is not answered yet."""
        _remember(self._early, (session_id, provider_id))

    def was_early(self, session_id: SessionId, provider_id: str) -> bool:
        """Whether this id was named before anybody knew it; asked once."""
        key = (session_id, provider_id)
        if key not in self._early:
            return False
        del self._early[key]
        return True

    async def settled(self, message: Message, settlement: SendSettlement) -> None:
        """An attempt, or a look, was written: what was said of its id before is told now."""
        if self.was_early(settlement.session_id, settlement.provider_id or ""):
            await self.acked(message, sent_at=settlement.sent_at)

    async def resolved(self, message: Message, settlement: SendSettlement) -> None:
        """A look for a message in doubt settled it."""
        if not self._seen(message) or message.doubt_since is None:
            return
        about = self._about(message) | {names.STATE: settlement.state}
        span = self._tracer.start(
            names.DOUBT, "internal", message.doubt_since, parent=message.trace_context, attributes=about
        )
        span.end(settlement.at)
        await self.settled(message, settlement)

    async def acked(
        self, message: Message, *, sent_at: float | None, written_at: float | None = None, link: str | None = None
    ) -> None:
        """What WhatsApp has said of it and was not told yet; with `written_at` only what was written then. `link`: the
        trace that brought it."""
        if not self._seen(message):
            return
        try:
            acks = await self._messages.acks(message.id)
        except StoreFull:
            return
        for name, at in ((names.SERVER_ACK, acks.server), (names.DEVICE_ACK, acks.device), (names.READ_ACK, acks.read)):
            if at is not None and written_at in (None, at) and _remember(self._told, (message.id, name)):
                since = message.created_at if sent_at is None else sent_at
                self._ack(message, name, (min(since, at), at), link)

    def _ack(self, message: Message, name: str, between: tuple[float, float], link: str | None) -> None:
        since, at = between
        span = self._tracer.start(
            name, "internal", since, parent=message.trace_context, attributes=self._about(message), link=link
        )
        span.end(at)

    def _seen(self, message: Message) -> bool:
        """Whether anybody will look at its trace."""
        if not self._tracer.on or message.direction != "out":
            return False
        context = context_of(message.trace_context)
        return context is not None and context.sampled

    def _about(self, message: Message) -> dict[str, Value]:
        return {
            names.MESSAGING_SYSTEM: SYSTEM,
            names.MESSAGING_MESSAGE_ID: message.id,
            names.MESSAGING_DESTINATION: message.session,
            names.MESSAGE_KIND: message.content.kind,
        }


def _remember(mind: dict[T, None], key: T) -> bool:
    """Whether it was not in mind before."""
    if key in mind:
        return False
    if len(mind) >= REMEMBERED:
        del mind[next(iter(mind))]
    mind[key] = None
    return True


def operation(name: str) -> dict[str, Value]:
    """What the conventions call it that is done with a message."""
    return {
        names.MESSAGING_OPERATION: name,
        names.MESSAGING_OPERATION_TYPE: name,
        names.MESSAGING_DESTINATION_TEMPLATE: f"{SYSTEM}/{{session}}",
    }
