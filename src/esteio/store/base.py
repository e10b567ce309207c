"""The store's vocabulary: named questions and named commits. `now` is always an argument.

Every method is one transaction: what it writes is durable, all of it or nothing, when it returns. Write methods that
carry a `fence` or an expected version return False (or leave the item out) when somebody else was faster; the caller
throws its work away and looks again. Never lives here: SQL, column names, policy; the values are in `store.values`
and are named here again, so that one import gives the whole vocabulary.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, Protocol

from esteio.core.model.ids import ServerName
from esteio.core.model.session import Session
from esteio.core.model.tenant import ALL, Reach
from esteio.store.ports.audit import Audit
from esteio.store.ports.contacts import Contacts
from esteio.store.ports.delivery import DeadLetters, DeliveryQueue, EventLog, WebhookEndpoints
from esteio.store.ports.history import History, StatusPages
from esteio.store.ports.inbox import HistoryGaps, Inbox, Media, Traffic
from esteio.store.ports.inspection import Inspection
from esteio.store.ports.maintenance import Keys, Maintenance
from esteio.store.ports.messages import Doubts, MessageHistory, Messages, Outbox, ProviderQueue
from esteio.store.ports.nodes import Nodes
from esteio.store.ports.sealed import Sealed
from esteio.store.ports.sessions import Approvals, Decisions, Fleet, Journal, PairLinks, QrCodes, Servers, Sessions
from esteio.store.ports.tenants import Tenants
from esteio.store.ports.work import WorkQueue
from esteio.store.search import FleetCounts, FleetFilter, FoundMessages, FoundPage, MessageFilter, MessageSearch, Total
from esteio.store.send_quota import NotBefore, Pace, SendQuota
from esteio.store.statistics import DatabaseStatistics
from esteio.store.values import (
    LIST_PATH,
    Accepted,
    Acks,
    ApiKey,
    CrashReport,
    DecisionCommit,
    Erased,
    EventRow,
    Gap,
    InboxBacklog,
    InboxResult,
    InboxSettlement,
    JournalEntry,
    JournalKind,
    LateAck,
    MediaFetch,
    MediaSettlement,
    NewMessage,
    OutboxBacklog,
    Page,
    PairLink,
    Qr,
    QuoteTarget,
    RawInbound,
    SendClaim,
    ServerCommit,
    ServerView,
    SessionView,
    ShortLivedToken,
    StoredEvidence,
    StoredServer,
    UnreadableRow,
    Work,
    WorkSettlement,
)

__all__ = [
    "LIST_PATH",
    "Accepted",
    "Acks",
    "ApiKey",
    "BadAddress",
    "CrashReport",
    "Damaged",
    "DecisionCommit",
    "Erased",
    "EventRow",
    "Exists",
    "FleetCounts",
    "FleetFilter",
    "FoundMessages",
    "FoundPage",
    "Gap",
    "InUse",
    "InboxBacklog",
    "InboxResult",
    "InboxSettlement",
    "InstanceTaken",
    "JournalEntry",
    "JournalKind",
    "KeyTaken",
    "LateAck",
    "Locked",
    "MediaFetch",
    "MediaSettlement",
    "MessageFilter",
    "MessageSearch",
    "NewMessage",
    "NewerDatabase",
    "NotBefore",
    "OutboxBacklog",
    "Pace",
    "Page",
    "PairLink",
    "Qr",
    "QuotaExceeded",
    "QuoteTarget",
    "RawInbound",
    "SendClaim",
    "SendQuota",
    "ServerCommit",
    "ServerView",
    "SessionView",
    "ShortLivedToken",
    "Store",
    "StoreFull",
    "StoreUnavailable",
    "StoredEvidence",
    "StoredServer",
    "Total",
    "UnreadableRow",
    "Work",
    "WorkSettlement",
    "WriteError",
]


class Exists(Exception):
    """The name is taken."""


class InstanceTaken(Exception):
    """The instance of this server belongs to another session."""


class KeyTaken(Exception):
    """The secret opens another key already."""


class InUse(Exception):
    """It cannot go while something refers to it (a server with sessions)."""


class QuotaExceeded(Exception):
    """Its tenant may hold no more. `what`: `sessions`, `messages`, `webhooks` or `servers`; `most`: the bound."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"the tenant's quota of {most} {what} is used up")
        self.what, self.most = what, most


