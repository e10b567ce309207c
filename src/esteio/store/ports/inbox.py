"""What comes in: webhooks, history read back, media; and what fails to come in.

See the package for what holds of every method.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import MessageId, SessionId
from esteio.core.model.state import Reason
from esteio.core.model.tenant import ALL, Reach
from esteio.store.values import (
    Gap,
    InboxBacklog,
    InboxResult,
    InboxSettlement,
    JournalEntry,
    LateAck,
    MediaFetch,
    MediaSettlement,
    RawInbound,
    UnreadableRow,
)


class Inbox(Protocol):
    """Provider webhooks: stored as they came, then applied once."""

    async def accept(self, raw: RawInbound) -> int:
        """Stores a webhook as it came, durable when it returns; gives its row's id. Raises `LookupError` when the
        session is gone."""
        ...

    async def unread(
        self, limit: int, most_bytes: int | None = None, *, node: int | None = None
    ) -> Sequence[RawInbound]:
        """Not yet read, oldest first."""
        ...

    async def backlog(self) -> InboxBacklog:
        """What is not yet read, and what cannot be read, of all sessions."""
        ...

    async def of_message(self, message_id: MessageId) -> RawInbound | None:
        """What the provider sent about a message, while that is kept."""
        ...

    async def settle(self, settlement: InboxSettlement) -> InboxResult:
        """Applies what a webhook said, each event once for good; gives which were new. A `raw_id` of 0 is for what was
        read back without a webhook."""
        ...

    async def unreadable(
        self, limit: int, after: int = 0, shown_bytes: int = 16_384, *, reach: Reach = ALL
    ) -> Sequence[UnreadableRow]:
        """Webhooks that could not be read, with an id above `after`, at most `limit`; bodies cut to `shown_bytes`. Of
        the tenant that `reach` names; its patterns are not asked here."""
        ...


class HistoryGaps(Protocol):
    """Since when sessions may have missed messages that their provider still has."""

    async def mark_all(self, since: float, due_at: float) -> None:
        """Every linked session may have missed something since then."""
        ...

    async def due(self, now: float, limit: int, *, node: int | None = None) -> Sequence[Gap]:
        """Of sessions whose gate is open; oldest first."""
        ...

    async def close(self, gap: Gap, line: JournalEntry | None) -> bool:
        """It was read (or given up), unless it has been marked anew meanwhile."""
        ...

    async def postpone(self, gap: Gap, again_at: float) -> bool:
        """Due again at `again_at` (epoch seconds); False when it has been marked anew or closed meanwhile."""
        ...


class Traffic(Protocol):
    """When messages were acknowledged and when something came in; which acknowledgements are missing."""

    async def late_acks(self, session_id: SessionId, after: float, before: float, limit: int) -> Sequence[LateAck]:
        """Messages sent between those times without any acknowledgement that were not told of yet, oldest first."""
        ...

    async def ack_times(self, session_id: SessionId, after: float, before: float, limit: int) -> Sequence[float]:
        """How long the latest messages sent between those times waited for their first acknowledgement."""
        ...

    async def busy_slots(self, session_id: SessionId, after: float, before: float, slot_s: float) -> Sequence[int]:
        """The numbers, since the epoch, of the slots of `slot_s` seconds in which something came in between those
        times; each once, in no order."""
        ...

    async def report_missing_acks(
        self, session_id: SessionId, messages: Sequence[MessageId], evidence: Sequence[Evidence], now: float
    ) -> int:
        """Each message once for good; how many were new. The evidence is written when any was."""
        ...


class Media(Protocol):
    """Media still to be fetched, and which files of the media store are named by whom."""

    async def fetches(self, limit: int, *, node: int | None = None) -> Sequence[MediaFetch]:
        """What providers are still asked for, the earliest due first."""
        ...

    async def settle(self, settlement: MediaSettlement) -> bool:
        """Ends a fetch, with a `message.media_changed` event, or postpones it. False when nobody waits for it any more
        (its message was erased or its session deleted): then the bytes are nobody's."""
        ...

    async def in_use(self) -> frozenset[str]:
        """Names on the shelf that unsent messages need."""
        ...

    async def of_session(self, session_id: SessionId) -> Sequence[str]:
        """Names on the shelf that messages of this session name."""
        ...

    async def unused(self, names: Collection[str]) -> Sequence[str]:
        """Those of the names that no message names."""
        ...

    async def forget(self, names: Collection[str], reason: Reason) -> None:
        """Messages that name these are without their bytes from now on, for this reason."""
        ...
