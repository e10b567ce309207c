"""Messages: as callers hand them in and look at them, and on their way out.

See the package for what holds of every method.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from esteio.core.messages.outbox import SendSettlement
from esteio.core.messages.provider_queue import QueueSettlement
from esteio.core.model.content import Content
from esteio.core.model.ids import MessageId, ServerName, SessionId
from esteio.core.model.message import AttemptRecord, Direction, Message, MessageState
from esteio.store.search import FoundMessages, FoundPage, MessageFilter, MessageSearch
from esteio.store.send_quota import NotBefore, SendQuota
from esteio.store.values import (
    Accepted,
    Acks,
    NewMessage,
    OutboxBacklog,
    Page,
    QuoteTarget,
    SendClaim,
    Work,
)


class Messages(Protocol):
    """Messages of both directions, by id and by page; acceptance of outgoing ones."""

    async def accept(self, new: NewMessage) -> Accepted:
        """Writes an outgoing message, durable when it returns; an idempotency key that is in use gives the message it
        made. Raises `LookupError` when the session is gone, `QuotaExceeded`."""
        ...

    async def repeated(
        self, session_id: SessionId, scope: str, key: str, fingerprint: str, now: float
    ) -> Accepted | None:
        """What `accept` would say of an idempotency key that is in use; None: it is free."""
        ...

    async def made_by(self, session_id: SessionId, scope: str, key: str) -> Message | None:
        """The message that an idempotency key made, while the key is remembered; None for an unknown one."""
        ...

    async def get(self, message_id: MessageId) -> Message | None:
        """The message of this id, of either direction; None for an unknown one."""
        ...

    async def by_provider_id(self, session_id: SessionId, provider_id: str) -> Message | None:
        """The session's message that the provider knows by this id, None for an unknown one."""
        ...

    async def by_any_ids(self, session_id: SessionId, ids: Collection[str]) -> Sequence[Message]:
        """The session's messages that we, or the provider, know by any of these ids, each once, in the order in which
        they were filed; those of other sessions never."""
        ...

    async def matching(
        self, session_id: SessionId, wanted: MessageFilter, *, limit: int, offset: int = 0
    ) -> FoundMessages:
        """The session's messages of this kind, newest first by the time they were made: at most `limit` from the
        `offset`-th on, and how many there are among the newest 50,000."""
        ...

    async def page(
        self,
        session_id: SessionId,
        *,
        state: MessageState | None = None,
        direction: Direction | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page:
        """The session's messages, newest first by the time they were made, at most `limit`, from the cursor `after`
        on."""
        ...

    async def put_content(self, message_id: MessageId, content: Content) -> None:
        """What a message says, with where its media now lies."""
        ...

    async def attempts(self, message_id: MessageId) -> Sequence[AttemptRecord]:
        """Every try at sending this message, with its outcome and the provider's words."""
        ...

    async def acks(self, message_id: MessageId) -> Acks:
        """When WhatsApp told how far this message got; nothing of an unknown one."""
        ...

    async def cancel(self, message_id: MessageId, now: float) -> Message | None:
        """Only while queued (or held); returns it as it then is, None when unknown."""
        ...

    async def retry(self, message_id: MessageId, now: float) -> Message | None:
        """failed, expired, cancelled, in_doubt → queued, at a person's word."""
        ...

    async def quote_target(self, session_id: SessionId, message_id: MessageId) -> QuoteTarget | None:
        """A message that is quoted or reacted to; None when it has no id of the provider's."""
        ...

    async def waiting(self, session_id: SessionId) -> int:
        """How many messages of this session wait to be sent, those held by a closed gate included."""
        ...

    async def waiting_by_session(self, sessions: Sequence[SessionId]) -> Mapping[SessionId, int]:
        """The same of these sessions at once; those with none are left out."""
        ...


class MessageHistory(Protocol):
    """Messages as a person looks for them, and what became of one."""

    async def search(self, wanted: MessageSearch, *, limit: int, after: str | None = None) -> FoundPage:
        """A look for messages of any session, at most `limit` from the cursor `after` on, the newest first: by the time
        they were made in one session, by the time they were stored across sessions. It goes through the newest 50,000
        (250,000 where it compares no texts) from there on and says how far it came; an exact id is found however
        old."""
        ...

    async def steps(self, message: Message) -> Sequence[tuple[MessageState, float]]:
        """The states that a message took and when (epoch seconds), in order, as far back as events are kept; at most
        50."""
        ...

    async def overtaken(self, message: Message) -> bool:
        """Whether a later message of its chat has gone since this one was last touched, as far back as events are
        kept."""
        ...


class Outbox(Protocol):
    """Claims and settlements of outgoing messages."""

    async def claim(
        self,
        now: float,
        limit: int,
        lease_s: float,
        quota: SendQuota,
        *,
        node: int | None = None,
    ) -> Sequence[SendClaim]:
        """Heads of free lanes (session and chat) whose session's gate is open and whose due time has come, at most
        what the allowance leaves their session and server, and one more for what is urgent (priority 9). Higher
        priority goes first, among equals the session whose last turn is longest ago; but every fourth call what has
        waited longest, so that nothing starves. An `in_doubt` or waiting head blocks its lane: order."""
        ...

    async def settle(self, settlements: Sequence[SendSettlement]) -> Sequence[bool]:
        """Each by its fence; writes the attempt, the evidence and a `message.state_changed` event where it moved."""
        ...

    async def next_due(self, now: float, not_before: NotBefore = ..., *, node: int | None = None) -> float | None:
        """When the next open-gated queued message falls due; a session or server that rests has nothing due before then
        but what is urgent."""
        ...

    async def expire(self, now: float, limit: int) -> int:
        """Ends at most `limit` queued messages whose time to live is over as `expired`; gives how many."""
        ...

    async def set_aside(self, session_id: SessionId) -> int:
        """How many messages of this session are in doubt and wait for a person."""
        ...

    async def backlog(self) -> OutboxBacklog:
        """What all sessions have before them; read from lanes and small indexes, never from all messages."""
        ...


class Doubts(Protocol):
    """Messages of which nobody knows whether they left (`in_doubt`)."""

    async def due(self, now: float, limit: int, *, node: int | None = None) -> Sequence[Message]:
        """Messages in doubt whose `due_at` (the next look) has come."""
        ...

    async def next_due(self, *, node: int | None = None) -> float | None:
        """When the next look for a message in doubt is due, or a lease ends: then there is a doubt to look after."""
        ...

    async def settle(
        self, settlement: SendSettlement, notices: Sequence[Work] = (), *, generation: int | None = None
    ) -> bool:
        """Resolve an `in_doubt` message (no fence: it must still be in doubt), or set it aside. One that was set aside
        is not queued again once a later message of its chat may have gone: False. `notices`: for people, when it waits
        for one of them from now on; left out where such a word is on its way already."""
        ...

    async def overtaken(self, message_id: MessageId) -> bool:
        """Whether a later message of its chat may have gone since this one fell into doubt."""
        ...

    async def sends_unstored(self, server: ServerName, since: float, until: float) -> bool:
        """Whether a server's own database failed on a send that began between these times, of whichever session."""
        ...

    async def known_provider_ids(self, session_id: SessionId, since: float) -> frozenset[str]:
        """The provider's ids of the session's messages that were made or sent since then (epoch seconds)."""
        ...


class ProviderQueue(Protocol):
    """Sent messages that may still lie in the provider's own queue."""

    async def due(self, now: float, limit: int, *, node: int | None = None) -> Sequence[Message]:
        """Sent messages that may still lie in the provider's own queue, whose session can send and whose `due_at` (the
        next look at that queue) has come."""
        ...

    async def next_due(self, *, node: int | None = None) -> float | None:
        """When the next of these looks is due."""
        ...

    async def settle(
        self, settlements: Sequence[QueueSettlement], *, held: tuple[SessionId, int] | None = None
    ) -> Sequence[MessageId]:
        """Each while it is still parked; those whose chats go on now. `held`: their session and its generation; none
        once it has changed hands."""
        ...
