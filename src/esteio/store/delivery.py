"""The relay's part of the store's vocabulary: endpoints, the lanes of their queues, deliveries, dead letters.

The log of events is the queue. An endpoint's `cursor` says up to where the log was dealt out; dealing makes one *lane*
row per session and chat that has something to deliver, which names the oldest event not delivered there. Further events
of a lane cost nothing: they stand in the log. So an endpoint that is down costs no write per event, however long.
A lane is of a queue: `live` follows the log; `replay` follows rows made by a replay, and never holds up `live`.

Never lives here: SQL, the schedule (`core.webhooks.delivery_policy`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from esteio.core.webhooks.delivery_policy import EndpointHealth, Format

Queue = Literal["live", "replay"]
DeliveryOutcome = Literal["delivered", "failed", "gone", "skipped", "waits"]
"""`gone`: HTTP 410, the endpoint is disabled. `skipped`: its format has no word for this event. `waits`: not tried, for
the media that it shall carry is still under way."""
WAITS_S = 1.0
"""So long a lane rests whose event waits."""


ASKED: Final = "asked"
"""Why an endpoint is disabled that its owner switched off."""


class Endpoint(msgspec.Struct, frozen=True):
    """One subscriber. `sealed` holds its secrets (the store never sees them in clear)."""

    id: str
    url: str
    created_at: float
    format: Format = "standard"
    events: tuple[str, ...] = ()
    """Event types; none means all. For the format `evolution` its own names (`MESSAGES_UPSERT`) too."""
    types: tuple[str, ...] = ()
    """The same as the log's types."""
    sessions: tuple[str, ...] = ()
    sealed: bytes = b""
    by_events: bool = False
    """Evolution's habit: the event's name is appended to the URL."""
    enabled: bool = True
    because: str = ""
    """Why it is disabled: `gone` (it answered 410) or `asked`."""
    cursor: int = 0
    health: EndpointHealth = EndpointHealth()
    media: Literal["url", "base64"] = "url"
    """Whether media come by address only, or as base64 too."""
    updated_at: float = 0.0
    door_session: str | None = None
    """The session whose own webhook this is at the Evolution door, where each has one."""
    ends_after: int | None = None
    """Of a session that was deleted: the last event that it is told of; then it goes too."""
    tenant: str | None = None
    """Whose it is: it hears that tenant's events, and of the servers that all share; None: the operator's, which hears
    all."""
    suspended: bool = False
    """Whether that tenant is: then nobody is called, as if it were disabled. Read, never written."""


class Lane(msgspec.Struct, frozen=True):
    """What one chat has to be told next: the oldest event not delivered, how often it was tried, when its next
    attempt is due. `session`, `chat`: "" where the event has none; `type` "" for an event that is forgotten."""

    queue: Queue
    session: str
    chat: str
    event: int
    type: str
    event_at: float
    attempts: int
    due_at: float


class DeliveryClaim(msgspec.Struct, frozen=True):
    """One event to deliver to one endpoint, under a lease."""

    endpoint: Endpoint
    queue: Queue
    session: str
    chat: str
    """With `endpoint`, `queue` and `session` the lane; "" where the event has none."""
    seq: int
    type: str
    at: float
    data: Mapping[str, Any]
    attempt: int
    fence: int
    trace_context: str | None = None
    """The trace that the event belongs to (`tracing.context`)."""


class DeliverySettlement(msgspec.Struct, frozen=True):
    """What one attempt came to. The store applies `core.webhooks.delivery_policy` to the lane and the endpoint in one
    transaction."""

    claim: DeliveryClaim
    outcome: DeliveryOutcome
    began_at: float
    at: float
    status: int | None = None
    detail: str = ""
    retry_after_s: float | None = None
    """How long the subscriber asked to be left alone."""
    reason: str = ""
    """Of a failure, a code in kebab-case: `http-status`, `redirect`, `gone`, `timeout`, `not-allowed` …"""


class DeliverySettled(msgspec.Struct, frozen=True):
    """What the store made of a settlement that it wrote. `next_at`: when this event is tried again; None: it is done
    with, delivered or not."""

    next_at: float | None = None


class Delivery(msgspec.Struct, frozen=True):
    """One line of an endpoint's delivery log. `event` 0 is a test call."""

    id: int
    endpoint: str
    event: int
    event_at: float
    type: str
    session: str
    attempt: int
    at: float
    took_ms: int
    outcome: str
    """A `RelayOutcome`, or `dead` for the attempt after which it was given up."""
    status: int | None
    detail: str


class DeliveryBacklog(msgspec.Struct, frozen=True):
    """`lanes` with something to deliver, dead letters, and when the oldest event that is not delivered happened."""

    lanes: int
    dead: int
    oldest_at: float | None


class DeadEvent(msgspec.Struct, frozen=True):
    """An event that one endpoint never took."""

    id: int
    endpoint: str
    event: int
    type: str
    session: str
    chat: str
    event_at: float
    died_at: float
    attempts: int
    detail: str


class DeadMessage(msgspec.Struct, frozen=True):
    """A message that failed or expired, by its row's place."""

    seq: int
    id: str
    session: str


class DeadFilter(msgspec.Struct, frozen=True):
    """Which dead letters. `since` and `until` are when they died, epoch seconds."""

    session: str | None = None
    endpoint: str | None = None
    since: float = 0.0
    until: float = 1e18
    doubtful: bool = False
    """Also messages in doubt that wait for a person: they may have arrived, so nobody sends them again in bulk."""
