"""Dead letters: messages that failed or expired and events that an endpoint never took; looked at and sent again.

A message goes back into its lane's queue like any that a person retries; an event into its endpoint's queue, beside
what is new. Never lives here: when something becomes a dead letter (`core.messages.outbox`,
`core.webhooks.delivery_policy`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Final

import msgspec

from esteio.clock import Clock
from esteio.core.model.ids import MessageId
from esteio.core.model.message import MessageState
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.checks import moment
from esteio.engine.commands.lookup import Lookup
from esteio.engine.commands.messages import RETRIED_FROM
from esteio.engine.commands.requests import DeadLetterRequest
from esteio.engine.key_scope import Scope
from esteio.engine.runtime.ports import Wakeups
from esteio.store.delivery import DeadEvent, DeadFilter
from esteio.store.ports.delivery import DeadLetters
from esteio.store.ports.messages import Messages

AT_ONCE = 500
DEAD: Final[frozenset[MessageState]] = frozenset({"failed", "expired"})
"""What is sent again in bulk."""


class Replayed(msgspec.Struct, frozen=True):
    """How many went (or with `dry_run` would go) out again."""

    messages: int
    events: int
    dry_run: bool


class DeadLetterCommands:
    """Sends dead letters again."""

    def __init__(
        self,
        dead_letters: DeadLetters,
        messages: Messages,
        clock: Clock,
        *,
        lookup: Lookup,
        audit: AuditLog,
        wakeups: Wakeups,
    ) -> None:
        self._dead_letters, self._messages, self._clock = dead_letters, messages, clock
        self._lookup, self._audit, self._wakeups = lookup, audit, wakeups

    async def replay(self, request: DeadLetterRequest, scope: Scope) -> Replayed:
        """Those that fit, of sessions that the caller reaches. What dies again meanwhile is not taken twice."""
        wanted = wanted_of(request)
        messages = events = 0
        with nullcontext() if request.dry_run else self._audit.records("dead_letters.replayed", after=_shown(request)):
            if request.kind != "event" and request.webhook is None:
                messages = await self._replay_messages(wanted, scope, dry_run=request.dry_run)
            if request.kind != "message":
                events = await self._replay_events(wanted, scope, dry_run=request.dry_run)
        if not request.dry_run:
            self._wakeups.sends()
            self._wakeups.deliveries()
        return Replayed(messages, events, request.dry_run)

    async def replay_messages(self, ids: Sequence[str], scope: Scope) -> int:
        """Of these messages those that failed or expired, of sessions that the caller reaches; how many went back into
        their queues. What is in doubt stays: a person retries each of those by itself."""
        count = 0
        with self._audit.records("dead_letters.replayed", after={"messages": list(ids)}):
            for one in ids:
                message = await self._messages.get(MessageId(one))
                if message is None or message.state not in DEAD:
                    continue
                if await self._lookup.reaches(message.session_id, scope):
                    count += await self._revive(MessageId(one))
        self._wakeups.sends()
        return count

    async def replay_events(self, ids: Sequence[int], scope: Scope) -> int:
        """Of these dead events those of sessions that the caller reaches; how many went back into their queues."""
        reached = [
            dead.id
            for one in ids
            # One at a time: the filter's place is before this very id.
            for dead in await self._dead_letters.events(DeadFilter(), limit=1, after=one - 1, reach=scope)
            if dead.id == one and _named(dead, scope)
        ]
        with self._audit.records("dead_letters.replayed", after={"events": reached}):
            count = await self._dead_letters.revive(reached, self._clock.now())
        self._wakeups.deliveries()
        return count

    async def _replay_messages(self, wanted: DeadFilter, scope: Scope, *, dry_run: bool) -> int:
        place = count = 0
        while found := await self._dead_letters.messages(wanted, limit=AT_ONCE, after=place, reach=scope):
            place = found[-1].seq
            for dead in found:
                count += scope.named(dead.session) and (dry_run or await self._revive(MessageId(dead.id)))
        return count

    async def _revive(self, message_id: MessageId) -> bool:
        after = await self._messages.retry(message_id, self._clock.now())
        return after is not None and after.state not in RETRIED_FROM

    async def _replay_events(self, wanted: DeadFilter, scope: Scope, *, dry_run: bool) -> int:
        place = count = 0
        while found := await self._dead_letters.events(wanted, limit=AT_ONCE, after=place, reach=scope):
            place = found[-1].id
            ids = [dead.id for dead in found if _named(dead, scope)]
            count += len(ids) if dry_run else await self._dead_letters.revive(ids, self._clock.now())
        return count


def _shown(request: DeadLetterRequest) -> dict[str, object]:
    """What the audit log holds of it: what was asked for."""
    return {name: word for name, word in msgspec.to_builtins(request).items() if word and name != "dry_run"}


def _named(dead: DeadEvent, scope: Scope) -> bool:
    """Of those of the tenant's webhooks, whether its session (none: a server's) is inside the patterns."""
    return scope.named(dead.session) if dead.session else scope.whole


def wanted_of(request: DeadLetterRequest) -> DeadFilter:
    """The filter that a request means; `from` and `to` are when the letters died. Raises
    `CommandError("invalid-value")`."""
    return DeadFilter(
        session=request.session,
        endpoint=request.webhook,
        since=0.0 if request.since is None else moment("from", request.since),
        until=1e18 if request.until is None else moment("to", request.until),
    )
