"""The store's vocabulary: named questions and named commits. `now` is always an argument.

Every method is one transaction: what it writes is durable, all of it or nothing, when it returns. Write methods that
carry a `fence` or an expected version return False (or leave the item out) when somebody else was faster; the caller
throws its work away and looks again. Never lives here: SQL, column names, policy.

Rows that act outside the process (`Work`, outgoing messages) are claimed under a lease with a fencing token: every
write-back names the fence; zero rows written means stop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from esteio.core.evidence import Evidence
from esteio.core.inbound import InboundEvent
from esteio.core.model import (
    Approval,
    AttemptRecord,
    Direction,
    Limits,
    Message,
    MessageId,
    MessageState,
    Reason,
    Server,
    ServerName,
    SessionId,
    SessionName,
    SessionState,
)
from esteio.core.session import Session
from esteio.store.relay_base import RelayStore


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


class StoreFull(Exception):
    """The disk is full or read-only: nothing was written, nothing is lost; refuse new work and try again later."""


# -- values ------------------------------------------------------------------------------------------------------


class JournalEntry(msgspec.Struct, frozen=True):
    """One line of a timeline. `code` and `args` make the sentence (see `core.errors`); `data` is for programs."""

    kind: Literal["evidence", "decision", "act", "notice", "operator"]
    at: float
    code: str
    args: Mapping[str, str] = {}
    data: Mapping[str, Any] = {}
    seq: int = 0
    session_id: SessionId | None = None
    server: ServerName | None = None
    count: int = 1
    first_at: float | None = None


class News(msgspec.Struct, frozen=True):
    """Evidence with its place in the journal; `folded` evidence is not handed out again."""

    seq: int
    evidence: Evidence


class Work(msgspec.Struct, frozen=True):
    """One act that leaves the process and is not a message: a control act, a relay, a notice.

    `lane`: one at a time and in order inside it. `dedupe`: at most one row that is not done. `cause_version`: the
    session's version that wanted it; a control act whose cause has changed is dropped unperformed.
    """

    id: str
    lane: str
    kind: Literal["control", "relay", "notice"]
    payload: Mapping[str, Any]
    due_at: float
    created_at: float
    session_id: SessionId | None = None
    server: ServerName | None = None
    dedupe: str | None = None
    attempts: int = 0
    state: Literal["ready", "performing", "done", "dropped"] = "ready"
    fence: int = 0
    lease_until: float | None = None
    cause_version: int | None = None
    outcome: str | None = None


class EventRow(msgspec.Struct, frozen=True):
    """One public event (`contract.md` §2). `data` is the document as it was; `seq` orders the stream."""

    type: str
    at: float
    data: Mapping[str, Any]
    session: SessionName | None = None
    chat: str | None = None
    seq: int = 0


class Qr(msgspec.Struct, frozen=True):
    """The QR held for a session. Never shown after `expires_at`, nor after the next proof of life."""

    code: str
    png_base64: str
    count: int
    seen_at: float
    expires_at: float
    pairing_code: str | None = None


class ApiKey(msgspec.Struct, frozen=True):
    """A key; only the hash of its secret is stored."""

    id: str
    name: str
    role: Literal["admin", "operate", "send", "read"]
    created_at: float
    sessions: tuple[str, ...] = ()
    expires_at: float | None = None
    revoked_at: float | None = None


class SessionView(msgspec.Struct, frozen=True):
    """Everything `reconcile` reads at once, as of one instant."""

    session: Session
    server: Server
    news: tuple[News, ...]
    held: int
    """Messages waiting to go out (queued, any lane)."""
    fallen: tuple[tuple[SessionId, float], ...]
    """Sessions of the same server in an open outage: (id, since), oldest first, at most 64."""
    fleet: int
    """Sessions of the same server that are not paused and have ever been linked."""
    approval: Approval | None
    """The open approval of this session, if any."""


class ServerView(msgspec.Struct, frozen=True):
    """The same for a server."""

    server: Server
    news: tuple[News, ...]
    fallen: tuple[tuple[SessionId, float], ...]
    fleet: int


class DecisionCommit(msgspec.Struct, frozen=True):
    """What one decision writes, all in one transaction, if nobody was faster."""

    session: Session
    """With `version` as read; the store writes version + 1."""
    news: tuple[Evidence, ...] = ()
    """Evidence first seen now: goes into the journal already folded."""
    folded_through: int = 0
    """Evidence rows of this session up to this journal seq are folded."""
    journal: tuple[JournalEntry, ...] = ()
    work: tuple[Work, ...] = ()
    """Inserted; a row whose dedupe key is already waiting or under way is left out silently."""
    events: tuple[EventRow, ...] = ()
    server: Server | None = None
    """The server's row when the decision took a slot or opened an incident; compare-and-set on `version_n`."""
    approval: Approval | None = None
    """A new approval to open (its `id` is new), or the present one with a new state."""
    fail_queued: Reason | None = None
    """The gate closed: queued messages with `on_down = fail` fail now, with this reason."""
    drop_control: bool = False
    """Control work of this session that is still `ready` is dropped (its cause is gone)."""
    clear_qr: bool = False


