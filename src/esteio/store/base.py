"""The store's vocabulary: named questions and named commits. `now` is always an argument.

Every method is one transaction: what it writes is durable, all of it or nothing, when it returns. Write methods that
carry a `fence` or an expected version return False (or leave the item out) when somebody else was faster; the caller
throws its work away and looks again. Never lives here: SQL, column names, policy; the values are in `store.values`
and are named here again, so that one import gives the whole vocabulary.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Literal, Protocol

from esteio.core.messages.outbox import SendSettlement
from esteio.core.messages.provider_queue import QueueSettlement
from esteio.core.model.content import Content
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import MessageId, ServerName, SessionId, SessionName
from esteio.core.model.message import AttemptRecord, Direction, Message, MessageState
from esteio.core.model.recovery import Approval
from esteio.core.model.server import Limits, Server
from esteio.core.model.session import Session
from esteio.core.model.state import Reason, SessionState
from esteio.store.adoption import AdoptionStore
from esteio.store.delivery import Endpoint, RelayStore
from esteio.store.values import (
    LIST_PATH,
    Accepted,
    Allowance,
    ApiKey,
    CrashReport,
    DecisionCommit,
    Erased,
    EventRow,
    Gap,
    InboxResult,
    InboxSettlement,
    JournalEntry,
    LateAck,
    MediaFetch,
    MediaSettlement,
    NewMessage,
    News,
    Page,
    Qr,
    QuoteTarget,
    RawInbound,
    Rests,
    SendClaim,
    ServerCommit,
    ServerView,
    SessionView,
    StoredServer,
    UnreadableRow,
    Work,
    WorkSettlement,
)

__all__ = [
    "LIST_PATH",
    "Accepted",
    "Allowance",
    "ApiKey",
    "CrashReport",
    "Damaged",
    "DecisionCommit",
    "Erased",
    "EventRow",
    "Exists",
    "Gap",
    "InUse",
    "InboxResult",
    "InboxSettlement",
    "JournalEntry",
    "LateAck",
    "Locked",
    "MediaFetch",
    "MediaSettlement",
    "NewMessage",
    "NewerDatabase",
    "News",
    "Page",
    "Qr",
    "QuoteTarget",
    "RawInbound",
    "Rests",
    "SendClaim",
    "ServerCommit",
    "ServerView",
    "SessionView",
    "Store",
    "StoreFull",
    "StoredServer",
    "UnreadableRow",
    "Work",
    "WorkSettlement",
    "WriteError",
]


class Exists(Exception):
    """The name is taken."""


class InUse(Exception):
    """It cannot go while something refers to it (a server with sessions)."""


class NewerDatabase(Exception):
    """The database was written by a newer program. `found` and `known` are schema numbers."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(f"database schema {found} is newer than this program's {known}")
        self.found, self.known = found, known


class Locked(Exception):
    """Another process owns this database."""


class Damaged(Exception):
    """The file is no database, or its content contradicts itself; the message is the driver's."""


class StoreFull(Exception):
    """The disk takes nothing: nothing was written, nothing is lost; refuse new work and try again later."""


class StoreBroken(StoreFull):
    """The same, and not for want of room: the disk is read-only, fails or is gone."""


WriteError = Literal["", "full", "broken"]


