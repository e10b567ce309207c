"""What the judge is shown and what it says: `View` in, `Decision` out; and the draft a decision is written on.

Never lives here: a rule.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from esteio.core.model.capabilities import Capabilities
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import SessionId
from esteio.core.model.policy import Policy
from esteio.core.model.recovery import Approval, Attempt
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.core.model.state import Reason

Depth = Literal["state", "pulse", "socket", "roundtrip"]


class View(msgspec.Struct, frozen=True, gc=False):
    """Everything a decision may depend on. `news` is in order of being seen."""

    session: Session
    server: Server
    new_evidence: tuple[Evidence, ...]
    policy: Policy
    can: Capabilities
    quirks: frozenset[str] = frozenset()
    held: int = 0
    fallen: tuple[tuple[SessionId, float], ...] = ()
    fleet: int = 1
    none_alive: bool = False
    """Whether none of its server's sessions is known to live."""
    server_webhook_at: float = 0.0
    """The newest event of any of its server's sessions that a webhook told of."""
    approval: Approval | None = None


class JournalLine(msgspec.Struct, frozen=True):
    """One line for the journal; its sentence is made from `code` and `args`."""

    kind: Literal["decision", "act", "notice"]
    code: str
    args: Mapping[str, str] = {}
    data: Mapping[str, Any] = {}


class Notice(msgspec.Struct, frozen=True):
    """Something for people: `opened` or `closed`, once each per outage; `approval` when a step waits for a person."""

    id: str
    phase: Literal["opened", "closed", "approval"]
    reason: Reason
    since: float
    duration_s: float = 0.0
    held: int = 0


class PlannedProbe(msgspec.Struct, frozen=True, gc=False):
    """The look that comes at `at`, and nothing else with it, if nothing is heard before. `wake_at`: when the session is
    to be judged after that if the look, too, brings nothing; `others_at`: when something else than looks falls due."""

    at: float
    depth: Depth
    wake_at: float
    because: Reason
    others_at: float = math.inf


class Decision(msgspec.Struct, frozen=True):
    """The new session and everything that follows from it. `quiet`: nothing but the times of looking and what was seen
    last changed; `shown`: something of that is shown to people."""

    session: Session
    because: Reason
    wake_at: float | None
    look: Depth | None
    quiet: bool
    shown: bool
    server: Server | None = None
    lines: tuple[JournalLine, ...] = ()
    act: Attempt | None = None
    notices: tuple[Notice, ...] = ()
    events: tuple[str, ...] = ()
    approval: Approval | None = None
    fail_queued: Reason | None = None
    drop_control: bool = False
    clear_qr: bool = False
    planned: PlannedProbe | None = None
    """What the next judgement would say, where that is known: it need not be asked for."""
    awaited: PlannedProbe | None = None
    """The planned look that is being made: where it brings what the last one brought, that is known as well."""


class Draft:
    """The sheet one decision is written on; it never outlives the call of `decide`."""

    __slots__ = (
        "act", "approval", "drop_control", "events", "lines", "look", "notices", "now", "planned", "policy", "server",
        "session", "view", "wakes",
    )  # fmt: skip

    def __init__(self, view: View, now: float) -> None:
        self.view = view
        self.policy = view.policy
        self.now = now
        self.session = view.session
        self.server = view.server
        self.lines: list[JournalLine] = []
        self.notices: list[Notice] = []
        self.events: list[str] = []
        self.act: Attempt | None = None
        self.approval: Approval | None = None
        self.look: Depth | None = None
        self.planned: PlannedProbe | None = None
        self.wakes: list[float] = []
        self.drop_control = False

    def change(self, **fields: object) -> None:
        """The session with these fields changed."""
        self.session = msgspec.structs.replace(self.session, **fields)

    def recovery(self, **fields: object) -> None:
        """The session's recovery with these fields changed."""
        self.change(recovery=msgspec.structs.replace(self.session.recovery, **fields))

    def facts(self, **fields: object) -> None:
        """The session's facts with these fields changed."""
        self.change(facts=msgspec.structs.replace(self.session.facts, **fields))

    def record(self, kind: Literal["decision", "act", "notice"], code: str, /, **args: str) -> None:
        """A line for the journal."""
        self.lines.append(JournalLine(kind, code, args))

    def wake(self, at: float | None) -> None:
        """Look at this session again at `at`, at the latest."""
        if at is not None:
            self.wakes.append(at)

    def new_id(self, prefix: str) -> str:
        """An id that is the same whenever this view is decided again: the row's version makes it unique."""
        return f"{prefix}_{self.session.id}_{self.view.session.row_version}"