class NewerDatabase(Exception):
    """The database was written by a newer program. `found` and `known` are schema numbers."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(f"database schema {found} is newer than this program's {known}")
        self.found, self.known = found, known


class UnfinishedCopy(Exception):
    """A copy from SQLite into this database has begun and is not finished: nobody may work on it."""


class Locked(Exception):
    """Another process owns this database."""


class NodeTaken(Exception):
    """Another process at `address` works under the same node id."""

    def __init__(self, address: str) -> None:
        super().__init__(f"another process at {address} works under this node id")
        self.address = address


class BadAddress(ValueError):
    """A database's address cannot be read. The sentence does not repeat it: it may hold a password."""


class Damaged(Exception):
    """The file is no database, or its content contradicts itself; the message is the driver's."""


WriteError = Literal["", "full", "broken", "unavailable"]


class StoreFull(Exception):
    """The disk takes nothing: nothing was written, nothing is lost; refuse new work and try again later."""

    trouble: WriteError = "full"
    """What is told of it: `storage-` before it is the API's code."""


class StoreBroken(StoreFull):
    """The same, and not for want of room: the disk is read-only, fails or is gone."""

    trouble = "broken"


class StoreUnavailable(StoreFull):
    """The same, and there is no disk to look at: the database server does not answer, or refuses us. Where its answer
    was lost and could not be asked for again, what was written may stand."""

    trouble = "unavailable"


class Health(Protocol):
    """Whether the store takes writes."""

    @property
    def write_error(self) -> WriteError:
        """What the last write came to: nothing wrong, no room, a disk that does not take it, or no database there."""
        ...

    async def ping(self, now: float) -> None:
        """Prove that the store can be written (a durable no-op) and is still ours. Raises `StoreFull`, `Locked`."""
        ...


class Store(Health, Protocol):
    """One memory: its life, and its ports (`store.ports`), of which each worker takes those it uses."""

    async def start(self, now: float) -> CrashReport:
        """Take the lock, migrate, and put right what a crash left: `performing` work becomes `done` with outcome
        `interrupted` plus an `act_interrupted` evidence on its session (notices go back to `ready`);
        `sending` messages become `in_doubt` with `doubt_since` = the claim's time, and every doubt that is not set
        aside is due for a look. Raises `NewerDatabase`, `Locked`."""
        ...

    async def aclose(self) -> None:
        """Ends the writer after what was handed in is written, closes the database and frees its lock."""
        ...

    @property
    def servers(self) -> Servers: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def fleet(self) -> Fleet: ...
    @property
    def decisions(self) -> Decisions: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def history(self) -> History: ...
    @property
    def status_pages(self) -> StatusPages: ...
    @property
    def approvals(self) -> Approvals: ...
    @property
    def qr_codes(self) -> QrCodes: ...
    @property
    def pair_links(self) -> PairLinks: ...
    @property
    def work(self) -> WorkQueue: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def message_history(self) -> MessageHistory: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def doubts(self) -> Doubts: ...
    @property
    def provider_queue(self) -> ProviderQueue: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def history_gaps(self) -> HistoryGaps: ...
    @property
    def traffic(self) -> Traffic: ...
    @property
    def media(self) -> Media: ...
    @property
    def contacts(self) -> Contacts: ...
    @property
    def events(self) -> EventLog: ...
    @property
    def webhook_endpoints(self) -> WebhookEndpoints: ...
    @property
    def delivery(self) -> DeliveryQueue: ...
    @property
    def dead_letters(self) -> DeadLetters: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def sealed(self) -> Sealed: ...
    @property
    def tenants(self) -> Tenants: ...
    @property
    def maintenance(self) -> Maintenance: ...
    @property
    def nodes(self) -> Nodes: ...
    @property
    def inspection(self) -> Inspection: ...
    @property
    def statistics(self) -> DatabaseStatistics: ...


async def every_session(
    sessions: Sessions, server: ServerName | None = None, *, reach: Reach = ALL
) -> AsyncIterator[Session]:
    """Each session (of one server; of the tenant that `reach` names), page by page."""
    after: str | None = None
    while True:
        page = await sessions.page(reach=reach, server=server, limit=500, after=after)
        for session in page.items:
            yield session
        after = page.next
        if after is None:
            return