class Store(RelayStore, AdoptionStore, Protocol):
    """One memory. All methods may raise `StoreFull`; reads see every commit that returned before them."""

    write_error: WriteError
    """What the last write came to: nothing wrong, no room, or a disk that does not take it."""

    # life
    async def start(self, now: float) -> CrashReport:
        """Take the lock, migrate, and put right what a crash left: `performing` work becomes `done` with outcome
        `interrupted` plus an `act_interrupted` evidence on its session (relays and notices go back to `ready`);
        `sending` messages become `in_doubt` with `doubt_since` = the claim's time, and every doubt that is not set
        aside is due for a look. Raises `NewerDatabase`, `Locked`."""
        ...

    async def aclose(self) -> None: ...

    async def ping(self, now: float) -> None:
        """Prove that the store can be written (a durable no-op) and is still ours. Raises `StoreFull`, `Locked`."""
        ...

    # servers
    async def add_server(self, server: Server, sealed: bytes, now: float) -> None: ...
    async def server(self, name: ServerName) -> StoredServer | None: ...
    async def servers(self) -> Sequence[StoredServer]: ...
    async def change_server(
        self,
        name: ServerName,
        now: float,
        *,
        base_url: str | None = None,
        limits: Limits | None = None,
        sealed: bytes | None = None,
    ) -> bool: ...
    async def delete_server(self, name: ServerName) -> bool: ...
    async def server_view(self, name: ServerName, now: float) -> ServerView | None: ...
    async def commit_server(self, commit: ServerCommit) -> bool: ...

    # sessions
    async def add_session(
        self,
        session: Session,
        token: str,
        sealed: bytes,
        now: float,
        journal: Sequence[JournalEntry],
        work: Sequence[Work],
        *,
        instance: str | None = None,
        replaced: bytes | None = None,
        news: Sequence[Evidence] = (),
        endpoints: Sequence[Endpoint] = (),
    ) -> Session:
        """The row first, with its first work, in one transaction. `session.id` is given by the store. `sealed` holds
        secrets of the session's ref, `replaced` the webhook that stood at the provider; `endpoints` are
        subscriptions that must not be missing from the moment it is there. Raises `Exists`, `InstanceTaken`."""
        ...

    async def session(self, name: SessionName) -> Session | None: ...
    async def session_by_id(self, session_id: SessionId) -> Session | None: ...
    async def session_by_token(self, token: str) -> Session | None: ...
    async def session_secrets(self, session_id: SessionId) -> tuple[str, bytes]:
        """(webhook token, sealed)."""
        ...

    async def sessions(
        self,
        *,
        state: SessionState | None = None,
        server: ServerName | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page: ...
    async def change_session(
        self, session_id: SessionId, now: float, *, ref: Mapping[str, str] | None = None, sealed: bytes | None = None
    ) -> None: ...
    async def delete_session(self, session_id: SessionId, now: float) -> bool: ...
    async def due_sessions(self, now: float) -> Sequence[SessionId]:
        """Sessions whose `wake_at` has come, or lies further ahead than any is put (the clock ran ahead then), or that
        have unfolded evidence, oldest first."""
        ...

    async def session_view(self, session_id: SessionId, now: float) -> SessionView | None: ...
    async def commit_decision(self, commit: DecisionCommit) -> bool: ...
    async def add_evidence(
        self, session_id: SessionId | None, server: ServerName, evidence: Sequence[Evidence], now: float
    ) -> None:
        """Append unfolded evidence; a row that repeats the last unfolded one of its subject is counted, not added."""
        ...

    async def held(self, session_id: SessionId) -> int: ...
    async def held_by_session(self, sessions: Sequence[SessionId] | None = None) -> Mapping[SessionId, int]:
        """The same of these sessions, or of all, at once; those with none are left out."""
        ...

    async def put_qr(self, session_id: SessionId, qr: Qr) -> None: ...
    async def qr(self, session_id: SessionId) -> Qr | None: ...
    async def timeline(self, session_id: SessionId, after: int, limit: int) -> Sequence[JournalEntry]: ...
    async def timeline_back(self, session_id: SessionId, before: int, limit: int) -> Sequence[JournalEntry]:
        """The same, newest first."""
        ...

    # approvals
    async def approvals(self, state: str = "open") -> Sequence[Approval]: ...
    async def approval(self, approval_id: str) -> Approval | None: ...
    async def decide_approval(
        self, approval_id: str, state: Literal["approved", "rejected"], now: float, evidence: Evidence
    ) -> bool:
        """Only an open one; the evidence goes to its session. False when it was decided or went stale before."""
        ...

    # work
    async def claim_work(self, now: float, limit: int, lease_s: float, lanes_busy: frozenset[str]) -> Sequence[Work]:
        """The due head of each free lane, oldest first; each comes back `performing` with its fence and lease."""
        ...

    async def add_work(self, work: Sequence[Work]) -> None:
        """Rows that a person asked for (a logout or delete at the provider, beside a decision). One whose `dedupe`
        has a row that is not done is left out."""
        ...

    async def settle_work(self, settlement: WorkSettlement) -> bool: ...
    async def next_work(self) -> float | None: ...
    async def work(self, work_id: str) -> Work | None: ...

    # messages
    async def accept(self, new: NewMessage) -> Accepted: ...
    async def repeated(
        self, session_id: SessionId, scope: str, key: str, fingerprint: str, now: float
    ) -> Accepted | None:
        """What `accept` would say of an idempotency key that is in use; None: it is free."""
        ...

    async def message(self, message_id: MessageId) -> Message | None: ...
    async def message_by_provider_id(self, session_id: SessionId, provider_id: str) -> Message | None: ...
    async def messages(
        self,
        session_id: SessionId,
        *,
        state: MessageState | None = None,
        direction: Direction | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page: ...
    async def put_content(self, message_id: MessageId, content: Content) -> None:
        """What a message says, with where its media now lies."""
        ...

    async def attempts(self, message_id: MessageId) -> Sequence[AttemptRecord]: ...
    async def claim_sends(
        self,
        now: float,
        limit: int,
        lease_s: float,
        allowance: Allowance,
    ) -> Sequence[SendClaim]:
        """Heads of free lanes (session and chat) whose session's gate is open and whose due time has come, at most
        what the allowance leaves their session and server, and one more for what is urgent (priority 9). Higher
        priority goes first, among equals the session whose last turn is longest ago; but every fourth call what has
        waited longest, so that nothing starves. An `in_doubt` or waiting head blocks its lane: order."""
        ...

    async def settle_sends(self, settlements: Sequence[SendSettlement]) -> Sequence[bool]:
        """Each by its fence; writes the attempt, the evidence and a `message.state_changed` event where it moved."""
        ...

    async def settle_doubt(self, settlement: SendSettlement, notices: Sequence[Work] = ()) -> bool:
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

    async def set_aside(self, session_id: SessionId) -> int:
        """How many messages of this session are in doubt and wait for a person."""
        ...

    async def doubted(self, now: float, limit: int) -> Sequence[Message]:
        """Messages in doubt whose `due_at` (the next look) has come."""
        ...

    async def next_doubt(self) -> float | None:
        """When the next look for a message in doubt is due, or a lease ends: then there is a doubt to look after."""
        ...

    async def parked(self, now: float, limit: int) -> Sequence[Message]:
        """Sent messages that may still lie in the provider's own queue, whose session can send and whose `due_at` (the
        next look at that queue) has come."""
        ...

    async def next_parked(self) -> float | None:
        """When the next of these looks is due."""
        ...

    async def settle_parked(self, settlements: Sequence[QueueSettlement]) -> Sequence[MessageId]:
        """Each while it is still parked; those whose chats go on now."""
        ...

    async def known_provider_ids(self, session_id: SessionId, since: float) -> frozenset[str]: ...
    async def next_send(self, now: float, rests: Rests = ...) -> float | None:
        """When the next open-gated queued message falls due; a session or server that rests has nothing due before then
        but what is urgent."""
        ...

    async def cancel_message(self, message_id: MessageId, now: float) -> Message | None:
        """Only while queued (or held); returns it as it then is, None when unknown."""
        ...

    async def retry_message(self, message_id: MessageId, now: float) -> Message | None:
        """failed, expired, cancelled, in_doubt → queued, at a person's word."""
        ...

    async def expire_messages(self, now: float, limit: int) -> int: ...
    async def quote_target(self, session_id: SessionId, message_id: MessageId) -> QuoteTarget | None:
        """A message that is quoted or reacted to; None when it has no id of the provider's."""
        ...

    async def known_phones(self, session_id: SessionId, lines: Collection[str]) -> Mapping[str, str | None]:
        """Of these lines (`core.model.address.line_of`) those the session knows, each with WhatsApp's own spelling."""
        ...

    # inbox
    async def accept_raw(self, raw: RawInbound) -> int: ...
    async def unread_raw(self, limit: int, most_bytes: int | None = None) -> Sequence[RawInbound]:
        """Not yet read, oldest first."""
        ...

    async def raw_of_message(self, message_id: MessageId) -> RawInbound | None:
        """What the provider sent about a message, while that is kept."""
        ...

    async def settle_inbox(self, settlement: InboxSettlement) -> InboxResult: ...
    async def unreadable(self, limit: int, after: int = 0, shown_bytes: int = 16_384) -> Sequence[UnreadableRow]: ...

    # gaps
    async def mark_all_gaps(self, since: float, due_at: float) -> None:
        """Every linked session may have missed something since then."""
        ...

    async def due_gaps(self, now: float, limit: int) -> Sequence[Gap]:
        """Of sessions whose gate is open; oldest first."""
        ...

    async def close_gap(self, gap: Gap, line: JournalEntry | None) -> bool:
        """It was read (or given up), unless it has been marked anew meanwhile."""
        ...

    async def postpone_gap(self, gap: Gap, again_at: float) -> bool: ...

    # acknowledgements
    async def late_acks(self, session_id: SessionId, after: float, before: float, limit: int) -> Sequence[LateAck]:
        """Messages sent between those times without any acknowledgement that were not told of yet, oldest first."""
        ...

    async def ack_times(self, session_id: SessionId, after: float, before: float, limit: int) -> Sequence[float]:
        """How long the latest messages sent between those times waited for their first acknowledgement."""
        ...

    # silence
    async def busy_slots(self, session_id: SessionId, after: float, before: float, slot_s: float) -> Sequence[int]:
        """The numbers, since the epoch, of the slots of `slot_s` seconds in which something came in between those
        times; each once, in no order."""
        ...

    async def tell_missing_acks(
        self, session_id: SessionId, messages: Sequence[MessageId], evidence: Sequence[Evidence], now: float
    ) -> int:
        """Each message once for good; how many were new. The evidence is written when any was."""
        ...

    # people
    async def addresses_of_person(self, session_id: SessionId, addresses: Collection[str]) -> Sequence[str]:
        """All that name the same person here: phones in each spelling, LIDs."""
        ...

    async def of_person(self, session_id: SessionId, addresses: Collection[str]) -> Sequence[Message]:
        """Every message to, from or with a mention of this person (of all their addresses), oldest first."""
        ...

    async def erase_person(self, session_id: SessionId, addresses: Collection[str], alias: str, now: float) -> Erased:
        """Numbers, words and bodies go; `alias` stands in their place. What waits for this person is cancelled."""
        ...

    async def strip_bodies(self, before: float) -> int:
        """Take the words and media from settled messages made before then, some of each session; how many."""
        ...

    # media
    async def media_fetches(self, limit: int) -> Sequence[MediaFetch]:
        """What providers are still asked for, the earliest due first."""
        ...

    async def settle_media(self, settlement: MediaSettlement) -> bool:
        """Ends a fetch, with a `message.media_changed` event, or postpones it. False when nobody waits for it any more
        (its message was erased or its session deleted): then the bytes are nobody's."""
        ...

    async def media_in_use(self) -> frozenset[str]:
        """Names on the shelf that unsent messages need."""
        ...

    async def media_of_session(self, session_id: SessionId) -> Sequence[str]:
        """Names on the shelf that messages of this session name."""
        ...

    async def unused_media(self, names: Collection[str]) -> Sequence[str]:
        """Those of the names that no message names."""
        ...

    async def forget_media(self, names: Collection[str], reason: Reason) -> None:
        """Messages that name these are without their bytes from now on, for this reason."""
        ...

    # events and keys
    async def events(self, after: int, limit: int) -> Sequence[EventRow]: ...
    async def add_key(self, key: ApiKey, secret_hash: bytes) -> None: ...
    async def key_by_hash(self, secret_hash: bytes) -> ApiKey | None: ...
    async def keys(self) -> Sequence[ApiKey]: ...
    async def revoke_key(self, key_id: str, now: float) -> bool: ...
    async def clock_put_back(self, now: float, seconds: float) -> None:
        """The wall clock was put back by so much: whatever waits for its time waits that much less."""
        ...

    async def purge(
        self, now: float, *, raw_before: float, idem_before: float, unreadable_before: float | None = None
    ) -> int:
        """Forget read raw bodies and expired idempotency keys, and unreadable bodies when a time is given; returns how
        many rows went."""
        ...


async def every_session(store: Store, server: ServerName | None = None) -> AsyncIterator[Session]:
    """Each session (of one server), page by page."""
    after: str | None = None
    while True:
        page = await store.sessions(server=server, limit=500, after=after)
        for session in page.items:
            yield session
        after = page.next
        if after is None:
            return
