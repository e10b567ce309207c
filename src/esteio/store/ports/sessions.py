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
from esteio.store.delivery import Endpoint
from esteio.store.values import (
    DecisionCommit,
    JournalEntry,
    Page,
    Qr,
    ServerCommit,
    ServerView,
    SessionView,
    StoredServer,
    Work,
)


class Servers(Protocol):
    """Servers by name, with their encrypted credentials."""

    async def add(self, server: Server, sealed: bytes, now: float) -> None: ...
    async def get(self, name: ServerName) -> StoredServer | None: ...
    async def all(self) -> Sequence[StoredServer]: ...
    async def change(
        self,
        name: ServerName,
        now: float,
        *,
        base_url: str | None = None,
        limits: Limits | None = None,
        sealed: bytes | None = None,
    ) -> bool: ...
    async def delete(self, name: ServerName) -> bool: ...
    async def view(self, name: ServerName, now: float) -> ServerView | None: ...


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
        endpoints: Sequence[Endpoint] = (),
    ) -> Session:
        """The row first, with its first work, in one transaction. `session.id` is given by the store. `sealed` holds
        secrets of the session's ref, `replaced` the webhook that stood at the provider; `endpoints` are
        subscriptions that must not be missing from the moment it is there. Raises `Exists`, `InstanceTaken`."""
        ...

    async def by_name(self, name: SessionName) -> Session | None: ...
    async def by_id(self, session_id: SessionId) -> Session | None: ...
    async def by_token(self, token: str) -> Session | None: ...
    async def secrets(self, session_id: SessionId) -> tuple[str, bytes]:
        """(webhook token, sealed)."""
        ...

    async def page(
        self,
        *,
        state: SessionState | None = None,
        server: ServerName | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page: ...
    async def change(
        self, session_id: SessionId, now: float, *, ref: Mapping[str, str] | None = None, sealed: bytes | None = None
    ) -> None: ...
    async def amend(
        self, session: Session, sealed: bytes, instance: str | None, evidence: Evidence, *, moved: bool
    ) -> bool:
        """Phone, policy, ref and its secrets, with `evidence` of it; False when the session is gone. `moved`: it is
        another instance, and what was kept of the one before is forgotten. Raises `InstanceTaken`."""
        ...

    async def delete(self, session_id: SessionId, now: float) -> bool: ...
    async def instance_owner(self, server: ServerName, instance: str) -> SessionName | None: ...
    async def replaced_webhook(self, session_id: SessionId) -> bytes | None: ...
    async def keep_replaced_webhook(self, session_id: SessionId, replaced: bytes) -> None: ...


class Decisions(Protocol):
    """What a judge reads as of one instant, and the commits of its decisions. For `engine.supervision` alone."""

    async def due_sessions(self, now: float) -> Sequence[SessionId]:
        """Sessions whose `wake_at` has come, or lies further ahead than any is put (the clock ran ahead then), or that
        have unfolded evidence, oldest first."""
        ...

    async def session_view(self, session_id: SessionId, now: float) -> SessionView | None: ...
    async def commit_session(self, commit: DecisionCommit) -> bool: ...
    async def commit_server(self, commit: ServerCommit) -> bool: ...


class Journal(Protocol):
    """The timeline of each session: evidence, decisions, acts, notices, operators' requests."""

    async def page(self, session_id: SessionId, after: int, limit: int) -> Sequence[JournalEntry]: ...
    async def page_back(self, session_id: SessionId, before: int, limit: int) -> Sequence[JournalEntry]:
        """The same, newest first."""
        ...

    async def add_evidence(
        self, session_id: SessionId | None, server: ServerName, evidence: Sequence[Evidence], now: float
    ) -> None:
        """Append unfolded evidence; a row that repeats the last unfolded one of its subject is counted, not added."""
        ...


class Approvals(Protocol):
    """Recovery steps that wait for a person's yes."""

    async def by_state(self, state: str = "open") -> Sequence[Approval]: ...
    async def get(self, approval_id: str) -> Approval | None: ...
    async def decide(
        self, approval_id: str, state: Literal["approved", "rejected"], now: float, evidence: Evidence
    ) -> bool:
        """Only an open one; the evidence goes to its session. False when it was decided or went stale before."""
        ...


class QrCodes(Protocol):
    """The QR code held for a session."""

    async def put(self, session_id: SessionId, qr: Qr) -> None: ...
    async def get(self, session_id: SessionId) -> Qr | None: ...
