"""Dead letters: messages that failed or expired and events that an endpoint never took; looked at and sent again.

A message goes back into its lane's queue like any that a person retries; an event into its endpoint's queue, beside
what is new. Never lives here: when something becomes a dead letter (`core.messages.outbox`,
`core.webhooks.delivery_policy`).
"""

from __future__ import annotations

import msgspec

from esteio.core.model.ids import MessageId
from esteio.engine.commands.base import Desk
from esteio.engine.commands.messages import RETRIED_FROM
from esteio.engine.commands.requests import DeadLetterRequest
from esteio.engine.commands.webhooks import moment
from esteio.engine.key_scope import Scope
from esteio.store.delivery import DeadFilter, DeadMessage

AT_ONCE = 500


class Replayed(msgspec.Struct, frozen=True):
    """How many went (or with `dry_run` would go) out again."""

    messages: int
    events: int
    dry_run: bool


class DeadLetterCommands(Desk):
    """What a caller may ask about dead letters."""

    async def replay_dead_letters(self, ask: DeadLetterRequest, scope: Scope) -> Replayed:
        """Those that fit, of sessions that the caller reaches. What dies again meanwhile is not taken twice."""
        wanted = wanted_of(ask)
        messages = events = 0
        if ask.kind != "event" and ask.webhook is None:
            messages = await self._replay_messages(wanted, scope, dry_run=ask.dry_run)
        if ask.kind != "message":
            events = await self._replay_events(wanted, scope, dry_run=ask.dry_run)
        if not ask.dry_run:
            self.wakeups.sends()
            self.wakeups.relay()
        return Replayed(messages, events, ask.dry_run)

    async def _replay_messages(self, wanted: DeadFilter, scope: Scope, *, dry_run: bool) -> int:
        place = count = 0
        while found := await self.store.dead_messages(wanted, limit=AT_ONCE, after=place):
            place = found[-1].seq
            for dead in found:
                count += scope.reaches(dead.session) and (dry_run or await self._revive(dead))
        return count

    async def _revive(self, dead: DeadMessage) -> bool:
        after = await self.store.retry_message(MessageId(dead.id), self.clock.now())
        return after is not None and after.state not in RETRIED_FROM

    async def _replay_events(self, wanted: DeadFilter, scope: Scope, *, dry_run: bool) -> int:
        place = count = 0
        while found := await self.store.dead_events(wanted, limit=AT_ONCE, after=place):
            place = found[-1].id
            ids = [dead.id for dead in found if scope.reaches(dead.session or None)]
            count += len(ids) if dry_run else await self.store.revive_events(ids, self.clock.now())
        return count


def wanted_of(ask: DeadLetterRequest) -> DeadFilter:
    """The filter that an ask means; `from` and `to` are when the letters died. Raises
    `CommandError("invalid-value")`."""
    return DeadFilter(
        session=ask.session,
        endpoint=ask.webhook,
        since=0.0 if ask.since is None else moment("from", ask.since),
        until=1e18 if ask.until is None else moment("to", ask.until),
    )