class ServerCommit(msgspec.Struct, frozen=True):
    """The same for a server's own decision."""

    server: Server
    news: tuple[Evidence, ...] = ()
    folded_through: int = 0
    journal: tuple[JournalEntry, ...] = ()
    work: tuple[Work, ...] = ()
    events: tuple[EventRow, ...] = ()


class NewMessage(msgspec.Struct, frozen=True):
    """One message to accept. `idem_scope` is the API key's id; with `idem_key` it makes accept idempotent."""

    message: Message
    idem_scope: str = ""
    idem_key: str | None = None
    fingerprint: str = ""
    idem_until: float = 0.0


class Accepted(msgspec.Struct, frozen=True):
    """`new`: this request made it; `replay`: an earlier one did; `conflict`: same key, other body."""

    result: Literal["new", "replay", "conflict"]
    message: Message | None


class SendClaim(msgspec.Struct, frozen=True):
    """A message whose state is now `sending`, under a lease."""

    message: Message
    fence: int
    lease_until: float


class SendSettlement(msgspec.Struct, frozen=True):
    """What one attempt made of a message. `evidence` goes to the session unfolded, in the same transaction."""

    message_id: MessageId
    session_id: SessionId
    fence: int
    state: MessageState
    at: float
    attempt: AttemptRecord | None = None
    provider_id: str | None = None
    due_at: float | None = None
    reason: Reason | None = None
    closed_tries: int = 0
    doubt_since: float | None = None
    queue_ref: str | None = None
    sent_at: float | None = None
    evidence: tuple[Evidence, ...] = ()


class WorkSettlement(msgspec.Struct, frozen=True):
    """What became of a work row. `due_at` given: it goes back to `ready` for then; otherwise it is done."""

    work_id: str
    fence: int
    at: float
    outcome: str
    due_at: float | None = None
    dropped: bool = False
    evidence: tuple[Evidence, ...] = ()
    """About the work's session and server; unfolded."""
    journal: tuple[JournalEntry, ...] = ()
    qr: Qr | None = None
    ref: Mapping[str, str] | None = None
    """What the provider now calls the session."""
    webhook_token: str | None = None


class RawInbound(msgspec.Struct, frozen=True):
    """A provider webhook as it came (known secrets blanked)."""

    session_id: SessionId
    path: str
    headers: Mapping[str, str]
    body: bytes
    received_at: float
    id: int = 0


