"""The recovery ladder's values: rungs, attempts, outages, approvals.

Times are epoch seconds (UTC), durations seconds. Never lives here: which rung comes next (`core.judge.ladder`).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from esteio.core.model.ids import SessionId, SessionName
from esteio.core.model.state import Reason

Rung = Literal[
    "wait", "connect", "restart", "logout", "recreate", "create", "delete", "set_webhook", "put_back_webhook", "person"
]
"""`wait` and `person` never become work; `create` and `delete` come only at a person's word or inside `recreate`;
`set_webhook` re-asserts configuration and opens no socket; `put_back_webhook` undoes it, at a person's word."""

DESTRUCTIVE: frozenset[Rung] = frozenset({"logout", "recreate", "delete"})
OPENS_SOCKET: frozenset[Rung] = frozenset({"connect", "restart", "logout", "recreate", "create"})
"""Rungs that hold one of the server's slots while they are open (`logout` because a connect follows it)."""


class Outage(msgspec.Struct, frozen=True):
    """From the first proof that something is down to the first proof that it works again."""

    id: str
    since: float
    because: str
    reopened: int = 0
    notice_due: float | None = None
    noticed: bool = False
    ended_at: float | None = None
    held_at_start: int = 0
    expected: bool = False
    """A person caused it (logout, recreate, a first pairing): no notice."""


class Attempt(msgspec.Struct, frozen=True):
    """One control act. Open until its effect was seen or `until` has passed; then it is history."""

    id: str
    rung: Rung
    number: int
    opened_at: float
    until: float
    because: str = ""
    performed_at: float | None = None
    answer: str | None = None
    result: str | None = None
    """`effect`, `no-effect`, `refused`, `exists`, `not-reached`, `interrupted`; None while it is open."""


class Recovery(msgspec.Struct, frozen=True):
    """Where the session stands on the ladder. Reset only by a stable period, a server boot or a person's word."""

    connects: int = 0
    """Connect attempts without effect in the present series."""
    restarts: int = 0
    """Restarts since the last reset: the exponent of the cool-down."""
    last_restart_at: float | None = None
    logouts: int = 0
    last_logout_at: float | None = None
    recreates: int = 0
    strikes: int = 0
    """Failed ladders: the exponent of the quarantine."""
    struck_at: float = 0.0
    quarantine_until: float = 0.0
    spent: tuple[str, ...] = ()
    """Rungs that were seen to have no effect in this fall; the next choice learns from them."""
    open: Attempt | None = None
    last: Attempt | None = None
    next_at: float | None = None
    asked_by_person: bool = False
    server_restart_proposed: bool = False
    awaiting: str | None = None
    """Id of the approval that waits for a person, if any."""
    approved: str | None = None
    """The destructive rung a person has agreed to, not yet begun."""
    then: tuple[Rung, ...] = ()
    """Steps that belong to the rung just performed: a logout is followed by connects, a delete by a create."""
    pair_phone: str | None = None
    """Phone number for a pairing code, from the person's wish to pair."""
    rejected: bool = False
    """A person said no to a destructive rung in this outage: not asked again."""

    @property
    def of_this_fall(self) -> bool:
        """Whether anything is left of a ladder that was climbed: tried, asked for, agreed to, or still to follow."""
        words = self.awaiting or self.approved or self.rejected or self.server_restart_proposed
        return bool(self.spent or words or self.then)


class Approval(msgspec.Struct, frozen=True):
    """A destructive rung that waits for a person. `cost` says what will be lost (a reason code with a sentence)."""

    id: str
    session_id: SessionId
    session: SessionName
    rung: Rung
    because: str
    cost: Reason
    created_at: float
    outage: str | None = None
    state: Literal["open", "approved", "rejected", "stale"] = "open"
    decided_at: float | None = None
