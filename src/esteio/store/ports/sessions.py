"""Servers, sessions, what is decided about them and why.

See the package for what holds of every method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.recovery import Approval
from esteio.core.model.server import Limits, Server
from esteio.core.model.session import Session
from esteio.core.model.state import SessionState
from esteio.core.model.tenant import ALL, Reach
from esteio.store.delivery import Endpoint
from esteio.store.search import FleetCounts, FleetFilter, Total
from esteio.store.values import (
    ApiKey,
    DecisionCommit,
    JournalEntry,
    JournalKind,
    Page,
    PairLink,
    Qr,
    ServerCommit,
    ServerView,
    SessionView,
    StoredServer,
    Work,
)


class Servers(Protocol):
    """Servers by name, with their encrypted credentials."""

    async def add(self, server: Server, sealed: bytes, now: float) -> None:
        """A new server with its encrypted credentials. Raises `Exists` for a name that is in use, `QuotaExceeded`,
        `LookupError` when its tenant is gone."""
        ...

    async def get(self, name: ServerName) -> StoredServer | None:
        """The server with its encrypted credentials, None for an unknown name."""
        ...

    async def all(self) -> Sequence[StoredServer]:
        """Every server with its encrypted credentials, by name."""
        ...

    async def within(self, reach: Reach) -> Sequence[StoredServer]:
        """The same of those that its tenant may use: its own, and those that all share."""
        ...

    async def change(
        self,
        name: ServerName,
        now: float,
        *,
        base_url: str | None = None,
        limits: Limits | None = None,
        sealed: bytes | None = None,
    ) -> bool:
        """Writes what is not None; a judgement under way about this server starts again. False for an unknown name."""
        ...

    async def delete(self, name: ServerName) -> bool:
        """Takes the row away; False for an unknown name. Raises `InUse` while it has sessions."""
        ...

    async def view(self, name: ServerName, now: float) -> ServerView | None:
        """The server with its unfolded evidence and its sessions' latest outages, as of one instant; None for an
        unknown name."""
        ...


class Sessions(Protocol):
    """Sessions: their rows, names, tokens, secrets, and the provider instances they own."""

    async def add(
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
        settings: bytes | None = None,
        endpoints: Sequence[Endpoint] = (),
        keys: Sequence[tuple[ApiKey, bytes]] = (),
    ) -> Session:
        """The row first, with its first work, in one transaction. `session.id` is given by the store. `sealed` holds
        secrets of the session's ref, `replaced` the webhook that stood at the provider, `settings` what a client set of
        the instance; `endpoints` are subscriptions and `keys` API keys (with the hash of their secret) that must not be
        missing from the moment it is there; such a key goes with the session. Raises `Exists`, `InstanceTaken`,
        `KeyTaken`, `QuotaExceeded`, `LookupError` when its tenant is gone."""
        ...

    async def by_name(self, name: SessionName) -> Session | None:
        """The session of this name, None for an unknown one."""
        ...

    async def by_instance(self, instance: str) -> Sequence[Session]:
        """The sessions whose instance has this name at the provider, by name; of each server at most one."""
        ...

    async def by_id(self, session_id: SessionId) -> Session | None:
        """The session of this id, None once it is deleted."""
        ...

    async def by_token(self, token: str) -> Session | None:
        """The session whose webhook address ends in this token, None for an unknown one."""
        ...

    async def secrets(self, session_id: SessionId) -> tuple[str, bytes]:
        """The token of the session's webhook address, and its encrypted secrets. Raises `LookupError` when the session
        is gone."""
        ...

    async def page(
        self,
        *,
        reach: Reach = ALL,
        state: SessionState | None = None,
        server: ServerName | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page:
        """Sessions by name, after the name `after`, at most `limit`; the page's `next` is the last name of a full
        page. Of the tenant that `reach` names; its patterns are not asked here."""
        ...

    async def change(
        self, session_id: SessionId, now: float, *, ref: Mapping[str, str] | None = None, sealed: bytes | None = None
    ) -> None:
        """Writes what is not None. The version stays: no judgement rests on these."""
        ...

    async def amend(
        self, session: Session, sealed: bytes, instance: str | None, evidence: Evidence, *, moved: bool
    ) -> bool:
        """Phone, policy, ref and its secrets, with `evidence` of it; False when the session is gone. `moved`: it is
        another instance, and what was kept of the one before is forgotten. Raises `InstanceTaken`."""
        ...

    async def move(self, session: Session, tenant: str) -> bool:
        """From now on it is this tenant's, with its keys of the door and its webhook there; its past goes with it, and
        it leaves the status pages of the tenant before. False when it is gone. Raises `QuotaExceeded`, `LookupError`
        when the tenant is gone."""
        ...

    async def chatwoot(self, session_id: SessionId) -> bytes | None:
        """What was set of its Chatwoot, sealed; None when nothing was."""
        ...

    async def keep_chatwoot(self, session_id: SessionId, sealed: bytes) -> None:
        """In the place of what was set before, durable when it returns; nothing for a session that is gone."""
        ...

    async def delete(self, session_id: SessionId, now: float) -> bool:
        """Takes away all that belongs to the session but its public events, of which `session.deleted` is the last; its
        webhook at the Evolution door goes when it was told. False when it was gone before."""
        ...

    async def instance_owner(self, server: ServerName, instance: str) -> SessionName | None:
        """The session that owns this instance of the server, None while it is free."""
        ...

    async def settings(self, session_id: SessionId) -> bytes | None:
        """The encrypted settings of the instance, as a client last set them; None where none did."""
        ...

    async def keep_settings(self, session_id: SessionId, settings: bytes) -> None:
        """Keeps, encrypted, what a client set of the instance."""
        ...

    async def replaced_webhook(self, session_id: SessionId) -> bytes | None:
        """The encrypted webhook that stood at the provider before ours, None where nothing was kept."""
        ...

    async def keep_replaced_webhook(self, session_id: SessionId, replaced: bytes) -> None:
        """Keeps, encrypted, the webhook that stood at the provider, before ours is set in its place."""
        ...


class Fleet(Protocol):
    """The sessions as a person looks through them. Only what `FleetFilter` means is counted and shown."""

    async def totals(self, which: FleetFilter) -> Sequence[Total]:
        """How many sessions there are by server and state; where there are none there is no total."""
        ...

    async def counts(self) -> FleetCounts:
        """All sessions as of one instant, at a cost that hardly grows with what a session holds."""
        ...

    async def page(self, which: FleetFilter, *, limit: int = 100, after: str | None = None) -> Page:
        """Sessions in the order of `TROUBLED_FIRST`, after the place `after`, at most `limit`: those connected by name,
        of the others the latest change first. The page's `next` is the place of its last. Raises `ValueError` for a
        place that is none."""
        ...


class Decisions(Protocol):
    """What a judge reads as of one instant, and the commits of its decisions. For `engine.supervision` alone."""

    async def due_sessions(self, now: float, *, node: int | None = None) -> Sequence[SessionId]:
        """Sessions whose `wake_at` has come, or lies further ahead than any is put (the clock ran ahead then), or that
        have unfolded evidence, oldest first."""
        ...

    async def unscheduled_sessions(self, *, node: int | None = None) -> Sequence[SessionId]:
        """Sessions (of that node) that wait for no time but for news, which may have come while nobody was there to
        hear of it: another weather of their server, say. By id."""
        ...

    async def with_news(self, node: int) -> Mapping[SessionId | ServerName, int]:
        """The sessions that this boot of a node holds, and all servers, that have unfolded evidence, each with the
        number of the newest."""
        ...

    async def session_view(self, session_id: SessionId, now: float) -> SessionView | None:
        """All that a judgement of this session reads, as of one instant; None when the session is gone."""
        ...

    async def commit_session(self, commit: DecisionCommit) -> bool:
        """Everything that the decision changes, in one transaction; False, and nothing written, when the session's or
        the server's row has moved since it was read."""
        ...

    async def commit_server(self, commit: ServerCommit) -> bool:
        """Everything that the server's decision changes, in one transaction; False, and nothing written, when its row
        has moved since it was read."""
        ...


