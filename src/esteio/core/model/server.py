"""A provider server as its row holds it: health, limits, budget slots, incident, facts.

Times are epoch seconds (UTC). Never lives here: credentials, a rule (`core.judge.server`).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from esteio.core.model.ids import ServerKind, ServerName, SessionId
from esteio.core.model.recovery import Outage

HealthState = Literal["unknown", "up", "slow", "down", "booting", "refused", "wall", "wrong-kind"]
"""`unknown` until it answered as its kind does; `refused`: our key; `wrong-kind`: something else answers there."""
UNUSABLE: frozenset[HealthState] = frozenset({"down", "refused", "wall", "wrong-kind"})
"""Nothing can be done through such a server, and nothing is to be learned of its sessions."""


class Limits(msgspec.Struct, frozen=True):
    """A server's own limits; None falls back to the policy."""

    connects_in_flight: int | None = None
    seconds_between_connects: float | None = None
    sends_per_minute: float | None = None
    sends_burst: int | None = None


class Slot(msgspec.Struct, frozen=True):
    """One open attempt that counts against a server's budget."""

    session: SessionId
    attempt: str
    until: float


MASS_FALL = "mass-fall"
"""Why an incident began, and the outage of its server that subscribers are told of."""


class Incident(msgspec.Struct, frozen=True):
    """A server-wide fall: one notice, one healer. `canary` is healed first; after it the rest in a ramp."""

    id: str
    since: float
    because: str
    canary: SessionId | None = None
    canary_at: float = 0.0
    """When its turn began, with its first act; 0 while it asked for none, and whoever needs one may take its place."""
    canary_ok_at: float | None = None
    ended_at: float | None = None
    members: int = 0


class ServerFacts(msgspec.Struct, frozen=True):
    """What has been seen of a server, folded. Zero means never."""

    answered_at: float = 0.0
    failed_at: float = 0.0
    failures: tuple[float, ...] = ()
    failed_by: str = ""
    down_since: float = 0.0
    gone_at: float = 0.0
    """When it was first seen that nobody listens there, the last time that nobody did …"""
    alive_at: float = 0.0
    """… and when it had last answered before."""
    booted_at: float = 0.0
    wall_at: float = 0.0
    wall_detail: str = ""
    auth_refused_at: float = 0.0
    refusals: int = 0
    """How often its list was refused to our key since it last answered."""
    recognised_at: float = 0.0
    """When it last answered as its kind does."""
    wrongs: int = 0
    """How often something else answered there since then …"""
    wrong_by: str = ""
    """… and by what that was seen."""
    slow_at: float = 0.0
    listed_at: float = 0.0
    back_at: float = 0.0
    """When it could be asked again, the last time that it could not."""


class Server(msgspec.Struct, frozen=True):
    """One provider deployment, with its weather and its budget. Credentials are not part of this value."""

    name: ServerName
    kind: ServerKind
    base_url: str
    limits: Limits = Limits()
    health: HealthState = "unknown"
    health_because: str = ""
    health_at: float = 0.0
    version: str | None = None
    sessions_at_server: int | None = None
    facts: ServerFacts = ServerFacts()
    slots: tuple[Slot, ...] = ()
    last_attempt_at: float = 0.0
    incident: Incident | None = None
    outage: Outage | None = None
    row_version: int = 0
    """Compare-and-set counter of this row."""
    wake_at: float | None = None
    tenant: str | None = None
    """Whose it is; None: the operator's, shared by all tenants."""
