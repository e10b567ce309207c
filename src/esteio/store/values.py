"""The store's values: what is read from it and what one commit writes. Frozen structs, no behaviour.

Rows that act outside the process (`Work`, outgoing messages) are claimed under a lease with a fencing token: every
write-back names the fence; zero rows written means stop. Never lives here: the questions themselves (`store.base`),
SQL, column names, policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from esteio.core.model.content import Media
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import MessageId, ServerName, SessionId, SessionName
from esteio.core.model.inbound import CarriedEvent, InboundEvent
from esteio.core.model.message import Message, MessageState
from esteio.core.model.recovery import Approval, Outage
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.core.model.state import Gate, Reason, SessionState

JournalKind = Literal["evidence", "decision", "act", "notice", "operator"]


class JournalEntry(msgspec.Struct, frozen=True):
    """One line of a timeline. `code` and `args` make the sentence (`core.views.sentences`); `data` is for programs."""

    kind: JournalKind
    at: float
    code: str
    args: Mapping[str, str] = {}
    data: Mapping[str, Any] = {}
    seq: int = 0
    session_id: SessionId | None = None
    server: ServerName | None = None
    count: int = 1
    first_at: float | None = None


class StoredEvidence(msgspec.Struct, frozen=True):
    """Evidence with its place in the journal; `folded` evidence is not handed out again."""

    seq: int
    evidence: Evidence


class Work(msgspec.Struct, frozen=True):
    """One act that leaves the process and is not a message: a control act or a notice.

    `lane`: one at a time and in order inside it. `dedupe`: at most one row that is not done.
    """

    id: str
    lane: str
    kind: Literal["control", "notice"]
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
    outcome: str | None = None


class EventRow(msgspec.Struct, frozen=True):
    """One public event (`contract.md` §2). `data` is the document as it was; `seq` orders the stream."""

    type: str
    at: float
    data: Mapping[str, Any]
    session: SessionName | None = None
    chat: str | None = None
    seq: int = 0
    trace_context: str | None = None
    """The trace that it belongs to (`tracing.context`)."""
    tenant: str | None = None
    """Whose it is; None: to be written, its session's; read, of a server that all share."""


class Qr(msgspec.Struct, frozen=True):
    """The QR held for a session. Never shown after `expires_at`, nor after the next proof of life."""

    code: str
    png_base64: str
    count: int
    seen_at: float
    expires_at: float
    pairing_code: str | None = None


class PairLink(msgspec.Struct, frozen=True):
    """A link for a phone's owner: shows its session's code, and nothing else of it, until `expires_at` or until the
    session was linked (`done_at`). `title` is what the owner sees it named, "" for nothing."""

    session_id: SessionId
    title: str
    created_by: str
    created_at: float
    expires_at: float
    done_at: float | None = None


class ApiKey(msgspec.Struct, frozen=True):
    """A key; only the hash of its secret is stored."""

    id: str
    name: str
    role: Literal["admin", "operate", "send", "read"]
    created_at: float
    sessions: tuple[str, ...] = ()
    expires_at: float | None = None
    revoked_at: float | None = None
    tenant: str | None = None
    """Whose it is; None: the operator's."""


class ShortLivedToken(msgspec.Struct, frozen=True):
    """What stands for a key for a short time; only the hash of its text is stored. `sealed`: the key's secret."""

    purpose: str
    sealed: bytes
    open_until: float
    resume_until: float | None = None
    """Once opened it opens again until then; None: it opens once."""


class SessionView(msgspec.Struct, frozen=True):
    """Everything `reconcile` reads at once, as of one instant."""

    session: Session
    server: Server
    new_evidence: tuple[StoredEvidence, ...]
    held: int
    """Messages waiting to go out (queued, any lane)."""
    fallen: tuple[tuple[SessionId, float], ...]
    """Sessions of the same server in an open outage: (id, since), oldest first."""
    fleet: int
    """Sessions of the same server that are not paused and have ever been linked; 0 while none of them has fallen."""
    approval: Approval | None
    """The open approval of this session, if any."""


class ServerView(msgspec.Struct, frozen=True):
    """The same for a server."""

    server: Server
    new_evidence: tuple[StoredEvidence, ...]
    fallen: tuple[tuple[SessionId, float], ...]
    fleet: int


class DecisionCommit(msgspec.Struct, frozen=True):
    """What one decision writes, all in one transaction, if nobody was faster."""

    session: Session
    """With `version` as read; the store writes version + 1."""
    generation: int | None = None
    """As the session is held (`store.ports.nodes`): nothing is written once it has changed hands. None: not asked."""
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
    gap_since: float | None = None
    """From then on messages may have been missed; the list is to be read back at `gap_due`."""
    gap_due: float = 0.0
    doubts_due: float | None = None
    """The gate opened: messages in doubt are looked for from then on, but not what was set aside."""
    outages: tuple[Outage, ...] = ()
    """Outages of the session that began, ended or of which people were told: kept as they now are."""
    previous_state: SessionState | None = None
    """What the state was, if this decision changes it."""
    drop_control: bool = False
    """Control work of this session that is still `ready` is dropped (its cause is gone)."""
    clear_qr: bool = False


class ServerCommit(msgspec.Struct, frozen=True):
    """The same for a server's own decision."""

    server: Server
    generation: int | None = None
    news: tuple[Evidence, ...] = ()
    folded_through: int = 0
    journal: tuple[JournalEntry, ...] = ()
    work: tuple[Work, ...] = ()
    events: tuple[EventRow, ...] = ()
    gap_since: float | None = None
    """The same as in `DecisionCommit`, for every linked session of the server."""
    gap_due: float = 0.0
    doubts_due: float | None = None
    """The server answers again: the same for the doubts of all its sessions."""
    outage: Outage | None = None
    """The server's own outage, if it began, ended or people were told of it."""