class InboxSettlement(msgspec.Struct, frozen=True):
    """What one raw webhook said. Applied once: events whose dedupe key was seen before change nothing.

    Applying means, in this one transaction: a received message becomes a row and a `message.received` event; an echo
    with the id of a known message changes nothing, and otherwise settles the oldest message of that chat and content
    that is `in_doubt` or `sending` without an id; a receipt moves the message with that provider id forward (never
    backward; `error` only before `device`), with a `message.state_changed` event; a reaction, edit or deletion becomes
    its own event. `note` with `readable=False` keeps the raw body and shows it.
    """

    raw_id: int
    session_id: SessionId
    at: float
    readable: bool
    events: tuple[InboundEvent, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    qr: Qr | None = None
    note: str = ""
    recovered: bool = False


class InboxResult(msgspec.Struct, frozen=True):
    """Which of the events were new, by index, and whether any send was settled by them."""

    fresh: tuple[int, ...]
    settled_sends: bool


class UnreadableRow(msgspec.Struct, frozen=True):
    """A raw webhook that could not be read, for people to look at."""

    id: int
    session: SessionName
    received_at: float
    note: str
    body: bytes


class CrashReport(msgspec.Struct, frozen=True):
    """What the previous process left under way: acts to look after, sends in doubt."""

    interrupted: tuple[Work, ...]
    doubted: tuple[MessageId, ...]


class Page(msgspec.Struct, frozen=True):
    """A page of anything; `next` is the cursor for the following one, or None."""

    items: tuple[Any, ...]
    next: str | None


class StoredServer(msgspec.Struct, frozen=True):
    """A server with its sealed credentials (the store never sees them in clear)."""

    server: Server
    sealed: bytes


# -- the protocol ------------------------------------------------------------------------------------------------


class Store(RelayStore, Protocol):
    """One memory. All methods may raise `StoreFull`; reads see every commit that returned before them."""

    # life
    async def start(self, now: float) -> CrashReport:
        """Take the lock, migrate, and put right what a crash left: `performing` work becomes `done` with outcome
        `interrupted` plus an `act_interrupted` evidence on its session (relays and notices go back to `ready`);
        `sending` messages become `in_doubt` with `doubt_since` = the claim's time. Raises `NewerDatabase`, `Locked`."""
        ...

    async def aclose(self) -> None: ...

    async def ping(self, now: float) -> None:
        """Prove that the store can be written (a durable no-op). Raises `StoreFull`."""
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
    ) -> Session:
        """The row first, with its first work, in one transaction. `session.id` is given by the store. `sealed` holds
        secrets of the session's ref (W-API token). Raises `Exists`."""
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
    async def due_sessions(self, now: float, limit: int) -> Sequence[SessionId]:
        """Sessions whose `wake_at` has come or that have unfolded evidence, oldest first."""
        ...

    async def next_wake(self) -> float | None: ...
    async def session_view(self, session_id: SessionId, now: float) -> SessionView | None: ...
    async def commit_decision(self, commit: DecisionCommit) -> bool: ...
    async def add_evidence(
        self, session_id: SessionId | None, server: ServerName, evidence: Sequence[Evidence], now: float
    ) -> None:
        """Append unfolded evidence; a row that repeats the last unfolded one of its subject is counted, not added."""
        ...

    async def held(self, session_id: SessionId) -> int: ...
    async def put_qr(self, session_id: SessionId, qr: Qr) -> None: ...
    async def qr(self, session_id: SessionId) -> Qr | None: ...
    async def timeline(self, session_id: SessionId, after: int, limit: int) -> Sequence[JournalEntry]: ...
    async def add_journal(self, entries: Sequence[JournalEntry]) -> None: ...

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
    async def renew_work(self, work_id: str, fence: int, now: float, lease_until: float) -> bool: ...
    async def next_work(self) -> float | None: ...
    async def work(self, work_id: str) -> Work | None: ...

    # messages
    async def accept(self, new: NewMessage) -> Accepted: ...
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
    async def attempts(self, message_id: MessageId) -> Sequence[AttemptRecord]: ...
    async def claim_sends(
        self,
        now: float,
        limit: int,
        lease_s: float,
        in_flight: Mapping[SessionId, int],
        caps: Mapping[SessionId, int],
        default_cap: int,
    ) -> Sequence[SendClaim]:
        """Heads of free lanes (session and chat) whose session's gate is open and whose due time has come, at most
        the session's cap minus what it has in flight. An `in_doubt` or waiting head blocks its lane: order."""
        ...

    async def settle_sends(self, settlements: Sequence[SendSettlement]) -> Sequence[bool]:
        """Each by its fence; writes the attempt, the evidence and a `message.state_changed` event where it moved."""
        ...

    async def settle_doubt(self, settlement: SendSettlement) -> bool:
        """Resolve an `in_doubt` message (no fence: it must still be in doubt)."""
        ...

    async def doubted(self, now: float, limit: int) -> Sequence[Message]:
        """Messages in doubt whose `due_at` (the next look) has come."""
        ...

    async def known_provider_ids(self, session_id: SessionId, since: float) -> frozenset[str]: ...
    async def next_send(self, now: float) -> float | None:
        """When the next open-gated queued message, or message in doubt, falls due."""
        ...

    async def cancel_message(self, message_id: MessageId, now: float) -> Message | None:
        """Only while queued (or held); returns it as it then is, None when unknown."""
        ...

    async def retry_message(self, message_id: MessageId, now: float) -> Message | None:
        """failed, expired, cancelled, in_doubt → queued, at a person's word."""
        ...

    async def expire_messages(self, now: float, limit: int) -> int: ...
    async def quote_target(self, session_id: SessionId, message_id: MessageId) -> tuple[str, bool] | None:
        """(provider id, from us) of a message that is quoted or reacted to."""
        ...

    # inbox
    async def accept_raw(self, raw: RawInbound) -> int: ...
    async def unread_raw(self, limit: int) -> Sequence[RawInbound]:
        """Not yet read, oldest first."""
        ...

    async def settle_inbox(self, settlement: InboxSettlement) -> InboxResult: ...
    async def unreadable(self, limit: int, after: int = 0) -> Sequence[UnreadableRow]: ...

    # events and keys
    async def events(self, after: int, limit: int) -> Sequence[EventRow]: ...
    async def add_key(self, key: ApiKey, secret_hash: bytes) -> None: ...
    async def key_by_hash(self, secret_hash: bytes) -> ApiKey | None: ...
    async def keys(self) -> Sequence[ApiKey]: ...
    async def revoke_key(self, key_id: str, now: float) -> bool: ...
    async def purge(self, now: float, *, raw_before: float, idem_before: float) -> int:
        """Forget read raw bodies and expired idempotency keys; returns how many rows went."""
        ...


ControlPayload = Mapping[str, Any]
"""Payload of a `control` work row: {"rung": Rung, "attempt": id, "because": …, "pair_phone": …, "step": …}."""