class Journal(Protocol):
    """The timeline of each session: evidence, decisions, acts, notices, operators' requests."""

    async def page(self, session_id: SessionId, after: int, limit: int) -> Sequence[JournalEntry]:
        """The session's lines with a number above `after`, oldest first, at most `limit`."""
        ...

    async def page_back(
        self, session_id: SessionId, before: int, limit: int, kind: JournalKind | None = None
    ) -> Sequence[JournalEntry]:
        """The session's lines with a number below `before`, newest first, at most `limit`. `kind`: only of this one;
        what a person did is `operator`, also where it is evidence for the judge."""
        ...

    async def page_of_server(self, server: ServerName, after: int, limit: int) -> Sequence[JournalEntry]:
        """The same of a server's own lines, which are about none of its sessions."""
        ...

    async def page_back_of_server(self, server: ServerName, before: int, limit: int) -> Sequence[JournalEntry]:
        """The server's own lines with a number below `before`, newest first, at most `limit`."""
        ...

    async def add_evidence(
        self, session_id: SessionId | None, server: ServerName, evidence: Sequence[Evidence], now: float
    ) -> None:
        """Append unfolded evidence; a row that repeats the last unfolded one of its subject is counted, not added."""
        ...

    async def add_operator_lines(self, lines: Sequence[JournalEntry]) -> None:
        """Append what people and their programs did, each line to its session; one that repeats a recent line but for
        its time and data is counted there, and its data takes the place of that line's. About a session that is gone
        nothing is kept."""
        ...