class NewMessage(msgspec.Struct, frozen=True):
    """One message to accept. `idem_scope` is the API key's id; with `idem_key` it makes accept idempotent, but for an
    earlier message in one of the states `again_after`."""

    message: Message
    idem_scope: str = ""
    idem_key: str | None = None
    fingerprint: str = ""
    idem_until: float = 0.0
    again_after: frozenset[MessageState] = frozenset()


class Accepted(msgspec.Struct, frozen=True):
    """`new`: this request made it; `replay`: an earlier one did; `conflict`: same key, other body."""

    result: Literal["new", "replay", "conflict"]
    message: Message | None


class Acks(NamedTuple):
    """When we learned how far a message of ours got (epoch seconds); None: not told, or not yet."""

    server: float | None = None
    """WhatsApp's server has it."""
    device: float | None = None
    """The recipient's phone has it."""
    read: float | None = None


class SendClaim(msgspec.Struct, frozen=True):
    """A message whose state is now `sending`, under a lease."""

    message: Message
    fence: int
    lease_until: float
    server: ServerName
    spelled: str | None = None
    """The recipient's phone as WhatsApp itself writes that line, where it did."""


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


LIST_PATH = "(list)"
"""Stands in the place of a webhook's path for a row that was read from the provider's list."""


class RawInbound(msgspec.Struct, frozen=True):
    """A provider webhook as it came (known secrets blanked)."""

    session_id: SessionId
    path: str
    headers: Mapping[str, str]
    body: bytes
    received_at: float
    id: int = 0
    trace_context: str | None = None


class InboxSettlement(msgspec.Struct, frozen=True):
    """What one raw webhook said. Applied once: events whose dedupe key was seen before change nothing.

    Applying means, in this one transaction: a received message becomes a row and a `message.received` event; an echo
    settles one of our sends (`core.messages.inbound`); a receipt moves the message with that provider id forward
    (`core.messages.receipts`), with a `message.state_changed` event; a reaction, edit or deletion becomes its own
    event. `note` with `readable=False` keeps the raw body and shows it.
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
    counted: tuple[Evidence, ...] = ()
    """Lines of the timeline that need no judge: each is counted into a recent equal one."""
    carried: tuple[CarriedEvent, ...] = ()
    """Become `provider.event`s where somebody is subscribed to them."""
    keep_bytes: int | None = None
    """Only so much of the raw body is kept; None: all of it."""
    generation: int | None = None
    trace_context: str | None = None
    """Of what is new in it (`tracing.context`); what it says of a message of ours belongs to that one's."""


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
    """Its beginning."""
    size: int
    """Of all of it, in bytes."""


class InboxBacklog(msgspec.Struct, frozen=True):
    """How many webhooks are not yet read, and how many cannot be; when the oldest of those not yet read came."""

    unread: int
    unreadable: int
    oldest_at: float | None


class OutboxBacklog(msgspec.Struct, frozen=True):
    """How many messages are set aside in doubt; and, by the gate of their sessions, when the oldest message was
    accepted of those at the head of a chat that waits."""

    set_aside: int
    oldest_at: Mapping[Gate, float]


class QuoteTarget(NamedTuple):
    """The message that is quoted or reacted to, as WhatsApp knows it. `author`: the JID of who wrote it, in a group."""

    provider_id: str
    from_us: bool
    author: str | None


class Erased(msgspec.Struct, frozen=True):
    """What one erasure did in one session. `under_way` messages are being sent just now: ask again in a minute."""

    messages: int = 0
    events: int = 0
    webhooks: int = 0
    media: tuple[str, ...] = ()
    """Names on the shelf that nobody needs any more."""
    under_way: int = 0


class MediaFetch(msgspec.Struct, frozen=True):
    """Media that its provider is still asked for. `source`: what it is asked with; `tries` have failed."""

    message_id: MessageId
    session_id: SessionId
    server: ServerName
    source: Mapping[str, str]
    since: float
    due_at: float
    tries: int = 0


class MediaSettlement(msgspec.Struct, frozen=True):
    """What one try came to: the media as it now is (`stored`, or `gone` for a reason); or `due_at`, the next try; or
    neither, when there is no such media any more."""

    message_id: MessageId
    at: float
    media: Media | None = None
    due_at: float | None = None


class LateAck(msgspec.Struct, frozen=True):
    """A message that the provider took and of which WhatsApp has said nothing."""

    message_id: MessageId
    sent_at: float


class Gap(msgspec.Struct, frozen=True):
    """What a session's provider still has to be asked for: everything since then. `tries` readings have failed."""

    session_id: SessionId
    since: float
    due_at: float
    tries: int = 0


class CrashReport(msgspec.Struct, frozen=True):
    """What the previous process left under way: acts to look after, sends in doubt."""

    interrupted: tuple[Work, ...]
    doubted: tuple[MessageId, ...]
    last_alive: float | None = None
    """When the previous process last said that it lives; None for a new database."""


class Page(msgspec.Struct, frozen=True):
    """A page of anything; `next` is the cursor for the following one, or None."""

    items: tuple[Any, ...]
    next: str | None


class StoredServer(msgspec.Struct, frozen=True):
    """A server with its sealed credentials (the store never sees them in clear)."""

    server: Server
    sealed: bytes
