"""What is kept of the past: outages, the states that a session went through, and when nobody watched.

Times are epoch seconds (UTC). Never lives here: how much of a time was good (`core.views.uptime`), an outage's rules
(`core.judge.outage`).
"""

from __future__ import annotations

import msgspec

from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.recovery import Outage
from esteio.core.model.state import SessionState


class OutageRecord(msgspec.Struct, frozen=True):
    """One outage, over or not: of a session, or of a server (`session_id` and `session` are None)."""

    outage: Outage
    server: ServerName
    session_id: SessionId | None = None
    session: SessionName | None = None
    part_of: str | None = None
    """The server's outage in which this session fell, where there is one."""
    after_seq: int = 0
    """The journal's last line about its subject before the lines that opened it."""


class StateChange(msgspec.Struct, frozen=True):
    """A session's state from `at` on, and what it was before."""

    at: float
    previous: SessionState
    state: SessionState


class Unwatched(msgspec.Struct, frozen=True):
    """A time in which no gateway lived over this store."""

    since: float
    until: float


class OutageCost(msgspec.Struct, frozen=True):
    """Outgoing messages accepted while it lasted: in all, those that wait still, those that failed or expired."""

    accepted: int = 0
    waiting: int = 0
    failed: int = 0
