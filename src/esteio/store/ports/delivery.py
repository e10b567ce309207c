"""Public events, who subscribes to them, and their delivery.

See the package for what holds of every method.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from esteio.core.model.tenant import ALL, Reach
from esteio.store.delivery import (
    DeadEvent,
    DeadFilter,
    DeadMessage,
    Delivery,
    DeliveryBacklog,
    DeliveryClaim,
    DeliverySettled,
    DeliverySettlement,
    Endpoint,
    Lane,
)
from esteio.store.values import EventRow

Mine: TypeAlias = Callable[[str], bool]
"""Whether this node delivers to the endpoint of this id: each has one node at a time that does."""


def everyone(_endpoint_id: str, /) -> bool:
    """Where a process is alone, it delivers to all."""
    return True


class EventLog(Protocol):
    """The public stream of events, in order."""

    async def page(self, after: int, limit: int, *, tenant: str | None = None) -> Sequence[EventRow]:
        """Events with a seq above `after`, in order, at most `limit`; of this tenant only, where one is named."""
        ...

    async def last_seq(self) -> int:
        """The newest seq, 0 when there is none."""
        ...


class WebhookEndpoints(Protocol):
    """Subscribers and the log of what was delivered to them."""

    async def add(self, endpoint: Endpoint) -> Endpoint:
        """The new endpoint hears what happens from now on: its cursor is the end of the log. Raises
        `QuotaExceeded`."""
        ...

    async def get(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint of this id, None for an unknown one."""
        ...

    async def all(self) -> Sequence[Endpoint]:
        """Every endpoint, the disabled ones too."""
        ...

    async def within(self, reach: Reach) -> Sequence[Endpoint]:
        """Those of the tenant that `reach` names; its patterns are not asked here."""
        ...

    async def change(self, endpoint: Endpoint) -> bool:
        """Write what a person may change: all but `cursor` and, when it stays enabled, `health`. Enabling forgets the
        bad health and goes on where it stopped."""
        ...

    async def at_door(self, session: str) -> Endpoint | None:
        """The one whose `door_session` this is."""
        ...

    async def put_at_door(self, endpoint: Endpoint) -> Endpoint | None:
        """Make it, or write it over the one of its `door_session`, which has its id and keeps its age and place; one
        that its owner had switched off hears what happens from now on. None: there is no such session. Raises `Exists`
        when that session has one with another id."""
        ...

    async def delete(self, endpoint_id: str) -> bool:
        """With its lanes, dead letters and log."""
        ...

    async def waiting(self, endpoint_id: str) -> tuple[int, float | None]:
        """(lanes with something to deliver, when the oldest event in them happened)."""
        ...

    async def log_delivery(self, delivery: Delivery) -> Delivery:
        """A test call, with the id it got."""
        ...

    async def lanes(self, endpoint_id: str, *, limit: int) -> Sequence[Lane]:
        """What waits for it, chat by chat, what is due next first."""
        ...

    async def deliveries(
        self, endpoint_id: str, *, limit: int, before: int | None, event: int | None = None, failed: bool = False
    ) -> Sequence[Delivery]:
        """Newest first, with an id below `before`: all, those of one event, or only those that were not taken."""
        ...

    async def replay(
        self,
        endpoint_id: str,
        since: float,
        until: float,
        after: int,
        limit: int,
        now: float,
        *,
        missing: bool = False,
        dry_run: bool = False,
    ) -> tuple[int, int | None]:
        """Queue events of [since, until] again, at most `limit` rows of the log after `after`; (how many were queued,
        the last row looked at or None when that was all). `missing`: only those that were never taken and do not wait
        either; `dry_run`: only count them. One that was given up is a dead letter no longer."""
        ...

    async def replay_event(self, endpoint_id: str, event: int, now: float) -> bool:
        """Queue one event again, whether it was wanted or not; False when it is forgotten, or the endpoint unknown."""
        ...


class DeliveryQueue(Protocol):
    """The queue of deliveries: dealing the log to lanes, claims, settlements, giving up."""

    async def deal(self, now: float, limit: int, *, mine: Mine = everyone) -> bool:
        """Deal the next events of the log to the lanes of every endpoint that is enabled and not open; whether there
        may be more."""
        ...

    async def claim(
        self, now: float, in_flight: Mapping[str, int], at_once: int, lease_s: float, *, mine: Mine = everyone
    ) -> Sequence[DeliveryClaim]:
        """Due heads of free lanes, at most `at_once` minus what it has in flight per endpoint; of an open endpoint one
        and only when it has none. Also frees lanes whose lease ran out."""
        ...

    async def settle(self, settlements: Sequence[DeliverySettlement]) -> Sequence[DeliverySettled | None]:
        """Each by its fence: log it, move the lane to its next event or to its next attempt, learn for the endpoint;
        the first success of an open endpoint wakes all its lanes. None: a stale fence, nothing was written."""
        ...

    async def next_due(
        self, now: float, in_flight: Mapping[str, int], at_once: int, *, mine: Mine = everyone
    ) -> float | None:
        """When the next lane (of endpoints with room), probe or lease falls due; `now` with something to deal."""
        ...

    async def expire(self, now: float, limit: int, *, mine: Mine = everyone) -> int:
        """Give up what is overdue at endpoints that have failed for 72 h; how many dead letters that made."""
        ...

    async def backlog(self) -> DeliveryBacklog:
        """What all endpoints that are enabled have before them."""
        ...

    async def purge(self, before: float, dead_before: float) -> int:
        """Forget events and deliveries from before then that nobody waits for, and dead letters from before
        `dead_before`; how many rows went."""
        ...


class DeadLetters(Protocol):
    """What was given up: events that an endpoint never took, messages that failed."""

    async def event(self, dead_id: int) -> DeadEvent | None:
        """The dead event of this id, None for an unknown one."""
        ...

    async def events(self, wanted: DeadFilter, *, limit: int, after: int, reach: Reach = ALL) -> Sequence[DeadEvent]:
        """Events that were given up, as `wanted` narrows them, with an id above `after`, at most `limit`; of endpoints
        of the tenant that `reach` names, whose patterns are not asked here."""
        ...

    async def messages(
        self, wanted: DeadFilter, *, limit: int, after: int, reach: Reach = ALL
    ) -> Sequence[DeadMessage]:
        """Outgoing messages that failed or expired, and those set aside in doubt where `wanted` asks for them, with a
        seq above `after`, at most `limit`; of sessions of the tenant that `reach` names, whose patterns are not asked
        here."""
        ...

    async def revive(self, ids: Sequence[int], now: float) -> int:
        """Dead events back into their endpoint's queue; how many."""
        ...
