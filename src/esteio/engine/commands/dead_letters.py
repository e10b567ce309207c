"""Dead letters: messages that failed or expired and events that an endpoint never took; looked at and sent again.

A message goes back into its lane's queue like any that a person retries; an event into its endpoint's queue, beside
what is new. Never lives here: when something becomes a dead letter (`core.messages.outbox`,
`core.webhooks.delivery_policy`).
"""

from __future__ import annotations

import msgspec

from esteio.clock import Clock
from esteio.core.model.ids import MessageId
from esteio.engine.commands.checks import moment
from esteio.engine.commands.messages import RETRIED_FROM
from esteio.engine.commands.requests import DeadLetterRequest
from esteio.engine.key_scope import Scope
from esteio.engine.runtime.ports import Wakeups
from esteio.store.delivery import DeadFilter, DeadMessage
from esteio.store.ports.delivery import DeadLetters
from esteio.store.ports.messages import Messages

AT_ONCE = 500


class Replayed(msgspec.Struct, frozen=True):
    """How many went (or with `dry_run` would go) out again."""

    messages: int
    events: int
    dry_run: bool


class DeadLetterCommands:
    """Sends dead letters again."""

    def __init__(self, dead_letters: DeadLetters, messages: Messages, clock: Clock, *, wakeups: Wakeups) -> None:
        self._dead_letters, self._messages, self._clock, self._wakeups = dead_letters, messages, clock, wakeups

    async def replay(self, request: DeadLetterRequest, scope: Scope) -> Replayed:
        """Those that fit, of sessions that the caller reaches. What dies again meanwhile is not taken twice."""
        wanted = wanted_of(request)
        messages = events = 0
        if request.kind != "event" and request.webhook is None:
            messages = await self._replay_messages(wanted, scope, dry_run=request.dry_run)
        if request.kind != "message":
            events = await self._replay_events(wanted, scope, dry_run=request.dry_run)
        if not request.dry_run:
            self._wakeups.sends()
            self._wakeups.deliveries()
        return Replayed(messages, events, request.dry_run)

    async def _replay_messages(self, wanted: DeadFilter, scope: Scope, *, dry_run: bool) -> int:
        place = count = 0
        while found := await self._dead_letters.messages(wanted, limit=AT_ONCE, after=place):
            place = found[-1].seq
            for dead in found:
                count += scope.reaches(dead.session) and (dry_run or await self._revive(dead))
        return count

    async def _revive(self, dead: DeadMessage) -> bool:
        after = await self._messages.retry(MessageId(dead.id), self._clock.now())
        return after is not None and after.state not in RETRIED_FROM

    async def _replay_events(self, wanted: DeadFilter, scope: Scope, *, dry_run: bool) -> int:
        place = count = 0
        while found := await self._dead_letters.events(wanted, limit=AT_ONCE, after=place):
            place = found[-1].id
            ids = [dead.id for dead in found if scope.reaches(dead.session or None)]
            count += len(ids) if dry_run else await self._dead_letters.revive(ids, self._clock.now())
        return count


def wanted_of(request: DeadLetterRequest) -> DeadFilter:
    """The filter that a request means; `from` and `to` are when the letters died. Raises
    `CommandError("invalid-value")`."""
    return DeadFilter(
        session=request.session,
        endpoint=request.webhook,
        since=0.0 if request.since is None else moment("from", request.since),
        until=1e18 if request.until is None else moment("to", request.until),
    )
