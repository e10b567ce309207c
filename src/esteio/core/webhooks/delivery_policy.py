"""Events on their way out: which endpoint wants which, when a failed one is tried again, and an endpoint's health.

An event is tried by its own steps; an endpoint that fails for more than one lane is *open* (the breaker's word): then
only single attempts go there, in turn with its oldest event and with one that was never tried, until one succeeds.
Jitter is a hash, so the same history gives the same times on any machine. Never lives here: a queue, a call, a format.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final, Literal, get_args

import msgspec

EventType = Literal[
    "session.state_changed",
    "session.qr",
    "session.deleted",
    "session.outage_started",
    "session.outage_ended",
    "server.outage_started",
    "server.outage_ended",
    "approval.requested",
    "message.received",
    "message.media_changed",
    "message.edited",
    "message.deleted",
    "message.reaction",
    "message.state_changed",
]
EVENT_TYPES: Final[tuple[str, ...]] = get_args(EventType)
PROVIDER_EVENT: Final = "provider.event"
"""What only a server's own clients know, in its words: for those who asked for it by name, in Evolution's format."""
Format = Literal["standard", "evolution", "cloudevents"]

STEPS_S: Final = (5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0)
"""The most that passes after the first, second … failed attempt of one event."""
THEN_EVERY_S = 21_600.0
GIVE_UP_S = 72 * 3600.0
LEAST_PAUSE_S = 1.0
FIRST_HOUR_S = 3600.0
OLDEST_EVERY_S = 30.0
"""In its first failing hour an endpoint is tried with its oldest event at least so often."""
LATER_PROBES: Final = ((86_400.0, 300.0), (float("inf"), 1800.0))
"""(failing for less than, at most so long between two attempts) after the first hour."""
MOST_ASKED_S = 3600.0
"""A subscriber's `Retry-After` counts for at most so long."""
WOKEN_AFTER_S = 5.0
"""A success wakes the whole queue; what was tried in the last seconds waits until so long after its attempt."""


class EndpointHealth(msgspec.Struct, frozen=True):
    """What an endpoint's last answers make of it. Zero means never."""

    failing_since: float = 0.0
    """Start of the first failed attempt since the last success."""
    failures: int = 0
    opened: bool = False
    """More than one lane failed with no success between: the endpoint is at fault, not an event."""
    lane: str = ""
    """The lane that failed last."""
    probe_at: float = 0.0
    """While open: not before then."""
    last_ok_at: float = 0.0
    last_failed_at: float = 0.0
    last_status: int | None = None
    """What the last failure was answered with; None: no answer."""
    last_detail: str = ""

    def __repr__(self) -> str:
        word = "open" if self.opened else "failing" if self.failures else "ok"
        return f"EndpointHealth({word}, failures={self.failures})"


def wants(types: Sequence[str], kind: str) -> bool:
    """Whether an endpoint subscribed to these types (none: all but `PROVIDER_EVENT`) wants events of this one."""
    return kind in types if types or kind == PROVIDER_EVENT else True


def hears(tenant: str | None, sessions: Sequence[str], whose: str | None, session: str | None) -> bool:
    """Whether an endpoint of this tenant (None: the operator's) and these session globs (none: all) may be told an
    event of the tenant `whose`.

    What happens to a server that all share (`whose` and `session` None) may be told to everybody, what happens to a
    tenant's own server to all of that tenant.
    """
    if tenant is not None and whose not in (None, tenant):  # guard: event-of-its-tenant
        return False
    return not sessions or session is None or any(fnmatchcase(session, glob) for glob in sessions)


def after_success(health: EndpointHealth, now: float) -> EndpointHealth:
    """One answer of 2xx: healthy."""
    return EndpointHealth(last_ok_at=now, last_failed_at=health.last_failed_at)


def not_before(retry_after_s: float | None, now: float) -> float:
    """Until when a subscriber asked not to be called (`Retry-After`), at most an hour; 0 when it did not."""
    return now + min(retry_after_s, MOST_ASKED_S) if retry_after_s is not None and retry_after_s > 0 else 0.0


def after_failure(
    health: EndpointHealth,
    endpoint: str,
    lane: str,
    began_at: float,
    now: float,
    *,
    waits_until: float = 0.0,
    status: int | None = None,
    detail: str = "",
) -> EndpointHealth:
    """One failed attempt, begun at `began_at`. `waits_until` (see `not_before`) holds the whole endpoint."""
    since = health.failing_since or began_at
    failures = health.failures + 1
    pause = _probe_pause(now - since) * (0.7 + 0.3 * _share(f"{endpoint}:probe:{failures}"))
    return EndpointHealth(
        failing_since=since,
        failures=failures,
        opened=health.opened or waits_until > now or bool(health.failures and lane != health.lane),
        lane=lane,
        # An attempt that hung was its own pause.
        probe_at=max(began_at + pause, now, waits_until),
        last_ok_at=health.last_ok_at,
        last_failed_at=now,
        last_status=status,
        last_detail=detail,
    )


def _probe_pause(failing_for: float) -> float:
    if failing_for < FIRST_HOUR_S:
        # Half: every second attempt goes to the oldest event.
        return OLDEST_EVERY_S / 2
    return next(pause for until, pause in LATER_PROBES if failing_for < until)


def probes_oldest(health: EndpointHealth) -> bool:
    """Whether the next attempt at an open endpoint is for its oldest event, or for one that was never tried."""
    return health.failures % 2 == 0


def retry_at(
    endpoint: str,
    event: int,
    failures: int,
    *,
    event_at: float,
    tried_since: float,
    began_at: float,
    health: EndpointHealth,
    now: float,
    waits_until: float = 0.0,
) -> float | None:
    """When an event that failed for the `failures`th time, begun at `began_at`, is tried again, not before
    `waits_until`; None: given up.

    Given up 72 h after its first attempt, or after it happened when the endpoint has been failing for so long too.
    """
    gives_up_at = tried_since + GIVE_UP_S
    if overdue(event_at, health, now) or now >= gives_up_at:
        return None
    step = STEPS_S[failures - 1] if failures <= len(STEPS_S) else THEN_EVERY_S
    pause = step * _share(f"{endpoint}:{event}:{failures}")
    if now - tried_since < FIRST_HOUR_S and health.last_ok_at <= tried_since:
        # Nothing got through since: the endpoint is failing, not this event.
        pause = min(pause, began_at + OLDEST_EVERY_S - now)
    due_at = max(now + max(LEAST_PAUSE_S, pause), waits_until)
    return min(due_at, max(gives_up_at, now + LEAST_PAUSE_S))


def overdue(event_at: float, health: EndpointHealth, now: float) -> bool:
    """Whether an event is given up untried: it is 72 h old and its endpoint has failed for as long."""
    return bool(health.failing_since) and max(event_at, health.failing_since) + GIVE_UP_S <= now


def woken_at(due_at: float, last_at: float, now: float) -> float:
    """When a waiting lane is tried after its endpoint came back."""
    return min(due_at, max(now, last_at + WOKEN_AFTER_S))


def _share(name: str) -> float:
    """In (0, 1], the same for the same name on any machine."""
    digest = hashlib.blake2s(name.encode(), digest_size=4).digest()
    return (int.from_bytes(digest, "big") + 1) / 2**32