class Approvals(Protocol):
    """Recovery steps that wait for a person's yes."""

    async def by_state(self, state: str = "open", *, reach: Reach = ALL) -> Sequence[Approval]:
        """Every approval that is in this state now and of the tenant that `reach` names, oldest first; its patterns are
        not asked here."""
        ...

    async def get(self, approval_id: str) -> Approval | None:
        """The approval of this id in whatever state, None for an unknown one."""
        ...

    async def decide(
        self, approval_id: str, state: Literal["approved", "rejected"], now: float, evidence: Evidence
    ) -> bool:
        """Only an open one; the evidence goes to its session. False when it was decided or went stale before."""
        ...


class QrCodes(Protocol):
    """The QR code held for a session."""

    async def put(self, session_id: SessionId, qr: Qr) -> None:
        """Holds this code in place of an older one and writes `session.qr` for a new one; left out when it is older
        than the one held, or the session is gone."""
        ...

    async def get(self, session_id: SessionId) -> Qr | None:
        """The code as it was put, None without one; whether it is still good is for the caller, who has a clock."""
        ...


class PairLinks(Protocol):
    """Links for the owners of phones, at most one a session, by the hash of their token. A link is done with the
    commit that says that its session lives."""

    async def put(self, link: PairLink, token_hash: bytes, line: JournalEntry) -> None:
        """A new link, in the place of the session's earlier one, with a line in the timeline. Raises `LookupError`
        when the session is gone."""
        ...

    async def get(self, session_id: SessionId) -> PairLink | None:
        """The session's link, whatever became of it; None without one."""
        ...

    async def by_hash(self, token_hash: bytes) -> PairLink | None:
        """The link with this token; whether it is over is for the caller, who has a clock."""
        ...

    async def drop(self, session_id: SessionId, line: JournalEntry) -> bool:
        """Takes the session's link away, with a line in the timeline; False, and no line, when there was none."""
        ...
